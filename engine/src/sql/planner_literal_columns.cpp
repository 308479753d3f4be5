// Text literals in one side of a set operation: like those of VALUES they have no type of their
// own, and take that of the other side's column.
#include "logical/rewrite.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;
using logical::LogicalPtr;
using logical::NodeKind;

namespace {

using ChangeLiteral = std::function<Result<BoundExprPtr>(const BoundExprPtr&)>;

/// A NULL that VALUES or a set operation below has brought to the type of the texts beside it.
bool IsCastNull(const logical::BoundExpr& expr) {
  if (expr.kind == BoundKind::kLiteral) return !ValidityOf(expr.literal).IsValid(0);
  return expr.kind == BoundKind::kCast && expr.children[0]->kind == BoundKind::kColumn &&
         expr.children[0]->type->id() == arrow::Type::NA;
}

/// `expr` changed where it is a literal without a type, else null.
Result<BoundExprPtr> ChangedLiteral(const BoundExprPtr& expr, const ChangeLiteral& change) {
  if (IsUntyped(*expr)) return change(expr);
  if (!IsCastNull(*expr)) return nullptr;
  VELARIA_ASSIGN_OR_RETURN(const auto null, logical::MakeNull(arrow::null(), expr->place));
  return change(null);
}

Result<LogicalPtr> ChangedColumn(const LogicalPtr& plan, size_t at, const ChangeLiteral& change);

/// Of the rows of VALUES.
Result<LogicalPtr> ChangedRowsColumn(const LogicalPtr& plan, size_t at,
                                     const ChangeLiteral& change) {
  auto copy = logical::CopyNode(*plan);
  for (auto& row : copy->rows) {
    VELARIA_ASSIGN_OR_RETURN(row[at], ChangedLiteral(row[at], change));
    if (!row[at]) return nullptr;
    copy->output[at].type = row[at]->type;
  }
  return LogicalPtr(std::move(copy));
}

/// Of a projection, or of the groups of DISTINCT.
Result<LogicalPtr> ChangedExpression(const LogicalPtr& plan, size_t at,
                                     const ChangeLiteral& change) {
  auto copy = logical::CopyNode(*plan);
  auto& expr = copy->expressions[at];
  if (expr->kind == BoundKind::kColumn) {
    const auto column = static_cast<size_t>(expr->column);
    VELARIA_ASSIGN_OR_RETURN(copy->children[0], ChangedColumn(plan->children[0], column, change));
    if (!copy->children[0]) return nullptr;
    expr = ColumnOf(*copy->children[0], column);
  } else {
    VELARIA_ASSIGN_OR_RETURN(expr, ChangedLiteral(expr, change));
    if (!expr) return nullptr;
  }
  copy->output[at].type = expr->type;
  return LogicalPtr(std::move(copy));
}

/// Of each side of a union, or of the rows below a limit.
Result<LogicalPtr> ChangedChildren(const LogicalPtr& plan, size_t at, const ChangeLiteral& change) {
  auto copy = logical::CopyNode(*plan);
  for (auto& child : copy->children) {
    VELARIA_ASSIGN_OR_RETURN(child, ChangedColumn(child, at, change));
    if (!child) return nullptr;
    copy->output[at].type = child->output[at].type;
  }
  return LogicalPtr(std::move(copy));
}

/// The plan with each literal of column `at` changed; null when the column is anything else.
Result<LogicalPtr> ChangedColumn(const LogicalPtr& plan, size_t at, const ChangeLiteral& change) {
  switch (plan->kind) {
    case NodeKind::kValues: return ChangedRowsColumn(plan, at, change);
    case NodeKind::kProject: return ChangedExpression(plan, at, change);
    case NodeKind::kAggregate:
      if (!plan->aggregates.empty() || plan->grouping_sets) return nullptr;
      return ChangedExpression(plan, at, change);
    case NodeKind::kUnion:
    case NodeKind::kLimit: return ChangedChildren(plan, at, change);
    default: return nullptr;
  }
}

}  // namespace

Status AdoptColumnType(PlannedQuery* side, size_t at, const logical::OutputColumn& other,
                       Place place, const FunctionContext& context) {
  const TypePtr& type = side->plan->output[at].type;
  if (!side->untyped[at] || !IsString(*type) || IsString(*other.type) ||
      other.type->id() == arrow::Type::NA) {
    return Status::OK();
  }
  std::vector<BoundExprPtr> exprs = {logical::MakeColumn(0, other.type, other.name)};
  VELARIA_ASSIGN_OR_RETURN(
      const auto same,
      ChangedColumn(side->plan, at, [&](const BoundExprPtr& literal) -> Result<BoundExprPtr> {
        exprs.push_back(literal);
        return literal;
      }));
  if (!same) return Status::OK();
  VELARIA_RETURN_NOT_OK(Unify(&exprs, place, context).status());
  size_t next = 1;
  VELARIA_ASSIGN_OR_RETURN(
      side->plan, ChangedColumn(side->plan, at, [&](const BoundExprPtr&) -> Result<BoundExprPtr> {
        return exprs[next++];
      }));
  return Status::OK();
}

}  // namespace velaria::sql
