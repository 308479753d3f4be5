#include "logical/plan.hpp"

namespace velaria::logical {

const std::string& Relation::view_sql() const {
  static const std::string none;
  return none;
}

std::shared_ptr<LogicalNode> MakeNode(NodeKind kind, std::vector<LogicalPtr> children) {
  auto node = std::make_shared<LogicalNode>();
  node->kind = kind;
  node->children = std::move(children);
  return node;
}

SchemaPtr SchemaOf(const LogicalNode& root) {
  std::vector<std::shared_ptr<Field>> fields;
  fields.reserve(root.output.size());
  for (const auto& column : root.output) {
    fields.push_back(arrow::field(column.name, column.type, column.nullable, column.metadata));
  }
  return arrow::schema(std::move(fields));
}

bool IsBounded(const LogicalNode& root) {
  if (root.kind == NodeKind::kScan) return root.relation->is_bounded();
  return std::all_of(root.children.begin(), root.children.end(),
                     [](const auto& child) { return IsBounded(*child); });
}

bool Contains(const LogicalNode& root, NodeKind kind) {
  if (root.kind == kind) return true;
  return std::any_of(root.children.begin(), root.children.end(),
                     [&](const auto& child) { return Contains(*child, kind); });
}

}  // namespace velaria::logical
