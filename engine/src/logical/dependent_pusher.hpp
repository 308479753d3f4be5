// The walk that dependent.hpp promises; its methods stand in dependent.cpp, dependent_group.cpp and
// dependent_join.cpp.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "logical/dependent.hpp"

namespace velaria::logical {

/// Walks a correlated plan from the top down and builds the one for all outer values. Each Push
/// gives the node's own columns first, then the keys. Without a domain it may give nothing: the
/// equalities do not do.
class Pusher {
 public:
  using Maybe = std::optional<Dependent>;

  Pusher(LogicalPtr domain, std::vector<int> numbers)
      : domain_(std::move(domain)), numbers_(std::move(numbers)) {}

  Result<Maybe> Push(const LogicalPtr& node);

 private:
  bool by_domain() const { return domain_ != nullptr; }
  /// Whether the rows of a plan differ from outer value to outer value.
  bool Depends(const LogicalNode& node) const;
  Result<Maybe> Nothing(const std::string& what) const;
  /// Every row for every outer value.
  Result<Maybe> PushDomain(const LogicalPtr& node);
  BoundExprPtr OuterAt(size_t i) const;

  static BoundExprPtr KeyColumn(const Dependent& dependent, size_t key);
  /// `expr` over the dependent plan: outer arguments become its key columns. Null when one of them
  /// is no key.
  static BoundExprPtr Resolve(const BoundExprPtr& expr, const Dependent& dependent);
  /// Resolve where the keys' columns begin at `begin` of the node's input.
  static BoundExprPtr ResolveAt(const BoundExprPtr& expr, const Dependent& dependent, size_t begin);
  /// Resolves every expression of `node`, whose child is now `dependent`; false when one cannot be.
  static Result<bool> ResolveAll(LogicalNode* node, const Dependent& dependent);
  /// Columns of `plan` in another order: `own_count` of them, then the others by position and
  /// number.
  static LogicalPtr Reordered(const LogicalPtr& plan, size_t own_begin, size_t own_count,
                              const std::vector<std::pair<size_t, size_t>>& rest);

  Result<Maybe> PushFilter(const LogicalPtr& node);
  /// `inner = outer` conjuncts leave the filter: the inner side is a column that says for which
  /// outer value a row is.
  static Dependent KeysFromEqualities(const LogicalPtr& child,
                                      std::vector<BoundExprPtr>* conjuncts);
  Result<Maybe> PushSort(const LogicalPtr& node);
  /// `node` over the dependent child with the keys handed on behind its own columns.
  Result<Maybe> PushProject(const LogicalPtr& node);
  Result<Maybe> PushUnnest(const LogicalPtr& node);
  /// Rows that compute from outer arguments: each row is a projection of the domain.
  Result<Maybe> PushValues(const LogicalPtr& node);
  Result<Maybe> PushRecursive(const LogicalPtr& node);
  Result<Maybe> PushRecursiveRef(const LogicalPtr& node);

  // dependent_group.cpp
  /// The keys are further groups, of every grouping set.
  Result<Maybe> PushAggregate(const LogicalPtr& node);
  /// An aggregate without groups gives a row for every outer value, also for those without rows.
  Result<LogicalPtr> WithEmptyGroups(const LogicalNode& node, const LogicalPtr& aggregated,
                                     size_t keys);
  /// Likewise each empty grouping set.
  Result<LogicalPtr> WithEmptySets(const LogicalNode& node, const LogicalPtr& aggregated,
                                   size_t keys);
  /// What the aggregate gives for no rows.
  static Result<Vector> EmptyValue(const BoundAggregate& aggregate);
  Result<Maybe> PushWindow(const LogicalPtr& node);
  /// LIMIT counts for each outer value on its own: by row numbers.
  Result<Maybe> PushLimit(const LogicalPtr& node);

  // dependent_join.cpp
  Result<Maybe> PushJoin(const LogicalPtr& node);
  static bool ReadsBeyond(const LogicalNode& node);
  /// One child reads outer arguments, or the join alone does: the keys come from that side.
  Result<Maybe> PushOneSide(const LogicalPtr& node, size_t side);
  /// Both children for all outer values, joined on these, too.
  Result<Maybe> PushBothSides(const LogicalPtr& node);
  static Result<LogicalPtr> WithEitherKeys(const LogicalPtr& joined, size_t left_width,
                                           size_t keys);
  /// Children that all have the node's columns, the keys behind them.
  Result<std::vector<Dependent>> PushChildren(const LogicalPtr& node);
  /// UNION ALL and the other set operations.
  Result<Maybe> PushUnion(const LogicalPtr& node);

  const LogicalPtr domain_;
  const std::vector<int> numbers_;
  std::set<int> recursions_;  // whose steps are being walked: their newest rows carry the keys
};

}  // namespace velaria::logical
