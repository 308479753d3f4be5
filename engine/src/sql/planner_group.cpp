// GROUP BY, HAVING and the Aggregate node: expressions bound over the input are moved onto its
// output.
#include "base/text.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

namespace {

bool ReadsAggregate(const logical::BoundExpr& expr, int width) {
  std::vector<int> used;
  logical::CollectColumns(expr, &used);
  return std::any_of(used.begin(), used.end(), [&](int column) { return column >= width; });
}

/// `expr` over the Aggregate's output: grouped expressions and aggregates become its columns,
/// anything else of the input is VEL2020.
Result<BoundExprPtr> OntoAggregate(const BoundExprPtr& expr,
                                   const std::vector<BoundExprPtr>& groups, int width) {
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!logical::Equal(*expr, *groups[i])) continue;
    return logical::MakeColumn(static_cast<int>(i), expr->type, logical::ToText(*groups[i]),
                               expr->place);
  }
  if (expr->kind == BoundKind::kColumn) {
    if (expr->column >= kWindowBase) return expr;
    if (expr->column >= width) {
      const int at = static_cast<int>(groups.size()) + expr->column - width;
      return logical::MakeColumn(at, expr->type, expr->name, expr->place);
    }
    return FailAt(
        expr->place, ErrorCode::kNotGrouped,
        "column is neither grouped nor aggregated: " + expr->name,
        "Add it to GROUP BY, or take an aggregate of it, such as min(" + expr->name + ").");
  }
  std::shared_ptr<logical::BoundExpr> copy;
  for (size_t i = 0; i < expr->children.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto child, OntoAggregate(expr->children[i], groups, width));
    if (child == expr->children[i]) continue;
    if (!copy) copy = std::make_shared<logical::BoundExpr>(*expr);
    copy->children[i] = std::move(child);
  }
  return copy ? BoundExprPtr(std::move(copy)) : expr;
}

}  // namespace

Status QueryBinder::BindGroups(const Select& select, Core* core) {
  auto binder = Expressions(&core->from.scope, &core->collector);
  binder.set_aliases(&core->aliases);
  for (const auto& tree : select.group_by) {
    BoundExprPtr group;
    if (tree->kind == ExprKind::kInteger) {
      const bool fits = tree->text.size() < 9;
      const size_t ordinal = fits ? std::stoul(tree->text) : 0;
      if (ordinal < 1 || ordinal > core->items.size()) {
        return FailAt(tree->place, ErrorCode::kBadOrdinal,
                      "GROUP BY position is not in the select list: " + tree->text);
      }
      group = core->items[ordinal - 1].expr;
      if (ReadsAggregate(*group, kWindowBase)) {
        return FailAt(tree->place, ErrorCode::kMisplacedWindow,
                      "a window function may not stand in GROUP BY: " + logical::ToText(*group),
                      "Compute it in a subquery in FROM.");
      }
      if (ReadsAggregate(*group, core->collector.width)) {
        return FailAt(tree->place, ErrorCode::kMisplacedAggregate,
                      "an aggregate may not stand in GROUP BY: " + logical::ToText(*group));
      }
    } else {
      VELARIA_ASSIGN_OR_RETURN(group, binder.BindWithoutAggregates(*tree, "GROUP BY"));
    }
    VELARIA_RETURN_NOT_OK(CheckComparable(*group, "GROUP BY"));
    const bool known =
        std::any_of(core->groups.begin(), core->groups.end(),
                    [&](const auto& other) { return logical::Equal(*other, *group); });
    if (!known) core->groups.push_back(std::move(group));
  }
  if (select.having) {
    VELARIA_ASSIGN_OR_RETURN(core->having, binder.Bind(*select.having));
    VELARIA_ASSIGN_OR_RETURN(core->having,
                             ExpectBoolean(std::move(core->having), "HAVING", context_.functions));
  }
  return Status::OK();
}

Status QueryBinder::BindAggregation(const Select& select, Core* core) {
  auto& aggregates = core->collector.aggregates;
  if (select.group_by.empty() && aggregates.empty() && !core->having) return Status::OK();
  const int width = core->collector.width;
  const auto move = [&](BoundExprPtr* expr) -> Status {
    VELARIA_ASSIGN_OR_RETURN(*expr, OntoAggregate(*expr, core->groups, width));
    return Status::OK();
  };
  auto node = logical::MakeNode(logical::NodeKind::kAggregate, {core->from.plan});
  for (const auto& group : core->groups) {
    logical::OutputColumn column = PlainColumn(logical::ToText(*group), group->type);
    if (group->kind == BoundKind::kColumn) {
      column = core->from.plan->output[static_cast<size_t>(group->column)];
    }
    node->output.push_back(std::move(column));
  }
  for (const auto& aggregate : aggregates) {
    node->output.push_back(PlainColumn(aggregate.text, aggregate.binding.type));
  }
  for (auto& item : core->items) VELARIA_RETURN_NOT_OK(move(&item.expr));
  for (auto& hidden : core->hidden) VELARIA_RETURN_NOT_OK(move(&hidden));
  if (core->having) VELARIA_RETURN_NOT_OK(move(&core->having));
  if (core->qualify) VELARIA_RETURN_NOT_OK(move(&core->qualify));
  for (auto& window : core->windows.calls) {
    VELARIA_RETURN_NOT_OK(ChangeWindow(&window, move));
  }
  node->expressions = core->groups;
  node->aggregates = std::move(aggregates);
  core->from.plan = std::move(node);
  if (core->having) core->from.plan = Filter(core->from.plan, core->having);
  return Status::OK();
}

}  // namespace velaria::sql
