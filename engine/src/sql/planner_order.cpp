// The tail of a query: select list to projection, DISTINCT, ORDER BY with hidden columns, LIMIT and
// OFFSET.
#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::LogicalPtr;
using logical::NodeKind;

namespace {

Result<int> Ordinal(const Expr& tree, const std::string& clause, size_t column_count) {
  const size_t ordinal = tree.text.size() < 9 ? std::stoul(tree.text) : 0;
  if (ordinal >= 1 && ordinal <= column_count) return static_cast<int>(ordinal) - 1;
  return FailAt(tree.place, ErrorCode::kBadOrdinal,
                clause + " position is not in the select list: " + tree.text,
                "The select list has " + std::to_string(column_count) + " columns.");
}

bool NullsFirst(const OrderItem& item) { return item.nulls_first.value_or(false); }

LogicalPtr Sort(LogicalPtr plan, std::vector<logical::SortKey> keys) {
  auto node = logical::MakeNode(NodeKind::kSort, {plan});
  node->sort_keys = std::move(keys);
  node->output = plan->output;
  return node;
}

}  // namespace

/// The select-list column that a bare name in ORDER BY means, or -1.
Result<int> QueryBinder::NamedColumn(const Expr& tree, const Core& core) {
  if (tree.kind != ExprKind::kColumn || tree.names.size() != 1) return -1;
  const auto found = core.named_items.find(ToLower(tree.names[0].text));
  if (found == core.named_items.end()) return -1;
  if (!found->second.ambiguous) return static_cast<int>(found->second.position);
  return FailAt(tree.place, ErrorCode::kAmbiguousColumn,
                "ambiguous column in ORDER BY: " + tree.names[0].text,
                "Write the column's position instead.");
}

void QueryBinder::IndexItems(Core* core) {
  for (size_t i = 0; i < core->items.size(); ++i) {
    const auto& item = core->items[i];
    const auto is_same = [&](size_t other) {
      return logical::Equal(*core->items[other].expr, *item.expr);
    };
    core->item_index.FindOrAdd(logical::ExpressionHash(*item.expr), i, is_same);
    const auto [named, is_first] =
        core->named_items.try_emplace(ToLower(item.output.name), Core::NamedItem{i});
    if (!is_first && !is_same(named->second.position)) named->second.ambiguous = true;
  }
}

/// The column of the projection that an expression of ORDER BY or DISTINCT ON means; one that is
/// not in the select list becomes a hidden column.
Result<int> QueryBinder::ColumnFor(const Expr& tree, const std::string& clause,
                                   const Select& select, Core* core) {
  if (tree.kind == ExprKind::kInteger) return Ordinal(tree, clause, core->items.size());
  VELARIA_ASSIGN_OR_RETURN(const int named, NamedColumn(tree, *core));
  if (named >= 0) return named;
  auto binder = Expressions(&core->from.scope, &core->collector);
  binder.set_aliases(&core->aliases);
  binder.set_windows(&core->windows);
  binder.set_unnests(&core->unnests);
  VELARIA_ASSIGN_OR_RETURN(auto expr, binder.Bind(tree));
  const size_t hash = logical::ExpressionHash(*expr);
  const auto item = core->item_index.Find(
      hash, [&](size_t at) { return logical::Equal(*core->items[at].expr, *expr); });
  if (item) return static_cast<int>(*item);
  if (select.distinct && select.distinct_on.empty()) {
    return FailAt(
        tree.place, ErrorCode::kNotGrouped,
        "ORDER BY of SELECT DISTINCT must be in the select list: " + logical::ToText(*expr));
  }
  const size_t at = core->hidden_index.FindOrAdd(hash, core->hidden.size(), [&](size_t other) {
    return logical::Equal(*core->hidden[other], *expr);
  });
  if (at == core->hidden.size()) {
    VELARIA_RETURN_NOT_OK(CheckComparable(*expr, clause));
    core->hidden.push_back(std::move(expr));
  }
  return static_cast<int>(core->items.size() + at);
}

Status QueryBinder::BindOrder(const Select& select, Core* core) {
  if (!select.distinct_on.empty() || !select.order_by.empty()) IndexItems(core);
  const auto column_for = [&](const Expr& tree, const std::string& clause) -> Result<int> {
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    VELARIA_ASSIGN_OR_RETURN(const int column, ColumnFor(tree, clause, select, core));
    if (static_cast<size_t>(column) < core->items.size()) {
      VELARIA_RETURN_NOT_OK(
          CheckComparable(*core->items[static_cast<size_t>(column)].expr, clause));
    }
    return column;
  };
  for (const auto& tree : select.distinct_on) {
    VELARIA_ASSIGN_OR_RETURN(const int column, column_for(*tree, "DISTINCT ON"));
    core->distinct_on.push_back(column);
  }
  for (size_t i = 0; i < core->items.size() && select.order_by_all; ++i) {
    VELARIA_RETURN_NOT_OK(CheckComparable(*core->items[i].expr, "ORDER BY ALL"));
    core->order.push_back({static_cast<int>(i), select.order_by_all_descending,
                           select.order_by_all_nulls_first.value_or(false)});
  }
  for (const auto& item : select.order_by) {
    VELARIA_ASSIGN_OR_RETURN(const int column, column_for(*item.expr, "ORDER BY"));
    core->order.push_back({column, item.descending, NullsFirst(item)});
  }
  return Status::OK();
}

Result<LogicalPtr> QueryBinder::Finish(const Select& select, Core* core) {
  std::vector<BoundExprPtr> exprs;
  std::vector<logical::OutputColumn> output;
  const bool compares = select.distinct && core->distinct_on.empty();
  for (const auto& item : core->items) {
    // A column that is only handed on keeps its encoding.
    const bool hands_on = !compares && (!item.tree || item.tree->kind == ExprKind::kColumn);
    exprs.push_back(hands_on ? AsStored(item.expr) : item.expr);
    output.push_back(item.output);
    output.back().type = exprs.back()->type;
  }
  for (const auto& hidden : core->hidden) {
    exprs.push_back(hidden);
    output.push_back(PlainColumn(logical::ToText(*hidden), hidden->type));
  }
  LogicalPtr plan = Project(core->from.plan, std::move(exprs), std::move(output));
  std::vector<logical::SortKey> keys;
  for (const auto& key : core->order) {
    VELARIA_ASSIGN_OR_RETURN(auto column,
                             PlainValues(ColumnOf(*plan, static_cast<size_t>(key.column))));
    keys.push_back({std::move(column), key.descending, key.nulls_first});
  }
  if (!core->distinct_on.empty()) {
    std::vector<BoundExprPtr> same;
    for (int column : core->distinct_on) {
      VELARIA_ASSIGN_OR_RETURN(auto value,
                               PlainValues(ColumnOf(*plan, static_cast<size_t>(column))));
      same.push_back(std::move(value));
    }
    VELARIA_ASSIGN_OR_RETURN(
        plan, FirstOfEach(std::move(plan), std::move(same), keys, context_.functions));
  } else if (select.distinct) {
    for (const auto& item : core->items) {
      VELARIA_RETURN_NOT_OK(CheckComparable(*item.expr, "SELECT DISTINCT"));
    }
    plan = Distinct(std::move(plan));
  }
  VELARIA_ASSIGN_OR_RETURN(plan, SortAndLimit(select, std::move(plan), std::move(keys)));
  return FirstColumns(std::move(plan), core->items.size());
}

Result<LogicalPtr> QueryBinder::SortAndLimit(const Select& select, LogicalPtr plan,
                                             std::vector<logical::SortKey> keys) {
  if (select.with_ties && keys.empty()) {
    return FailAt(select.limit ? select.limit->place : select.place, ErrorCode::kBadLimit,
                  "WITH TIES needs ORDER BY");
  }
  int64_t limit = -1;
  if (select.with_ties && select.limit) {
    VELARIA_ASSIGN_OR_RETURN(limit, LimitValue(*select.limit, "LIMIT", -1));
  }
  if (limit >= 0) {
    int64_t offset = 0;
    if (select.offset) {
      VELARIA_ASSIGN_OR_RETURN(offset, LimitValue(*select.offset, "OFFSET", 0));
    }
    VELARIA_ASSIGN_OR_RETURN(
        plan, LimitWithTies(std::move(plan), keys, limit, offset, context_.functions));
    return Sort(std::move(plan), std::move(keys));
  }
  if (!keys.empty()) plan = Sort(std::move(plan), std::move(keys));
  return AddLimit(select, std::move(plan));
}

/// ORDER BY and LIMIT over a set operation or VALUES: only its output columns are in scope.
Result<LogicalPtr> QueryBinder::SortOutput(const Select& select, LogicalPtr plan) {
  if (select.order_by.empty() && !select.order_by_all) {
    return SortAndLimit(select, std::move(plan), {});
  }
  const size_t width = plan->output.size();
  VELARIA_ASSIGN_OR_RETURN(auto scope, ScopeOf(plan->output, "", {}));
  auto binder = Expressions(&scope);
  std::vector<logical::SortKey> keys;
  for (size_t i = 0; i < plan->output.size() && select.order_by_all; ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto column, PlainValues(ColumnOf(*plan, i)));
    VELARIA_RETURN_NOT_OK(CheckComparable(*column, "ORDER BY ALL"));
    keys.push_back({std::move(column), select.order_by_all_descending,
                    select.order_by_all_nulls_first.value_or(false)});
  }
  for (const auto& item : select.order_by) {
    BoundExprPtr expr;
    if (item.expr->kind == ExprKind::kInteger) {
      VELARIA_ASSIGN_OR_RETURN(int column, Ordinal(*item.expr, "ORDER BY", plan->output.size()));
      VELARIA_ASSIGN_OR_RETURN(expr, PlainValues(ColumnOf(*plan, static_cast<size_t>(column))));
    } else {
      VELARIA_ASSIGN_OR_RETURN(expr, binder.BindWithoutAggregates(*item.expr, "ORDER BY"));
    }
    VELARIA_RETURN_NOT_OK(CheckComparable(*expr, "ORDER BY"));
    keys.push_back({std::move(expr), item.descending, NullsFirst(item)});
  }
  VELARIA_ASSIGN_OR_RETURN(plan, SortAndLimit(select, std::move(plan), std::move(keys)));
  return FirstColumns(std::move(plan), width);
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
