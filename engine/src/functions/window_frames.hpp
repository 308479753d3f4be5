// What the window functions share: arrays in the query's memory, and trees over frames.
#pragma once

#include <arrow/buffer.h>

#include <bit>
#include <limits>

#include "functions/registry.hpp"

namespace velaria {

/// A fixed number of values in memory that the query is charged for. Values start uninitialised.
template <typename T>
class PoolArray {
 public:
  PoolArray() = default;
  static Result<PoolArray> Make(int64_t count, arrow::MemoryPool* pool) {
    PoolArray array;
    ARROW_ASSIGN_OR_RAISE(array.buffer_,
                          arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(T)), pool));
    array.values_ = reinterpret_cast<T*>(array.buffer_->mutable_data());
    array.count_ = static_cast<size_t>(count);
    return array;
  }
  T& operator[](int64_t i) { return values_[i]; }
  const T& operator[](int64_t i) const { return values_[i]; }
  T* data() { return values_; }
  const T* data() const { return values_; }
  int64_t size() const { return static_cast<int64_t>(count_); }
  std::span<const T> span() const { return {values_, count_}; }

 private:
  std::unique_ptr<arrow::Buffer> buffer_;
  T* values_ = nullptr;
  size_t count_ = 0;
};

/// How many rows before each position hold a value: `row_count` + 1 numbers. Empty when all do.
class ValidCounts {
 public:
  static Result<ValidCounts> Make(const Validity& validity, int64_t row_count,
                                  arrow::MemoryPool* pool);
  uint32_t Between(uint32_t begin, uint32_t end) const {
    return all_ ? end - begin : counts_[end] - counts_[begin];
  }
  uint32_t Before(uint32_t row) const { return all_ ? row : counts_[row]; }

 private:
  bool all_ = true;
  PoolArray<uint32_t> counts_;
};

/// Combines any run of values in O(log n): level l holds the values of runs of 2^l rows. No more
/// levels are made than runs of `width_max` rows ask for.
template <typename T, typename Combine>
class FrameTree {
 public:
  static Result<FrameTree> Make(PoolArray<T> leaves, T identity, int64_t width_max,
                                arrow::MemoryPool* pool) {
    FrameTree tree;
    tree.identity_ = identity;
    tree.levels_.push_back(std::move(leaves));
    for (int64_t width = 2; width <= width_max && tree.levels_.back().size() > 1; width *= 2) {
      const auto& below = tree.levels_.back();
      const int64_t count = (below.size() + 1) / 2;
      ARROW_ASSIGN_OR_RAISE(auto level, PoolArray<T>::Make(count, pool));
      for (int64_t i = 0; i < count; ++i) {
        const bool pair = 2 * i + 1 < below.size();
        level[i] = Combine()(below[2 * i], pair ? below[2 * i + 1] : identity);
      }
      tree.levels_.push_back(std::move(level));
    }
    return tree;
  }

  T Over(uint32_t begin, uint32_t end) const {
    T left = identity_, right = identity_;
    for (size_t level = 0; begin < end; ++level) {
      if (begin & 1) left = Combine()(left, levels_[level][begin++]);
      if (end & 1) right = Combine()(levels_[level][--end], right);
      begin >>= 1;
      end >>= 1;
    }
    return Combine()(left, right);
  }

 private:
  std::vector<PoolArray<T>> levels_;
  T identity_{};
};

/// Frames of no more rows than this are computed row by row: cheaper than a structure over them.
inline constexpr int64_t kShortFrame = 16;

/// The longest frame, before anything is excluded.
int64_t WidestFrame(const WindowRows& rows);
/// Whether every frame begins with its partition and nothing is excluded: values can be carried
/// from row to row.
bool FramesOnlyGrow(const WindowRows& rows);

/// count(*) and count(x): the number of rows, or of values.
Result<Vector> CountOverFrames(const FunctionContext& context, const AggregateBinding& binding,
                               const WindowRows& rows);
/// Of a sum that `type` has no room for, or of the one that an average is made of.
inline std::string SumRangeText(bool average, const arrow::DataType& type) {
  return std::string(average ? "avg" : "sum") + " out of range: " + SqlName(type);
}
/// sum or avg over a number type as BindSum casts it; null when states have to be merged.
FrameKernel SumOverFrames(const arrow::DataType& type, bool average);
/// min or max over a fixed-width type; null for others.
FrameKernel ExtremeOverFrames(const arrow::DataType& type, bool maximum);

void RegisterRanking(FunctionRegistry& registry);      // row_number, rank, ntile, ...
void RegisterFrameValues(FunctionRegistry& registry);  // lag, lead, first_value, ...

}  // namespace velaria
