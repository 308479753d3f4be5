// What groups, numbers or counts rows, for all outer values at once.
#include "logical/dependent_pusher.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {

Result<Pusher::Maybe> Pusher::PushAggregate(const LogicalPtr& node) {
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[0]));
  if (!pushed) return pushed;
  Dependent& dependent = *pushed;
  // A row that is there for no rows cannot be missed below an aggregate that counts it.
  if (dependent.misses_empty_groups) return Maybe();
  const size_t keys = dependent.keys.size(), groups = node->expressions.size();
  auto copy = CopyNode(*node);
  VELARIA_ASSIGN_OR_RETURN(const bool resolved, ResolveAll(copy.get(), dependent));
  if (!resolved) return Nothing("an aggregate over an outer column");
  std::vector<BoundExprPtr> key_columns;
  std::vector<OutputColumn> key_output;
  for (size_t i = 0; i < keys; ++i) {
    key_columns.push_back(KeyColumn(dependent, i));
    key_output.push_back(dependent.plan->output[dependent.first_key() + i]);
  }
  const auto at = static_cast<std::ptrdiff_t>(groups);
  copy->expressions.insert(copy->expressions.begin() + at, key_columns.begin(), key_columns.end());
  copy->output.insert(copy->output.begin() + at, key_output.begin(), key_output.end());
  copy->children = {dependent.plan};
  bool has_empty_set = false;
  if (copy->grouping_sets) {
    for (auto& set : *copy->grouping_sets) {
      has_empty_set |= set.empty();
      for (size_t i = 0; i < keys; ++i) set.push_back(static_cast<int>(groups + i));
    }
  }
  // Behind the aggregates stands the number of the set.
  const size_t aggregates = node->output.size() - groups;
  const LogicalPtr aggregated = std::move(copy);
  dependent.plan = Reordered(aggregated, 0, groups, {{groups + keys, aggregates}, {groups, keys}});
  if (node->grouping_sets) {
    if (!has_empty_set) return pushed;
    if (!by_domain()) return Maybe();
    VELARIA_ASSIGN_OR_RETURN(dependent.plan, WithEmptySets(*node, dependent.plan, keys));
    return pushed;
  }
  if (groups > 0) return pushed;
  if (!by_domain()) {
    dependent.misses_empty_groups = true;
    return pushed;
  }
  VELARIA_ASSIGN_OR_RETURN(dependent.plan, WithEmptyGroups(*node, dependent.plan, keys));
  return pushed;
}

Result<LogicalPtr> Pusher::WithEmptyGroups(const LogicalNode& node, const LogicalPtr& aggregated,
                                           size_t keys) {
  const size_t aggregates = node.aggregates.size();
  auto join = MakeNode(NodeKind::kJoin, {domain_, aggregated});
  join->join = JoinType::kLeft;
  for (size_t i = 0; i < keys; ++i) {
    join->left_keys.push_back(OutputColumnAt(*domain_, i));
    join->right_keys.push_back(OutputColumnAt(*aggregated, aggregates + i));
    join->null_safe.push_back(true);
  }
  join->output = JoinOutput(JoinType::kLeft, *domain_, *aggregated);
  auto project = MakeNode(NodeKind::kProject, {join});
  for (size_t i = 0; i < aggregates; ++i) {
    auto column = OutputColumnAt(*join, keys + i);
    VELARIA_ASSIGN_OR_RETURN(auto empty, EmptyValue(node.aggregates[i]));
    if (ValidityOf(empty).IsValid(0)) {
      VELARIA_ASSIGN_OR_RETURN(column, MakeCall("coalesce", {column, MakeLiteral(empty)}));
    }
    project->expressions.push_back(std::move(column));
    project->output.push_back(node.output[i]);
  }
  for (size_t i = 0; i < keys; ++i) {
    project->expressions.push_back(OutputColumnAt(*join, i));
    project->output.push_back(domain_->output[i]);
  }
  return project;
}

Result<LogicalPtr> Pusher::WithEmptySets(const LogicalNode& node, const LogicalPtr& aggregated,
                                         size_t keys) {
  auto without = MakeNode(NodeKind::kJoin, {domain_, aggregated});
  without->join = JoinType::kAnti;
  for (size_t i = 0; i < keys; ++i) {
    without->left_keys.push_back(OutputColumnAt(*domain_, i));
    without->right_keys.push_back(OutputColumnAt(*aggregated, node.output.size() + i));
    without->null_safe.push_back(true);
  }
  without->output = domain_->output;
  auto all = MakeNode(NodeKind::kUnion, {aggregated});
  all->output = aggregated->output;
  for (size_t set = 0; set < node.grouping_sets->size(); ++set) {
    if (!(*node.grouping_sets)[set].empty()) continue;
    auto project = MakeNode(NodeKind::kProject, {without});
    for (const auto& group : node.expressions) {
      VELARIA_ASSIGN_OR_RETURN(project->expressions.emplace_back(), MakeNull(group->type));
    }
    for (const auto& aggregate : node.aggregates) {
      VELARIA_ASSIGN_OR_RETURN(auto empty, EmptyValue(aggregate));
      project->expressions.push_back(MakeLiteral(std::move(empty)));
    }
    VELARIA_ASSIGN_OR_RETURN(
        auto number, MakeConstant(std::make_shared<arrow::Int64Scalar>(static_cast<int64_t>(set)),
                                  arrow::default_memory_pool()));
    project->expressions.push_back(MakeLiteral(std::move(number)));
    for (size_t i = 0; i < keys; ++i) project->expressions.push_back(OutputColumnAt(*domain_, i));
    project->output = aggregated->output;
    all->children.push_back(std::move(project));
  }
  return all;
}

Result<Vector> Pusher::EmptyValue(const BoundAggregate& aggregate) {
  auto states = aggregate.binding.make_states(aggregate.binding);
  VELARIA_RETURN_NOT_OK(states->Resize(1));
  const uint32_t group = 0;
  VELARIA_ASSIGN_OR_RETURN(auto value, states->Finish({&group, 1}, arrow::default_memory_pool()));
  VELARIA_ASSIGN_OR_RETURN(auto scalar, value.array()->GetScalar(0));
  return MakeConstant(scalar, arrow::default_memory_pool());
}

Result<Pusher::Maybe> Pusher::PushWindow(const LogicalPtr& node) {
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[0]));
  if (!pushed) return pushed;
  Dependent& dependent = *pushed;
  const size_t width = node->children[0]->output.size(), keys = dependent.keys.size();
  auto copy = CopyNode(*node);
  VELARIA_ASSIGN_OR_RETURN(const bool resolved, ResolveAll(copy.get(), dependent));
  if (!resolved) return Nothing("a window function over an outer column");
  for (size_t i = 0; i < keys; ++i) copy->expressions.push_back(KeyColumn(dependent, i));
  copy->children = {dependent.plan};
  copy->output = dependent.plan->output;
  for (size_t i = width; i < node->output.size(); ++i) copy->output.push_back(node->output[i]);
  const LogicalPtr windowed = std::move(copy);
  dependent.plan =
      Reordered(windowed, 0, width, {{width + keys, node->windows.size()}, {width, keys}});
  return pushed;
}

Result<Pusher::Maybe> Pusher::PushLimit(const LogicalPtr& node) {
  const LogicalNode* sort =
      node->children[0]->kind == NodeKind::kSort ? node->children[0].get() : nullptr;
  const auto& below = sort ? sort->children[0] : node->children[0];
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(below));
  if (!pushed) return pushed;
  Dependent& dependent = *pushed;
  // A row that is there for no rows cannot be missed behind a limit that may drop it.
  if (dependent.misses_empty_groups) return Nothing("LIMIT over an aggregate");
  const auto* function = FunctionRegistry::Instance().FindWindow("row_number");
  if (!function) return Nothing("LIMIT");
  auto window = MakeNode(NodeKind::kWindow, {dependent.plan});
  for (size_t i = 0; i < dependent.keys.size(); ++i) {
    window->expressions.push_back(KeyColumn(dependent, i));
  }
  if (sort) {
    for (auto key : sort->sort_keys) {
      key.expr = Resolve(key.expr, dependent);
      if (!key.expr) return Nothing("ORDER BY an outer column");
      window->sort_keys.push_back(std::move(key));
    }
  }
  BoundWindow number;
  number.function = function;
  VELARIA_ASSIGN_OR_RETURN(number.binding, BindWindow(*function, {}));
  number.type = number.binding.type;
  number.text = "row_number()";
  window->output = dependent.plan->output;
  window->output.push_back({"row_number", number.type, false, nullptr});
  window->windows.push_back(std::move(number));
  const auto row = OutputColumnAt(*window, window->output.size() - 1);
  std::vector<BoundExprPtr> conjuncts;
  const auto bound = [&](const char* sign, int64_t value) -> Status {
    VELARIA_ASSIGN_OR_RETURN(
        auto constant,
        MakeConstant(std::make_shared<arrow::Int64Scalar>(value), arrow::default_memory_pool()));
    VELARIA_ASSIGN_OR_RETURN(auto test, MakeCall(sign, {row, MakeLiteral(constant)}));
    conjuncts.push_back(std::move(test));
    return Status::OK();
  };
  if (node->offset > 0) VELARIA_RETURN_NOT_OK(bound(">", node->offset));
  if (node->limit >= 0) {
    VELARIA_RETURN_NOT_OK(bound("<=", LastRow(node->limit, node->offset)));
  }
  const size_t width = dependent.plan->output.size();
  VELARIA_ASSIGN_OR_RETURN(auto filtered, FilterOver(window, std::move(conjuncts)));
  if (sort) {  // an aggregate above may take the rows in their order
    auto sorted = MakeNode(NodeKind::kSort, {filtered});
    sorted->sort_keys = window->sort_keys;
    sorted->output = filtered->output;
    filtered = std::move(sorted);
  }
  std::vector<int> order(width);
  for (size_t i = 0; i < width; ++i) order[i] = static_cast<int>(i);
  dependent.plan = SelectColumns(filtered, order);
  return pushed;
}

}  // namespace velaria::logical
