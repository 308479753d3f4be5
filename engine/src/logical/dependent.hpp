// The plan of a correlated subquery for all values of its outer arguments at once.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "logical/plan.hpp"

namespace velaria::logical {

/// Whether the plan, or an expression in it, reads an outer argument.
bool HasOuter(const LogicalNode& node);
bool HasOuter(const BoundExpr& expr);

/// A plan whose last `keys.size()` columns say for which outer values its rows are.
struct Dependent {
  struct Key {
    BoundExprPtr outer;  // over kOuter numbers: what the column is equal to
    bool null_safe = false;
  };
  LogicalPtr plan;
  std::vector<Key> keys;
  /// An aggregate without groups lies on the way: outer values without rows have no row here, where
  /// the subquery would give one.
  bool misses_empty_groups = false;

  size_t first_key() const { return plan->output.size() - keys.size(); }
};

/// By the subquery's own equalities; nothing when they do not determine every outer argument.
Result<std::optional<Dependent>> DependentByEqualities(const LogicalPtr& plan);

/// With `domain`, a plan of the distinct values of the outer arguments `numbers`, in this order.
Result<Dependent> DependentByDomain(const LogicalPtr& plan, const LogicalPtr& domain,
                                    const std::vector<int>& numbers);

/// The outer arguments that the plan reads, ascending.
std::vector<int> OuterNumbers(const LogicalNode& plan);

/// `expr` with each kOuter number i replaced by `arguments[i]`.
BoundExprPtr SubstituteOuter(const BoundExprPtr& expr, const std::vector<BoundExprPtr>& arguments);

}  // namespace velaria::logical
