// Subqueries in expressions: bound as queries of their own, with the names of the enclosing queries
// as outer arguments. logical/unnest.hpp makes joins of them.
#include "base/text.hpp"
#include "logical/shared_plans.hpp"
#include "logical/unnest.hpp"
#include "sql/planner_literal.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;
using logical::LogicalPtr;
using logical::NodeKind;
using logical::SubqueryKind;

namespace {

Status ExpectColumns(const logical::LogicalNode& plan, size_t wanted, const Expr& expr) {
  if (plan.output.size() == wanted) return Status::OK();
  return FailAt(expr.place, ErrorCode::kColumnCountMismatch,
                "the subquery must give " + std::to_string(wanted) +
                    (wanted == 1 ? " column and gives: " : " columns and gives: ") +
                    std::to_string(plan.output.size()));
}

std::shared_ptr<logical::BoundExpr> SubqueryExpr(SubqueryKind kind, TypePtr type,
                                                 const BoundSubquery& subquery, Place place) {
  auto expr = std::make_shared<logical::BoundExpr>();
  expr->kind = BoundKind::kSubquery;
  expr->subquery = kind;
  expr->type = std::move(type);
  expr->place = place;
  expr->plan = subquery.plan;
  expr->children = subquery.arguments;
  return expr;
}

/// Column `column` of the subquery's one row.
BoundExprPtr ScalarExpr(const BoundSubquery& subquery, size_t column, Place place) {
  auto expr =
      SubqueryExpr(SubqueryKind::kScalar, subquery.plan->output[column].type, subquery, place);
  expr->column = static_cast<int>(column);
  expr->name = subquery.plan->output[column].name;
  return expr;
}

}  // namespace

Result<LogicalPtr> QueryBinder::WithoutSubqueries(const LogicalPtr& plan) {
  logical::UnnestState state;
  state.next_id = next_id_;
  VELARIA_ASSIGN_OR_RETURN(auto unnested, logical::UnnestSubqueries(plan, &state));
  next_id_ = state.next_id;
  return logical::InlineShared(unnested);
}

Result<BoundSubquery> QueryBinder::BindSubquery(const Select& select, const Scope& scope,
                                                ExpressionBinder* binder) {
  OuterScope frame(&scope, outer_, binder);
  OuterScope* enclosing = std::exchange(outer_, &frame);
  auto planned = BindSelect(select);
  outer_ = enclosing;
  VELARIA_RETURN_NOT_OK(planned.status());
  return BoundSubquery{std::move(planned->plan), frame.TakeArguments()};
}

Result<BoundSubquery> ExpressionBinder::BindSubselect(const Expr& expr) {
  if (!queries_) return Unsupported(expr.place, "a subquery in this place");
  return queries_->BindSubquery(*expr.select, *scope_, this);
}

Result<BoundExprPtr> ExpressionBinder::BindScalarSubquery(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto subquery, BindSubselect(expr));
  VELARIA_RETURN_NOT_OK(ExpectColumns(*subquery.plan, 1, expr));
  return ScalarExpr(subquery, 0, expr.place);
}

/// ARRAY(subquery): the values of its one column in the order of its rows, no elements for no rows.
Result<BoundExprPtr> ExpressionBinder::BindArraySubquery(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto subquery, BindSubselect(expr));
  VELARIA_RETURN_NOT_OK(ExpectColumns(*subquery.plan, 1, expr));
  VELARIA_ASSIGN_OR_RETURN(auto value, PlainValues(ColumnOf(*subquery.plan, 0)));
  const auto* function = FunctionRegistry::Instance().FindAggregate("array_agg");
  VELARIA_ASSIGN_OR_RETURN(
      auto aggregate, MakeAggregate(*function, {std::move(value)}, false, functions(), expr.place));
  auto node = logical::MakeNode(NodeKind::kAggregate, {subquery.plan});
  node->output.push_back(PlainColumn(aggregate.text, aggregate.binding.type));
  node->aggregates.push_back(std::move(aggregate));
  subquery.plan = std::move(node);
  auto list = ScalarExpr(subquery, 0, expr.place);
  VELARIA_ASSIGN_OR_RETURN(auto none, Call("list_value", {}, expr.place));
  VELARIA_ASSIGN_OR_RETURN(none, CastTo(none, list->type, functions()));
  return Call("coalesce", {std::move(list), TryFold(none, functions())}, expr.place);
}

Result<BoundExprPtr> ExpressionBinder::BindExists(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto subquery, BindSubselect(expr));
  BoundExprPtr exists = SubqueryExpr(SubqueryKind::kExists, arrow::boolean(), subquery, expr.place);
  return expr.negated ? Not(std::move(exists), expr.place) : exists;
}

Result<BoundExprPtr> ExpressionBinder::BindInSubquery(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto in, InSubquery(*expr.children[0], expr));
  return expr.negated ? Not(std::move(in), expr.place) : in;
}

/// `value IN (subquery)`: both sides of each pair brought to one type.
Result<BoundExprPtr> ExpressionBinder::InSubquery(const Expr& value, const Expr& expr) {
  std::vector<BoundExprPtr> operands;
  if (value.kind == ExprKind::kRow) {
    VELARIA_ASSIGN_OR_RETURN(operands, BindAll(value.children));
  } else {
    VELARIA_ASSIGN_OR_RETURN(auto operand, Bind(value));
    operands.push_back(std::move(operand));
  }
  VELARIA_ASSIGN_OR_RETURN(auto subquery, BindSubselect(expr));
  VELARIA_RETURN_NOT_OK(ExpectColumns(*subquery.plan, operands.size(), expr));
  std::vector<BoundExprPtr> columns;
  std::vector<logical::OutputColumn> output = subquery.plan->output;
  for (size_t i = 0; i < operands.size(); ++i) {
    auto column = ColumnOf(*subquery.plan, i);
    Status fits = CoerceComparison(&operands[i], &column, expr.place, functions());
    if (!fits.ok() && ErrorInfoOf(fits).code == ErrorCode::kBadLiteral) {
      // A text that is no value of the column's type is equal to none of its values.
      VELARIA_ASSIGN_OR_RETURN(column, CastTo(column, arrow::utf8(), functions()));
      fits = CoerceComparison(&operands[i], &column, expr.place, functions());
    }
    VELARIA_RETURN_NOT_OK(fits);
    output[i].type = column->type;
    columns.push_back(std::move(column));
  }
  subquery.plan = Project(subquery.plan, std::move(columns), std::move(output));
  auto in = SubqueryExpr(SubqueryKind::kIn, arrow::boolean(), subquery, expr.place);
  in->operand_count = operands.size();
  in->children.insert(in->children.begin(), operands.begin(), operands.end());
  return BoundExprPtr(std::move(in));
}

/// x = ANY is IN and x <> ALL is NOT IN. The other comparisons look at the least or the greatest
/// value, and at whether there are rows and NULLs among them.
Result<BoundExprPtr> ExpressionBinder::BindQuantified(const Expr& expr) {
  static constexpr std::array<std::string_view, 6> kOrders = {"=", "<>", "<", "<=", ">", ">="};
  static constexpr std::array<std::string_view, 8> kMatches = {
      "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "~", "!~", "~*", "!~*"};
  const auto is_one_of = [&](const auto& signs) {
    return std::find(signs.begin(), signs.end(), expr.text) != signs.end();
  };
  const Expr& value = *expr.children[0];
  const bool all = expr.bool_value;
  if (!is_one_of(kOrders)) {
    if (!is_one_of(kMatches)) {
      return FailAt(expr.place, ErrorCode::kTypeMismatch,
                    "ANY and ALL stand behind a comparison, not behind: " + expr.text);
    }
    if (expr.select) {
      return FailAt(expr.place, ErrorCode::kUnsupportedStatement,
                    "not supported yet: " + expr.text + " with ANY or ALL of a query's rows",
                    "Write EXISTS (SELECT 1 FROM ... WHERE value LIKE pattern).");
    }
  }
  if (!expr.select) return BindQuantifiedArray(expr);
  if (expr.text == "=" && !all) return InSubquery(value, expr);
  if (expr.text == "<>" && all) {
    VELARIA_ASSIGN_OR_RETURN(auto in, InSubquery(value, expr));
    return Not(std::move(in), expr.place);
  }
  if (expr.text == "<>") {  // some value differs: not all are equal
    VELARIA_ASSIGN_OR_RETURN(auto equal, CompareExtremes("=", true, expr));
    return Not(std::move(equal), expr.place);
  }
  return CompareExtremes(expr.text, all, expr);
}

Result<BoundExprPtr> ExpressionBinder::CompareExtremes(const std::string& sign, bool all,
                                                       const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto value, Bind(*expr.children[0]));
  VELARIA_ASSIGN_OR_RETURN(auto subquery, BindSubselect(expr));
  VELARIA_RETURN_NOT_OK(ExpectColumns(*subquery.plan, 1, expr));
  const auto column = ColumnOf(*subquery.plan, 0);
  auto node = logical::MakeNode(NodeKind::kAggregate, {subquery.plan});
  for (const auto& [name, has_argument] : {std::pair{"count", false}, std::pair{"count", true},
                                           std::pair{"min", true}, std::pair{"max", true}}) {
    const auto* function = FunctionRegistry::Instance().FindAggregate(name);
    std::vector<BoundExprPtr> arguments;
    if (has_argument) arguments.push_back(column);
    VELARIA_ASSIGN_OR_RETURN(auto aggregate, MakeAggregate(*function, std::move(arguments), false,
                                                           functions(), expr.place));
    node->output.push_back(PlainColumn(aggregate.text, aggregate.binding.type));
    node->aggregates.push_back(std::move(aggregate));
  }
  subquery.plan = std::move(node);
  const auto rows = ScalarExpr(subquery, 0, expr.place);
  const auto known = ScalarExpr(subquery, 1, expr.place);
  const auto least = ScalarExpr(subquery, 2, expr.place);
  const auto greatest = ScalarExpr(subquery, 3, expr.place);

  // The hardest value to compare with (ALL), or the easiest (ANY).
  const bool below = sign == "<" || sign == "<=";
  const auto& extreme = below == all ? least : greatest;
  VELARIA_ASSIGN_OR_RETURN(auto holds, Compare(sign, value, extreme, expr.place));
  if (sign == "=") {
    VELARIA_ASSIGN_OR_RETURN(auto other, Compare(sign, value, greatest, expr.place));
    VELARIA_ASSIGN_OR_RETURN(auto equal_least, Compare(sign, value, least, expr.place));
    VELARIA_ASSIGN_OR_RETURN(holds, logical::MakeAnd({std::move(equal_least), std::move(other)}));
  }
  VELARIA_ASSIGN_OR_RETURN(auto zero, ParseNumber("0", expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto none, Compare("=", rows, zero, expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto none_answer, logical::MakeBoolean(all, expr.place));
  BoundExprPtr settled = holds;
  if (all) {
    VELARIA_ASSIGN_OR_RETURN(settled, Not(holds, expr.place));
  }
  VELARIA_ASSIGN_OR_RETURN(auto settled_answer, logical::MakeBoolean(!all, expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto has_null, Compare("<>", rows, known, expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto unknown, logical::MakeNull(arrow::boolean(), expr.place));
  return MakeCase(
      {std::move(none), std::move(none_answer), std::move(settled), std::move(settled_answer),
       std::move(has_null), std::move(unknown), std::move(holds)},
      expr.place);
}

/// The columns of a subquery's one row, for a comparison of row values.
Result<std::vector<BoundExprPtr>> ExpressionBinder::BindRow(const Expr& expr) {
  if (expr.kind == ExprKind::kRow) return BindAll(expr.children);
  VELARIA_ASSIGN_OR_RETURN(auto subquery, BindSubselect(expr));
  std::vector<BoundExprPtr> columns;
  for (size_t i = 0; i < subquery.plan->output.size(); ++i) {
    columns.push_back(ScalarExpr(subquery, i, expr.place));
  }
  return columns;
}

/// (a, b) < (c, d) compares from the left, as text is compared letter by letter.
Result<BoundExprPtr> ExpressionBinder::CompareRows(const std::string& sign, const Expr& left,
                                                   const Expr& right, Place place) {
  for (const Expr* side : {&left, &right}) {
    if (side->kind == ExprKind::kRow || side->kind == ExprKind::kSubquery) continue;
    return FailAt(side->place, ErrorCode::kTypeMismatch,
                  "a row value is compared with a single value");
  }
  VELARIA_ASSIGN_OR_RETURN(auto a, BindRow(left));
  VELARIA_ASSIGN_OR_RETURN(auto b, BindRow(right));
  if (a.size() != b.size()) {
    return FailAt(place, ErrorCode::kColumnCountMismatch,
                  "row values of different lengths: " + std::to_string(a.size()) + " and " +
                      std::to_string(b.size()));
  }
  return CompareTuples(sign, a, b, place);
}

Result<BoundExprPtr> ExpressionBinder::CompareTuples(const std::string& sign,
                                                     const std::vector<BoundExprPtr>& a,
                                                     const std::vector<BoundExprPtr>& b,
                                                     Place place) {
  const bool equality =
      sign == "=" || sign == "<>" || sign == "is_distinct_from" || sign == "is_not_distinct_from";
  const bool any = sign == "<>" || sign == "is_distinct_from";
  if (equality) {
    std::vector<BoundExprPtr> tests;
    for (size_t i = 0; i < a.size(); ++i) {
      VELARIA_ASSIGN_OR_RETURN(auto test, Compare(sign, a[i], b[i], place));
      tests.push_back(std::move(test));
    }
    return any ? logical::MakeOr(std::move(tests)) : logical::MakeAnd(std::move(tests));
  }
  // a < c OR (a = c AND b < d); only the last place may be equal.
  const std::string strict = sign.substr(0, 1);
  VELARIA_ASSIGN_OR_RETURN(auto result, Compare(sign, a.back(), b.back(), place));
  for (size_t i = a.size() - 1; i-- > 0;) {
    VELARIA_ASSIGN_OR_RETURN(auto same, Compare("=", a[i], b[i], place));
    VELARIA_ASSIGN_OR_RETURN(auto further, logical::MakeAnd({std::move(same), result}));
    VELARIA_ASSIGN_OR_RETURN(auto first, Compare(strict, a[i], b[i], place));
    VELARIA_ASSIGN_OR_RETURN(result, logical::MakeOr({std::move(first), std::move(further)}));
  }
  return result;
}

}  // namespace velaria::sql
