// One SELECT core: select list, stars, window clause, and the order in which the clauses become
// nodes.
#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::LogicalPtr;
using logical::NodeKind;
using logical::OutputColumn;

namespace {

/// A row is handed on once per window that holds it: more than this is taken for a slip of units.
constexpr int64_t kMaxWindowsPerRow = 100000;

}  // namespace

OutputColumn PlainColumn(std::string name, TypePtr type) {
  return {std::move(name), std::move(type), true, nullptr};
}

BoundExprPtr ColumnOf(const logical::LogicalNode& plan, size_t index) {
  const auto& column = plan.output[index];
  return logical::MakeColumn(static_cast<int>(index), column.type, column.name);
}

LogicalPtr Project(LogicalPtr plan, std::vector<BoundExprPtr> exprs,
                   std::vector<OutputColumn> output) {
  bool identity = exprs.size() == plan->output.size();
  for (size_t i = 0; i < exprs.size() && identity; ++i) {
    identity = exprs[i]->kind == logical::BoundKind::kColumn &&
               exprs[i]->column == static_cast<int>(i) && output[i].name == plan->output[i].name;
  }
  if (identity) return plan;
  auto node = logical::MakeNode(NodeKind::kProject, {std::move(plan)});
  node->expressions = std::move(exprs);
  node->output = std::move(output);
  return node;
}

LogicalPtr Filter(LogicalPtr plan, BoundExprPtr predicate) {
  auto node = logical::MakeNode(NodeKind::kFilter, {plan});
  node->predicate = std::move(predicate);
  node->output = plan->output;
  return node;
}

LogicalPtr Distinct(LogicalPtr plan) {
  if (plan->output.empty()) {  // all rows are equal
    auto first = logical::MakeNode(NodeKind::kLimit, {plan});
    first->limit = 1;
    return first;
  }
  auto node = logical::MakeNode(NodeKind::kAggregate, {plan});
  for (size_t i = 0; i < plan->output.size(); ++i) {
    node->expressions.push_back(ColumnOf(*plan, i));
  }
  node->output = plan->output;
  return node;
}

std::string OutputNameOf(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kColumn: return expr.names.back().text;
    case ExprKind::kCall:
    case ExprKind::kWindowCall: return expr.names.back().text;
    case ExprKind::kExtract: return "extract";
    case ExprKind::kCase: return "case";
    case ExprKind::kBoolean: return "bool";
    case ExprKind::kInterval: return "interval";
    case ExprKind::kExists: return "exists";
    case ExprKind::kSubquery: {  // as its one column is called
      const auto& items = expr.select->items;
      if (items.size() != 1) return "?column?";
      return items[0].alias ? items[0].alias->text : OutputNameOf(*items[0].expr);
    }
    case ExprKind::kTyped: return ToLower(expr.type.name);
    case ExprKind::kCast: {
      const std::string inner = OutputNameOf(*expr.children[0]);
      return inner == "?column?" ? ToLower(expr.type.name) : inner;
    }
    default: return "?column?";
  }
}

namespace {

/// Whether `name` is one of the names that * EXCLUDE leaves out; `used` learns which.
bool IsExcluded(const std::string& name, const Expr& star, std::vector<bool>* used) {
  for (size_t i = 0; i < star.excluded.size(); ++i) {
    if (!NameMatches(star.excluded[i], name)) continue;
    (*used)[i] = true;
    return true;
  }
  return false;
}

const SelectItem* ReplacementOf(const std::string& name, const Expr& star,
                                std::vector<bool>* used) {
  for (size_t i = 0; i < star.replaced.size(); ++i) {
    if (!star.replaced[i].alias || !NameMatches(*star.replaced[i].alias, name)) continue;
    (*used)[i] = true;
    return &star.replaced[i];
  }
  return nullptr;
}

Status CheckUsed(const std::vector<bool>& used, const std::vector<Name>& names,
                 const Scope& scope) {
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i]) continue;
    std::vector<std::string> candidates;
    for (const auto& column : scope.columns) candidates.push_back(column.name);
    const auto near = NearestName(names[i].text, candidates);
    return FailAt(names[i].place, ErrorCode::kUnknownColumn,
                  "* brings in no such column: " + names[i].text,
                  near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?");
  }
  return Status::OK();
}

}  // namespace

Status QueryBinder::ExpandStar(const Expr& star, size_t position, Core* core) {
  const Scope& scope = core->from.scope;
  const Name* table = star.names.empty() ? nullptr : &star.names.back();
  if (table && !scope.HasTable(table->text)) {
    const auto near = NearestName(table->text, scope.tables);
    return FailAt(star.place, ErrorCode::kUnknownTable,
                  "no table of that name in FROM: " + table->text,
                  near.empty() ? "" : "Did you mean " + near + "?");
  }
  if (!table && scope.tables.empty()) {
    return FailAt(star.place, ErrorCode::kSyntaxError, "SELECT * needs a FROM clause");
  }
  std::vector<bool> excluded(star.excluded.size()), replaced(star.replaced.size());
  for (const auto& column : scope.columns) {
    if (table ? !NameMatches(*table, column.table) : !column.in_star) continue;
    if (IsExcluded(column.name, star, &excluded)) continue;
    if (const auto* replacement = ReplacementOf(column.name, star, &replaced)) {
      VELARIA_ASSIGN_OR_RETURN(auto item, BindItem(*replacement, position, core));
      core->items.push_back(std::move(item));
      continue;
    }
    SelectColumn item;
    auto expr = std::make_shared<logical::BoundExpr>(*column.expr);
    expr->place = star.place;
    item.output = {column.name, expr->type, column.nullable, column.metadata};
    VELARIA_ASSIGN_OR_RETURN(item.expr, PlainValues(std::move(expr)));
    core->items.push_back(std::move(item));
  }
  VELARIA_RETURN_NOT_OK(CheckUsed(excluded, star.excluded, scope));
  std::vector<Name> replaced_names;
  for (const auto& item : star.replaced) replaced_names.push_back(item.alias.value_or(Name{}));
  return CheckUsed(replaced, replaced_names, scope);
}

Result<SelectColumn> QueryBinder::BindItem(const SelectItem& item, size_t position, Core* core) {
  auto binder = Expressions(&core->from.scope, &core->collector);
  binder.set_late_aliases(&core->aliases, position);
  binder.set_windows(&core->windows);
  binder.set_unnests(&core->unnests);
  SelectColumn column;
  VELARIA_ASSIGN_OR_RETURN(column.expr, binder.Bind(*item.expr));
  column.output = PlainColumn(OutputNameOf(*item.expr), column.expr->type);
  if (item.expr->kind == ExprKind::kColumn) {
    VELARIA_ASSIGN_OR_RETURN(const auto* source, core->from.scope.Find(item.expr->names));
    if (source) {  // else it is an enclosing query's
      column.output = {source->name, source->expr->type, source->nullable, source->metadata};
    }
  }
  column.has_alias = item.alias.has_value();
  if (item.alias) column.output.name = item.alias->text;
  column.tree = item.expr.get();
  return column;
}

namespace {

/// SELECT distict a: the word was read as a column, and what stands behind it as its alias.
Status ProposeDistinct(const SelectItem& first, const Status& status) {
  ErrorInfo info = ErrorInfoOf(status);
  const bool is_unknown = info.code == ErrorCode::kUnknownColumn && info.hint.empty();
  const bool is_word = first.alias && first.expr->kind == ExprKind::kColumn &&
                       first.expr->names.size() == 1 && !first.expr->names[0].quoted;
  if (!is_unknown || !is_word || NearestName(first.expr->names[0].text, {"DISTINCT"}).empty()) {
    return status;
  }
  info.hint = "Did you mean DISTINCT?";
  return MakeError(std::move(info));
}

}  // namespace

Status QueryBinder::BindItems(const Select& select, Core* core) {
  for (size_t i = 0; i < select.items.size(); ++i) {
    const auto& item = select.items[i];
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    if (item.expr->kind == ExprKind::kStar) {
      VELARIA_RETURN_NOT_OK(ExpandStar(*item.expr, i, core));
      continue;
    }
    auto column = BindItem(item, i, core);
    if (!column.ok() && i == 0) return ProposeDistinct(item, column.status());
    VELARIA_RETURN_NOT_OK(column.status());
    core->items.push_back(*std::move(column));
  }
  // A table without columns has rows all the same.
  const bool takes_all =
      std::any_of(select.items.begin(), select.items.end(), [](const auto& item) {
        return item.expr->kind == ExprKind::kStar && item.expr->excluded.empty();
      });
  if (!core->items.empty() || takes_all) return Status::OK();
  return FailAt(select.place, ErrorCode::kSyntaxError, "the select list is empty");
}

Status QueryBinder::BindWindow(const WindowBy& window, FromClause* from) {
  const auto sizes = "slide_ms=" + std::to_string(window.slide_ms) +
                     ", window_ms=" + std::to_string(window.window_ms);
  if (window.window_ms <= 0 || window.slide_ms <= 0) {
    return FailAt(window.place, ErrorCode::kBadWindow, "window sizes must be positive: " + sizes);
  }
  if (window.slide_ms > window.window_ms) {
    return FailAt(window.place, ErrorCode::kBadWindow, "window slide exceeds window size: " + sizes,
                  "Use SLIDE <= EVERY, or leave SLIDE out for a tumbling window.");
  }
  if ((window.window_ms - 1) / window.slide_ms >= kMaxWindowsPerRow) {
    return FailAt(
        window.place, ErrorCode::kBadWindow, "each row falls into too many windows: " + sizes,
        "Use a longer SLIDE: a row has at most " + std::to_string(kMaxWindowsPerRow) + " windows.");
  }
  auto binder = Expressions(&from->scope);
  VELARIA_ASSIGN_OR_RETURN(auto time, binder.BindWithoutAggregates(*window.time, "WINDOW BY"));
  if (time->type->id() == arrow::Type::DATE32 || time->type->id() == arrow::Type::DATE64) {
    VELARIA_ASSIGN_OR_RETURN(
        time, CastTo(time, arrow::timestamp(arrow::TimeUnit::MILLI), context_.functions));
  }
  if (time->type->id() != arrow::Type::TIMESTAMP) {
    return FailAt(window.time->place, ErrorCode::kBadWindow,
                  "window time must be a timestamp, not: " + SqlName(*time->type),
                  "Cast the column to TIMESTAMP.");
  }
  const auto& type = static_cast<const arrow::TimestampType&>(*time->type);
  const bool sub_second = window.window_ms % 1000 != 0 || window.slide_ms % 1000 != 0;
  if (type.unit() == arrow::TimeUnit::SECOND && sub_second) {
    const auto finer = arrow::timestamp(arrow::TimeUnit::MILLI, type.timezone());
    VELARIA_ASSIGN_OR_RETURN(time, CastTo(time, finer, context_.functions));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto* taken, from->scope.Find({window.output}));
  if (taken) {
    return FailAt(window.output.place, ErrorCode::kDuplicateColumn,
                  "the window column has the name of another column: " + window.output.text);
  }
  auto node = logical::MakeNode(NodeKind::kWindowBy, {from->plan});
  node->output = from->plan->output;
  node->output.push_back(PlainColumn(window.output.text, time->type));
  node->window_ms = window.window_ms;
  node->slide_ms = window.slide_ms;
  ScopeColumn column;
  column.name = window.output.text;
  column.expr =
      logical::MakeColumn(static_cast<int>(node->output.size()) - 1, time->type, column.name);
  node->time = std::move(time);
  from->scope.columns.push_back(std::move(column));
  from->plan = std::move(node);
  return Status::OK();
}

Result<PlannedQuery> QueryBinder::BindCore(const Select& select) {
  Core core;
  if (select.from) {
    VELARIA_ASSIGN_OR_RETURN(core.from, BindFrom(*select.from));
  } else {
    auto one_row = logical::MakeNode(NodeKind::kValues);
    one_row->rows.emplace_back();
    core.from.plan = std::move(one_row);
  }
  core.aliases.Add(select.items);
  if (select.where) {
    auto binder = Expressions(&core.from.scope);
    binder.set_late_aliases(&core.aliases, select.items.size());
    VELARIA_ASSIGN_OR_RETURN(auto predicate, binder.BindPredicate(*select.where, "WHERE"));
    core.from.plan = Filter(core.from.plan, std::move(predicate));
  }
  if (select.window_by) VELARIA_RETURN_NOT_OK(BindWindow(*select.window_by, &core.from));
  core.collector.width = static_cast<int>(core.from.plan->output.size());
  VELARIA_RETURN_NOT_OK(BindNamedWindows(select, &core));
  VELARIA_RETURN_NOT_OK(BindItems(select, &core));
  VELARIA_RETURN_NOT_OK(BindGroups(select, &core));
  VELARIA_RETURN_NOT_OK(BindQualify(select, &core));
  VELARIA_RETURN_NOT_OK(BindOrder(select, &core));
  VELARIA_RETURN_NOT_OK(BindAggregation(select, &core));
  VELARIA_RETURN_NOT_OK(PlaceWindows(&core));
  PlaceUnnests(&core);

  PlannedQuery planned;
  const bool is_plain_star = core.from.relation && select.items.size() == 1 &&
                             select.items[0].expr->kind == ExprKind::kStar &&
                             select.items[0].expr->excluded.empty() &&
                             select.items[0].expr->replaced.empty() && !select.window_by &&
                             select.group_by.empty() && !select.group_by_all && !select.distinct;
  if (is_plain_star) planned.metadata = core.from.relation->schema()->metadata();
  for (const auto& item : core.items) planned.untyped.push_back(IsUntyped(*item.expr));
  VELARIA_ASSIGN_OR_RETURN(planned.plan, Finish(select, &core));
  return planned;
}

}  // namespace velaria::sql
