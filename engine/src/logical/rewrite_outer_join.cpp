// Filters and outer joins. A filter that is never true when one side is missing turns the join into
// one that does not keep rows without that side (Galindo-Legaria and Rosenthal, "Outerjoin
// simplification and reordering", 1997).
#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

struct Side {
  int from, to;  // columns [from, to)
  bool Has(int column) const { return column >= from && column < to; }
};

bool OnlyReads(const BoundExpr& expr, Side side) {
  std::vector<int> used;
  CollectColumns(expr, &used);
  return !used.empty() && !IsVolatile(expr) &&
         std::all_of(used.begin(), used.end(), [&](int column) { return side.Has(column); });
}

/// Whether the expression is NULL when every column of `side` is NULL.
bool PropagatesNull(const BoundExpr& expr, Side side) {
  const auto child = [&](const BoundExprPtr& c) { return PropagatesNull(*c, side); };
  switch (expr.kind) {
    case BoundKind::kColumn: return side.Has(expr.column);
    case BoundKind::kCast: return child(expr.children[0]);
    case BoundKind::kInList: return expr.list.length() > 0 && child(expr.children[0]);
    case BoundKind::kCall:
      return expr.function->null_if_any_null() &&
             std::any_of(expr.children.begin(), expr.children.end(), child);
    case BoundKind::kAnd:
    case BoundKind::kOr: return std::all_of(expr.children.begin(), expr.children.end(), child);
    default: return false;
  }
}

/// Whether the predicate is never true when every column of `side` is NULL.
bool RejectsMissing(const BoundExpr& expr, Side side) {
  const auto child = [&](const BoundExprPtr& c) { return RejectsMissing(*c, side); };
  if (PropagatesNull(expr, side)) return true;
  if (expr.kind == BoundKind::kAnd) {
    return std::any_of(expr.children.begin(), expr.children.end(), child);
  }
  if (expr.kind == BoundKind::kOr) {
    return std::all_of(expr.children.begin(), expr.children.end(), child);
  }
  return expr.kind == BoundKind::kCall && expr.name == "is_not_null" &&
         PropagatesNull(*expr.children[0], side);
}

JoinType Stricter(JoinType join, bool needs_left, bool needs_right) {
  const bool keeps_left = join == JoinType::kLeft || join == JoinType::kFull;
  const bool keeps_right = join == JoinType::kRight || join == JoinType::kFull;
  // Rows without a right side are kept only while nothing rejects them, and likewise for the left
  // side.
  const bool left = keeps_left && !needs_right, right = keeps_right && !needs_left;
  if (left && right) return JoinType::kFull;
  if (left) return JoinType::kLeft;
  return right ? JoinType::kRight : JoinType::kInner;
}

std::vector<BoundExprPtr> Take(std::vector<BoundExprPtr>* conjuncts, Side side, bool allowed) {
  std::vector<BoundExprPtr> taken, kept;
  for (auto& conjunct : *conjuncts) {
    (allowed && OnlyReads(*conjunct, side) ? taken : kept).push_back(std::move(conjunct));
  }
  *conjuncts = std::move(kept);
  return taken;
}

std::vector<BoundExprPtr> Shifted(const std::vector<BoundExprPtr>& conjuncts, int by, int width) {
  std::vector<int> map(static_cast<size_t>(width));
  for (int i = 0; i < width; ++i) map[static_cast<size_t>(i)] = i - by;
  std::vector<BoundExprPtr> out;
  for (const auto& conjunct : conjuncts) out.push_back(RemapColumns(conjunct, map));
  return out;
}

}  // namespace

Result<LogicalPtr> PushThroughOuterJoin(const LogicalPtr& node,
                                        std::vector<BoundExprPtr> conjuncts) {
  const int left_width = static_cast<int>(node->children[0]->output.size());
  const int width = static_cast<int>(node->output.size());
  const Side left{0, left_width}, right{left_width, width};
  const auto needs = [&](Side side) {
    return std::any_of(conjuncts.begin(), conjuncts.end(),
                       [&](const auto& conjunct) { return RejectsMissing(*conjunct, side); });
  };
  auto join = CopyNode(*node);
  join->join = Stricter(node->join, needs(left), needs(right));
  if (join->join == JoinType::kInner) {
    join->output = JoinOutput(join->join, *join->children[0], *join->children[1]);
    return OrderJoins(join, std::move(conjuncts));
  }
  // Above the join, a conjunct on a side whose rows are all kept may go below; in the ON condition,
  // one on a side whose rows may go without a partner.
  const bool keeps_left = join->join != JoinType::kRight,
             keeps_right = join->join != JoinType::kLeft;
  auto to_left = Take(&conjuncts, left, !keeps_right);
  auto to_right = Take(&conjuncts, right, !keeps_left);
  if (join->residual) {
    std::vector<BoundExprPtr> on;
    SplitConjuncts(join->residual, &on);
    for (auto& conjunct : Take(&on, left, !keeps_left)) to_left.push_back(std::move(conjunct));
    for (auto& conjunct : Take(&on, right, !keeps_right)) to_right.push_back(std::move(conjunct));
    join->residual = nullptr;
    if (!on.empty()) {
      VELARIA_ASSIGN_OR_RETURN(join->residual, MakeAnd(std::move(on)));
    }
  }
  VELARIA_ASSIGN_OR_RETURN(join->children[0], PushConjuncts(node->children[0], std::move(to_left)));
  VELARIA_ASSIGN_OR_RETURN(join->children[1],
                           PushConjuncts(node->children[1], Shifted(to_right, left_width, width)));
  join->output = JoinOutput(join->join, *join->children[0], *join->children[1]);
  return FilterOver(join, std::move(conjuncts));
}

}  // namespace velaria::logical
