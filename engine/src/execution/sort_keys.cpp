#include "execution/sort_keys.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "functions/order_key.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

uint64_t Ordered(double value) {
  if (std::isnan(value)) return ~uint64_t{0};  // NaN is the greatest
  if (value == 0) value = 0;
  uint64_t bits;
  std::memcpy(&bits, &value, 8);
  return bits >> 63 ? ~bits : bits | (uint64_t{1} << 63);
}

template <typename T>
void FillFixed(const Vector& vector, int64_t count, KeyColumn* key) {
  const auto view = ViewFixed<T>(vector);
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      key->values[i] = Ordered(static_cast<double>(view[i]));
    } else if constexpr (std::is_signed_v<T>) {
      key->values[i] = static_cast<uint64_t>(static_cast<int64_t>(view[i])) ^ (uint64_t{1} << 63);
    } else {
      key->values[i] = view[i];
    }
  }
}

void FillText(const Vector& vector, int64_t count, KeyColumn* key) {
  const StringView view(vector);
  key->texts.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const std::string_view text = view[i];
    key->texts[i] = text;
    uint8_t bytes[16] = {};
    std::copy_n(text.data(), std::min<size_t>(16, text.size()), bytes);
    for (int w = 0; w < 2; ++w) {
      uint64_t word = 0;
      for (int b = 0; b < 8; ++b) word = word << 8 | bytes[w * 8 + b];
      key->values[i * 2 + w] = word;
    }
  }
}

struct Words128 {
  uint64_t low;
  int64_t high;
};

constexpr int64_t kRadixRowsMin = 512;  // below, counting digits costs more than comparing
constexpr int kDigitBits = 11;

/// A word beside its row; words of up to 32 bits share their own with the row.
struct WideItem {
  uint64_t word;
  uint32_t row;
  static WideItem Of(uint64_t word, uint32_t row) { return {word, row}; }
  uint64_t key() const { return word; }
  uint32_t row_number() const { return row; }
};
struct PackedItem {
  uint64_t bits;
  static PackedItem Of(uint64_t word, uint32_t row) { return {word << 32 | row}; }
  uint64_t key() const { return bits >> 32; }
  uint32_t row_number() const { return static_cast<uint32_t>(bits); }
};

/// Sorts `order` by word(row), which has `bits` bits, keeping the order of equal words.
template <typename Item, typename Word>
void RadixSort(std::vector<uint32_t>* order, int bits, Word word) {
  std::vector<Item> items(order->size()), scratch;
  bool sorted = true;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i] = Item::Of(word((*order)[i]), (*order)[i]);
    sorted = sorted && (i == 0 || items[i - 1].key() <= items[i].key());
  }
  if (sorted) return;
  scratch.resize(items.size());
  const int passes = (bits + kDigitBits - 1) / kDigitBits;
  const int width = (bits + passes - 1) / passes;
  const uint64_t mask = (uint64_t{1} << width) - 1;
  std::vector<uint32_t> starts(size_t{1} << width);
  for (int shift = 0; shift < bits; shift += width) {
    std::fill(starts.begin(), starts.end(), 0);
    for (const auto& item : items) ++starts[item.key() >> shift & mask];
    uint32_t at = 0;
    for (auto& start : starts) at += std::exchange(start, at);
    for (const auto& item : items) scratch[starts[item.key() >> shift & mask]++] = item;
    items.swap(scratch);
  }
  for (size_t i = 0; i < items.size(); ++i) (*order)[i] = items[i].row_number();
}

/// Stable sort of `order` by the words of all rows, of which only the bits that differ count.
template <typename Word>
void SortByWord(std::vector<uint32_t>* order, Word word) {
  uint64_t least = ~uint64_t{0}, greatest = 0;
  for (size_t row = 0; row < order->size(); ++row) {
    const uint64_t value = word(row);
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  const int bits = std::bit_width(greatest - least);
  const auto above = [&](uint32_t row) { return word(row) - least; };
  if (bits == 0) return;
  if (bits <= 32) {
    RadixSort<PackedItem>(order, bits, above);
  } else {
    RadixSort<WideItem>(order, bits, above);
  }
}

void SortByKey(std::vector<uint32_t>* order, const KeyColumn& key) {
  const auto stride = static_cast<size_t>(key.words);
  const uint64_t flip = key.descending ? ~uint64_t{0} : 0;
  for (size_t w = stride; w-- > 0;) {
    SortByWord(order, [&, w](size_t row) { return key.values[row * stride + w] ^ flip; });
  }
  if (key.null_rank.empty()) return;
  SortByWord(order, [&](size_t row) { return uint64_t{key.null_rank[row]}; });
}

}  // namespace

Result<KeyColumn> MakeKey(const logical::SortKey& sort_key, const Vector& vector, int64_t count,
                          arrow::MemoryPool* pool) {
  KeyColumn key;
  key.descending = sort_key.descending;
  ARROW_ASSIGN_OR_RAISE(key.held, Expand(vector, count, pool));
  Physical physical = PhysicalOf(*LogicalType(key.held.type()));
  if (physical == Physical::kNested) {
    ARROW_ASSIGN_OR_RAISE(key.held, MakeOrderKeys(key.held, pool));
    physical = Physical::kBinary;
  }
  const Vector& values = key.held;
  key.is_text = physical == Physical::kString || physical == Physical::kBinary;
  key.words = key.is_text || physical == Physical::kDecimal ? 2 : 1;
  key.values.assign(static_cast<size_t>(count * key.words), 0);
  switch (physical) {
    case Physical::kNull: break;
    case Physical::kBool: {
      const BoolView view = ViewBool(values);
      for (int64_t i = 0; i < count; ++i) key.values[i] = view[i];
      break;
    }
    case Physical::kInt8: FillFixed<int8_t>(values, count, &key); break;
    case Physical::kInt16: FillFixed<int16_t>(values, count, &key); break;
    case Physical::kInt32: FillFixed<int32_t>(values, count, &key); break;
    case Physical::kInt64: FillFixed<int64_t>(values, count, &key); break;
    case Physical::kUInt8: FillFixed<uint8_t>(values, count, &key); break;
    case Physical::kUInt16: FillFixed<uint16_t>(values, count, &key); break;
    case Physical::kUInt32: FillFixed<uint32_t>(values, count, &key); break;
    case Physical::kUInt64: FillFixed<uint64_t>(values, count, &key); break;
    case Physical::kFloat: FillFixed<float>(values, count, &key); break;
    case Physical::kDouble: FillFixed<double>(values, count, &key); break;
    case Physical::kDecimal: {
      const auto view = ViewFixed<Words128>(values);
      for (int64_t i = 0; i < count; ++i) {
        key.values[i * 2] = static_cast<uint64_t>(view[i].high) ^ (uint64_t{1} << 63);
        key.values[i * 2 + 1] = view[i].low;
      }
      break;
    }
    case Physical::kString:
    case Physical::kBinary: FillText(values, count, &key); break;
    case Physical::kNested: return Bug("a sort key that is no bytes");
  }
  const Validity validity = ValidityOf(values);
  if (!validity.all_valid()) {
    key.null_rank.assign(static_cast<size_t>(count), 1);
    for (int64_t i = 0; i < count; ++i) {
      if (validity.IsValid(i)) continue;
      key.null_rank[i] = sort_key.nulls_first ? 0 : 2;
      for (int w = 0; w < key.words; ++w) key.values[i * key.words + w] = 0;
      if (key.is_text) key.texts[i] = {};
    }
  }
  return key;
}

int KeyColumn::Compare(size_t a, const KeyColumn& other, size_t b) const {
  const uint8_t rank = RankOf(a), other_rank = other.RankOf(b);
  if (rank != other_rank) return rank < other_rank ? -1 : 1;
  const int up = descending ? -1 : 1;
  for (int w = 0; w < words; ++w) {
    const uint64_t x = values[a * words + w], y = other.values[b * words + w];
    if (x != y) return x < y ? -up : up;
  }
  if (!is_text) return 0;
  const int order = texts[a].compare(other.texts[b]);
  return order == 0 ? 0 : order < 0 ? -up : up;
}

Result<std::vector<KeyColumn>> MakeKeys(const Chunk& rows,
                                        const std::vector<logical::SortKey>& sort_keys,
                                        QueryContext& query) {
  std::vector<KeyColumn> keys;
  for (const auto& sort_key : sort_keys) {
    ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*sort_key.expr, rows, query.functions()));
    ARROW_ASSIGN_OR_RAISE(auto key, MakeKey(sort_key, vector, rows.row_count, query.pool()));
    keys.push_back(std::move(key));
  }
  return keys;
}

int64_t SortBytes(const std::vector<logical::SortKey>& sort_keys, int64_t row_count) {
  int64_t bytes_per_row = sizeof(uint32_t) + 2 * sizeof(WideItem);
  for (const auto& key : sort_keys) {
    const Physical physical = PhysicalOf(*LogicalType(key.expr->type));
    const bool is_text = physical == Physical::kString || physical == Physical::kBinary ||
                         physical == Physical::kNested;
    bytes_per_row += sizeof(uint64_t) + 1;
    if (is_text || physical == Physical::kDecimal) bytes_per_row += sizeof(uint64_t);
    if (is_text) bytes_per_row += 2 * sizeof(std::string_view);
  }
  return bytes_per_row * row_count;
}

bool SameKeys(const std::vector<KeyColumn>& keys, uint32_t a, uint32_t b) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](const auto& key) { return key.Compare(a, key, b) == 0; });
}

std::vector<uint32_t> OrderRows(const std::vector<KeyColumn>& keys,
                                std::span<const uint32_t> groups, int64_t row_count) {
  std::vector<uint32_t> order(static_cast<size_t>(row_count));
  std::iota(order.begin(), order.end(), 0);
  const RowOrder less(keys);
  if (row_count < kRadixRowsMin) {
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      if (!groups.empty() && groups[a] != groups[b]) return groups[a] < groups[b];
      return less(a, b);
    });
    return order;
  }
  const bool has_text =
      std::any_of(keys.begin(), keys.end(), [](const auto& key) { return key.is_text; });
  if (!has_text) {
    for (size_t k = keys.size(); k-- > 0;) SortByKey(&order, keys[k]);
  }
  if (!groups.empty()) SortByWord(&order, [&](size_t row) { return uint64_t{groups[row]}; });
  if (!has_text) return order;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = groups.empty() ? order.size() : begin + 1;
    while (end < order.size() && groups[order[end]] == groups[order[begin]]) ++end;
    std::sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
              order.begin() + static_cast<std::ptrdiff_t>(end), less);
    begin = end;
  }
  return order;
}

}  // namespace velaria::execution
