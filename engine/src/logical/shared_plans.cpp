#include "logical/shared_plans.hpp"

#include <map>

#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

void CountShared(const LogicalNode& node, std::map<int, int>* counts) {
  if (node.kind == NodeKind::kShared && (*counts)[node.shared_id]++ > 0) return;
  for (const auto& child : node.children) CountShared(*child, counts);
}

/// Scans, filters and projections alone: to read it again costs less than to keep it.
bool IsCheap(const LogicalNode& node) {
  switch (node.kind) {
    case NodeKind::kScan: return node.relation->kind() == RelationKind::kTable;
    case NodeKind::kValues: return true;
    case NodeKind::kFilter: return !IsVolatile(*node.predicate) && IsCheap(*node.children[0]);
    case NodeKind::kProject:
      return std::none_of(node.expressions.begin(), node.expressions.end(),
                          [](const auto& expr) { return IsVolatile(*expr); }) &&
             IsCheap(*node.children[0]);
    default: return false;
  }
}

LogicalPtr Inline(const LogicalPtr& node, const std::map<int, int>& counts) {
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) children.push_back(Inline(child, counts));
  if (node->kind == NodeKind::kShared &&
      (counts.at(node->shared_id) < 2 || IsCheap(*children[0]))) {
    return children[0];
  }
  return WithNewChildren(node, std::move(children));
}

}  // namespace

LogicalPtr InlineShared(const LogicalPtr& root) {
  std::map<int, int> counts;
  CountShared(*root, &counts);
  return counts.empty() ? root : Inline(root, counts);
}

}  // namespace velaria::logical
