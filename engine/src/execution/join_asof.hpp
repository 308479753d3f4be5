// ASOF joins: the build rows of each key sorted by their ASOF value, and the search for the one
// nearest to a probe row. Sorting is by radix over all rows at once, a search is binary:
// O((n + m) log m) for n probe and m build rows.
#pragma once

#include <memory>
#include <vector>

#include "execution/sort_keys.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

class AsofIndex {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  /// `groups`: the key group of each build row, KeyTable::kAbsent for rows that nothing matches.
  static Result<std::unique_ptr<AsofIndex>> Make(const logical::AsofCondition& condition,
                                                 const Chunk& rows, std::vector<uint32_t> groups,
                                                 size_t group_count, QueryContext& query);
  /// The row of the group that is nearest to probe row `row` on the side the condition asks for; of
  /// several rows with that value the last in row order. kNone: there is none.
  uint32_t Nearest(uint32_t group, const KeyColumn& probe, size_t row) const;
  int64_t MemoryBytes() const;

 private:
  /// The first of the group's places whose value is above the probe's (not below, without `above`).
  size_t Bound(uint32_t group, const KeyColumn& probe, size_t row, bool above) const;

  bool takes_less_ = false;       // >= and >: the nearest row below; else above
  bool takes_equal_ = false;      // >= and <=
  std::vector<uint32_t> starts_;  // per group its first place, and one past the end
  std::vector<uint32_t> rows_;    // by place
  KeyColumn values_;              // by place
};

}  // namespace velaria::execution
