// Subqueries in the conditions of joins.
#include "logical/unnest_attachment.hpp"

namespace velaria::logical {
namespace {

/// Whether a subquery reads the columns of the left side, and those of the right one.
std::pair<bool, bool> SidesRead(const BoundExpr& subquery, size_t left_width) {
  std::vector<int> columns;
  CollectColumns(subquery, &columns);
  const auto of_left = [&](int column) { return static_cast<size_t>(column) < left_width; };
  return {std::any_of(columns.begin(), columns.end(), of_left),
          !std::all_of(columns.begin(), columns.end(), of_left)};
}

/// The subqueries of an expression, those inside others left out.
void CollectSubqueries(const BoundExprPtr& expr, std::vector<BoundExprPtr>* out) {
  if (expr->kind == BoundKind::kSubquery) {
    out->push_back(expr);
  } else {
    for (const auto& child : expr->children) CollectSubqueries(child, out);
  }
}

/// `expr` with each subquery replaced as `replaced` says and every column i as `moved[i]`.
BoundExprPtr WithReplaced(const BoundExprPtr& expr,
                          const std::map<const BoundExpr*, BoundExprPtr>& replaced,
                          const std::vector<int>& moved) {
  if (!HasSubquery(*expr)) return RemapColumns(expr, moved);
  if (expr->kind == BoundKind::kSubquery) return replaced.at(expr.get());
  auto copy = std::make_shared<BoundExpr>(*expr);
  for (auto& child : copy->children) child = WithReplaced(child, replaced, moved);
  return copy;
}

std::vector<int> Moved(size_t count, int by) {
  std::vector<int> moved(count);
  for (size_t i = 0; i < count; ++i) moved[i] = static_cast<int>(i) + by;
  return moved;
}

/// Each subquery is computed for the side whose columns it reads: the join's condition then reads
/// columns that this side has gained.
Result<LogicalPtr> UnnestOuterJoin(const LogicalNode& node, std::vector<LogicalPtr> children,
                                   std::vector<BoundExprPtr> conjuncts, UnnestState* state) {
  const size_t left_width = children[0]->output.size(), right_width = children[1]->output.size();
  const auto to_right = Moved(left_width + right_width, -static_cast<int>(left_width));
  Attachment left(children[0], state), right(children[1], state);
  std::vector<BoundExprPtr> subqueries;
  for (const auto& conjunct : conjuncts) CollectSubqueries(conjunct, &subqueries);
  std::map<const BoundExpr*, BoundExprPtr> replaced;
  for (const auto& subquery : subqueries) {
    const auto [reads_left, reads_right] = SidesRead(*subquery, left_width);
    if (reads_left && reads_right) {
      return FailAt(subquery->place, ErrorCode::kUnsupportedStatement,
                    "not supported: a subquery in the condition of an outer join that reads both "
                    "of its sides",
                    "Compute the subquery in a sub-select in FROM.");
    }
    VELARIA_ASSIGN_OR_RETURN(
        replaced[subquery.get()],
        reads_left ? left.Replace(subquery) : right.Replace(RemapColumns(subquery, to_right)));
  }
  const size_t left_grown = left.plan()->output.size();
  const auto behind_left = Moved(right.plan()->output.size(), static_cast<int>(left_grown));
  for (const auto& subquery : subqueries) {
    auto& value = replaced[subquery.get()];
    if (!SidesRead(*subquery, left_width).first) value = RemapColumns(value, behind_left);
  }
  auto moved = Moved(left_width, 0);
  for (size_t i = 0; i < right_width; ++i) moved.push_back(static_cast<int>(left_grown + i));
  for (auto& conjunct : conjuncts) conjunct = WithReplaced(conjunct, replaced, moved);
  auto copy = CopyNode(node);
  copy->children = {left.plan(), right.plan()};
  VELARIA_ASSIGN_OR_RETURN(copy->residual, MakeAnd(std::move(conjuncts)));
  copy->output = JoinOutput(copy->join, *copy->children[0], *copy->children[1]);
  std::vector<int> order = FirstColumns(left_width);
  for (size_t i = left_width; i < node.output.size(); ++i) {
    order.push_back(static_cast<int>(left_grown + i - left_width));
  }
  return SelectColumns(copy, order);
}

}  // namespace

/// An inner join's conditions on subqueries become a filter.
Result<LogicalPtr> UnnestJoin(const LogicalPtr& node, std::vector<LogicalPtr> children,
                              UnnestState* state) {
  std::vector<BoundExprPtr> conjuncts, kept, hoisted;
  if (node->residual) SplitConjuncts(node->residual, &conjuncts);
  const bool inner = node->join == JoinType::kInner || node->join == JoinType::kCross;
  auto copy = CopyNode(*node);
  copy->children = children;
  if (inner) {
    for (auto& conjunct : conjuncts) {
      (HasSubquery(*conjunct) ? hoisted : kept).push_back(std::move(conjunct));
    }
    copy->residual = nullptr;
    if (!kept.empty()) {
      VELARIA_ASSIGN_OR_RETURN(copy->residual, MakeAnd(std::move(kept)));
    }
    VELARIA_ASSIGN_OR_RETURN(auto filter, FilterOver(copy, std::move(hoisted)));
    return UnnestFilter(filter, copy, state);
  }
  return UnnestOuterJoin(*node, std::move(children), std::move(conjuncts), state);
}

}  // namespace velaria::logical
