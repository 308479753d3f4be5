// unnest(list) in the select list: each row of the query once per element. Lists side by side
// advance together, a shorter one ends in NULL, and a row without any element goes. The rows are
// multiplied after grouping and window functions, and before DISTINCT, ORDER BY and LIMIT, as
// PostgreSQL has it.
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

namespace {

/// Unnested columns of `expr` moved to where the Unnest node puts them.
BoundExprPtr OntoUnnested(const BoundExprPtr& expr, int width) {
  if (expr->kind == BoundKind::kColumn) {
    if (expr->column < kUnnestBase) return expr;
    return logical::MakeColumn(width + expr->column - kUnnestBase, expr->type, expr->name,
                               expr->place);
  }
  std::shared_ptr<logical::BoundExpr> copy;
  for (size_t i = 0; i < expr->children.size(); ++i) {
    auto child = OntoUnnested(expr->children[i], width);
    if (child == expr->children[i]) continue;
    if (!copy) copy = std::make_shared<logical::BoundExpr>(*expr);
    copy->children[i] = std::move(child);
  }
  return copy ? BoundExprPtr(std::move(copy)) : expr;
}

}  // namespace

Result<TypePtr> UnnestedType(const logical::BoundExpr& list, const std::string& function) {
  if (list.type->id() == arrow::Type::NA) return arrow::null();
  if (!arrow::is_list_like(list.type->id()) || list.type->id() == arrow::Type::MAP) {
    return FailAt(list.place, ErrorCode::kTypeMismatch,
                  function + " needs a list, not: " + SqlName(*list.type));
  }
  return static_cast<const arrow::BaseListType&>(*list.type).value_type();
}

Result<BoundExprPtr> ExpressionBinder::BindUnnest(const Expr& expr) {
  if (!unnests_ || !clause_.empty() || outer_aggregate_ || in_window_) {
    const std::string place = outer_aggregate_   ? "an aggregate"
                              : in_window_       ? "a window function"
                              : !clause_.empty() ? clause_
                                                 : "this place";
    return FailAt(expr.place, ErrorCode::kUnsupportedStatement, "unnest may not stand in " + place,
                  "Write it in FROM: FROM t, UNNEST(list) AS u(x).");
  }
  if (expr.children.size() != 1 || expr.star || expr.distinct || expr.filter ||
      !expr.order_by.empty() || !expr.argument_names.empty()) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "unnest in a select list takes one list and nothing else",
                  "In FROM it takes several: FROM UNNEST(a, b) AS u(x, y).");
  }
  auto* unnests = std::exchange(unnests_, nullptr);  // none stands in another
  auto list = Bind(*expr.children[0]);
  unnests_ = unnests;
  VELARIA_RETURN_NOT_OK(list.status());
  VELARIA_ASSIGN_OR_RETURN(const auto type, UnnestedType(**list, "unnest"));
  auto& known = unnests->lists;
  const size_t at =
      unnests->index.FindOrAdd(logical::ExpressionHash(**list), known.size(),
                               [&](size_t other) { return logical::Equal(*known[other], **list); });
  if (at == known.size()) known.push_back(*list);
  return PlainValues(logical::MakeColumn(kUnnestBase + static_cast<int>(at), type,
                                         "unnest(" + logical::ToText(**list) + ")", expr.place));
}

void QueryBinder::PlaceUnnests(Core* core) {
  auto& lists = core->unnests.lists;
  if (lists.empty()) return;
  const auto width = static_cast<int>(core->from.plan->output.size());
  auto node = logical::MakeNode(logical::NodeKind::kUnnest, {core->from.plan});
  node->output = core->from.plan->output;
  for (const auto& list : lists) {
    const TypePtr element = list->type->id() == arrow::Type::NA
                                ? list->type
                                : static_cast<const arrow::BaseListType&>(*list->type).value_type();
    node->output.push_back(PlainColumn("unnest", element));
  }
  node->expressions = std::move(lists);
  core->from.plan = std::move(node);
  for (auto& item : core->items) item.expr = OntoUnnested(item.expr, width);
  for (auto& hidden : core->hidden) hidden = OntoUnnested(hidden, width);
}

}  // namespace velaria::sql
