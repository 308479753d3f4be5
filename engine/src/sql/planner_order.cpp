// The tail of a query: select list to projection, DISTINCT, ORDER BY with hidden columns, LIMIT and
// OFFSET.
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::LogicalPtr;
using logical::NodeKind;

namespace {

Result<int> Ordinal(const Expr& tree, size_t column_count) {
  const size_t ordinal = tree.text.size() < 9 ? std::stoul(tree.text) : 0;
  if (ordinal >= 1 && ordinal <= column_count) return static_cast<int>(ordinal) - 1;
  return FailAt(tree.place, ErrorCode::kBadOrdinal,
                "ORDER BY position is not in the select list: " + tree.text,
                "The select list has " + std::to_string(column_count) + " columns.");
}

bool NullsFirst(const OrderItem& item) { return item.nulls_first.value_or(false); }

LogicalPtr Sort(LogicalPtr plan, std::vector<logical::SortKey> keys) {
  auto node = logical::MakeNode(NodeKind::kSort, {plan});
  node->sort_keys = std::move(keys);
  node->output = plan->output;
  return node;
}

/// The select-list column that a bare name in ORDER BY means, or -1.
Result<int> NamedItem(const Expr& tree, const std::vector<SelectColumn>& items) {
  if (tree.kind != ExprKind::kColumn || tree.names.size() != 1) return -1;
  int found = -1;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!NameMatches(tree.names[0], items[i].output.name)) continue;
    if (found >= 0 && !logical::Equal(*items[static_cast<size_t>(found)].expr, *items[i].expr)) {
      return FailAt(tree.place, ErrorCode::kAmbiguousColumn,
                    "ambiguous column in ORDER BY: " + tree.names[0].text,
                    "Write the column's position instead.");
    }
    if (found < 0) found = static_cast<int>(i);
  }
  return found;
}

}  // namespace

Status QueryBinder::BindOrder(const Select& select, Core* core) {
  if (select.order_by_all) {
    for (size_t i = 0; i < core->items.size(); ++i) {
      VELARIA_RETURN_NOT_OK(CheckComparable(*core->items[i].expr, "ORDER BY ALL"));
      core->order.push_back({static_cast<int>(i), select.order_by_all_descending,
                             select.order_by_all_nulls_first.value_or(false)});
    }
  }
  for (const auto& item : select.order_by) {
    VELARIA_RETURN_NOT_OK(BindOrderItem(select, item, core));
  }
  return Status::OK();
}

Status QueryBinder::BindOrderItem(const Select& select, const OrderItem& item, Core* core) {
  auto binder = Expressions(&core->from.scope, &core->collector);
  binder.set_aliases(&core->aliases);
  int column = -1;
  if (item.expr->kind == ExprKind::kInteger) {
    VELARIA_ASSIGN_OR_RETURN(column, Ordinal(*item.expr, core->items.size()));
  } else {
    VELARIA_ASSIGN_OR_RETURN(column, NamedItem(*item.expr, core->items));
  }
  if (column < 0) {
    VELARIA_ASSIGN_OR_RETURN(auto expr, binder.Bind(*item.expr));
    for (size_t i = 0; i < core->items.size() && column < 0; ++i) {
      if (logical::Equal(*core->items[i].expr, *expr)) column = static_cast<int>(i);
    }
    if (column < 0) {
      if (select.distinct) {
        return FailAt(
            item.expr->place, ErrorCode::kNotGrouped,
            "ORDER BY of SELECT DISTINCT must be in the select list: " + logical::ToText(*expr));
      }
      VELARIA_RETURN_NOT_OK(CheckComparable(*expr, "ORDER BY"));
      column = static_cast<int>(core->items.size() + core->hidden.size());
      core->hidden.push_back(std::move(expr));
    }
  }
  if (static_cast<size_t>(column) < core->items.size()) {
    VELARIA_RETURN_NOT_OK(
        CheckComparable(*core->items[static_cast<size_t>(column)].expr, "ORDER BY"));
  }
  core->order.push_back({column, item.descending, NullsFirst(item)});
  return Status::OK();
}

Result<LogicalPtr> QueryBinder::Finish(const Select& select, Core* core) {
  std::vector<BoundExprPtr> exprs;
  std::vector<logical::OutputColumn> output;
  for (const auto& item : core->items) {
    exprs.push_back(item.expr);
    output.push_back(item.output);
  }
  for (const auto& hidden : core->hidden) {
    exprs.push_back(hidden);
    output.push_back(PlainColumn(logical::ToText(*hidden), hidden->type));
  }
  LogicalPtr plan = Project(core->from.plan, std::move(exprs), std::move(output));
  if (select.distinct) {
    for (const auto& item : core->items) {
      VELARIA_RETURN_NOT_OK(CheckComparable(*item.expr, "SELECT DISTINCT"));
    }
    plan = Distinct(std::move(plan));
  }
  if (!core->order.empty()) {
    std::vector<logical::SortKey> keys;
    for (const auto& key : core->order) {
      keys.push_back({ColumnOf(*plan, static_cast<size_t>(key.column)), key.descending,
                      key.nulls_first});
    }
    plan = Sort(std::move(plan), std::move(keys));
  }
  VELARIA_ASSIGN_OR_RETURN(plan, AddLimit(select, std::move(plan)));
  if (core->hidden.empty()) return plan;
  std::vector<BoundExprPtr> visible;
  std::vector<logical::OutputColumn> visible_output;
  for (size_t i = 0; i < core->items.size(); ++i) {
    visible.push_back(ColumnOf(*plan, i));
    visible_output.push_back(plan->output[i]);
  }
  return Project(std::move(plan), std::move(visible), std::move(visible_output));
}

/// ORDER BY over a set operation or VALUES: only its output columns are in scope.
Result<LogicalPtr> QueryBinder::SortOutput(const Select& select, LogicalPtr plan) {
  if (select.order_by.empty() && !select.order_by_all) return plan;
  VELARIA_ASSIGN_OR_RETURN(auto scope, ScopeOf(plan->output, "", {}));
  auto binder = Expressions(&scope);
  std::vector<logical::SortKey> keys;
  for (size_t i = 0; i < plan->output.size() && select.order_by_all; ++i) {
    auto column = ColumnOf(*plan, i);
    VELARIA_RETURN_NOT_OK(CheckComparable(*column, "ORDER BY ALL"));
    keys.push_back({std::move(column), select.order_by_all_descending,
                    select.order_by_all_nulls_first.value_or(false)});
  }
  for (const auto& item : select.order_by) {
    BoundExprPtr expr;
    if (item.expr->kind == ExprKind::kInteger) {
      VELARIA_ASSIGN_OR_RETURN(int column, Ordinal(*item.expr, plan->output.size()));
      expr = ColumnOf(*plan, static_cast<size_t>(column));
    } else {
      VELARIA_ASSIGN_OR_RETURN(expr, binder.BindWithoutAggregates(*item.expr, "ORDER BY"));
    }
    VELARIA_RETURN_NOT_OK(CheckComparable(*expr, "ORDER BY"));
    keys.push_back({std::move(expr), item.descending, NullsFirst(item)});
  }
  return Sort(std::move(plan), std::move(keys));
}

Result<int64_t> QueryBinder::LimitValue(const Expr& tree, const std::string& clause,
                                        int64_t if_null) {
  Scope nothing;
  auto binder = Expressions(&nothing);
  VELARIA_ASSIGN_OR_RETURN(auto expr, binder.BindWithoutAggregates(tree, clause));
  VELARIA_ASSIGN_OR_RETURN(expr, Adopt(expr, arrow::int64(), context_.functions));
  if (!logical::IsConstant(*expr)) {
    return FailAt(tree.place, ErrorCode::kBadLimit, clause + " must be constant");
  }
  VELARIA_ASSIGN_OR_RETURN(expr, logical::Fold(expr, context_.functions));
  if (!ValidityOf(expr->literal).IsValid(0)) return if_null;
  if (!IsInteger(*expr->type)) {
    return FailAt(tree.place, ErrorCode::kBadLimit,
                  clause + " is not a non-negative integer: " + logical::ToText(*expr));
  }
  VELARIA_ASSIGN_OR_RETURN(auto wide, CastTo(expr, arrow::int64(), context_.functions));
  const int64_t value = ViewFixed<int64_t>(wide->literal)[0];
  if (value < 0) {
    return FailAt(tree.place, ErrorCode::kBadLimit,
                  clause + " is not a non-negative integer: " + std::to_string(value));
  }
  return value;
}

Result<LogicalPtr> QueryBinder::AddLimit(const Select& select, LogicalPtr plan) {
  if (!select.limit && !select.offset) return plan;
  auto node = logical::MakeNode(NodeKind::kLimit, {plan});
  if (select.limit) {
    VELARIA_ASSIGN_OR_RETURN(node->limit, LimitValue(*select.limit, "LIMIT", -1));
  }
  if (select.offset) {
    VELARIA_ASSIGN_OR_RETURN(node->offset, LimitValue(*select.offset, "OFFSET", 0));
  }
  node->output = plan->output;
  return node;
}

}  // namespace velaria::sql
