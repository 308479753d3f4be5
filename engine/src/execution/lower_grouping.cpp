// Lowering of GROUPING SETS: the input is read once and goes down one chain per set, each into an
// aggregation of its own. The sets come out one behind another, with NULL for the groups that are
// not in the set and the set's number as the last column. Many sets read the groups of all
// expressions together instead, each with what its rows have come to, where that can be combined.
#include "execution/lowering.hpp"

namespace velaria::execution {
namespace {

Result<logical::BoundExprPtr> SetNumber(size_t set) {
  ARROW_ASSIGN_OR_RAISE(
      auto number, MakeConstant(std::make_shared<arrow::Int64Scalar>(static_cast<int64_t>(set)),
                                arrow::default_memory_pool()));
  return logical::MakeLiteral(std::move(number));
}

/// From one set's groups and aggregates to the node's output.
Result<std::shared_ptr<const OperatorNode>> Spread(const LogicalNode& node, size_t number) {
  const auto& set = (*node.grouping_sets)[number];
  const size_t groups = node.expressions.size();
  std::vector<logical::BoundExprPtr> columns(groups);
  int next = 0;
  for (const int group : set) {
    const auto& column = node.output[static_cast<size_t>(group)];
    columns[static_cast<size_t>(group)] = logical::MakeColumn(next++, column.type, column.name);
  }
  for (size_t i = 0; i < groups; ++i) {
    if (columns[i]) continue;
    ARROW_ASSIGN_OR_RAISE(columns[i], logical::MakeNull(node.output[i].type));
  }
  for (size_t i = 0; i < node.aggregates.size(); ++i) {
    const auto& column = node.output[groups + i];
    columns.push_back(logical::MakeColumn(next++, column.type, column.name));
  }
  ARROW_ASSIGN_OR_RAISE(auto set_number, SetNumber(number));
  columns.push_back(std::move(set_number));
  return std::make_shared<ProjectNode>(std::move(columns));
}

/// So many sets are worth an aggregation before theirs.
constexpr size_t kSetsOfGroupsMin = 8;

/// The aggregate that combines the results of another one, or null. Sums of floats depend on the
/// order of their terms.
const char* CombinerOf(const logical::BoundAggregate& aggregate) {
  const auto& binding = aggregate.binding;
  if (!aggregate.function || binding.distinct || binding.needs_row_order) return nullptr;
  const std::string& name = aggregate.function->name;
  if (name == "count") return "sum";
  if (name == "min") return "min";
  if (name == "max") return "max";
  const bool exact = IsInteger(*binding.type) || IsDecimal(*binding.type);
  return name == "sum" && exact ? "sum" : nullptr;
}

bool Combine(const LogicalNode& node) {
  return node.grouping_sets->size() >= kSetsOfGroupsMin &&
         std::all_of(node.aggregates.begin(), node.aggregates.end(),
                     [](const auto& aggregate) { return CombinerOf(aggregate) != nullptr; });
}

/// The same sets over the groups of all expressions together.
Result<std::shared_ptr<LogicalNode>> OverGroups(const LogicalNode& node) {
  auto all = std::make_shared<LogicalNode>(node);
  all->grouping_sets.reset();
  all->output.pop_back();  // the set's number
  auto sets = logical::MakeNode(logical::NodeKind::kAggregate, {all});
  sets->grouping_sets = node.grouping_sets;
  sets->output = node.output;
  const size_t groups = node.expressions.size();
  const auto column = [&](size_t i) {
    return logical::MakeColumn(static_cast<int>(i), all->output[i].type, all->output[i].name);
  };
  for (size_t i = 0; i < groups; ++i) sets->expressions.push_back(column(i));
  for (size_t i = 0; i < node.aggregates.size(); ++i) {
    logical::BoundAggregate combined;
    combined.function = FunctionRegistry::Instance().FindAggregate(CombinerOf(node.aggregates[i]));
    BindArguments described;
    described.types = {all->output[groups + i].type};
    described.constants = {nullptr};
    ARROW_ASSIGN_OR_RAISE(combined.binding, BindAggregate(*combined.function, described));
    ARROW_ASSIGN_OR_RAISE(auto argument, logical::MakeCast(column(groups + i),
                                                           combined.binding.arguments[0]
                                                               ? combined.binding.arguments[0]
                                                               : described.types[0],
                                                           false));
    combined.arguments = {std::move(argument)};
    combined.text = node.aggregates[i].text;
    combined.place = node.aggregates[i].place;
    sets->output[groups + i].type = combined.binding.type;
    sets->aggregates.push_back(std::move(combined));
  }
  return sets;
}

/// From the combined results to the node's: their types, and a count of no rows is 0.
Result<std::shared_ptr<const OperatorNode>> AsAsked(const LogicalNode& node,
                                                    const LogicalNode& sets) {
  std::vector<logical::BoundExprPtr> columns;
  const size_t groups = node.expressions.size();
  for (size_t i = 0; i < node.output.size(); ++i) {
    auto value = logical::MakeColumn(static_cast<int>(i), sets.output[i].type, sets.output[i].name);
    ARROW_ASSIGN_OR_RAISE(value, logical::MakeCast(value, node.output[i].type, false));
    const bool counts = i >= groups && i - groups < node.aggregates.size() &&
                        node.aggregates[i - groups].function->name == "count";
    if (counts) {
      ARROW_ASSIGN_OR_RAISE(auto zero, SetNumber(0));
      ARROW_ASSIGN_OR_RAISE(value, logical::MakeCall("coalesce", {value, std::move(zero)}));
    }
    columns.push_back(std::move(value));
  }
  return std::make_shared<ProjectNode>(std::move(columns));
}

}  // namespace

Result<Lowering::Drafts> Lowering::LowerGroupingSets(const LogicalNode& node) {
  // With triggers an aggregation emits its groups again, and they would be combined twice.
  if (RunsOnce() && Combine(node)) {
    ARROW_ASSIGN_OR_RAISE(const auto sets, OverGroups(node));
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerSets(*sets));
    ARROW_ASSIGN_OR_RAISE(const auto as_asked, AsAsked(node, *sets));
    for (auto& draft : drafts) draft.operators.push_back(as_asked);
    return drafts;
  }
  return LowerSets(node);
}

Result<Lowering::Drafts> Lowering::LowerSets(const LogicalNode& node) {
  const auto& sets = *node.grouping_sets;
  if (sets.empty()) return Bug("an aggregate without a grouping set");
  if (options_.from_partials) return Bug("grouping sets have no partial results");
  ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*node.children[0], false));
  const auto aggregate_of = [&](const std::vector<int>& set) {
    AggregateSpec spec = SpecOf(node);
    spec.groups.clear();
    for (const int group : set) spec.groups.push_back(node.expressions[static_cast<size_t>(group)]);
    return std::make_shared<AggregateNode>(std::move(spec));
  };
  std::vector<int> accumulators = {-1};  // the first set's is made last
  for (size_t i = 1; i < sets.size(); ++i) {
    accumulators.push_back(static_cast<int>(plan_->accumulators.size()));
    plan_->accumulators.push_back(aggregate_of(sets[i]));
  }
  for (auto& draft : drafts) {
    for (size_t i = 1; i < sets.size(); ++i) {
      draft.forks.push_back({draft.operators, accumulators[i]});
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto first, BreakDrafts(std::move(drafts), aggregate_of(sets[0])));
  Drafts result;
  for (size_t i = 0; i < sets.size(); ++i) {
    Draft draft = first[0];
    if (i > 0) draft.source_accumulator = accumulators[i];
    ARROW_ASSIGN_OR_RAISE(auto spread, Spread(node, i));
    draft.operators.push_back(std::move(spread));
    result.push_back(std::move(draft));
  }
  return result;
}

}  // namespace velaria::execution
