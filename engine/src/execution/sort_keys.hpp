// Sort keys as words whose unsigned order is the SQL order, and the sorting of rows by them.
#pragma once

#include <string_view>
#include <vector>

#include "execution/query_context.hpp"
#include "logical/expression.hpp"

namespace velaria::execution {

/// One key of many rows: `null_rank` decides first, then the words, then (for long strings) the
/// text itself.
struct KeyColumn {
  bool descending = false;
  bool is_text = false;
  int words = 1;                   // 2 for decimals and strings
  std::vector<uint64_t> values;    // words per row
  std::vector<uint8_t> null_rank;  // 0 before values, 1 value, 2 after values; empty: all values
  std::vector<std::string_view> texts;
  Vector held;  // keeps the texts alive

  uint8_t RankOf(size_t row) const { return null_rank.empty() ? 1 : null_rank[row]; }
  /// Below 0 when row `a` comes before row `b` of `other`, 0 for peers.
  int Compare(size_t a, const KeyColumn& other, size_t b) const;
};

Result<KeyColumn> MakeKey(const logical::SortKey& sort_key, const Vector& vector, int64_t count,
                          arrow::MemoryPool* pool);
/// The keys of every row of a dense chunk.
Result<std::vector<KeyColumn>> MakeKeys(const Chunk& rows,
                                        const std::vector<logical::SortKey>& sort_keys,
                                        QueryContext& query);
/// What sorting takes beside the rows themselves: the keys, the order, and the items of the radix
/// sort.
int64_t SortBytes(const std::vector<logical::SortKey>& sort_keys, int64_t row_count);
bool SameKeys(const std::vector<KeyColumn>& keys, uint32_t a, uint32_t b);

/// Strict order of rows by their keys, then by position.
class RowOrder {
 public:
  explicit RowOrder(const std::vector<KeyColumn>& keys) : keys_(keys) {}
  bool operator()(uint32_t a, uint32_t b) const {
    for (const auto& key : keys_) {
      if (const int order = key.Compare(a, key, b); order != 0) return order < 0;
    }
    return a < b;
  }

 private:
  const std::vector<KeyColumn>& keys_;
};

/// All rows by the number of their group, then by their keys, then by position. No `groups`: one
/// group. By radix, except for texts and for few rows.
std::vector<uint32_t> OrderRows(const std::vector<KeyColumn>& keys,
                                std::span<const uint32_t> groups, int64_t row_count);

}  // namespace velaria::execution
