// How unnesting grows a plan by the values of subqueries; unnest*.cpp only.
#pragma once

#include <map>

#include "base/cancel_scope.hpp"
#include "logical/dependent.hpp"
#include "logical/rewrite.hpp"
#include "logical/row_bounds.hpp"
#include "logical/unnest.hpp"

namespace velaria::logical {

inline std::vector<BoundExprPtr> ColumnsOf(const LogicalNode& plan) {
  std::vector<BoundExprPtr> columns;
  for (size_t i = 0; i < plan.output.size(); ++i) columns.push_back(OutputColumnAt(plan, i));
  return columns;
}

inline std::vector<int> FirstColumns(size_t count) {
  std::vector<int> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = static_cast<int>(i);
  return order;
}

inline LogicalPtr Distinct(const LogicalPtr& plan) {
  auto node = MakeNode(NodeKind::kAggregate, {plan});
  node->expressions = ColumnsOf(*plan);
  node->output = plan->output;
  return node;
}

// Over one plan: each is one more join of it.
inline constexpr size_t kSubqueriesMax = 500;

/// A plan that gains columns on its right for the subqueries of the expressions over it.
class Attachment {
 public:
  Attachment(LogicalPtr plan, UnnestState* state) : plan_(std::move(plan)), state_(state) {}

  const LogicalPtr& plan() const { return plan_; }

  /// `expr` without subqueries, over the grown plan.
  Result<BoundExprPtr> Replace(const BoundExprPtr& expr) {
    if (!HasSubquery(*expr)) return expr;
    if (expr->kind != BoundKind::kSubquery) {
      auto copy = std::make_shared<BoundExpr>(*expr);
      for (auto& child : copy->children) {
        VELARIA_ASSIGN_OR_RETURN(child, Replace(child));
      }
      return copy;
    }
    VELARIA_RETURN_NOT_OK(CountSubquery(*expr));
    auto subquery = std::make_shared<BoundExpr>(*expr);
    for (auto& child : subquery->children) {
      VELARIA_ASSIGN_OR_RETURN(child, Replace(child));
    }
    VELARIA_ASSIGN_OR_RETURN(subquery->plan, UnnestSubqueries(subquery->plan, state_));
    switch (subquery->subquery) {
      case SubqueryKind::kScalar: return Scalar(*expr, *subquery);
      case SubqueryKind::kExists: return Exists(*subquery);
      case SubqueryKind::kIn: return In(*subquery);
    }
    return Bug("a subquery of unknown kind");
  }

  /// `EXISTS` and `IN` as conditions: rows that fit, or with `wanted` false those that do not,
  /// stay. False when it cannot be done this way.
  Result<bool> Restrict(const BoundExpr& expr, bool wanted) {
    // NOT IN tells unknown from false.
    if (expr.subquery == SubqueryKind::kScalar) return false;
    if (expr.subquery == SubqueryKind::kIn && !wanted) return false;
    if (std::any_of(expr.children.begin(), expr.children.end(),
                    [](const auto& child) { return HasSubquery(*child); })) {
      return false;
    }
    VELARIA_RETURN_NOT_OK(CountSubquery(expr));
    auto subquery = std::make_shared<BoundExpr>(expr);
    VELARIA_ASSIGN_OR_RETURN(subquery->plan, UnnestSubqueries(subquery->plan, state_));
    VELARIA_ASSIGN_OR_RETURN(auto join, Membership(*subquery, true));
    join->join = wanted ? JoinType::kSemi : JoinType::kAnti;
    join->mark_operands = 0;
    join->output = plan_->output;
    plan_ = std::move(join);
    return true;
  }

  /// A LATERAL join with `right`, whose outer arguments are `arguments` over this plan.
  Status Lateral(const LogicalNode& node, const LogicalPtr& right) {
    const size_t left_width = plan_->output.size(), right_width = right->output.size();
    const bool keeps_left = node.join == JoinType::kLeft;
    const bool any_row_fits = !node.residual || IsTrue(*node.residual);
    if (IsUnnestOfNothing(*right) && node.left_keys.empty() && (!keeps_left || any_row_fits)) {
      return UnnestOver(node, *right);
    }
    VELARIA_ASSIGN_OR_RETURN(auto dependent,
                             DependentOf(right, node.outer_arguments, /*may_miss=*/false));
    auto join = MakeNode(NodeKind::kJoin, {plan_, dependent.plan});
    join->join = keeps_left ? JoinType::kLeft : JoinType::kInner;
    AddKeys(dependent, node.outer_arguments, join.get());
    join->residual = node.residual;  // the keys' columns come behind all that it reads
    for (size_t i = 0; i < node.left_keys.size(); ++i) {
      join->left_keys.push_back(node.left_keys[i]);
      join->right_keys.push_back(node.right_keys[i]);
      join->null_safe.push_back(node.null_safe[i]);
    }
    join->output = JoinOutput(join->join, *plan_, *dependent.plan);
    plan_ = SelectColumns(join, FirstColumns(left_width + right_width));
    return Status::OK();
  }

 private:
  Status CountSubquery(const BoundExpr& subquery) {
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    if (attached_.contains(subquery.plan.get()) || ++subquery_count_ <= kSubqueriesMax) {
      return Status::OK();
    }
    return FailAt(subquery.place, ErrorCode::kNestingTooDeep,
                  "one SELECT has more subqueries in its expressions than the limit: " +
                      std::to_string(kSubqueriesMax),
                  "Compute some of them in a subquery in FROM.");
  }

  static std::vector<BoundExprPtr> OuterArguments(const BoundExpr& subquery) {
    return {subquery.children.begin() + static_cast<std::ptrdiff_t>(subquery.operand_count),
            subquery.children.end()};
  }

  static bool IsTrue(const BoundExpr& condition) {
    if (condition.kind != BoundKind::kLiteral || condition.type->id() != arrow::Type::BOOL) {
      return false;
    }
    const auto view = ViewBool(condition.literal);
    return view.IsValid(0) && view[0];
  }

  /// UNNEST of lists that the left rows bring: no join is needed.
  static bool IsUnnestOfNothing(const LogicalNode& plan) {
    return plan.kind == NodeKind::kUnnest && plan.children[0]->kind == NodeKind::kValues &&
           plan.children[0]->output.empty() && plan.children[0]->rows.size() == 1;
  }

  Status UnnestOver(const LogicalNode& join, const LogicalNode& unnest) {
    auto node = CopyNode(unnest);
    node->children = {plan_};
    for (auto& list : node->expressions) list = SubstituteOuter(list, join.outer_arguments);
    node->keeps_empty = join.join == JoinType::kLeft;
    node->output = JoinOutput(join.join, *plan_, unnest);
    plan_ = std::move(node);
    if (!join.residual) return Status::OK();
    std::vector<BoundExprPtr> conjuncts;
    SplitConjuncts(join.residual, &conjuncts);
    VELARIA_ASSIGN_OR_RETURN(plan_, FilterOver(plan_, std::move(conjuncts)));
    return Status::OK();
  }

  /// The plan shared between a join and the domain of its subquery.
  void Share() {
    if (plan_->kind == NodeKind::kShared) return;
    auto shared = MakeNode(NodeKind::kShared, {plan_});
    shared->shared_id = state_->next_id++;
    shared->output = plan_->output;
    plan_ = std::move(shared);
  }

  /// `may_miss`: a missing row stands for a row of NULLs.
  Result<Dependent> DependentOf(const LogicalPtr& plan, const std::vector<BoundExprPtr>& arguments,
                                bool may_miss) {
    VELARIA_ASSIGN_OR_RETURN(auto found, DependentByEqualities(plan));
    if (found && (!found->misses_empty_groups || may_miss)) return *std::move(found);
    const auto numbers = OuterNumbers(*plan);
    Share();
    auto values = MakeNode(NodeKind::kProject, {plan_});
    for (int number : numbers) {
      const auto& argument = arguments[static_cast<size_t>(number)];
      values->expressions.push_back(argument);
      values->output.push_back({ToText(*argument), argument->type, true, nullptr});
    }
    return DependentByDomain(plan, Distinct(values), numbers);
  }

  static void AddKeys(const Dependent& dependent, const std::vector<BoundExprPtr>& arguments,
                      LogicalNode* join) {
    for (size_t i = 0; i < dependent.keys.size(); ++i) {
      const auto& key = dependent.keys[i];
      join->left_keys.push_back(SubstituteOuter(key.outer, arguments));
      join->right_keys.push_back(OutputColumnAt(*dependent.plan, dependent.first_key() + i));
      join->null_safe.push_back(key.null_safe);
    }
  }

  BoundExprPtr AppendedColumn(const LogicalNode& joined, size_t at, Place place) const {
    const auto& column = joined.output[at];
    return MakeColumn(static_cast<int>(at), column.type, column.name, place);
  }

  Result<BoundExprPtr> Scalar(const BoundExpr& original, const BoundExpr& subquery) {
    const auto column = static_cast<size_t>(subquery.column);
    // Several columns of one subquery are one join.
    if (const auto known = attached_.find(original.plan.get()); known != attached_.end()) {
      return AppendedColumn(*plan_, known->second + column, subquery.place);
    }
    const size_t width = plan_->output.size();
    LogicalPtr plan = subquery.plan;
    LogicalPtr joined;
    if (!HasOuter(*plan)) {
      VELARIA_ASSIGN_OR_RETURN(plan, AtMostOneRow(plan, 0, subquery.place));
      auto join = MakeNode(NodeKind::kJoin, {plan_, plan});
      join->join = JoinType::kCross;
      join->output = JoinOutput(JoinType::kCross, *plan_, *plan);
      joined = std::move(join);
    } else {
      const bool one_row = GivesOneRow(*plan);
      const auto arguments = OuterArguments(subquery);
      VELARIA_ASSIGN_OR_RETURN(auto dependent,
                               DependentOf(plan, arguments, IsNullWithoutRows(*plan)));
      if (!one_row) {
        VELARIA_ASSIGN_OR_RETURN(
            dependent.plan, AtMostOneRow(dependent.plan, dependent.keys.size(), subquery.place));
      }
      auto join = MakeNode(NodeKind::kJoin, {plan_, dependent.plan});
      join->join = JoinType::kLeft;
      AddKeys(dependent, arguments, join.get());
      join->output = JoinOutput(JoinType::kLeft, *plan_, *dependent.plan);
      joined = std::move(join);
    }
    attached_[original.plan.get()] = width;
    kept_.push_back(original.plan);
    plan_ = joined;
    return AppendedColumn(*plan_, width + column, subquery.place);
  }

  /// One row for each value of the last `keys` columns, VEL3013 at the subquery's place when there
  /// are more; without keys one row in any case.
  Result<LogicalPtr> AtMostOneRow(const LogicalPtr& plan, size_t keys, Place place) {
    if (keys == 0 && GivesOneRow(*plan)) return plan;
    const size_t values = plan->output.size() - keys;
    auto node = MakeNode(NodeKind::kAggregate, {plan});
    for (size_t i = 0; i < keys; ++i) {
      node->expressions.push_back(OutputColumnAt(*plan, values + i));
      node->output.push_back(plan->output[values + i]);
    }
    for (size_t i = 0; i < values; ++i) {
      VELARIA_ASSIGN_OR_RETURN(auto call,
                               AggregateCall("single_value", {OutputColumnAt(*plan, i)}));
      call.place = place;
      node->output.push_back({plan->output[i].name, call.binding.type, true, nullptr});
      node->aggregates.push_back(std::move(call));
    }
    std::vector<int> order;
    for (size_t i = 0; i < values; ++i) order.push_back(static_cast<int>(keys + i));
    for (size_t i = 0; i < keys; ++i) order.push_back(static_cast<int>(i));
    return SelectColumns(node, order);
  }

  /// The join that tells for each row whether the subquery has a fitting one; its kind is the
  /// caller's. Conditions that are no equalities may stay in the join when `allow_residual`.
  Result<std::shared_ptr<LogicalNode>> Membership(const BoundExpr& subquery, bool allow_residual) {
    const auto arguments = OuterArguments(subquery);
    const size_t operands = subquery.operand_count;
    auto join = MakeNode(NodeKind::kJoin);
    LogicalPtr right = subquery.plan;
    if (HasOuter(*right)) {
      VELARIA_ASSIGN_OR_RETURN(const bool direct,
                               DirectMembership(subquery, arguments, allow_residual, join.get()));
      if (direct) return join;
      VELARIA_ASSIGN_OR_RETURN(auto dependent, DependentOf(right, arguments, /*may_miss=*/false));
      AddKeys(dependent, arguments, join.get());
      right = dependent.plan;
    } else if (operands == 0) {  // whether there is a row at all
      auto limit = MakeNode(NodeKind::kLimit, {right});
      limit->limit = 1;
      limit->output = right->output;
      right = std::move(limit);
    }
    for (size_t i = 0; i < operands; ++i) {
      join->left_keys.push_back(subquery.children[i]);
      join->right_keys.push_back(OutputColumnAt(*right, i));
      join->null_safe.push_back(false);
    }
    join->mark_operands = static_cast<int>(operands);
    join->children = {plan_, right};
    return join;
  }

  /// A filter over uncorrelated rows needs no more than its conditions: equalities are keys, the
  /// others are tested per pair.
  Result<bool> DirectMembership(const BoundExpr& subquery,
                                const std::vector<BoundExprPtr>& arguments, bool allow_residual,
                                LogicalNode* join) {
    const LogicalNode* at = subquery.plan.get();
    std::vector<BoundExprPtr> outputs = ColumnsOf(*at);
    while (at->kind == NodeKind::kProject || (at->kind == NodeKind::kSort && at->limit < 0)) {
      if (at->kind == NodeKind::kProject) {
        for (const auto& expr : at->expressions) {
          if (HasOuter(*expr) || IsVolatile(*expr)) return false;
        }
        for (auto& output : outputs) output = SubstituteColumns(output, at->expressions);
      }
      at = at->children[0].get();
    }
    if (at->kind != NodeKind::kFilter || HasOuter(*at->children[0])) return false;
    const LogicalPtr& right = at->children[0];
    std::vector<BoundExprPtr> conjuncts, own, residual;
    SplitConjuncts(at->predicate, &conjuncts);
    const size_t left_width = plan_->output.size();
    std::vector<int> moved;
    for (size_t i = 0; i < right->output.size(); ++i) {
      moved.push_back(static_cast<int>(left_width + i));
    }
    for (const auto& conjunct : conjuncts) {
      if (!HasOuter(*conjunct)) {
        own.push_back(conjunct);
        continue;
      }
      if (IsVolatile(*conjunct)) return false;
      const bool null_safe = conjunct->name == "is_not_distinct_from";
      if (conjunct->kind == BoundKind::kCall && (conjunct->name == "=" || null_safe)) {
        auto inner = conjunct->children[0], outer = conjunct->children[1];
        if (HasOuter(*inner)) std::swap(inner, outer);
        std::vector<int> in_outer;
        CollectColumns(*outer, &in_outer);
        if (!HasOuter(*inner) && in_outer.empty()) {
          join->left_keys.push_back(SubstituteOuter(outer, arguments));
          join->right_keys.push_back(inner);
          join->null_safe.push_back(null_safe);
          continue;
        }
      }
      residual.push_back(SubstituteOuter(RemapColumns(conjunct, moved), arguments));
    }
    if (!residual.empty() && !allow_residual) return Undo(join);
    for (size_t i = 0; i < subquery.operand_count; ++i) {
      join->left_keys.push_back(subquery.children[i]);
      join->right_keys.push_back(outputs[i]);
      join->null_safe.push_back(false);
    }
    join->mark_operands = static_cast<int>(subquery.operand_count);
    if (!residual.empty()) {
      VELARIA_ASSIGN_OR_RETURN(join->residual, MakeAnd(std::move(residual)));
    }
    VELARIA_ASSIGN_OR_RETURN(auto filtered, FilterOver(right, std::move(own)));
    join->children = {plan_, filtered};
    return true;
  }

  static bool Undo(LogicalNode* join) {
    join->left_keys.clear();
    join->right_keys.clear();
    join->null_safe.clear();
    return false;
  }

  Result<BoundExprPtr> Marked(std::shared_ptr<LogicalNode> join, Place place) {
    join->join = JoinType::kMark;
    join->output = JoinOutput(JoinType::kMark, *join->children[0], *join->children[1]);
    plan_ = std::move(join);
    return AppendedColumn(*plan_, plan_->output.size() - 1, place);
  }

  Result<BoundExprPtr> Exists(const BoundExpr& subquery) {
    VELARIA_ASSIGN_OR_RETURN(auto join, Membership(subquery, true));
    return Marked(std::move(join), subquery.place);
  }

  Result<BoundExprPtr> In(const BoundExpr& subquery) {
    if (subquery.operand_count != 1) return InRows(subquery);
    VELARIA_ASSIGN_OR_RETURN(auto join, Membership(subquery, false));
    return Marked(std::move(join), subquery.place);
  }

  /// (a, b) IN (rows) as a value, where a NULL in one place may still be told false by another: the
  /// comparisons' disjunction over the rows.
  Result<BoundExprPtr> InRows(const BoundExpr& subquery) {
    const size_t operands = subquery.operand_count;
    // The operands are outer arguments of an aggregate over the rows.
    std::vector<BoundExprPtr> arguments = OuterArguments(subquery);
    std::vector<BoundExprPtr> tests;
    for (size_t i = 0; i < operands; ++i) {
      auto outer = std::make_shared<BoundExpr>();
      outer->kind = BoundKind::kOuter;
      outer->type = subquery.children[i]->type;
      outer->column = static_cast<int>(arguments.size());
      outer->name = ToText(*subquery.children[i]);
      arguments.push_back(subquery.children[i]);
      VELARIA_ASSIGN_OR_RETURN(auto test,
                               MakeCall("=", {outer, OutputColumnAt(*subquery.plan, i)}));
      tests.push_back(std::move(test));
    }
    VELARIA_ASSIGN_OR_RETURN(auto fits, MakeAnd(std::move(tests)));
    auto project = MakeNode(NodeKind::kProject, {subquery.plan});
    project->expressions = {fits};
    project->output = {{"fits", arrow::boolean(), true, nullptr}};
    auto aggregate = MakeNode(NodeKind::kAggregate, {project});
    const auto column = OutputColumnAt(*project, 0);
    VELARIA_ASSIGN_OR_RETURN(auto any, AggregateCall("bool_or", {column}));
    VELARIA_ASSIGN_OR_RETURN(auto rows, AggregateCall("count", {}));
    VELARIA_ASSIGN_OR_RETURN(auto known, AggregateCall("count", {column}));
    aggregate->aggregates = {std::move(any), std::move(rows), std::move(known)};
    for (const auto& call : aggregate->aggregates) {
      aggregate->output.push_back({call.text, call.binding.type, true, nullptr});
    }
    BoundExpr scalar;
    scalar.kind = BoundKind::kSubquery;
    scalar.plan = aggregate;
    scalar.children = arguments;
    scalar.place = subquery.place;
    std::vector<BoundExprPtr> values;
    for (int i = 0; i < 3; ++i) {
      scalar.column = i;
      VELARIA_ASSIGN_OR_RETURN(auto value, Scalar(scalar, scalar));
      values.push_back(std::move(value));
    }
    // CASE WHEN any THEN TRUE WHEN rows <> known THEN NULL ELSE FALSE END
    auto answer = std::make_shared<BoundExpr>();
    answer->kind = BoundKind::kCase;
    answer->type = arrow::boolean();
    answer->place = subquery.place;
    VELARIA_ASSIGN_OR_RETURN(auto yes, MakeBoolean(true));
    VELARIA_ASSIGN_OR_RETURN(auto no, MakeBoolean(false));
    VELARIA_ASSIGN_OR_RETURN(auto unknown, MakeNull(arrow::boolean()));
    VELARIA_ASSIGN_OR_RETURN(auto has_null, MakeCall("<>", {values[1], values[2]}));
    answer->children = {values[0], yes, has_null, unknown, no};
    return BoundExprPtr(std::move(answer));
  }

  LogicalPtr plan_;
  UnnestState* state_;
  std::map<const LogicalNode*, size_t> attached_;  // first column of a scalar subquery's join
  size_t subquery_count_ = 0;
  std::vector<std::shared_ptr<const LogicalNode>> kept_;  // whose addresses are keys above
};

/// Conditions that are EXISTS or IN restrict the rows; the others are computed and tested.
Result<LogicalPtr> UnnestFilter(const LogicalPtr& node, const LogicalPtr& child,
                                UnnestState* state);
// unnest_join.cpp
Result<LogicalPtr> UnnestJoin(const LogicalPtr& node, std::vector<LogicalPtr> children,
                              UnnestState* state);

}  // namespace velaria::logical
