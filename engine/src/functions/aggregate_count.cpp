// count(*), count(x), bool_and, bool_or; and the list of aggregate files.
#include "functions/aggregate_states.hpp"
#include "functions/binding.hpp"

#include <arrow/array/builder_primitive.h>
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

class CountStates final : public AggregateStates {
 public:
  Status Resize(int64_t group_count) override {
    counts_.resize(static_cast<size_t>(group_count), 0);
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const Validity validity = arguments.empty() ? Validity{} : ValidityOf(arguments[0]);
    if (groups == nullptr && validity.all_valid()) {
      counts_[0] += row_count;
      return Status::OK();
    }
    ForEachValid(validity, groups, row_count, [&](int64_t, uint32_t group) { ++counts_[group]; });
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto counts = ViewFixed<int64_t>(states[0]);
    for (int64_t i = 0; i < row_count; ++i) counts_[groups[i]] += counts[i];
    return Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    ARROW_ASSIGN_OR_RAISE(auto counts, Finish(groups, pool));
    return std::vector<Vector>{std::move(counts)};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    return FinishFixed<int64_t>(
        arrow::int64(), groups, pool, [](uint32_t) { return true; },
        [this](uint32_t group) { return counts_[group]; });
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(counts_.capacity() * sizeof(int64_t));
  }

 private:
  std::vector<int64_t> counts_;
};

Result<AggregateBinding> BindCount(const BindArguments& arguments) {
  if (arguments.types.size() > 1) return Fail(ErrorCode::kBadArgument, "count takes one argument");
  AggregateBinding binding;
  binding.type = arrow::int64();
  binding.arguments.assign(arguments.types.size(), nullptr);
  binding.distinct = arguments.distinct;
  binding.state_types = {arrow::int64()};
  binding.make_states = [](const AggregateBinding&) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<CountStates>();
  };
  binding.over_frames = CountOverFrames;
  return binding;
}

/// Three-valued AND / OR over a group: 0 = no value yet, 1 = false, 2 = true.
template <bool kAnd>
class TruthStates final : public AggregateStates {
 public:
  Status Resize(int64_t group_count) override {
    values_.resize(static_cast<size_t>(group_count), 0);
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const BoolView view = ViewBool(arguments[0]);
    ForEachValid(view.validity, groups, row_count,
                 [&](int64_t row, uint32_t group) { Fold(group, view[row] ? 2 : 1); });
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto values = ViewFixed<uint8_t>(states[0]);
    for (int64_t i = 0; i < row_count; ++i) {
      if (values[i] != 0) Fold(groups[i], values[i]);
    }
    return Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    ARROW_ASSIGN_OR_RAISE(auto values,
                          FinishFixed<uint8_t>(
                              arrow::uint8(), groups, pool, [](uint32_t) { return true; },
                              [this](uint32_t group) { return values_[group]; }));
    return std::vector<Vector>{std::move(values)};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    arrow::BooleanBuilder builder(pool);
    ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(groups.size())));
    for (uint32_t group : groups) {
      if (values_[group] == 0) {
        builder.UnsafeAppendNull();
      } else {
        builder.UnsafeAppend(values_[group] == 2);
      }
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
    return MakeVector(array);
  }

  int64_t MemoryBytes() const override { return static_cast<int64_t>(values_.capacity()); }

 private:
  void Fold(uint32_t group, uint8_t value) {
    uint8_t& held = values_[group];
    held = held == 0 ? value : (kAnd ? std::min(held, value) : std::max(held, value));
  }
  std::vector<uint8_t> values_;
};

template <bool kAnd>
Result<AggregateBinding> BindTruth(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  const auto id = arguments.types[0]->id();
  if (id != arrow::Type::BOOL && id != arrow::Type::NA) return binding::WrongArguments();
  AggregateBinding binding;
  binding.type = arrow::boolean();
  binding.arguments = {arrow::boolean()};
  binding.state_types = {arrow::uint8()};
  binding.make_states = [](const AggregateBinding&) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<TruthStates<kAnd>>();
  };
  return binding;
}

}  // namespace

void RegisterCount(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{
      "count",
      {},
      "count(*) | count([DISTINCT] value ANY) -> BIGINT",
      "The number of rows, or of rows in which the value is not NULL.",
      "SELECT count(x) FROM (VALUES (1), (NULL), (3)) AS t(x)",
      "2",
      BindCount,
      false,
      "count(*) counts every row, else NULLs are passed over; 0 when nothing is left"});
  registry.Add(AggregateFunction{"bool_and",
                                 {"every"},
                                 "bool_and(value BOOLEAN) -> BOOLEAN",
                                 "True when every value that is not NULL is true.",
                                 "SELECT bool_and(x > 0) FROM (VALUES (1), (2)) AS t(x)",
                                 "true",
                                 BindTruth<true>});
  registry.Add(AggregateFunction{"bool_or",
                                 {},
                                 "bool_or(value BOOLEAN) -> BOOLEAN",
                                 "True when any value is true.",
                                 "SELECT bool_or(x > 1) FROM (VALUES (1), (2)) AS t(x)",
                                 "true",
                                 BindTruth<false>});
}

void RegisterAggregates(FunctionRegistry& registry) {
  RegisterCount(registry);
  RegisterSums(registry);
  RegisterExtremes(registry);
  RegisterSingle(registry);
  RegisterVariances(registry);
  RegisterMoments(registry);
  RegisterQuantiles(registry);
  RegisterPositions(registry);
  RegisterLists(registry);
  RegisterBits(registry);
  RegisterApproximate(registry);
}

}  // namespace velaria
