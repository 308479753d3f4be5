#include "logical/plan.hpp"

#include <set>

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

namespace {

bool AnyNew(const LogicalNode& node, const std::function<bool(const LogicalNode&)>& holds,
            std::set<int>* seen) {
  if (node.kind == NodeKind::kShared && !seen->insert(node.shared_id).second) return false;
  return holds(node) || std::any_of(node.children.begin(), node.children.end(),
                                    [&](const auto& child) { return AnyNew(*child, holds, seen); });
}

}  // namespace

bool AnyNode(const LogicalNode& root, const std::function<bool(const LogicalNode&)>& holds) {
  std::set<int> seen;
  return AnyNew(root, holds, &seen);
}

bool IsBounded(const LogicalNode& root) {
  return !AnyNode(root, [](const LogicalNode& node) {
    return node.kind == NodeKind::kScan && !node.relation->is_bounded();
  });
}

bool Contains(const LogicalNode& root, NodeKind kind) {
  return AnyNode(root, [kind](const LogicalNode& node) { return node.kind == kind; });
}

}  // namespace velaria::logical
