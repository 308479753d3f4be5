// Aggregates that hold one value of fixed width for each group: min and max, bit_and and its like,
// counts. What differs between them is how a row's value goes into the value held.
#pragma once

#include <utility>
#include <vector>

#include "functions/aggregate_states.hpp"

namespace velaria {

/// A derived class says in Update how values fold into `values_` and sets `has_`. The state is the
/// value itself, NULL for a group that has none, so that merging is updating with it.
template <typename T>
class FoldedStates : public AggregateStates {
 public:
  FoldedStates(TypePtr type, T first) : type_(std::move(type)), first_(first) {}

  Status Resize(int64_t group_count) override {
    values_.resize(static_cast<size_t>(group_count), first_);
    has_.resize(static_cast<size_t>(group_count), 0);
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    return Update(states, groups, row_count);
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    ARROW_ASSIGN_OR_RAISE(auto values, Finish(groups, pool));
    return std::vector<Vector>{std::move(values)};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    return FinishFixed<T>(
        type_, groups, pool, [this](uint32_t group) { return has_[group] != 0; },
        [this](uint32_t group) { return values_[group]; });
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(values_.capacity() * (sizeof(T) + 1));
  }

 protected:
  std::vector<T> values_;
  std::vector<uint8_t> has_;

 private:
  const TypePtr type_;
  const T first_;
};

}  // namespace velaria
