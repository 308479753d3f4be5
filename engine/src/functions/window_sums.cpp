// sum and avg over frames. Integers and decimals can be taken out again without loss, so the sum of
// a frame is the difference of two running sums. Floats cannot: a growing frame carries its sum, a
// short one is added up, any other is read from a tree of partial sums.
#include <cmath>

#include "functions/aggregate_states.hpp"
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

// Digits of a decimal whose sum over 2^31 rows still fits in 128 bits.
constexpr int kExactDigitsMax = 28;

template <typename T>
using ExactSum = std::conditional_t<(sizeof(T) < 8), int64_t, Int128>;

/// One result per row: put(row, sum, count) for a frame with values, null for the rest.
template <typename Out, typename Frame, typename Value>
Result<Vector> Fill(const WindowRows& rows, const TypePtr& type, arrow::MemoryPool* pool,
                    Frame frame, Value value) {
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(type, rows.row_count, pool));
  Out* out = data->template GetMutableValues<Out>(1);
  std::shared_ptr<arrow::Buffer> validity;
  int64_t nulls = 0;
  for (int64_t i = 0; i < rows.row_count; ++i) {
    const auto [sum, count] = frame(i);
    if (count > 0) {
      out[i] = value(sum, count);
      continue;
    }
    out[i] = Out{};
    if (!validity) {
      ARROW_ASSIGN_OR_RAISE(validity, AllocateBitmap(rows.row_count, true, pool));
    }
    arrow::bit_util::ClearBit(validity->mutable_data(), i);
    ++nulls;
  }
  data->buffers[0] = std::move(validity);
  data->null_count = nulls;
  return Vector{std::move(data), false};
}

template <typename T, bool kAverage>
Result<Vector> SumExact(const FunctionContext& context, const AggregateBinding& binding,
                        const WindowRows& rows) {
  using Sum = ExactSum<T>;
  const auto view = ViewFixed<T>(rows.arguments[0]);
  ARROW_ASSIGN_OR_RAISE(const auto counts,
                        ValidCounts::Make(view.validity, rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(auto sums, PoolArray<Sum>::Make(rows.row_count + 1, context.pool));
  sums[0] = 0;
  for (int64_t i = 0; i < rows.row_count; ++i) {
    sums[i + 1] = sums[i] + (view.IsValid(i) ? static_cast<Sum>(view[i]) : Sum{0});
  }
  const auto frame = [&](int64_t row) {
    Sum sum = 0;
    int64_t count = 0;
    rows.ForEachRange(row, [&](uint32_t begin, uint32_t end) {
      sum += sums[end] - sums[begin];
      count += counts.Between(begin, end);
    });
    return std::pair(sum, count);
  };
  if constexpr (kAverage) {
    const auto& from = *binding.arguments[0];
    const int scale = IsDecimal(from) ? static_cast<const arrow::DecimalType&>(from).scale() : 0;
    const double divisor = std::pow(10.0, scale);
    return Fill<double>(rows, binding.type, context.pool, frame, [&](Sum sum, int64_t count) {
      return static_cast<double>(sum) / (divisor * static_cast<double>(count));
    });
  } else {
    return Fill<Sum>(rows, binding.type, context.pool, frame, [](Sum sum, int64_t) { return sum; });
  }
}

/// VEL3002 for a result that is not finite though every value of its frame is.
template <typename T, typename Out, bool kAverage>
Status CheckFloats(const WindowRows& rows, const FixedView<T>& view, const Vector& results,
                   arrow::MemoryPool* pool) {
  const auto result = ViewFixed<Out>(results);
  const auto out_of_range = [&](int64_t row) {
    return result.IsValid(row) && !std::isfinite(result[row]);
  };
  int64_t row = 0;
  while (row < rows.row_count && !out_of_range(row)) ++row;
  if (row == rows.row_count) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto specials, PoolArray<uint32_t>::Make(rows.row_count + 1, pool));
  specials[0] = 0;
  for (int64_t i = 0; i < rows.row_count; ++i) {
    specials[i + 1] = specials[i] + (view.IsValid(i) && !std::isfinite(view[i]));
  }
  for (; row < rows.row_count; ++row) {
    if (!out_of_range(row)) continue;
    bool has_special = false;
    rows.ForEachRange(row, [&](uint32_t begin, uint32_t end) {
      has_special = has_special || specials[end] > specials[begin];
    });
    if (has_special) continue;
    return Fail(ErrorCode::kOverflow, SumRangeText(kAverage, *results.type()));
  }
  return Status::OK();
}

template <typename T, bool kAverage>
Result<Vector> SumFloats(const FunctionContext& context, const AggregateBinding& binding,
                         const WindowRows& rows) {
  const auto view = ViewFixed<T>(rows.arguments[0]);
  ARROW_ASSIGN_OR_RAISE(const auto counts,
                        ValidCounts::Make(view.validity, rows.row_count, context.pool));
  const auto value = [](double sum, int64_t count) {
    return static_cast<std::conditional_t<kAverage, double, T>>(
        kAverage ? sum / static_cast<double>(count) : sum);
  };
  using Out = decltype(value(0.0, 1));
  const auto checked = [&](Result<Vector> results) -> Result<Vector> {
    ARROW_RETURN_NOT_OK(results.status());
    ARROW_RETURN_NOT_OK((CheckFloats<T, Out, kAverage>(rows, view, *results, context.pool)));
    return results;
  };
  const auto row_value = [&](int64_t i) {
    return view.IsValid(i) ? static_cast<double>(view[i]) : 0.0;
  };
  if (FramesOnlyGrow(rows)) {
    double sum = 0;
    uint32_t at = 0, partition = 0;
    const auto grow = [&](int64_t row) {
      if (row == 0 || rows.partition_start[row] != partition) {
        at = partition = rows.partition_start[row];
        sum = 0;
      }
      for (; at < rows.frame_end[row]; ++at) sum += row_value(at);
      return std::pair(sum, static_cast<int64_t>(counts.Between(partition, at)));
    };
    return checked(Fill<Out>(rows, binding.type, context.pool, grow, value));
  }
  const auto add_up = [&](auto over) {
    return [&rows, &counts, over](int64_t row) {
      double sum = 0;
      int64_t count = 0;
      rows.ForEachRange(row, [&](uint32_t begin, uint32_t end) {
        sum += over(begin, end);
        count += counts.Between(begin, end);
      });
      return std::pair(sum, count);
    };
  };
  const int64_t widest = WidestFrame(rows);
  if (widest <= kShortFrame) {
    const auto over = [&](uint32_t begin, uint32_t end) {
      double sum = 0;
      for (uint32_t i = begin; i < end; ++i) sum += row_value(i);
      return sum;
    };
    return checked(Fill<Out>(rows, binding.type, context.pool, add_up(over), value));
  }
  ARROW_ASSIGN_OR_RAISE(auto leaves, PoolArray<double>::Make(rows.row_count, context.pool));
  for (int64_t i = 0; i < rows.row_count; ++i) leaves[i] = row_value(i);
  using Tree = FrameTree<double, std::plus<double>>;
  ARROW_ASSIGN_OR_RAISE(const auto tree, Tree::Make(std::move(leaves), 0.0, widest, context.pool));
  const auto over = [&tree](uint32_t begin, uint32_t end) { return tree.Over(begin, end); };
  return checked(Fill<Out>(rows, binding.type, context.pool, add_up(over), value));
}

template <bool kAverage>
FrameKernel SumKernel(const arrow::DataType& type) {
  switch (PhysicalOf(type)) {
    case Physical::kInt8: return SumExact<int8_t, kAverage>;
    case Physical::kInt16: return SumExact<int16_t, kAverage>;
    case Physical::kInt32: return SumExact<int32_t, kAverage>;
    case Physical::kInt64: return SumExact<int64_t, kAverage>;
    case Physical::kUInt8: return SumExact<uint8_t, kAverage>;
    case Physical::kUInt16: return SumExact<uint16_t, kAverage>;
    case Physical::kUInt32: return SumExact<uint32_t, kAverage>;
    case Physical::kUInt64: return SumExact<uint64_t, kAverage>;
    case Physical::kFloat: return SumFloats<float, kAverage>;
    case Physical::kDouble: return SumFloats<double, kAverage>;
    case Physical::kDecimal: {
      const int digits = static_cast<const arrow::DecimalType&>(type).precision();
      return digits <= kExactDigitsMax ? SumExact<Int128, kAverage> : nullptr;
    }
    default: return nullptr;
  }
}

}  // namespace

FrameKernel SumOverFrames(const arrow::DataType& type, bool average) {
  return average ? SumKernel<true>(type) : SumKernel<false>(type);
}

}  // namespace velaria
