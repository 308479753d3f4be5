// The passes of Rewrite, in their order. Each takes a plan and gives one with the same rows; the
// root keeps its columns' names, types and order. Nodes are never changed in place. None looks
// below a kShared node: Rewrite does so, once for each.
#pragma once

#include <vector>

#include "logical/plan.hpp"

namespace velaria::logical {

/// Constant folding in every expression; a filter that is always true goes, one that is never true
/// leaves no rows. A constant whose evaluation fails is left alone: whether it is evaluated at all
/// is decided at run time.
Result<LogicalPtr> FoldConstants(const LogicalPtr& node, const FunctionContext& context);
Result<BoundExprPtr> FoldExpression(const BoundExprPtr& expr, const FunctionContext& context);

/// Filters as near to the scans as they may go; equalities over cross joins become join keys; inner
/// joins are ordered.
Result<LogicalPtr> PushFilters(const LogicalPtr& node);
/// `node` with `conjuncts` (over its output) applied as deep as they may go.
Result<LogicalPtr> PushConjuncts(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts);
/// A tree of inner and cross joins with the conjuncts above it, ordered greedily by estimated rows.
Result<LogicalPtr> OrderJoins(const LogicalPtr& join, std::vector<BoundExprPtr> conjuncts);
/// Left, right and full joins: what may go below goes below, what rejects the missing side makes
/// the join stricter.
Result<LogicalPtr> PushThroughOuterJoin(const LogicalPtr& join,
                                        std::vector<BoundExprPtr> conjuncts);

/// A semi, anti or mark join by one inequality alone becomes a comparison with the right side's
/// greatest or least value; any other join stays as it is.
Result<LogicalPtr> WithExtreme(const LogicalPtr& join);

/// Every node reads and hands on only the columns that something above it needs.
Result<LogicalPtr> PruneColumns(const LogicalPtr& root);
/// LIMIT over a sort makes it a top-N.
LogicalPtr PushLimits(const LogicalPtr& node);
/// The smaller side of an outer join becomes the right one, the build side; a stream is always the
/// left one. Fills in estimated_rows everywhere.
LogicalPtr ChooseBuildSides(const LogicalPtr& node);

// ---- shared by the passes

std::shared_ptr<LogicalNode> CopyNode(const LogicalNode& node);
/// Calls `change(BoundExprPtr*)`, which gives a Status, for every expression that the node itself
/// holds. Each sees its own input: the child's columns, or both children's for a join's residual.
template <typename Node, typename Change>
Status ChangeExpressions(Node* node, Change change) {
  const auto one = [&](auto* expr) -> Status { return *expr ? change(expr) : Status::OK(); };
  const auto each = [&](auto* exprs) -> Status {
    for (auto& expr : *exprs) VELARIA_RETURN_NOT_OK(one(&expr));
    return Status::OK();
  };
  for (auto* expr : {&node->predicate, &node->residual, &node->time}) {
    VELARIA_RETURN_NOT_OK(one(expr));
  }
  for (auto* exprs :
       {&node->expressions, &node->left_keys, &node->right_keys, &node->outer_arguments}) {
    VELARIA_RETURN_NOT_OK(each(exprs));
  }
  for (auto& row : node->rows) VELARIA_RETURN_NOT_OK(each(&row));
  for (auto& key : node->sort_keys) VELARIA_RETURN_NOT_OK(one(&key.expr));
  const auto aggregate = [&](auto* call) -> Status {
    VELARIA_RETURN_NOT_OK(each(&call->arguments));
    return one(&call->filter);
  };
  for (auto& call : node->aggregates) VELARIA_RETURN_NOT_OK(aggregate(&call));
  for (auto& window : node->windows) {
    VELARIA_RETURN_NOT_OK(each(&window.arguments));
    VELARIA_RETURN_NOT_OK(aggregate(&window.aggregate));
    VELARIA_RETURN_NOT_OK(one(&window.frame.start_bound));
    VELARIA_RETURN_NOT_OK(one(&window.frame.end_bound));
  }
  if (node->asof) {
    VELARIA_RETURN_NOT_OK(one(&node->asof->left));
    VELARIA_RETURN_NOT_OK(one(&node->asof->right));
  }
  return Status::OK();
}
/// Whether `holds(const BoundExpr&)` for one of them.
template <typename Holds>
bool AnyExpression(const LogicalNode& node, Holds holds) {
  bool any = false;
  (void)ChangeExpressions(&node, [&](const BoundExprPtr* expr) -> Status {
    any = any || holds(**expr);
    return Status::OK();
  });
  return any;
}
/// `node` over other children; the node itself when they are the same.
LogicalPtr WithNewChildren(const LogicalPtr& node, std::vector<LogicalPtr> children);
BoundExprPtr OutputColumnAt(const LogicalNode& node, size_t index);
/// A filter with the cheap conjuncts that cannot fail in front; `node` itself for no conjuncts.
Result<LogicalPtr> FilterOver(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts);
/// The columns `order` of `node`; the node itself when that changes nothing.
LogicalPtr SelectColumns(const LogicalPtr& node, const std::vector<int>& order);
/// The join's output: its children's, with the side that may miss made nullable.
std::vector<OutputColumn> JoinOutput(JoinType join, const LogicalNode& left,
                                     const LogicalNode& right);
JoinType MirroredJoin(JoinType join);
/// Inner, cross, left, right or full join with sides exchanged, and its columns back in their
/// order.
LogicalPtr SwapSides(const LogicalPtr& join);
Result<BoundAggregate> AggregateCall(const char* name, std::vector<BoundExprPtr> arguments);
bool IsVolatile(const BoundExpr& expr);
/// `column <op> literal`, a null test or an IN list on a column.
bool IsSimpleConjunct(const BoundExpr& expr);
/// How many rows a node gives, by the sizes of its tables.
struct RowEstimate {
  double rows = 0;        // selectivities are guessed
  double unfiltered = 0;  // of what lies below its filters
  double at_most = 0;     // no selectivity is guessed; infinite when nothing is known
};
/// Of the whole plan in one walk.
RowEstimate EstimateOf(const LogicalNode& node);
inline double EstimateRows(const LogicalNode& node) { return EstimateOf(node).rows; }
/// The part of its rows that a conjunct is guessed to keep.
double SelectivityOf(const BoundExpr& conjunct);

}  // namespace velaria::logical
