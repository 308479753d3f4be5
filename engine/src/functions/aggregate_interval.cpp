// Intervals are summed part by part, months, days and time each for itself, and a mean hands the
// rest of a month's or day's division down: 30 days a month, 24 hours a day (PostgreSQL's
// interval_div).
#include "functions/aggregate_interval.hpp"

#include "functions/aggregate_states.hpp"
#include "functions/temporal_text.hpp"

namespace velaria {
namespace {

using calendar::Interval;
using calendar::kNanosPerDay;

constexpr Int128 kDaysPerMonth = 30;

struct Parts {
  Int128 months = 0, days = 0, nanos = 0;
  int64_t count = 0;

  void Add(const Interval& value) {
    months += value.months;
    days += value.days;
    nanos += value.nanoseconds;
    ++count;
  }
  void Add(const Parts& other) {
    months += other.months;
    days += other.days;
    nanos += other.nanos;
    count += other.count;
  }
  Parts Mean() const {
    Parts mean;
    mean.months = months / count;
    const Int128 all_days = days + months % count * kDaysPerMonth;
    mean.days = all_days / count;
    mean.nanos = (nanos + all_days % count * kNanosPerDay) / count;
    return mean;
  }
};

class IntervalSumStates final : public AggregateStates {
 public:
  explicit IntervalSumStates(bool average) : average_(average) {}

  static TypePtr StateType() { return arrow::fixed_size_binary(sizeof(Parts)); }

  Status Resize(int64_t group_count) override {
    parts_.resize(static_cast<size_t>(group_count));
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const auto view = ViewFixed<Interval>(arguments[0]);
    ForEachValid(view.validity, groups, row_count,
                 [&](int64_t row, uint32_t group) { parts_[group].Add(view[row]); });
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto& data = *states[0].data;
    for (int64_t i = 0; i < row_count; ++i) {
      Parts other;
      std::memcpy(&other,
                  data.buffers[1]->data() + (data.offset + i) * static_cast<int64_t>(sizeof(Parts)),
                  sizeof(Parts));
      parts_[groups[i]].Add(other);
    }
    return Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    const auto count = static_cast<int64_t>(groups.size());
    constexpr auto kBytes = static_cast<int64_t>(sizeof(Parts));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(count * kBytes, pool));
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(buffer->mutable_data() + i * kBytes, &parts_[groups[i]], sizeof(Parts));
    return std::vector<Vector>{
        {arrow::ArrayData::Make(StateType(), count, {nullptr, std::move(buffer)}, 0), false}};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    bool fits = true;
    const auto result = FinishFixed<Interval>(
        arrow::month_day_nano_interval(), groups, pool,
        [this](uint32_t group) { return parts_[group].count > 0; },
        [&](uint32_t group) {
          const Parts parts = average_ ? parts_[group].Mean() : parts_[group];
          const Interval value{static_cast<int32_t>(parts.months), static_cast<int32_t>(parts.days),
                               static_cast<int64_t>(parts.nanos)};
          fits = fits && value.months == parts.months && value.days == parts.days &&
                 value.nanoseconds == parts.nanos;
          return value;
        });
    if (!fits) return Fail(ErrorCode::kOverflow, "INTERVAL out of range: sum");
    return result;
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(parts_.capacity() * sizeof(Parts));
  }

 private:
  const bool average_;
  std::vector<Parts> parts_;
};

}  // namespace

AggregateBinding BindIntervalSum(bool distinct, bool average) {
  AggregateBinding binding;
  binding.type = arrow::month_day_nano_interval();
  binding.arguments = {binding.type};
  binding.state_types = {IntervalSumStates::StateType()};
  binding.distinct = distinct;
  binding.data = std::make_shared<const bool>(average);
  binding.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<IntervalSumStates>(*static_cast<const bool*>(b.data.get()));
  };
  return binding;
}

}  // namespace velaria
