// Lowering of GROUPING SETS: the input is read once and goes down one chain per set, each into an
// aggregation of its own. The sets come out one behind another, with NULL for the groups that are
// not in the set and the set's number as the last column.
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

}  // namespace

Result<Lowering::Drafts> Lowering::LowerGroupingSets(const LogicalNode& node) {
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
