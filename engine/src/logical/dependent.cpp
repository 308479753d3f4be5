#include "logical/dependent.hpp"

#include <algorithm>
#include <set>

#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

void CollectOuter(const BoundExpr& expr, std::set<int>* out) {
  if (expr.kind == BoundKind::kOuter) out->insert(expr.column);
  for (const auto& child : expr.children) CollectOuter(*child, out);
}

void CollectOuter(const LogicalNode& node, std::set<int>* out) {
  auto copy = CopyNode(node);
  (void)ChangeExpressions(copy.get(), [&](BoundExprPtr* expr) -> Status {
    CollectOuter(**expr, out);
    return Status::OK();
  });
  for (const auto& child : node.children) CollectOuter(*child, out);
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

/// Walks a correlated plan from the top down and builds the one for all outer values.
class Pusher {
 public:
  Pusher(LogicalPtr domain, std::vector<int> numbers)
      : domain_(std::move(domain)), numbers_(std::move(numbers)) {}

  /// Columns of `node` first, then the keys; absent when the equalities do not do.
  Result<std::optional<Dependent>> Push(const LogicalPtr& node) {
    if (!HasOuter(*node)) return PushDomain(node);
    switch (node->kind) {
      case NodeKind::kFilter: return PushFilter(node);
      case NodeKind::kProject: return PushProject(node);
      case NodeKind::kAggregate: return PushAggregate(node);
      case NodeKind::kJoin: return PushJoin(node);
      case NodeKind::kSort: return node->limit >= 0 ? Nothing("ORDER BY") : Push(node->children[0]);
      case NodeKind::kLimit: return PushLimit(node);
      case NodeKind::kUnion: return PushUnion(node);
      case NodeKind::kSetOp: return PushSetOp(node);
      case NodeKind::kWindow: return PushWindow(node);
      case NodeKind::kUnnest: return PushUnnest(node);
      case NodeKind::kValues: return PushValues(node);
      // Its rows differ from outer value to outer value: each reader computes them for its own.
      case NodeKind::kShared: return Push(node->children[0]);
      default: return Nothing(ToText(*node));
    }
  }

 private:
  using Maybe = std::optional<Dependent>;

  bool by_domain() const { return domain_ != nullptr; }

  Result<Maybe> Nothing(const std::string& what) {
    if (by_domain()) return CannotUnnest(what);
    return Maybe();
  }

  /// Every row for every outer value.
  Result<Maybe> PushDomain(const LogicalPtr& node) {
    if (!by_domain()) return Maybe();
    auto join = MakeNode(NodeKind::kJoin, {node, domain_});
    join->join = JoinType::kCross;
    join->output = JoinOutput(JoinType::kCross, *node, *domain_);
    Dependent result;
    result.plan = std::move(join);
    for (size_t i = 0; i < numbers_.size(); ++i) {
      auto outer = std::make_shared<BoundExpr>();
      outer->kind = BoundKind::kOuter;
      outer->column = numbers_[i];
      outer->type = domain_->output[i].type;
      outer->name = domain_->output[i].name;
      result.keys.push_back({std::move(outer), true});
    }
    return Maybe(std::move(result));
  }

  static BoundExprPtr KeyColumn(const Dependent& dependent, size_t key) {
    return OutputColumnAt(*dependent.plan, dependent.first_key() + key);
  }

  /// `expr` over the dependent plan: outer arguments become its key columns. Null when one of them
  /// is no key.
  static BoundExprPtr Resolve(const BoundExprPtr& expr, const Dependent& dependent) {
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

  /// Resolves every expression of `node`, whose child is now `dependent`; false when one cannot be.
  static Result<bool> ResolveAll(LogicalNode* node, const Dependent& dependent) {
    bool all = true;
    VELARIA_RETURN_NOT_OK(ChangeExpressions(node, [&](BoundExprPtr* expr) -> Status {
      auto resolved = Resolve(*expr, dependent);
      if (resolved) *expr = std::move(resolved);
      all &= resolved != nullptr || !HasOuter(**expr);
      return Status::OK();
    }));
    return all;
  }

  Result<Maybe> PushFilter(const LogicalPtr& node) {
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

  /// `inner = outer` conjuncts leave the filter: the inner side is a column that says for which
  /// outer value a row is.
  static Dependent KeysFromEqualities(const LogicalPtr& child,
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

  /// `node` over the dependent child with the keys handed on behind its own columns.
  Result<Maybe> PushProject(const LogicalPtr& node) {
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

  /// Columns of `plan` in the order own columns, keys; `own` and `keys` are positions.
  static LogicalPtr Reordered(const LogicalPtr& plan, size_t own_begin, size_t own_count,
                              const std::vector<std::pair<size_t, size_t>>& rest) {
    std::vector<int> order;
    for (size_t i = 0; i < own_count; ++i) order.push_back(static_cast<int>(own_begin + i));
    for (const auto& [begin, count] : rest) {
      for (size_t i = 0; i < count; ++i) order.push_back(static_cast<int>(begin + i));
    }
    return SelectColumns(plan, order);
  }

  /// The keys are further groups.
  Result<Maybe> PushAggregate(const LogicalPtr& node) {
    if (node->grouping_sets) return Nothing("GROUPING SETS");
    VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[0]));
    if (!pushed) return pushed;
    Dependent& dependent = *pushed;
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
    copy->expressions.insert(copy->expressions.begin() + at, key_columns.begin(),
                             key_columns.end());
    copy->output.insert(copy->output.begin() + at, key_output.begin(), key_output.end());
    copy->children = {dependent.plan};
    const size_t aggregates = node->aggregates.size();
    const LogicalPtr aggregated = std::move(copy);
    dependent.plan =
        Reordered(aggregated, 0, groups, {{groups + keys, aggregates}, {groups, keys}});
    if (groups > 0) return pushed;
    if (!by_domain()) {
      dependent.misses_empty_groups = true;
      return pushed;
    }
    VELARIA_ASSIGN_OR_RETURN(dependent.plan, WithEmptyGroups(*node, dependent.plan, keys));
    return pushed;
  }

  /// An aggregate without groups gives a row for every outer value, also for those without rows.
  Result<LogicalPtr> WithEmptyGroups(const LogicalNode& node, const LogicalPtr& aggregated,
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

  /// What the aggregate gives for no rows.
  static Result<Vector> EmptyValue(const BoundAggregate& aggregate) {
    auto states = aggregate.binding.make_states(aggregate.binding);
    VELARIA_RETURN_NOT_OK(states->Resize(1));
    const uint32_t group = 0;
    VELARIA_ASSIGN_OR_RETURN(auto value, states->Finish({&group, 1}, arrow::default_memory_pool()));
    VELARIA_ASSIGN_OR_RETURN(auto scalar, value.array()->GetScalar(0));
    return MakeConstant(scalar, arrow::default_memory_pool());
  }

  Result<Maybe> PushJoin(const LogicalPtr& node) {
    if (node->asof) return Nothing("an ASOF join");
    if (node->join == JoinType::kRight) return Push(SwapSides(node));
    if (node->join == JoinType::kFull) return PushBothSides(node);
    const bool left_reads = HasOuter(*node->children[0]),
               right_reads = HasOuter(*node->children[1]);
    const bool inner = node->join == JoinType::kInner || node->join == JoinType::kCross;
    const bool right_keys_read = std::any_of(node->right_keys.begin(), node->right_keys.end(),
                                             [](const auto& key) { return HasOuter(*key); });
    if (!right_reads && !right_keys_read) return PushOneSide(node, 0);
    if (inner && !left_reads && !ReadsBeyond(*node)) return PushOneSide(node, 1);
    return PushBothSides(node);
  }

  static bool ReadsBeyond(const LogicalNode& node) {
    auto alone = CopyNode(node);
    alone->children.clear();
    return HasOuter(*alone);
  }

  /// One child reads outer arguments, or the join alone does: the keys come from that side.
  Result<Maybe> PushOneSide(const LogicalPtr& node, size_t side) {
    const size_t left_width = node->children[0]->output.size();
    const size_t right_width = node->children[1]->output.size();
    VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(node->children[side]));
    if (!pushed) return pushed;
    Dependent& dependent = *pushed;
    const size_t keys = dependent.keys.size();
    auto copy = CopyNode(*node);
    // Positions of right columns move behind the left side's keys.
    std::vector<int> moved;
    for (size_t i = 0; i < left_width + right_width; ++i) {
      moved.push_back(static_cast<int>(side == 0 && i >= left_width ? i + keys : i));
    }
    if (copy->residual) copy->residual = RemapColumns(copy->residual, moved);
    const size_t key_begin = side == 0 ? left_width : left_width + right_width;
    bool resolved = true;
    const auto resolve = [&](BoundExprPtr* expr, size_t begin) {
      *expr = ResolveAt(*expr, dependent, begin);
      resolved &= *expr != nullptr;
    };
    for (auto& key : side == 0 ? copy->left_keys : copy->right_keys) {
      resolve(&key, dependent.first_key());
    }
    for (auto& key : side == 0 ? copy->right_keys : copy->left_keys) resolved &= !HasOuter(*key);
    if (copy->residual) resolve(&copy->residual, key_begin);
    if (!resolved) return Nothing("a join condition on an outer column");
    copy->children[side] = dependent.plan;
    copy->output = JoinOutput(copy->join, *copy->children[0], *copy->children[1]);
    const LogicalPtr joined = std::move(copy);
    if (side == 1) {
      dependent.plan = joined;  // keys are last already
      return pushed;
    }
    const size_t rest = joined->output.size() - left_width - keys;
    dependent.plan =
        Reordered(joined, 0, left_width, {{left_width + keys, rest}, {left_width, keys}});
    return pushed;
  }

  /// Both children for all outer values, joined on these, too.
  Result<Maybe> PushBothSides(const LogicalPtr& node) {
    if (!by_domain()) return Maybe();
    const size_t left_width = node->children[0]->output.size();
    const size_t right_width = node->children[1]->output.size();
    VELARIA_ASSIGN_OR_RETURN(auto left, Push(node->children[0]));
    VELARIA_ASSIGN_OR_RETURN(auto right, Push(node->children[1]));
    const size_t keys = left->keys.size();
    auto copy = CopyNode(*node);
    std::vector<int> moved;
    for (size_t i = 0; i < left_width + right_width; ++i) {
      moved.push_back(static_cast<int>(i >= left_width ? i + keys : i));
    }
    if (copy->residual) {
      copy->residual = ResolveAt(RemapColumns(copy->residual, moved), *left, left_width);
    }
    for (auto& key : copy->left_keys) key = ResolveAt(key, *left, left->first_key());
    for (auto& key : copy->right_keys) key = ResolveAt(key, *right, right->first_key());
    // Before the operands of a mark, whose NULLs are told apart.
    const auto at = copy->left_keys.size() - static_cast<size_t>(copy->mark_operands);
    for (size_t i = 0; i < keys; ++i) {
      const auto place = static_cast<std::ptrdiff_t>(at + i);
      copy->left_keys.insert(copy->left_keys.begin() + place, KeyColumn(*left, i));
      copy->right_keys.insert(copy->right_keys.begin() + place, KeyColumn(*right, i));
      copy->null_safe.insert(copy->null_safe.begin() + place, true);
    }
    if (copy->join == JoinType::kCross) copy->join = JoinType::kInner;
    copy->children = {left->plan, right->plan};
    copy->output = JoinOutput(copy->join, *left->plan, *right->plan);
    const LogicalPtr joined = std::move(copy);
    const size_t right_columns = node->output.size() - left_width;
    Dependent result;
    result.keys = left->keys;
    result.plan =
        Reordered(joined, 0, left_width, {{left_width + keys, right_columns}, {left_width, keys}});
    if (node->join != JoinType::kFull) return Maybe(std::move(result));
    // A row of the right side alone has its keys there.
    auto project = MakeNode(NodeKind::kProject, {joined});
    project->output = result.plan->output;
    for (size_t i = 0; i < left_width; ++i) {
      project->expressions.push_back(OutputColumnAt(*joined, i));
    }
    for (size_t i = 0; i < right_columns; ++i) {
      project->expressions.push_back(OutputColumnAt(*joined, left_width + keys + i));
    }
    for (size_t i = 0; i < keys; ++i) {
      VELARIA_ASSIGN_OR_RETURN(
          auto key,
          MakeCall("coalesce", {OutputColumnAt(*joined, left_width + i),
                                OutputColumnAt(*joined, left_width + keys + right_width + i)}));
      project->expressions.push_back(std::move(key));
    }
    result.plan = std::move(project);
    return Maybe(std::move(result));
  }

  /// Resolve where the keys' columns begin at `begin` of the node's input.
  static BoundExprPtr ResolveAt(const BoundExprPtr& expr, const Dependent& dependent,
                                size_t begin) {
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

  /// LIMIT counts for each outer value on its own: by row numbers.
  Result<Maybe> PushLimit(const LogicalPtr& node) {
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
    if (node->limit >= 0) VELARIA_RETURN_NOT_OK(bound("<=", node->limit + node->offset));
    const size_t width = dependent.plan->output.size();
    VELARIA_ASSIGN_OR_RETURN(auto filtered, FilterOver(window, std::move(conjuncts)));
    std::vector<int> order(width);
    for (size_t i = 0; i < width; ++i) order[i] = static_cast<int>(i);
    dependent.plan = SelectColumns(filtered, order);
    return pushed;
  }

  /// Children that all have the node's columns, the keys behind them.
  Result<std::vector<Dependent>> PushChildren(const LogicalPtr& node) {
    std::vector<Dependent> all;
    for (const auto& child : node->children) {
      VELARIA_ASSIGN_OR_RETURN(auto pushed, Push(child));
      if (!pushed) return Bug("a set operation is pushed by equalities");
      all.push_back(*std::move(pushed));
    }
    return all;
  }

  Result<Maybe> PushUnion(const LogicalPtr& node) {
    if (!by_domain()) return Maybe();
    VELARIA_ASSIGN_OR_RETURN(auto children, PushChildren(node));
    Dependent result = children[0];
    auto copy = CopyNode(*node);
    copy->children.clear();
    for (const auto& child : children) copy->children.push_back(child.plan);
    for (size_t i = 0; i < result.keys.size(); ++i) {
      copy->output.push_back(result.plan->output[result.first_key() + i]);
    }
    result.plan = std::move(copy);
    return Maybe(std::move(result));
  }

  Result<Maybe> PushSetOp(const LogicalPtr& node) { return PushUnion(node); }

  Result<Maybe> PushWindow(const LogicalPtr& node) {
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

  Result<Maybe> PushUnnest(const LogicalPtr& node) {
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

  /// Rows that compute from outer arguments: each row is a projection of the domain.
  Result<Maybe> PushValues(const LogicalPtr& node) {
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

  const LogicalPtr domain_;
  const std::vector<int> numbers_;
};

}  // namespace

bool HasOuter(const BoundExpr& expr) {
  return expr.kind == BoundKind::kOuter ||
         std::any_of(expr.children.begin(), expr.children.end(),
                     [](const auto& child) { return HasOuter(*child); });
}

bool HasOuter(const LogicalNode& node) {
  std::set<int> numbers;
  CollectOuter(node, &numbers);
  return !numbers.empty();
}

std::vector<int> OuterNumbers(const LogicalNode& plan) {
  std::set<int> numbers;
  CollectOuter(plan, &numbers);
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
