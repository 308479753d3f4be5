#include "execution/join_asof.hpp"

#include "execution/key_table.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// The key of the given rows, in their order.
KeyColumn Arrange(const KeyColumn& key, const std::vector<uint32_t>& rows) {
  KeyColumn out;
  out.is_text = key.is_text;
  out.words = key.words;
  out.held = key.held;
  const auto words = static_cast<size_t>(key.words);
  out.values.reserve(rows.size() * words);
  for (const uint32_t row : rows) {
    for (size_t w = 0; w < words; ++w) out.values.push_back(key.values[row * words + w]);
    if (key.is_text) out.texts.push_back(key.texts[row]);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<AsofIndex>> AsofIndex::Make(const logical::AsofCondition& condition,
                                                   const Chunk& rows, std::vector<uint32_t> groups,
                                                   size_t group_count, QueryContext& query) {
  auto index = std::make_unique<AsofIndex>();
  index->takes_less_ = condition.op[0] == '>';
  index->takes_equal_ = condition.op.size() == 2;
  const logical::SortKey sort_key{condition.right, false, false};
  Reservation sorting(query.pool());
  ARROW_RETURN_NOT_OK(sorting.Set(SortBytes({sort_key}, rows.row_count)));
  ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*condition.right, rows, query.functions()));
  ARROW_ASSIGN_OR_RAISE(auto key, MakeKey(sort_key, vector, rows.row_count, query.pool()));
  ARROW_RETURN_NOT_OK(query.CheckCancelled());
  const Validity validity = ValidityOf(key.held);
  index->starts_.assign(group_count + 1, 0);
  for (size_t row = 0; row < groups.size(); ++row) {
    if (!validity.IsValid(static_cast<int64_t>(row))) groups[row] = KeyTable::kAbsent;
    if (groups[row] != KeyTable::kAbsent) ++index->starts_[groups[row] + 1];
  }
  for (size_t g = 0; g < group_count; ++g) index->starts_[g + 1] += index->starts_[g];
  std::vector<KeyColumn> keys;
  keys.push_back(std::move(key));
  index->rows_ = OrderRows(keys, groups, rows.row_count);
  index->rows_.resize(index->starts_[group_count]);  // absent rows have the greatest number
  index->values_ = Arrange(keys[0], index->rows_);
  return index;
}

size_t AsofIndex::Bound(uint32_t group, const KeyColumn& probe, size_t row, bool above) const {
  size_t begin = starts_[group], end = starts_[group + 1];
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    const int order = values_.Compare(middle, probe, row);
    if (order < 0 || (above && order == 0)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

uint32_t AsofIndex::Nearest(uint32_t group, const KeyColumn& probe, size_t row) const {
  if (takes_less_) {
    const size_t behind = Bound(group, probe, row, takes_equal_);
    return behind == starts_[group] ? kNone : rows_[behind - 1];
  }
  const size_t first = Bound(group, probe, row, !takes_equal_);
  if (first == starts_[group + 1]) return kNone;
  return rows_[Bound(group, values_, first, true) - 1];
}

int64_t AsofIndex::MemoryBytes() const {
  return static_cast<int64_t>((starts_.capacity() + rows_.capacity()) * sizeof(uint32_t) +
                              values_.values.capacity() * sizeof(uint64_t) +
                              values_.texts.capacity() * sizeof(std::string_view));
}

}  // namespace velaria::execution
