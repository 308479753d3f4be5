#include "logical/row_bounds.hpp"

#include <algorithm>

namespace velaria::logical {
namespace {

/// Whether an expression is NULL when all columns of its input are.
bool IsNullOnNulls(const BoundExpr& expr) {
  switch (expr.kind) {
    case BoundKind::kColumn: return true;
    case BoundKind::kCast: return IsNullOnNulls(*expr.children[0]);
    case BoundKind::kCall:
      return expr.function->null_if_any_null() &&
             std::any_of(expr.children.begin(), expr.children.end(),
                         [](const auto& child) { return IsNullOnNulls(*child); });
    default: return false;
  }
}

bool IsNullForNoRows(const BoundAggregate& aggregate) {
  const std::string& name = aggregate.function->name;
  return name == "sum" || name == "avg" || name == "min" || name == "max";
}

}  // namespace

bool GivesOneRow(const LogicalNode& plan) {
  switch (plan.kind) {
    case NodeKind::kAggregate: return plan.expressions.empty() && !plan.grouping_sets;
    case NodeKind::kProject:
    case NodeKind::kSort:
    case NodeKind::kWindow:
    case NodeKind::kShared: return GivesOneRow(*plan.children[0]);
    case NodeKind::kValues: return plan.rows.size() == 1;
    default: return false;
  }
}

bool IsNullWithoutRows(const LogicalNode& plan) {
  if (plan.kind == NodeKind::kProject) {
    return std::all_of(plan.expressions.begin(), plan.expressions.end(),
                       [](const auto& expr) { return IsNullOnNulls(*expr); }) &&
           IsNullWithoutRows(*plan.children[0]);
  }
  return plan.kind == NodeKind::kAggregate && plan.expressions.empty() && !plan.grouping_sets &&
         std::all_of(plan.aggregates.begin(), plan.aggregates.end(), IsNullForNoRows);
}

}  // namespace velaria::logical
