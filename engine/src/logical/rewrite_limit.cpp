// LIMIT into sorts, and the sides of the joins that the join order left alone.
#include <limits>

#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

/// `node` with its topmost sort told that `count` rows are enough; projections between change no
/// row.
LogicalPtr WithTop(const LogicalPtr& node, int64_t count) {
  if (node->kind == NodeKind::kProject) {
    return WithNewChildren(node, {WithTop(node->children[0], count)});
  }
  if (node->kind != NodeKind::kSort) return node;
  auto sort = CopyNode(*node);
  sort->limit = sort->limit < 0 ? count : std::min(sort->limit, count);
  return sort;
}

bool MayBeSwapped(JoinType join) {
  return join == JoinType::kInner || join == JoinType::kCross || join == JoinType::kLeft ||
         join == JoinType::kRight || join == JoinType::kFull;
}

bool ShouldSwap(const LogicalNode& join) {
  if (!MayBeSwapped(join.join) || join.asof) return false;
  const auto& left = *join.children[0];
  const auto& right = *join.children[1];
  if (!IsBounded(right)) return IsBounded(left);
  if (!IsBounded(left)) return false;
  const bool ordered = join.join == JoinType::kInner || join.join == JoinType::kCross;
  return !ordered && left.estimated_rows < right.estimated_rows;
}

}  // namespace

LogicalPtr PushLimits(const LogicalPtr& node) {
  if (node->kind == NodeKind::kShared) return node;
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) children.push_back(PushLimits(child));
  auto result = WithNewChildren(node, std::move(children));
  const bool counts = node->kind == NodeKind::kLimit && node->limit >= 0 &&
                      node->offset <= std::numeric_limits<int64_t>::max() - node->limit;
  if (!counts) return result;
  return WithNewChildren(result, {WithTop(result->children[0], node->limit + node->offset)});
}

LogicalPtr ChooseBuildSides(const LogicalPtr& node) {
  if (node->kind == NodeKind::kShared) return node;
  auto copy = CopyNode(*node);
  for (auto& child : copy->children) child = ChooseBuildSides(child);
  copy->estimated_rows = EstimateRows(*copy);
  if (copy->kind != NodeKind::kJoin || !ShouldSwap(*copy)) return copy;
  auto swapped = SwapSides(copy);
  if (swapped->kind == NodeKind::kProject) {
    auto project = CopyNode(*swapped);
    project->estimated_rows = copy->estimated_rows;
    return project;
  }
  return swapped;
}

}  // namespace velaria::logical
