#include "logical/dependent.hpp"

#include <algorithm>

#include "base/cancel_scope.hpp"
#include "logical/dependent_pusher.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

void CollectOuter(const BoundExpr& expr, std::set<int>* out) {
  if (expr.kind == BoundKind::kOuter) out->insert(expr.column);
  for (const auto& child : expr.children) CollectOuter(*child, out);
}

/// Only outer arguments and constants, and at least one of the former.
bool IsOuterOnly(const BoundExpr& expr) {
  std::vector<int> columns;
  CollectColumns(expr, &columns);
  return columns.empty() && HasOuter(expr) && !IsVolatile(expr);
}

Status CannotUnnest(const std::string& what) {
  return Fail(ErrorCode::kUnsupportedStatement,
              "a correlated subquery with this form is not supported: " + what);
}

}  // namespace

Result<Pusher::Maybe> Pusher::Push(const LogicalPtr& node) {
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  if (!Depends(*node)) return PushDomain(node);
  switch (node->kind) {
    case NodeKind::kFilter: return PushFilter(node);
    case NodeKind::kProject: return PushProject(node);
    case NodeKind::kAggregate: return PushAggregate(node);
    case NodeKind::kJoin: return PushJoin(node);
    case NodeKind::kSort: return PushSort(node);
    case NodeKind::kLimit: return PushLimit(node);
    case NodeKind::kUnion: return PushUnion(node);
    case NodeKind::kSetOp: return PushUnion(node);
    case NodeKind::kWindow: return PushWindow(node);
    case NodeKind::kUnnest: return PushUnnest(node);
    case NodeKind::kValues: return PushValues(node);
    case NodeKind::kRecursive: return PushRecursive(node);
    case NodeKind::kRecursiveRef: return PushRecursiveRef(node);
    // Its rows differ from outer value to outer value: each reader computes them for its own.
    case NodeKind::kShared: return Push(node->children[0]);
    case NodeKind::kWindowBy: return Nothing("WINDOW BY");
    case NodeKind::kSample: return Nothing("TABLESAMPLE");
    // Leaves that read nothing from outside never come here.
    case NodeKind::kScan:
    case NodeKind::kSeries: break;
  }
  return Bug("a source that depends on outer values");
}

bool Pusher::Depends(const LogicalNode& node) const {
  return AnyNode(node, [this](const LogicalNode& below) {
    return (below.kind == NodeKind::kRecursiveRef && recursions_.contains(below.recursive_id)) ||
           AnyExpression(below, [](const BoundExpr& expr) { return HasOuter(expr); });
  });
}

BoundExprPtr Pusher::OuterAt(size_t i) const {
  auto outer = std::make_shared<BoundExpr>();
  outer->kind = BoundKind::kOuter;
  outer->column = numbers_[i];
  outer->type = domain_->output[i].type;
  outer->name = domain_->output[i].name;
  return outer;
}

Result<Pusher::Maybe> Pusher::Nothing(const std::string& what) const {
  if (by_domain()) return CannotUnnest(what);
  return Maybe();
}

Result<Pusher::Maybe> Pusher::PushDomain(const LogicalPtr& node) {
  if (!by_domain()) return Maybe();
  auto join = MakeNode(NodeKind::kJoin, {node, domain_});
  join->join = JoinType::kCross;
  join->output = JoinOutput(JoinType::kCross, *node, *domain_);
  Dependent result;
  result.plan = std::move(join);
  for (size_t i = 0; i < numbers_.size(); ++i) {
    result.keys.push_back({OuterAt(i), true});
  }
  return Maybe(std::move(result));
}

BoundExprPtr Pusher::KeyColumn(const Dependent& dependent, size_t key) {
  return OutputColumnAt(*dependent.plan, dependent.first_key() + key);
}

BoundExprPtr Pusher::Resolve(const BoundExprPtr& expr, const Dependent& dependent) {
  if (!HasOuter(*expr)) return expr;
  for (size_t i = 0; i < dependent.keys.size(); ++i) {
    if (Equal(*expr, *dependent.keys[i].outer)) return KeyColumn(dependent, i);
  }
  if (expr->kind == BoundKind::kOuter) return nullptr;
  auto copy = std::make_shared<BoundExpr>(*expr);
  for (auto& child : copy->children) {
    child = Resolve(child, dependent);
    if (!child) return nullptr;
  }
  return copy;
}

BoundExprPtr Pusher::ResolveAt(const BoundExprPtr& expr, const Dependent& dependent, size_t begin) {
  if (!HasOuter(*expr)) return expr;
  for (size_t i = 0; i < dependent.keys.size(); ++i) {
    if (!Equal(*expr, *dependent.keys[i].outer)) continue;
    const auto& column = dependent.plan->output[dependent.first_key() + i];
    return MakeColumn(static_cast<int>(begin + i), column.type, column.name, expr->place);
  }
  if (expr->kind == BoundKind::kOuter) return nullptr;
  auto copy = std::make_shared<BoundExpr>(*expr);
  for (auto& child : copy->children) {
    child = ResolveAt(child, dependent, begin);
    if (!child) return nullptr;
  }
  return copy;
}

Result<bool> Pusher::ResolveAll(LogicalNode* node, const Dependent& dependent) {
  bool all = true;
  VELARIA_RETURN_NOT_OK(ChangeExpressions(node, [&](BoundExprPtr* expr) -> Status {
    auto resolved = Resolve(*expr, dependent);
    if (resolved) *expr = std::move(resolved);
    all &= resolved != nullptr || !HasOuter(**expr);
    return Status::OK();
  }));
  return all;
}

LogicalPtr Pusher::Reordered(const LogicalPtr& plan, size_t own_begin, size_t own_count,
                             const std::vector<std::pair<size_t, size_t>>& rest) {
  std::vector<int> order;
  for (size_t i = 0; i < own_count; ++i) order.push_back(static_cast<int>(own_begin + i));
  for (const auto& [begin, count] : rest) {
    for (size_t i = 0; i < count; ++i) order.push_back(static_cast<int>(begin + i));
  }
  return SelectColumns(plan, order);
}

Result<Pusher::Maybe> Pusher::PushFilter(const LogicalPtr& node) {
  const auto& child = node->children[0];
  std::vector<BoundExprPtr> conjuncts;
  SplitConjuncts(node->predicate, &conjuncts);
  Dependent dependent;
  if (by_domain() || HasOuter(*child)) {
    VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(child));
    if (!pushed) return pushed;
    dependent = *std::move(pushed);
  } else {
    dependent = KeysFromEqualities(child, &conjuncts);
  }
  for (auto& conjunct : conjuncts) {
    conjunct = Resolve(conjunct, dependent);
    if (!conjunct) return Nothing("a condition on an outer column");
  }
  VELARIA_ASSIGN_OR_RETURN(dependent.plan, FilterOver(dependent.plan, std::move(conjuncts)));
  return Maybe(std::move(dependent));
}

Dependent Pusher::KeysFromEqualities(const LogicalPtr& child,
                                     std::vector<BoundExprPtr>* conjuncts) {
  Dependent dependent;
  std::vector<BoundExprPtr> exprs, rest;
  std::vector<OutputColumn> output = child->output;
  for (size_t i = 0; i < child->output.size(); ++i) exprs.push_back(OutputColumnAt(*child, i));
  for (auto& conjunct : *conjuncts) {
    const bool null_safe = conjunct->name == "is_not_distinct_from";
    if (conjunct->kind != BoundKind::kCall || (conjunct->name != "=" && !null_safe)) {
      rest.push_back(std::move(conjunct));
      continue;
    }
    auto inner = conjunct->children[0], outer = conjunct->children[1];
    if (IsOuterOnly(*inner)) std::swap(inner, outer);
    const bool is_key = IsOuterOnly(*outer) && !HasOuter(*inner) && !IsVolatile(*inner);
    const bool known =
        is_key && std::any_of(dependent.keys.begin(), dependent.keys.end(),
                              [&](const auto& key) { return Equal(*key.outer, *outer); });
    if (!is_key || known) {
      rest.push_back(std::move(conjunct));
      continue;
    }
    output.push_back({ToText(*inner), inner->type, true, nullptr});
    exprs.push_back(std::move(inner));
    dependent.keys.push_back({std::move(outer), null_safe});
  }
  *conjuncts = std::move(rest);
  dependent.plan = child;
  if (dependent.keys.empty()) return dependent;
  auto project = MakeNode(NodeKind::kProject, {child});
  project->expressions = std::move(exprs);
  project->output = std::move(output);
  dependent.plan = std::move(project);
  return dependent;
}

/// An aggregate above may take the rows in their order.
Result<Pusher::Maybe> Pusher::PushSort(const LogicalPtr& node) {
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[0]));
  if (!pushed) return pushed;
  auto copy = CopyNode(*node);
  VELARIA_ASSIGN_OR_RETURN(const bool resolved, ResolveAll(copy.get(), *pushed));
  if (!resolved) return Nothing("ORDER BY an outer column");
  copy->children = {pushed->plan};
  copy->output = pushed->plan->output;
  pushed->plan = std::move(copy);
  return pushed;
}

Result<Pusher::Maybe> Pusher::PushProject(const LogicalPtr& node) {
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[0]));
  if (!pushed) return pushed;
  Dependent& dependent = *pushed;
  auto copy = CopyNode(*node);
  VELARIA_ASSIGN_OR_RETURN(const bool resolved, ResolveAll(copy.get(), dependent));
  if (!resolved) return Nothing("a computed column over an outer one");
  for (size_t i = 0; i < dependent.keys.size(); ++i) {
    copy->expressions.push_back(KeyColumn(dependent, i));
    copy->output.push_back(dependent.plan->output[dependent.first_key() + i]);
  }
  copy->children = {dependent.plan};
  dependent.plan = std::move(copy);
  return pushed;
}

/// A step over the newest rows of all outer values, each row with its own.
Result<Pusher::Maybe> Pusher::PushRecursive(const LogicalPtr& node) {
  if (!by_domain()) return Maybe();
  VELARIA_ASSIGN_OR_RETURN(auto first, Push(node->children[0]));
  recursions_.insert(node->recursive_id);
  auto step = Push(node->children[1]);
  recursions_.erase(node->recursive_id);
  VELARIA_RETURN_NOT_OK(step.status());
  auto copy = CopyNode(*node);
  copy->children = {first->plan, (*step)->plan};
  copy->output.insert(copy->output.end(), domain_->output.begin(), domain_->output.end());
  first->plan = std::move(copy);
  return first;
}

Result<Pusher::Maybe> Pusher::PushRecursiveRef(const LogicalPtr& node) {
  auto copy = CopyNode(*node);
  copy->output.insert(copy->output.end(), domain_->output.begin(), domain_->output.end());
  Dependent result;
  result.plan = std::move(copy);
  for (size_t i = 0; i < numbers_.size(); ++i) result.keys.push_back({OuterAt(i), true});
  return Maybe(std::move(result));
}

Result<Pusher::Maybe> Pusher::PushUnnest(const LogicalPtr& node) {
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[0]));
  if (!pushed) return pushed;
  Dependent& dependent = *pushed;
  const size_t width = node->children[0]->output.size(), keys = dependent.keys.size();
  auto copy = CopyNode(*node);
  VELARIA_ASSIGN_OR_RETURN(const bool resolved, ResolveAll(copy.get(), dependent));
  if (!resolved) return Nothing("UNNEST of an outer column");
  copy->children = {dependent.plan};
  copy->output = dependent.plan->output;
  for (size_t i = width; i < node->output.size(); ++i) copy->output.push_back(node->output[i]);
  const size_t added = node->output.size() - width;
  const LogicalPtr unnested = std::move(copy);
  dependent.plan = Reordered(unnested, 0, width, {{width + keys, added}, {width, keys}});
  return pushed;
}

Result<Pusher::Maybe> Pusher::PushValues(const LogicalPtr& node) {
  if (!by_domain()) return Maybe();
  auto one_row = MakeNode(NodeKind::kValues);
  one_row->rows.emplace_back();
  VELARIA_ASSIGN_OR_RETURN(auto pushed, PushDomain(one_row));
  auto all = MakeNode(NodeKind::kUnion);
  for (const auto& row : node->rows) {
    auto project = MakeNode(NodeKind::kProject, {pushed->plan});
    for (size_t i = 0; i < row.size(); ++i) {
      project->expressions.push_back(Resolve(row[i], *pushed));
      project->output.push_back(node->output[i]);
    }
    for (size_t i = 0; i < pushed->keys.size(); ++i) {
      project->expressions.push_back(KeyColumn(*pushed, i));
      project->output.push_back(pushed->plan->output[i]);
    }
    all->children.push_back(std::move(project));
  }
  all->output = all->children[0]->output;
  pushed->plan = all->children.size() == 1 ? all->children[0] : LogicalPtr(all);
  return pushed;
}

bool HasOuter(const BoundExpr& expr) {
  return expr.kind == BoundKind::kOuter ||
         std::any_of(expr.children.begin(), expr.children.end(),
                     [](const auto& child) { return HasOuter(*child); });
}

bool HasOuter(const LogicalNode& node) {
  return AnyNode(node, [](const LogicalNode& below) {
    return AnyExpression(below, [](const BoundExpr& expr) { return HasOuter(expr); });
  });
}

std::vector<int> OuterNumbers(const LogicalNode& plan) {
  std::set<int> numbers;
  AnyNode(plan, [&](const LogicalNode& node) {
    return AnyExpression(node, [&](const BoundExpr& expr) {
      CollectOuter(expr, &numbers);
      return false;
    });
  });
  return {numbers.begin(), numbers.end()};
}

BoundExprPtr SubstituteOuter(const BoundExprPtr& expr, const std::vector<BoundExprPtr>& arguments) {
  if (expr->kind == BoundKind::kOuter) return arguments[static_cast<size_t>(expr->column)];
  if (!HasOuter(*expr)) return expr;
  auto copy = std::make_shared<BoundExpr>(*expr);
  for (auto& child : copy->children) child = SubstituteOuter(child, arguments);
  return copy;
}

Result<std::optional<Dependent>> DependentByEqualities(const LogicalPtr& plan) {
  return Pusher(nullptr, {}).Push(plan);
}

Result<Dependent> DependentByDomain(const LogicalPtr& plan, const LogicalPtr& domain,
                                    const std::vector<int>& numbers) {
  VELARIA_ASSIGN_OR_RETURN(auto pushed, Pusher(domain, numbers).Push(plan));
  if (!pushed) return Bug("a subquery could not be computed for its outer values");
  return *std::move(pushed);
}

}  // namespace velaria::logical
