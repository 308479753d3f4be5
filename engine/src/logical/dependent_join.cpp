// Joins and set operations, for all outer values at once.
#include <algorithm>

#include "logical/dependent_pusher.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {

Result<Pusher::Maybe> Pusher::PushJoin(const LogicalPtr& node) {
  const bool left_reads = Depends(*node->children[0]), right_reads = Depends(*node->children[1]);
  const bool inner = node->join == JoinType::kInner || node->join == JoinType::kCross;
  // A right row that is kept without a left one has to know its outer value itself, and which right
  // row is nearest is another question for each outer value.
  const bool keeps_right = node->join == JoinType::kRight || node->join == JoinType::kFull;
  if (!keeps_right && !node->asof) {
    const bool right_keys_read = std::any_of(node->right_keys.begin(), node->right_keys.end(),
                                             [](const auto& key) { return HasOuter(*key); });
    if (!right_reads && !right_keys_read) return PushOneSide(node, 0);
    if (inner && !left_reads && !ReadsBeyond(*node)) return PushOneSide(node, 1);
  }
  return PushBothSides(node);
}

bool Pusher::ReadsBeyond(const LogicalNode& node) {
  return AnyExpression(node, [](const BoundExpr& expr) { return HasOuter(expr); });
}

Result<Pusher::Maybe> Pusher::PushOneSide(const LogicalPtr& node, size_t side) {
  const size_t left_width = node->children[0]->output.size();
  const size_t right_width = node->children[1]->output.size();
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[side]));
  if (!pushed) return pushed;
  Dependent& dependent = *pushed;
  const size_t keys = dependent.keys.size();
  auto copy = CopyNode(*node);
  // Positions of right columns move behind the left side's keys.
  std::vector<int> moved;
  for (size_t i = 0; i < left_width + right_width; ++i) {
    moved.push_back(static_cast<int>(side == 0 && i >= left_width ? i + keys : i));
  }
  if (copy->residual) copy->residual = RemapColumns(copy->residual, moved);
  const size_t key_begin = side == 0 ? left_width : left_width + right_width;
  bool resolved = true;
  const auto resolve = [&](BoundExprPtr* expr, size_t begin) {
    *expr = ResolveAt(*expr, dependent, begin);
    resolved &= *expr != nullptr;
  };
  for (auto& key : side == 0 ? copy->left_keys : copy->right_keys) {
    resolve(&key, dependent.first_key());
  }
  for (auto& key : side == 0 ? copy->right_keys : copy->left_keys) resolved &= !HasOuter(*key);
  if (copy->residual) resolve(&copy->residual, key_begin);
  if (!resolved) return Nothing("a join condition on an outer column");
  copy->children[side] = dependent.plan;
  copy->output = JoinOutput(copy->join, *copy->children[0], *copy->children[1]);
  const LogicalPtr joined = std::move(copy);
  if (side == 1) {
    dependent.plan = joined;  // keys are last already
    return pushed;
  }
  const size_t rest = joined->output.size() - left_width - keys;
  dependent.plan =
      Reordered(joined, 0, left_width, {{left_width + keys, rest}, {left_width, keys}});
  return pushed;
}

Result<Pusher::Maybe> Pusher::PushBothSides(const LogicalPtr& node) {
  if (!by_domain()) return Maybe();
  const size_t left_width = node->children[0]->output.size();
  const size_t right_width = node->children[1]->output.size();
  VELARIA_ASSIGN_OR_RETURN(auto left, Push(node->children[0]));
  VELARIA_ASSIGN_OR_RETURN(auto right, Push(node->children[1]));
  const size_t keys = left->keys.size();
  auto copy = CopyNode(*node);
  std::vector<int> moved;
  for (size_t i = 0; i < left_width + right_width; ++i) {
    moved.push_back(static_cast<int>(i >= left_width ? i + keys : i));
  }
  if (copy->residual) {
    copy->residual = ResolveAt(RemapColumns(copy->residual, moved), *left, left_width);
  }
  for (auto& key : copy->left_keys) key = ResolveAt(key, *left, left->first_key());
  for (auto& key : copy->right_keys) key = ResolveAt(key, *right, right->first_key());
  if (copy->asof) {
    copy->asof->left = ResolveAt(copy->asof->left, *left, left->first_key());
    copy->asof->right = ResolveAt(copy->asof->right, *right, right->first_key());
  }
  // Before the operands of a mark, whose NULLs are told apart.
  const auto at = copy->left_keys.size() - static_cast<size_t>(copy->mark_operands);
  for (size_t i = 0; i < keys; ++i) {
    const auto place = static_cast<std::ptrdiff_t>(at + i);
    copy->left_keys.insert(copy->left_keys.begin() + place, KeyColumn(*left, i));
    copy->right_keys.insert(copy->right_keys.begin() + place, KeyColumn(*right, i));
    copy->null_safe.insert(copy->null_safe.begin() + place, true);
  }
  if (copy->join == JoinType::kCross) copy->join = JoinType::kInner;
  copy->children = {left->plan, right->plan};
  copy->output = JoinOutput(copy->join, *left->plan, *right->plan);
  const LogicalPtr joined = std::move(copy);
  const size_t right_columns = node->output.size() - left_width;
  const size_t right_keys = left_width + keys + right_columns;
  Dependent result;
  result.keys = left->keys;
  if (joined->join == JoinType::kFull) {
    VELARIA_ASSIGN_OR_RETURN(result.plan, WithEitherKeys(joined, left_width, keys));
    return Maybe(std::move(result));
  }
  const size_t key_begin = joined->join == JoinType::kRight ? right_keys : left_width;
  result.plan =
      Reordered(joined, 0, left_width, {{left_width + keys, right_columns}, {key_begin, keys}});
  return Maybe(std::move(result));
}

/// The columns of a full join, then its keys from the side that has the row.
Result<LogicalPtr> Pusher::WithEitherKeys(const LogicalPtr& joined, size_t left_width,
                                          size_t keys) {
  const size_t right_begin = left_width + keys, right_end = joined->output.size() - keys;
  auto project = MakeNode(NodeKind::kProject, {joined});
  const auto add = [&](BoundExprPtr expr, size_t like) {
    project->expressions.push_back(std::move(expr));
    project->output.push_back(joined->output[like]);
  };
  for (size_t i = 0; i < left_width; ++i) add(OutputColumnAt(*joined, i), i);
  for (size_t i = right_begin; i < right_end; ++i) add(OutputColumnAt(*joined, i), i);
  for (size_t i = 0; i < keys; ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto key,
                             MakeCall("coalesce", {OutputColumnAt(*joined, left_width + i),
                                                   OutputColumnAt(*joined, right_end + i)}));
    add(std::move(key), left_width + i);
  }
  return project;
}

Result<std::vector<Dependent>> Pusher::PushChildren(const LogicalPtr& node) {
  std::vector<Dependent> all;
  for (const auto& child : node->children) {
    VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(child));
    if (!pushed) return Bug("a set operation is pushed by equalities");
    all.push_back(*std::move(pushed));
  }
  return all;
}

Result<Pusher::Maybe> Pusher::PushUnion(const LogicalPtr& node) {
  if (!by_domain()) return Maybe();
  VELARIA_ASSIGN_OR_RETURN(auto children, PushChildren(node));
  Dependent result = children[0];
  auto copy = CopyNode(*node);
  copy->children.clear();
  for (const auto& child : children) copy->children.push_back(child.plan);
  for (size_t i = 0; i < result.keys.size(); ++i) {
    copy->output.push_back(result.plan->output[result.first_key() + i]);
  }
  result.plan = std::move(copy);
  return Maybe(std::move(result));
}

}  // namespace velaria::logical
