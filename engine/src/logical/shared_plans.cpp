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

LogicalPtr Inline(const LogicalPtr& node, const std::map<int, int>& counts,
                  std::map<int, LogicalPtr>* done) {
  const bool shared = node->kind == NodeKind::kShared;
  if (shared) {
    if (const auto met = done->find(node->shared_id); met != done->end()) return met->second;
  }
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) children.push_back(Inline(child, counts, done));
  if (!shared) return WithNewChildren(node, std::move(children));
  const bool inlined = counts.at(node->shared_id) < 2 || IsCheap(*children[0]);
  return (*done)[node->shared_id] =
             inlined ? children[0] : WithNewChildren(node, std::move(children));
}

}  // namespace

LogicalPtr InlineShared(const LogicalPtr& root) {
  std::map<int, int> counts;
  CountShared(*root, &counts);
  if (counts.empty()) return root;
  std::map<int, LogicalPtr> done;
  return Inline(root, counts, &done);
}

}  // namespace velaria::logical
