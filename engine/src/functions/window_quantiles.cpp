// Quantiles and mode over frames. The values of all rows of the call are sorted together, once;
// what a frame holds of them is then a question about ranks.
#include <array>
#include <bit>

#include "base/cancel_scope.hpp"
#include "functions/quantile_rule.hpp"
#include "functions/row_list_states.hpp"
#include "functions/sorted_rows.hpp"

namespace velaria {
namespace {

/// Frames that jump, and lists of fractions, make one row long work.
constexpr int64_t kRowsPerCheck = 64;

/// Fails when the statement was cancelled; asks at some rows only.
Status CheckAt(int64_t row) {
  return row % kRowsPerCheck == 0 ? CancelScope::Check() : Status::OK();
}

struct Range {
  uint32_t begin = 0, end = 0;
};

/// The runs of rows that a frame holds: three at most.
struct Ranges {
  std::array<Range, 3> of;
  size_t count = 0;

  static Ranges OfFrame(const WindowRows& rows, int64_t row) {
    Ranges ranges;
    rows.ForEachRange(
        row, [&](uint32_t begin, uint32_t end) { ranges.of[ranges.count++] = {begin, end}; });
    return ranges;
  }
  bool Hold(uint32_t row) const {
    for (size_t i = 0; i < count; ++i) {
      if (row >= of[i].begin && row < of[i].end) return true;
    }
    return false;
  }
};

/// The k-th smallest of any run of numbers in one step a bit: a wavelet matrix (Claude, Navarro and
/// Ordonez, "The wavelet matrix", 2015). Level by level, from the highest bit down, the numbers are
/// put in the order of that bit, and the bits are kept with their running counts.
class WaveletMatrix {
 public:
  /// `numbers` are less than their count, and are used up.
  static Result<WaveletMatrix> Make(PoolArray<uint32_t> numbers, arrow::MemoryPool* pool) {
    WaveletMatrix matrix;
    const int64_t count = numbers.size();
    ARROW_ASSIGN_OR_RAISE(auto next, PoolArray<uint32_t>::Make(count, pool));
    const int bits = count < 2 ? 0 : std::bit_width(static_cast<uint64_t>(count - 1));
    for (int bit = bits - 1; bit >= 0; --bit) {
      Level level;
      ARROW_ASSIGN_OR_RAISE(level.words, PoolArray<Word>::Make(count / 64 + 1, pool));
      uint32_t ones = 0;
      for (int64_t begin = 0; begin <= count; begin += 64) {
        Word& word = level.words[begin / 64];
        word = {0, ones};
        for (int64_t i = begin; i < std::min(count, begin + 64); ++i) {
          word.bits |= uint64_t{(numbers[i] >> bit) & 1} << (i - begin);
        }
        ones += static_cast<uint32_t>(std::popcount(word.bits));
      }
      level.zeros = static_cast<uint32_t>(count) - ones;
      uint32_t zero_at = 0, one_at = level.zeros;
      for (int64_t i = 0; i < count; ++i) {
        next[((numbers[i] >> bit) & 1) != 0 ? one_at++ : zero_at++] = numbers[i];
      }
      std::swap(numbers, next);
      matrix.levels_.push_back(std::move(level));
    }
    return matrix;
  }

  /// `k` counts from 0 and is less than the ranges are long.
  uint32_t Smallest(Ranges ranges, uint32_t k) const {
    uint32_t number = 0;
    for (const auto& level : levels_) {
      std::array<Range, 3> ones;
      uint32_t zeros = 0;
      for (size_t i = 0; i < ranges.count; ++i) {
        const auto& range = ranges.of[i];
        ones[i] = {level.OnesBefore(range.begin), level.OnesBefore(range.end)};
        zeros += (range.end - range.begin) - (ones[i].end - ones[i].begin);
      }
      const bool one = k >= zeros;
      if (one) k -= zeros;
      for (size_t i = 0; i < ranges.count; ++i) {
        auto& range = ranges.of[i];
        range = one ? Range{level.zeros + ones[i].begin, level.zeros + ones[i].end}
                    : Range{range.begin - ones[i].begin, range.end - ones[i].end};
      }
      number = number * 2 + (one ? 1 : 0);
    }
    return number;
  }

 private:
  struct Word {
    uint64_t bits;
    uint32_t ones_before;
  };
  struct Level {
    PoolArray<Word> words;
    uint32_t zeros = 0;
    uint32_t OnesBefore(uint32_t at) const {
      const Word& word = words[at / 64];
      const uint64_t below = word.bits & ((uint64_t{1} << (at % 64)) - 1);
      return word.ones_before + static_cast<uint32_t>(std::popcount(below));
    }
  };
  std::vector<Level> levels_;
};

class FrameQuantiles {
 public:
  FrameQuantiles(const FunctionContext& context, const AggregateBinding& binding,
                 const WindowRows& rows)
      : pool_(context.pool), binding_(binding), rule_(QuantileRuleOf(binding)), rows_(rows) {}

  Result<Vector> Compute() {
    ARROW_ASSIGN_OR_RAISE(const Vector values,
                          Expand(rows_.arguments[rule_.value], rows_.row_count, pool_));
    ARROW_ASSIGN_OR_RAISE(counts_, ValidCounts::Make(ValidityOf(values), rows_.row_count, pool_));
    ARROW_ASSIGN_OR_RAISE(sorted_, SortedRows::Make(values, rows_.row_count, pool_));
    ARROW_ASSIGN_OR_RAISE(auto ranks, PoolArray<uint32_t>::Make(sorted_.row.size(), pool_));
    for (int64_t rank = 0; rank < sorted_.row.size(); ++rank) {
      ranks[counts_.Before(sorted_.row[rank])] = static_cast<uint32_t>(rank);
    }
    ARROW_ASSIGN_OR_RAISE(ranks_, WaveletMatrix::Make(std::move(ranks), pool_));
    ARROW_ASSIGN_OR_RAISE(auto results, rule_.continuous ? Continuous(values) : Discrete(values));
    return rule_.lists ? InLists(results) : results;
  }

 private:
  /// The frame of a row in numbers of values, NULLs left out.
  Ranges ValuesOf(int64_t row, uint32_t* count) const {
    Ranges ranges = Ranges::OfFrame(rows_, row);
    *count = 0;
    for (size_t i = 0; i < ranges.count; ++i) {
      auto& range = ranges.of[i];
      range = {counts_.Before(range.begin), counts_.Before(range.end)};
      *count += range.end - range.begin;
    }
    return ranges;
  }

  uint32_t RowAt(const Ranges& ranges, int64_t place) const {
    return sorted_.row[ranks_.Smallest(ranges, static_cast<uint32_t>(place))];
  }

  int64_t result_count() const {
    return rows_.row_count * static_cast<int64_t>(rule_.fractions.size());
  }

  Result<Vector> Discrete(const Vector& values) const {
    ARROW_ASSIGN_OR_RAISE(auto picked, PoolArray<int32_t>::Make(result_count(), pool_));
    int64_t at = 0;
    for (int64_t row = 0; row < rows_.row_count; ++row) {
      ARROW_RETURN_NOT_OK(CheckAt(row));
      uint32_t count = 0;
      const Ranges ranges = ValuesOf(row, &count);
      for (const auto& fraction : rule_.fractions) {
        const bool any = fraction && count > 0;
        picked[at++] =
            any ? static_cast<int32_t>(RowAt(ranges, DiscretePlace(*fraction, count))) : -1;
      }
    }
    return GatherOrNull(values, picked.span(), pool_);
  }

  Result<Vector> Continuous(const Vector& values) const {
    return values.type()->id() == arrow::Type::DOUBLE ? Interpolated<double>(values)
                                                      : Interpolated<int64_t>(values);
  }

  template <typename T>
  Result<Vector> Interpolated(const Vector& values) const {
    const auto view = ViewFixed<T>(values);
    const int64_t total = result_count();
    ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(values.type(), total, pool_));
    ARROW_ASSIGN_OR_RAISE(auto validity, AllocateBitmap(total, false, pool_));
    T* out = data->template GetMutableValues<T>(1);
    int64_t at = 0, nulls = 0;
    for (int64_t row = 0; row < rows_.row_count; ++row) {
      ARROW_RETURN_NOT_OK(CheckAt(row));
      uint32_t count = 0;
      const Ranges ranges = ValuesOf(row, &count);
      for (const auto& fraction : rule_.fractions) {
        const int64_t result = at++;
        out[result] = T{};
        if (!fraction || count == 0) {
          ++nulls;
          continue;
        }
        arrow::bit_util::SetBit(validity->mutable_data(), result);
        const double place = *fraction * static_cast<double>(count - 1);
        const auto low_place = static_cast<int64_t>(std::floor(place));
        const double rest = place - std::floor(place);
        const T low = view[RowAt(ranges, low_place)];
        out[result] = rest == 0 || low_place + 1 == count
                          ? low
                          : BetweenNeighbours(low, view[RowAt(ranges, low_place + 1)], rest);
      }
    }
    if (nulls > 0) data->buffers[0] = std::move(validity);
    data->null_count = nulls;
    return Vector{std::move(data), false};
  }

  /// One list a row; NULL for a frame without values.
  Result<Vector> InLists(const Vector& results) const {
    const std::vector<int64_t> widths(static_cast<size_t>(rows_.row_count),
                                      static_cast<int64_t>(rule_.fractions.size()));
    ARROW_ASSIGN_OR_RAISE(auto lists, MakeLists(binding_.type, widths, results, pool_));
    ARROW_ASSIGN_OR_RAISE(auto validity, AllocateBitmap(rows_.row_count, false, pool_));
    int64_t nulls = 0;
    for (int64_t row = 0; row < rows_.row_count; ++row) {
      uint32_t count = 0;
      ValuesOf(row, &count);
      nulls += count == 0;
      if (count > 0) arrow::bit_util::SetBit(validity->mutable_data(), row);
    }
    if (nulls > 0) lists.data->buffers[0] = std::move(validity);
    lists.data->null_count = nulls;
    return lists;
  }

  arrow::MemoryPool* const pool_;
  const AggregateBinding& binding_;
  const QuantileRule& rule_;
  const WindowRows& rows_;
  ValidCounts counts_;
  SortedRows sorted_;
  WaveletMatrix ranks_;
};

/// The most frequent value of a frame that changes. A tree of winners over the distinct values: a
/// value with more rows in the frame wins, of two with as many the one whose first row comes first.
class FrameMode {
 public:
  static Result<FrameMode> Make(const SortedRows& sorted, int64_t row_count,
                                arrow::MemoryPool* pool) {
    FrameMode mode(sorted);
    ARROW_ASSIGN_OR_RAISE(mode.value_of_, PoolArray<uint32_t>::Make(row_count, pool));
    std::fill_n(mode.value_of_.data(), row_count, kNone);
    const int64_t width = std::bit_ceil(std::max<uint64_t>(1, sorted.distinct_count));
    ARROW_ASSIGN_OR_RAISE(mode.ranks_, PoolArray<uint32_t>::Make(width + 1, pool));
    ARROW_ASSIGN_OR_RAISE(mode.counts_, PoolArray<uint32_t>::Make(width, pool));
    ARROW_ASSIGN_OR_RAISE(mode.firsts_, PoolArray<uint32_t>::Make(width, pool));
    ARROW_ASSIGN_OR_RAISE(mode.winners_, PoolArray<uint32_t>::Make(2 * width, pool));
    std::fill_n(mode.counts_.data(), width, 0);
    std::fill_n(mode.firsts_.data(), width, kNone);
    for (int64_t rank = sorted.row.size() - 1; rank >= 0; --rank) {
      mode.value_of_[sorted.row[rank]] = sorted.number[rank];
      mode.ranks_[sorted.number[rank]] = static_cast<uint32_t>(rank);
    }
    for (int64_t value = sorted.distinct_count; value <= width; ++value) {
      mode.ranks_[value] = static_cast<uint32_t>(sorted.row.size());
    }
    for (int64_t i = 0; i < width; ++i) mode.winners_[width + i] = static_cast<uint32_t>(i);
    for (int64_t i = width - 1; i > 0; --i) mode.winners_[i] = mode.winners_[2 * i];
    mode.width_ = width;
    return mode;
  }

  /// Goes from the frame that was last to another.
  void MoveTo(const Ranges& ranges) {
    const Ranges before = std::exchange(held_, ranges);
    std::array<uint32_t, 12> bounds;
    size_t count = 0;
    for (const auto* all : {&before, &ranges}) {
      for (size_t i = 0; i < all->count; ++i) {
        bounds[count++] = all->of[i].begin;
        bounds[count++] = all->of[i].end;
      }
    }
    std::sort(bounds.begin(), bounds.begin() + count);
    for (size_t i = 0; i + 1 < count; ++i) {
      const bool was = before.Hold(bounds[i]), is = held_.Hold(bounds[i]);
      if (was == is) continue;
      for (uint32_t row = bounds[i]; row < bounds[i + 1]; ++row) is ? Enter(row) : Leave(row);
    }
  }

  /// The first row of the most frequent value, or -1 for a frame without values.
  int32_t FirstOfMode() const {
    const uint32_t value = winners_[1];
    return counts_[value] == 0 ? -1 : static_cast<int32_t>(firsts_[value]);
  }

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  explicit FrameMode(const SortedRows& sorted) : sorted_(sorted) {}

  void Enter(uint32_t row) {
    const uint32_t value = value_of_[row];
    if (value == kNone) return;
    ++counts_[value];
    firsts_[value] = std::min(firsts_[value], row);
    Update(value);
  }

  void Leave(uint32_t row) {
    const uint32_t value = value_of_[row];
    if (value == kNone) return;
    --counts_[value];
    if (firsts_[value] == row) firsts_[value] = FirstHeld(value);
    Update(value);
  }

  uint32_t FirstHeld(uint32_t value) const {
    const uint32_t* begin = sorted_.row.data() + ranks_[value];
    const uint32_t* end = sorted_.row.data() + ranks_[value + 1];
    for (size_t i = 0; i < held_.count; ++i) {
      const uint32_t* row = std::lower_bound(begin, end, held_.of[i].begin);
      if (row != end && *row < held_.of[i].end) return *row;
    }
    return kNone;
  }

  void Update(uint32_t value) {
    for (int64_t node = (width_ + value) / 2; node > 0; node /= 2) {
      const uint32_t a = winners_[2 * node], b = winners_[2 * node + 1];
      const bool first =
          counts_[a] != counts_[b] ? counts_[a] > counts_[b] : firsts_[a] <= firsts_[b];
      winners_[node] = first ? a : b;
    }
  }

  const SortedRows& sorted_;
  PoolArray<uint32_t> value_of_;  // by row, kNone for NULL
  PoolArray<uint32_t> ranks_;     // by value: of its first row
  PoolArray<uint32_t> counts_;    // by value: rows in the frame
  PoolArray<uint32_t> firsts_;    // by value: the first of them
  PoolArray<uint32_t> winners_;   // a heap's nodes; the values are its leaves
  int64_t width_ = 1;
  Ranges held_;
};

}  // namespace

Result<Vector> QuantilesOverFrames(const FunctionContext& context, const AggregateBinding& binding,
                                   const WindowRows& rows) {
  return FrameQuantiles(context, binding, rows).Compute();
}

Result<Vector> ModeOverFrames(const FunctionContext& context, const AggregateBinding& /*binding*/,
                              const WindowRows& rows) {
  ARROW_ASSIGN_OR_RAISE(const Vector values,
                        Expand(rows.arguments[0], rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(const auto sorted, SortedRows::Make(values, rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(auto mode, FrameMode::Make(sorted, rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(auto picked, PoolArray<int32_t>::Make(rows.row_count, context.pool));
  for (int64_t row = 0; row < rows.row_count; ++row) {
    ARROW_RETURN_NOT_OK(CheckAt(row));
    mode.MoveTo(Ranges::OfFrame(rows, row));
    picked[row] = mode.FirstOfMode();
  }
  return GatherOrNull(values, picked.span(), context.pool);
}

}  // namespace velaria
