#include "logical/unnest.hpp"

#include "base/cancel_scope.hpp"
#include "logical/unnest_attachment.hpp"

namespace velaria::logical {
namespace {

bool HoldsSubquery(const LogicalNode& node) {
  return AnyExpression(node, [](const BoundExpr& expr) { return HasSubquery(expr); });
}

}  // namespace

Result<LogicalPtr> UnnestFilter(const LogicalPtr& node, const LogicalPtr& child,
                                UnnestState* state) {
  std::vector<BoundExprPtr> conjuncts, plain, rest;
  SplitConjuncts(node->predicate, &conjuncts);
  for (auto& conjunct : conjuncts) {
    (HasSubquery(*conjunct) ? rest : plain).push_back(std::move(conjunct));
  }
  VELARIA_ASSIGN_OR_RETURN(auto below, FilterOver(child, std::move(plain)));
  Attachment attachment(below, state);
  std::vector<BoundExprPtr> computed;
  for (const auto& conjunct : rest) {
    const bool negated = conjunct->kind == BoundKind::kCall && conjunct->name == "not";
    const auto& inner = negated ? conjunct->children[0] : conjunct;
    bool done = false;
    if (inner->kind == BoundKind::kSubquery) {
      VELARIA_ASSIGN_OR_RETURN(done, attachment.Restrict(*inner, !negated));
    }
    if (!done) computed.push_back(conjunct);
  }
  for (auto& conjunct : computed) {
    VELARIA_ASSIGN_OR_RETURN(conjunct, attachment.Replace(conjunct));
  }
  VELARIA_ASSIGN_OR_RETURN(auto filtered, FilterOver(attachment.plan(), std::move(computed)));
  return SelectColumns(filtered, FirstColumns(node->output.size()));
}

Result<LogicalPtr> UnnestSubqueries(const LogicalPtr& node, UnnestState* state) {
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  if (node->kind == NodeKind::kShared) {
    if (const auto met = state->shared.find(node->shared_id); met != state->shared.end()) {
      return met->second;
    }
    VELARIA_ASSIGN_OR_RETURN(auto below, UnnestSubqueries(node->children[0], state));
    return state->shared[node->shared_id] = WithNewChildren(node, {std::move(below)});
  }
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) {
    VELARIA_ASSIGN_OR_RETURN(auto unnested, UnnestSubqueries(child, state));
    children.push_back(std::move(unnested));
  }
  if (!node->outer_arguments.empty()) {
    Attachment attachment(children[0], state);
    VELARIA_RETURN_NOT_OK(attachment.Lateral(*node, children[1]));
    return attachment.plan();
  }
  if (!HoldsSubquery(*node)) return WithNewChildren(node, std::move(children));
  switch (node->kind) {
    case NodeKind::kFilter: return UnnestFilter(node, children[0], state);
    case NodeKind::kJoin: return UnnestJoin(node, std::move(children), state);
    case NodeKind::kProject:
    case NodeKind::kAggregate:
    case NodeKind::kSort:
    case NodeKind::kWindow:
    case NodeKind::kUnnest: break;
    default: return Bug("a subquery in a node that cannot hold one: " + ToText(*node));
  }
  Attachment attachment(children[0], state);
  auto copy = CopyNode(*node);
  VELARIA_RETURN_NOT_OK(ChangeExpressions(copy.get(), [&](BoundExprPtr* expr) -> Status {
    VELARIA_ASSIGN_OR_RETURN(*expr, attachment.Replace(*expr));
    return Status::OK();
  }));
  const size_t width = children[0]->output.size();
  const size_t added = attachment.plan()->output.size() - width;
  copy->children = {attachment.plan()};
  if (node->kind == NodeKind::kProject || node->kind == NodeKind::kAggregate) return copy;
  // The other kinds hand on their child's columns: the added ones are taken out again.
  copy->output = attachment.plan()->output;
  std::vector<int> order = FirstColumns(width);
  for (size_t i = width; i < node->output.size(); ++i) {
    copy->output.push_back(node->output[i]);
    order.push_back(static_cast<int>(i + added));
  }
  return SelectColumns(copy, order);
}

}  // namespace velaria::logical
