// States that are a few numbers per group: what a statistic needs to know of its values so far.
#pragma once

#include <cstring>
#include <optional>

#include "functions/aggregate_states.hpp"

namespace velaria {

/// `Sums` is trivially copyable and has Add(x) or Add(x, y), Add(const Sums&), and
/// `std::optional<double> Answer(question)`. Rows with a NULL in an argument do not count. The
/// exported state is its bytes.
template <typename Sums, typename Question>
class PackedStates final : public AggregateStates {
 public:
  PackedStates(TypePtr type, Question question) : type_(std::move(type)), question_(question) {}

  static TypePtr StateType() { return arrow::fixed_size_binary(sizeof(Sums)); }

  Status Resize(int64_t group_count) override {
    sums_.resize(static_cast<size_t>(group_count));
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const auto x = ViewFixed<double>(arguments[0]);
    if constexpr (requires(Sums s) { s.Add(0.0, 0.0); }) {
      const auto y = ViewFixed<double>(arguments[1]);
      ForEachValid(x.validity, groups, row_count, [&](int64_t row, uint32_t group) {
        if (y.IsValid(row)) sums_[group].Add(x[row], y[row]);
      });
    } else {
      ForEachValid(x.validity, groups, row_count,
                   [&](int64_t row, uint32_t group) { sums_[group].Add(x[row]); });
    }
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto* bytes = states[0].data->buffers[1]->data() +
                        states[0].data->offset * static_cast<int64_t>(sizeof(Sums));
    for (int64_t i = 0; i < row_count; ++i) {
      Sums sums;
      std::memcpy(static_cast<void*>(&sums), bytes + i * static_cast<int64_t>(sizeof sums),
                  sizeof sums);
      sums_[groups[i]].Add(sums);
    }
    return Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    const auto count = static_cast<int64_t>(groups.size());
    constexpr auto kBytes = static_cast<int64_t>(sizeof(Sums));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(count * kBytes, pool));
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(buffer->mutable_data() + i * kBytes, &sums_[groups[static_cast<size_t>(i)]],
                  sizeof(Sums));
    }
    auto data = arrow::ArrayData::Make(StateType(), count, {nullptr, std::move(buffer)}, 0);
    return std::vector<Vector>{Vector{std::move(data), false}};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    if (type_->id() == arrow::Type::INT64) return FinishAs<int64_t>(groups, pool);
    return FinishAs<double>(groups, pool);
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(sums_.capacity() * sizeof(Sums));
  }

 private:
  template <typename T>
  Result<Vector> FinishAs(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const {
    std::vector<std::optional<double>> answers;
    for (const uint32_t group : groups) answers.push_back(sums_[group].Answer(question_));
    std::vector<uint32_t> all(groups.size());
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    return FinishFixed<T>(
        type_, all, pool, [&](uint32_t i) { return answers[i].has_value(); },
        [&](uint32_t i) { return static_cast<T>(*answers[i]); });
  }

  const TypePtr type_;
  const Question question_;
  std::vector<Sums> sums_;
};

template <typename Sums, typename Question>
void UsePackedStates(AggregateBinding* binding) {
  using States = PackedStates<Sums, Question>;
  binding->state_types = {States::StateType()};
  binding->make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<States>(b.type, *static_cast<const Question*>(b.data.get()));
  };
}

}  // namespace velaria
