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

class Inliner {
 public:
  explicit Inliner(std::map<int, int> counts) : counts_(std::move(counts)) {}

  LogicalPtr Inline(const LogicalPtr& node) {
    const bool is_shared = node->kind == NodeKind::kShared;
    if (is_shared) {
      // Subqueries were unnested in each copy, and got other numbers in each: the first one, whose
      // numbers were counted, stands for all.
      const auto known = done_.find(node->shared_id);
      if (known != done_.end()) return known->second;
    }
    std::vector<LogicalPtr> children;
    for (const auto& child : node->children) children.push_back(Inline(child));
    if (!is_shared) return WithNewChildren(node, std::move(children));
    const bool keeps = counts_.at(node->shared_id) > 1 && !IsCheap(*children[0]);
    const auto result = keeps ? WithNewChildren(node, std::move(children)) : children[0];
    done_.emplace(node->shared_id, result);
    return result;
  }

 private:
  std::map<int, int> counts_;
  std::map<int, LogicalPtr> done_;  // by shared_id
};

}  // namespace

LogicalPtr InlineShared(const LogicalPtr& root) {
  std::map<int, int> counts;
  CountShared(*root, &counts);
  return counts.empty() ? root : Inliner(std::move(counts)).Inline(root);
}

}  // namespace velaria::logical
