// min and max over frames: a growing frame carries its value, a short one is walked, any other is
// read from a tree.
#include <cmath>

#include "functions/aggregate_states.hpp"
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

/// NaN is the greatest float, as in ORDER BY.
template <typename T>
bool Less(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <typename T, bool kMaximum>
struct Better {
  T operator()(const T& a, const T& b) const {
    return (kMaximum ? Less(a, b) : Less(b, a)) ? b : a;
  }
};

/// The value that every other one is better than.
template <typename T, bool kMaximum>
T Worst() {
  if constexpr (std::is_floating_point_v<T>) {
    return kMaximum ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::quiet_NaN();
  } else if constexpr (std::is_same_v<T, Int128>) {
    const Int128 least = static_cast<Int128>(1) << 127;
    return kMaximum ? least : ~least;
  } else {
    return kMaximum ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
}

template <typename T, bool kMaximum>
struct Extremes {
  using Pick = Better<T, kMaximum>;

  static Result<Vector> Over(const FunctionContext& context, const AggregateBinding& binding,
                             const WindowRows& rows) {
    const auto view = ViewFixed<T>(rows.arguments[0]);
    ARROW_ASSIGN_OR_RAISE(const auto counts,
                          ValidCounts::Make(view.validity, rows.row_count, context.pool));
    ARROW_ASSIGN_OR_RAISE(auto leaves, PoolArray<T>::Make(rows.row_count, context.pool));
    const T worst = Worst<T, kMaximum>();
    for (int64_t i = 0; i < rows.row_count; ++i) leaves[i] = view.IsValid(i) ? view[i] : worst;
    ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(binding.type, rows.row_count, context.pool));
    T* out = data->template GetMutableValues<T>(1);
    if (FramesOnlyGrow(rows)) {
      Carry(rows, leaves, out);
    } else if (const int64_t widest = WidestFrame(rows); widest <= kShortFrame) {
      Each(rows, out, [&leaves, worst](uint32_t begin, uint32_t end) {
        T best = worst;
        for (uint32_t i = begin; i < end; ++i) best = Pick()(best, leaves[i]);
        return best;
      });
    } else {
      using Tree = FrameTree<T, Pick>;
      ARROW_ASSIGN_OR_RAISE(const auto tree,
                            Tree::Make(std::move(leaves), worst, widest, context.pool));
      Each(rows, out, [&tree](uint32_t begin, uint32_t end) { return tree.Over(begin, end); });
    }
    ARROW_RETURN_NOT_OK(MarkEmpty(rows, counts, data.get(), context.pool));
    return Vector{std::move(data), false};
  }

 private:
  static void Carry(const WindowRows& rows, const PoolArray<T>& leaves, T* out) {
    T best{};
    uint32_t at = 0, partition = 0;
    for (int64_t i = 0; i < rows.row_count; ++i) {
      if (i == 0 || rows.partition_start[i] != partition) {
        at = partition = rows.partition_start[i];
        best = Worst<T, kMaximum>();
      }
      for (; at < rows.frame_end[i]; ++at) best = Pick()(best, leaves[at]);
      out[i] = best;
    }
  }

  template <typename RangeValue>
  static void Each(const WindowRows& rows, T* out, RangeValue over) {
    for (int64_t i = 0; i < rows.row_count; ++i) {
      T best = Worst<T, kMaximum>();
      rows.ForEachRange(i, [&](uint32_t b, uint32_t e) { best = Pick()(best, over(b, e)); });
      out[i] = best;
    }
  }

  static Status MarkEmpty(const WindowRows& rows, const ValidCounts& counts, arrow::ArrayData* data,
                          arrow::MemoryPool* pool) {
    std::shared_ptr<arrow::Buffer> validity;
    int64_t nulls = 0;
    for (int64_t i = 0; i < rows.row_count; ++i) {
      bool any = false;
      rows.ForEachRange(i, [&](uint32_t b, uint32_t e) { any |= counts.Between(b, e) > 0; });
      if (any) continue;
      if (!validity) {
        ARROW_ASSIGN_OR_RAISE(validity, AllocateBitmap(rows.row_count, true, pool));
      }
      arrow::bit_util::ClearBit(validity->mutable_data(), i);
      ++nulls;
    }
    data->buffers[0] = std::move(validity);
    data->null_count = nulls;
    return Status::OK();
  }
};

template <bool kMaximum>
FrameKernel ExtremeKernel(const arrow::DataType& type) {
  switch (PhysicalOf(type)) {
    case Physical::kInt8: return Extremes<int8_t, kMaximum>::Over;
    case Physical::kInt16: return Extremes<int16_t, kMaximum>::Over;
    case Physical::kInt32: return Extremes<int32_t, kMaximum>::Over;
    case Physical::kInt64: return Extremes<int64_t, kMaximum>::Over;
    case Physical::kUInt8: return Extremes<uint8_t, kMaximum>::Over;
    case Physical::kUInt16: return Extremes<uint16_t, kMaximum>::Over;
    case Physical::kUInt32: return Extremes<uint32_t, kMaximum>::Over;
    case Physical::kUInt64: return Extremes<uint64_t, kMaximum>::Over;
    case Physical::kFloat: return Extremes<float, kMaximum>::Over;
    case Physical::kDouble: return Extremes<double, kMaximum>::Over;
    case Physical::kDecimal: return Extremes<Int128, kMaximum>::Over;
    default: return nullptr;
  }
}

}  // namespace

FrameKernel ExtremeOverFrames(const arrow::DataType& type, bool maximum) {
  return maximum ? ExtremeKernel<true>(type) : ExtremeKernel<false>(type);
}

}  // namespace velaria
