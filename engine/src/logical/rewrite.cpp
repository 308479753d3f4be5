#include "logical/rewrite.hpp"

#include <map>

#include "base/cancel_scope.hpp"
#include "logical/shared_plans.hpp"

namespace velaria::logical {

std::shared_ptr<LogicalNode> CopyNode(const LogicalNode& node) {
  return std::make_shared<LogicalNode>(node);
}

LogicalPtr WithNewChildren(const LogicalPtr& node, std::vector<LogicalPtr> children) {
  if (children == node->children) return node;
  auto copy = CopyNode(*node);
  copy->children = std::move(children);
  return copy;
}

BoundExprPtr OutputColumnAt(const LogicalNode& node, size_t index) {
  const auto& column = node.output[index];
  return MakeColumn(static_cast<int>(index), column.type, column.name);
}

LogicalPtr SelectColumns(const LogicalPtr& node, const std::vector<int>& order) {
  bool identity = order.size() == node->output.size();
  for (size_t i = 0; i < order.size() && identity; ++i) identity = order[i] == static_cast<int>(i);
  if (identity) return node;
  auto project = MakeNode(NodeKind::kProject, {node});
  for (int column : order) {
    const auto at = static_cast<size_t>(column);
    project->expressions.push_back(OutputColumnAt(*node, at));
    project->output.push_back(node->output[at]);
  }
  return project;
}

std::vector<OutputColumn> JoinOutput(JoinType join, const LogicalNode& left,
                                     const LogicalNode& right) {
  std::vector<OutputColumn> output = left.output;
  if (join == JoinType::kSemi || join == JoinType::kAnti) return output;
  if (join == JoinType::kMark) {
    output.push_back({"mark", arrow::boolean(), true, nullptr});
    return output;
  }
  if (join == JoinType::kRight || join == JoinType::kFull) {
    for (auto& column : output) column.nullable = true;
  }
  for (auto column : right.output) {
    column.nullable |= join == JoinType::kLeft || join == JoinType::kFull;
    output.push_back(std::move(column));
  }
  return output;
}

JoinType MirroredJoin(JoinType join) {
  if (join == JoinType::kLeft) return JoinType::kRight;
  if (join == JoinType::kRight) return JoinType::kLeft;
  return join;
}

LogicalPtr SwapSides(const LogicalPtr& join) {
  const int left_width = static_cast<int>(join->children[0]->output.size());
  const int right_width = static_cast<int>(join->children[1]->output.size());
  auto swapped = CopyNode(*join);
  std::swap(swapped->children[0], swapped->children[1]);
  std::swap(swapped->left_keys, swapped->right_keys);
  swapped->join = MirroredJoin(join->join);
  swapped->output = JoinOutput(swapped->join, *swapped->children[0], *swapped->children[1]);
  std::vector<int> moved;  // old position -> new position
  for (int i = 0; i < left_width; ++i) moved.push_back(right_width + i);
  for (int i = 0; i < right_width; ++i) moved.push_back(i);
  if (swapped->residual) swapped->residual = RemapColumns(swapped->residual, moved);
  return SelectColumns(swapped, moved);
}

Result<BoundAggregate> AggregateCall(const char* name, std::vector<BoundExprPtr> arguments) {
  BoundAggregate call;
  call.function = FunctionRegistry::Instance().FindAggregate(name);
  if (!call.function) return Bug(std::string("no such aggregate: ") + name);
  BindArguments described;
  for (const auto& argument : arguments) {
    described.types.push_back(argument->type);
    described.constants.push_back(nullptr);
  }
  VELARIA_ASSIGN_OR_RETURN(call.binding, BindAggregate(*call.function, described));
  call.text = std::string(name) + "(" + (arguments.empty() ? "*" : ToText(*arguments[0])) + ")";
  call.arguments = std::move(arguments);
  return call;
}

bool IsVolatile(const BoundExpr& expr) {
  if (expr.function && expr.function->volatility == Volatility::kVolatile) return true;
  return std::any_of(expr.children.begin(), expr.children.end(),
                     [](const auto& child) { return IsVolatile(*child); });
}

bool IsSimpleConjunct(const BoundExpr& expr) {
  const auto is_column = [](const BoundExprPtr& e) { return e->kind == BoundKind::kColumn; };
  if (expr.kind == BoundKind::kInList) return is_column(expr.children[0]);
  if (expr.kind != BoundKind::kCall) return false;
  const auto& name = expr.name;
  if (expr.children.size() == 1) {
    return is_column(expr.children[0]) && (name == "is_null" || name == "is_not_null");
  }
  if (expr.children.size() != 2) return false;
  if (name != "=" && name != "<>" && name != "<" && name != "<=" && name != ">" && name != ">=") {
    return false;
  }
  const auto is_literal = [](const BoundExprPtr& e) { return e->kind == BoundKind::kLiteral; };
  return (is_column(expr.children[0]) && is_literal(expr.children[1])) ||
         (is_literal(expr.children[0]) && is_column(expr.children[1]));
}

namespace {

constexpr size_t kComparedConjunctsMax = 64;  // beyond, repeated conjuncts are not looked for

/// 0: raw values against a constant; 1: strings against a constant; 2: everything else, which keeps
/// its place because it may rely on the conjuncts before it.
int CostClass(const BoundExpr& expr) {
  if (!IsSimpleConjunct(expr)) return 2;
  std::vector<int> columns;
  CollectColumns(expr, &columns);
  const auto& column =
      expr.children[0]->kind == BoundKind::kColumn ? expr.children[0] : expr.children[1];
  return FixedWidthOf(PhysicalOf(*column->type)) > 0 ? 0 : 1;
}

/// Conjuncts over one column stand side by side, so that a range is tested in one pass.
void SortConjuncts(std::vector<BoundExprPtr>* conjuncts) {
  struct Ranked {
    int cost, column;
    BoundExprPtr expr;
  };
  std::vector<Ranked> ranked;
  std::vector<int> seen;
  for (auto& conjunct : *conjuncts) {
    const int cost = CostClass(*conjunct);
    int position = 0;
    if (cost < 2) {
      std::vector<int> columns;
      CollectColumns(*conjunct, &columns);
      auto at = std::find(seen.begin(), seen.end(), columns[0]);
      position = static_cast<int>(at - seen.begin());
      if (at == seen.end()) seen.push_back(columns[0]);
    }
    ranked.push_back({cost, position, std::move(conjunct)});
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return std::pair(a.cost, a.column) < std::pair(b.cost, b.column);
  });
  for (size_t i = 0; i < ranked.size(); ++i) (*conjuncts)[i] = std::move(ranked[i].expr);
}

}  // namespace

Result<LogicalPtr> FilterOver(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts) {
  if (conjuncts.empty()) return node;
  std::vector<BoundExprPtr> distinct;
  for (auto& conjunct : conjuncts) {
    const bool known = distinct.size() < kComparedConjunctsMax &&
                       std::any_of(
                           distinct.begin(), distinct.end(),
                           [&](const auto& other) { return Equal(*other, *conjunct); });
    if (!known) distinct.push_back(std::move(conjunct));
  }
  SortConjuncts(&distinct);
  auto filter = MakeNode(NodeKind::kFilter, {node});
  VELARIA_ASSIGN_OR_RETURN(filter->predicate, MakeAnd(std::move(distinct)));
  filter->output = node->output;
  return filter;
}

namespace {

/// Each shared plan is rewritten once, before the plans that read it, and the passes over those do
/// not look into it: a chain of shared plans, each read twice, costs no more than its length.
class Rewriter {
 public:
  Rewriter(const FunctionContext& context, const RewriteOptions& options)
      : context_(context), options_(options) {}

  Result<LogicalPtr> Rewritten(const LogicalPtr& root) {
    VELARIA_ASSIGN_OR_RETURN(auto plan, WithSharedRewritten(root));
    // Without rewrites the plan still has to run: a stream is the probe side of its join.
    if (!options_.enabled) return ChooseBuildSides(plan);
    VELARIA_ASSIGN_OR_RETURN(plan, FoldConstants(plan, context_));
    VELARIA_ASSIGN_OR_RETURN(plan, PushFilters(plan));
    plan = PushLimits(plan);
    plan = ChooseBuildSides(plan);
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    VELARIA_ASSIGN_OR_RETURN(plan, PruneColumns(plan));
    return ChooseBuildSides(plan);
  }

 private:
  Result<LogicalPtr> WithSharedRewritten(const LogicalPtr& node) {
    if (node->kind != NodeKind::kShared) {
      std::vector<LogicalPtr> children;
      for (const auto& child : node->children) {
        VELARIA_ASSIGN_OR_RETURN(children.emplace_back(), WithSharedRewritten(child));
      }
      return WithNewChildren(node, std::move(children));
    }
    if (const auto met = done_.find(node->shared_id); met != done_.end()) return met->second;
    auto shared = CopyNode(*node);
    VELARIA_ASSIGN_OR_RETURN(shared->children[0], Rewritten(node->children[0]));
    shared->estimated_rows = shared->children[0]->estimated_rows;
    return done_[node->shared_id] = std::move(shared);
  }

  const FunctionContext& context_;
  const RewriteOptions& options_;
  std::map<int, LogicalPtr> done_;  // by number
};

}  // namespace

Result<LogicalPtr> Rewrite(const LogicalPtr& root, const FunctionContext& context,
                           const RewriteOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto plan, Rewriter(context, options).Rewritten(root));
  return options.enabled ? ShareEqual(plan) : plan;
}

}  // namespace velaria::logical
