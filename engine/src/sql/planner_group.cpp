// GROUP BY, HAVING and the Aggregate node: expressions bound over the input are moved onto its
// output.
#include <numeric>

#include "base/cancel_scope.hpp"
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

/// Which of the groups `expr` is.
std::optional<size_t> GroupOf(const logical::BoundExpr& expr,
                              const std::vector<BoundExprPtr>& groups,
                              const logical::HashIndex& index, logical::ExpressionHashes* hashes) {
  if (groups.empty()) return std::nullopt;
  return index.Find(logical::ExpressionHash(expr, hashes),
                    [&](size_t group) { return logical::Equal(*groups[group], expr); });
}

/// What expressions over the input become over the Aggregate's output.
struct Moved {
  const std::vector<BoundExprPtr>& groups;
  const logical::HashIndex& group_index;
  const std::vector<BoundExprPtr>& groupings;  // values of the GROUPING calls
  int width;                                   // of the input
};

/// `expr` over the Aggregate's output: grouped expressions and aggregates become its columns,
/// anything else of the input is VEL2020.
Result<BoundExprPtr> OntoAggregate(const BoundExprPtr& expr, const Moved& moved,
                                   logical::ExpressionHashes* hashes) {
  const auto& groups = moved.groups;
  if (const auto group = GroupOf(*expr, groups, moved.group_index, hashes)) {
    return logical::MakeColumn(static_cast<int>(*group), expr->type,
                               logical::ToText(*groups[*group]), expr->place);
  }
  if (expr->kind == BoundKind::kColumn) {
    if (expr->column >= kWindowBase) return expr;
    if (expr->column >= kGroupingBase) {
      return moved.groupings[static_cast<size_t>(expr->column - kGroupingBase)];
    }
    if (expr->column >= moved.width) {
      const int at = static_cast<int>(groups.size()) + expr->column - moved.width;
      return logical::MakeColumn(at, expr->type, expr->name, expr->place);
    }
    return FailAt(
        expr->place, ErrorCode::kNotGrouped,
        "column is neither grouped nor aggregated: " + expr->name,
        "Add it to GROUP BY, or take an aggregate of it, such as min(" + expr->name + ").");
  }
  std::shared_ptr<logical::BoundExpr> copy;
  for (size_t i = 0; i < expr->children.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto child, OntoAggregate(expr->children[i], moved, hashes));
    if (child == expr->children[i]) continue;
    if (!copy) copy = std::make_shared<logical::BoundExpr>(*expr);
    copy->children[i] = std::move(child);
  }
  return copy ? BoundExprPtr(std::move(copy)) : expr;
}

}  // namespace

Result<BoundExprPtr> QueryBinder::GroupAt(const Expr& ordinal, const Core& core) {
  const bool fits = ordinal.text.size() < 9;
  const size_t at = fits ? std::stoul(ordinal.text) : 0;
  if (at < 1 || at > core.items.size()) {
    return FailAt(ordinal.place, ErrorCode::kBadOrdinal,
                  "GROUP BY position is not in the select list: " + ordinal.text);
  }
  const auto& group = core.items[at - 1].expr;
  if (ReadsAggregate(*group, kUnnestBase)) {
    return FailAt(ordinal.place, ErrorCode::kUnsupportedStatement,
                  "unnest may not stand in GROUP BY",
                  "Write it in FROM: FROM t, UNNEST(list) AS u(x).");
  }
  if (ReadsAggregate(*group, kWindowBase)) {
    return FailAt(ordinal.place, ErrorCode::kMisplacedWindow,
                  "a window function may not stand in GROUP BY: " + logical::ToText(*group),
                  "Compute it in a subquery in FROM.");
  }
  if (ReadsAggregate(*group, core.collector.width)) {
    return FailAt(ordinal.place, ErrorCode::kMisplacedAggregate,
                  "an aggregate may not stand in GROUP BY: " + logical::ToText(*group));
  }
  return group;
}

Status QueryBinder::AddGroup(BoundExprPtr group, Core* core, int* position) {
  VELARIA_RETURN_NOT_OK(CheckComparable(*group, "GROUP BY"));
  auto& groups = core->groups;
  const size_t at = core->group_index.FindOrAdd(
      logical::ExpressionHash(*group), groups.size(),
      [&](size_t other) { return logical::Equal(*groups[other], *group); });
  *position = static_cast<int>(at);
  if (at == groups.size()) groups.push_back(std::move(group));
  return Status::OK();
}

Status QueryBinder::BindGroups(const Select& select, Core* core) {
  auto binder = Expressions(&core->from.scope, &core->collector);
  binder.set_aliases(&core->aliases);
  std::vector<int> positions;  // of each tree, among the groups
  for (const auto& tree : select.group_by) {
    BoundExprPtr group;
    if (tree->kind == ExprKind::kInteger) {
      VELARIA_ASSIGN_OR_RETURN(group, GroupAt(*tree, *core));
    } else {
      VELARIA_ASSIGN_OR_RETURN(group, binder.BindWithoutAggregates(*tree, "GROUP BY"));
    }
    VELARIA_RETURN_NOT_OK(AddGroup(std::move(group), core, &positions.emplace_back()));
  }
  if (select.grouping_sets) {
    core->grouping_sets.emplace();
    for (const auto& trees : *select.grouping_sets) {
      std::vector<int> set;
      for (const int tree : trees) set.push_back(positions[static_cast<size_t>(tree)]);
      std::sort(set.begin(), set.end());
      set.erase(std::unique(set.begin(), set.end()), set.end());
      core->grouping_sets->push_back(std::move(set));
    }
  }
  for (const auto& item : core->items) {
    if (!select.group_by_all || ReadsAggregate(*item.expr, core->collector.width)) continue;
    VELARIA_RETURN_NOT_OK(AddGroup(item.expr, core, &positions.emplace_back()));
  }
  if (select.having) {
    VELARIA_ASSIGN_OR_RETURN(core->having, binder.Bind(*select.having));
    VELARIA_ASSIGN_OR_RETURN(core->having,
                             ExpectBoolean(std::move(core->having), "HAVING", context_.functions));
  }
  return Status::OK();
}

/// The GROUPING calls over the Aggregate's output: a CASE over the number of the set.
Result<std::vector<BoundExprPtr>> QueryBinder::GroupingValues(const Core& core, int set_column) {
  const auto literal = [](auto scalar) -> Result<BoundExprPtr> {
    VELARIA_ASSIGN_OR_RETURN(auto value, MakeConstant(scalar, arrow::default_memory_pool()));
    return logical::MakeLiteral(std::move(value));
  };
  std::vector<int> all(core.groups.size());
  std::iota(all.begin(), all.end(), 0);
  const auto sets = core.grouping_sets.value_or(std::vector<std::vector<int>>{all});
  std::vector<BoundExprPtr> values;
  for (const auto& arguments : core.collector.groupings) {
    std::vector<int> positions = arguments.empty() ? all : std::vector<int>();
    for (const auto& argument : arguments) {
      logical::ExpressionHashes hashes;
      const auto at = GroupOf(*argument, core.groups, core.group_index, &hashes);
      if (!at) {
        return FailAt(
            argument->place, ErrorCode::kNotGrouped,
            "the arguments of GROUPING must be in GROUP BY: " + logical::ToText(*argument));
      }
      positions.push_back(static_cast<int>(*at));
    }
    std::vector<BoundExprPtr> parts;
    for (size_t set = 0; set < sets.size(); ++set) {
      int32_t bits = 0;
      for (const int at : positions) {
        bits = bits * 2 + !std::binary_search(sets[set].begin(), sets[set].end(), at);
      }
      VELARIA_ASSIGN_OR_RETURN(auto value, literal(std::make_shared<arrow::Int32Scalar>(bits)));
      if (set + 1 < sets.size()) {
        VELARIA_ASSIGN_OR_RETURN(
            auto number, literal(std::make_shared<arrow::Int64Scalar>(static_cast<int64_t>(set))));
        const auto column = logical::MakeColumn(set_column, arrow::int64(), "grouping set");
        VELARIA_ASSIGN_OR_RETURN(auto here, logical::MakeCall("=", {column, std::move(number)}));
        parts.push_back(std::move(here));
      }
      parts.push_back(std::move(value));
    }
    if (parts.size() == 1) {
      values.push_back(parts[0]);
      continue;
    }
    auto choice = std::make_shared<logical::BoundExpr>();
    choice->kind = BoundKind::kCase;
    choice->type = arrow::int32();
    choice->children = std::move(parts);
    values.push_back(std::move(choice));
  }
  return values;
}

Status QueryBinder::BindAggregation(const Select& select, Core* core) {
  auto& aggregates = core->collector.aggregates;
  const bool groups = !select.group_by.empty() || select.group_by_all || select.grouping_sets;
  if (!groups && aggregates.empty() && core->collector.groupings.empty() && !core->having) {
    return Status::OK();
  }
  const auto set_column = static_cast<int>(core->groups.size() + aggregates.size());
  VELARIA_ASSIGN_OR_RETURN(const auto groupings, GroupingValues(*core, set_column));
  const Moved moved{core->groups, core->group_index, groupings, core->collector.width};
  const auto move = [&](BoundExprPtr* expr) -> Status {
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    logical::ExpressionHashes hashes;
    VELARIA_ASSIGN_OR_RETURN(*expr, OntoAggregate(*expr, moved, &hashes));
    return Status::OK();
  };
  auto node = logical::MakeNode(logical::NodeKind::kAggregate, {core->from.plan});
  for (const auto& group : core->groups) {
    logical::OutputColumn column = PlainColumn(logical::ToText(*group), group->type);
    if (group->kind == BoundKind::kColumn) {
      column = core->from.plan->output[static_cast<size_t>(group->column)];
    }
    column.nullable = column.nullable || core->grouping_sets;
    node->output.push_back(std::move(column));
  }
  for (const auto& aggregate : aggregates) {
    node->output.push_back(PlainColumn(aggregate.text, aggregate.binding.type));
  }
  if (core->grouping_sets) node->output.push_back(PlainColumn("grouping set", arrow::int64()));
  for (auto& item : core->items) {
    VELARIA_RETURN_NOT_OK(move(&item.expr));
    item.output.nullable = item.output.nullable || core->grouping_sets;
  }
  for (auto& hidden : core->hidden) VELARIA_RETURN_NOT_OK(move(&hidden));
  if (core->having) VELARIA_RETURN_NOT_OK(move(&core->having));
  if (core->qualify) VELARIA_RETURN_NOT_OK(move(&core->qualify));
  for (auto& window : core->windows.calls) {
    VELARIA_RETURN_NOT_OK(ChangeWindow(&window, move));
  }
  for (auto& list : core->unnests.lists) VELARIA_RETURN_NOT_OK(move(&list));
  node->expressions = core->groups;
  node->aggregates = std::move(aggregates);
  node->grouping_sets = core->grouping_sets;
  core->from.plan = std::move(node);
  if (core->having) core->from.plan = Filter(core->from.plan, core->having);
  return Status::OK();
}

}  // namespace velaria::sql
