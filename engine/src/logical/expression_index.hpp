// Equal expressions are found by their hash: a list of n takes no n * n comparisons.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "logical/expression.hpp"

namespace velaria::logical {

/// Hashes of expressions by their address: the expressions must live as long.
using ExpressionHashes = std::unordered_map<const BoundExpr*, size_t>;

/// The same for expressions that are Equal. `known` gains what is computed on the way.
size_t ExpressionHash(const BoundExpr& expr, ExpressionHashes* known);
inline size_t ExpressionHash(const BoundExpr& expr) {
  ExpressionHashes known;
  return ExpressionHash(expr, &known);
}
inline size_t MixedHash(size_t seed, size_t hash) {
  return seed ^ (hash + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2));
}
/// Of expressions in their order; a null one counts.
size_t ExpressionHash(const std::vector<BoundExprPtr>& exprs);

/// Positions in a list by the hash of what stands there. `same(position)` is the judge.
class HashIndex {
 public:
  template <typename Same>
  std::optional<size_t> Find(size_t hash, Same same) const {
    const auto found = positions_.find(hash);
    if (found == positions_.end()) return std::nullopt;
    for (const size_t position : found->second) {
      if (same(position)) return position;
    }
    return std::nullopt;
  }

  /// Where there is none, the position of the thing is `next` from now on.
  template <typename Same>
  size_t FindOrAdd(size_t hash, size_t next, Same same) {
    if (const auto found = Find(hash, same)) return *found;
    positions_[hash].push_back(next);
    return next;
  }

 private:
  std::unordered_map<size_t, std::vector<size_t>> positions_;
};

}  // namespace velaria::logical
