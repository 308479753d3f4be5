// sum and avg. Integer sums are exact: 64-bit states for inputs of up to 32 bits, 128-bit states
// above, so that no row needs an overflow check; the result's range is checked once per group.
// Sums of floats come in two kinds: as fast as the processor adds, in the order of the rows, or
// reproducible (reproducible_sum.hpp).
#include <arrow/util/decimal.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "functions/aggregate_interval.hpp"
#include "functions/aggregate_states.hpp"
#include "functions/binding.hpp"
#include "functions/reproducible_sum.hpp"
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

constexpr Int128 Power10(int exponent) {
  Int128 value = 1;
  for (int i = 0; i < exponent; ++i) value *= 10;
  return value;
}

/// The widest sum that has no carry to look after: state type by input type.
template <typename T>
using SumOf = std::conditional_t<std::is_floating_point_v<T>, double,
                                 std::conditional_t<(sizeof(T) < 8), int64_t, Int128>>;

/// How a value lies in a buffer, which promises no more than 8-byte alignment.
template <typename T>
using CellOf = std::conditional_t<std::is_same_v<T, Int128>, std::array<uint64_t, 2>, T>;

template <typename T>
SumOf<T> SumAll(const T* values, int64_t count) {
  if constexpr (std::is_same_v<SumOf<T>, double>) {
    // Eight running sums: the adds of one do not wait for the adds of another.
    double lanes[8] = {};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
      for (int lane = 0; lane < 8; ++lane) lanes[lane] += values[i + lane];
    }
    for (; i < count; ++i) lanes[i & 7] += values[i];
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
  } else if constexpr (std::is_same_v<SumOf<T>, int64_t>) {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += values[i];
    return sum;
  } else {
    // Halves apart: neither sum can overflow within one chunk, and both loops vectorise.
    uint64_t low = 0;
    int64_t high = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t bits = static_cast<uint64_t>(values[i]);
      low += bits & 0xFFFFFFFFu;
      if constexpr (std::is_signed_v<T>) {
        high += static_cast<int64_t>(values[i]) >> 32;
      } else {
        high += static_cast<int64_t>(bits >> 32);
      }
    }
    return (static_cast<Int128>(high) << 32) + static_cast<Int128>(low);
  }
}

enum class Answer { kSum, kAverage };

struct SumRule {
  Answer answer;
  int scale = 0;  // of a decimal input
};

/// `type` is the sum's, of which an average is made.
Status SumOutOfRange(Answer answer, const arrow::DataType& type) {
  return Fail(ErrorCode::kOverflow, SumRangeText(answer == Answer::kAverage, type));
}

/// Whether a NaN or an infinity may be among the values, those under NULLs counted.
bool AnySpecial(const double* values, int64_t count) {
  constexpr uint64_t kSign = uint64_t{1} << 63, kLowestExponent = uint64_t{1} << 52;
  uint64_t carried = 0;  // the sign bit, when an exponent of all ones was added one to
  for (int64_t i = 0; i < count; ++i) {
    carried |= (std::bit_cast<uint64_t>(values[i]) & ~kSign) + kLowestExponent;
  }
  return (carried & kSign) != 0;
}

/// Which groups of a sum of doubles were given a NaN or an infinity: the sum of any other group
/// that is not finite has left the range.
class SpecialGroups {
 public:
  void Add(uint32_t group) {
    if (group >= has_.size()) has_.resize(group + 1, false);
    has_[group] = true;
  }
  void AddFrom(const FixedView<double>& view, const uint32_t* groups, int64_t row_count) {
    if (view.validity.all_null) return;
    if (!AnySpecial(view.values, view.stride == 0 ? 1 : row_count)) return;
    ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
      if (!std::isfinite(view[row])) Add(group);
    });
  }
  bool Has(uint32_t group) const { return group < has_.size() && has_[group]; }
  Status Check(Answer answer, std::span<const uint32_t> groups,
               const std::vector<double>& sums) const {
    for (const uint32_t group : groups) {
      if (!std::isfinite(sums[group]) && !Has(group))
        return SumOutOfRange(answer, *arrow::float64());
    }
    return Status::OK();
  }
  int64_t MemoryBytes() const { return static_cast<int64_t>(has_.capacity() / 8); }

 private:
  std::vector<bool> has_;
};

/// The results that are infinite where their sum, a finite double, is not.
template <typename Value>
Status CheckReals(std::span<const uint32_t> groups, Value sum) {
  for (const uint32_t group : groups) {
    const double value = sum(group);
    if (std::isfinite(value) && std::isinf(static_cast<float>(value)))
      return SumOutOfRange(Answer::kSum, *arrow::float32());
  }
  return Status::OK();
}

/// Sum and count per group over a number type, or over DECIMAL (T = Int128).
template <typename T, typename Acc>
class SumStates final : public AggregateStates {
 public:
  SumStates(TypePtr type, SumRule rule) : type_(std::move(type)), rule_(rule) {}

  Status Resize(int64_t group_count) override {
    sums_.resize(static_cast<size_t>(group_count), Acc{});
    counts_.resize(static_cast<size_t>(group_count), 0);
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const auto view = ViewFixed<CellOf<T>>(arguments[0]);
    const bool far = sums_.size() > kFarGroups;
    if constexpr (std::is_same_v<T, Int128>) {
      bool overflow = false;
      ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
        if (far) PrefetchFor(groups, row, row_count);
        overflow |=
            __builtin_add_overflow(sums_[group], FromWords(view[row].data()), &sums_[group]);
        ++counts_[group];
      });
      return overflow ? DecimalOutOfRange() : Status::OK();
    } else {
      if (groups == nullptr && view.validity.all_valid() && view.stride == 1) {
        sums_[0] += SumAll(view.values, row_count);
        counts_[0] += row_count;
        if constexpr (std::is_same_v<T, double>) {
          if (!std::isfinite(sums_[0])) specials_.AddFrom(view, groups, row_count);
        }
        return Status::OK();
      }
      ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
        if (far) PrefetchFor(groups, row, row_count);
        sums_[group] += view[row];
        ++counts_[group];
      });
      if constexpr (std::is_same_v<T, double>) specials_.AddFrom(view, groups, row_count);
      return Status::OK();
    }
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto counts = ViewFixed<int64_t>(states[1]);
    const auto sums = ViewFixed<CellOf<Acc>>(states[0]);
    bool overflow = false;
    for (int64_t i = 0; i < row_count; ++i) {
      if constexpr (std::is_same_v<Acc, Int128>) {
        overflow |=
            __builtin_add_overflow(sums_[groups[i]], FromWords(sums[i].data()), &sums_[groups[i]]);
      } else {
        sums_[groups[i]] += sums[i];
        if constexpr (std::is_same_v<T, double>) {
          if (!std::isfinite(sums[i])) specials_.Add(groups[i]);
        }
      }
      counts_[groups[i]] += counts[i];
    }
    return overflow ? DecimalOutOfRange() : Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    auto all = [](uint32_t) { return true; };
    // So a sum in an exported state is not finite where a term was not.
    if constexpr (std::is_same_v<T, double>)
      ARROW_RETURN_NOT_OK(specials_.Check(rule_.answer, groups, sums_));
    ARROW_ASSIGN_OR_RAISE(auto sums,
                          FinishFixed<Acc>(StateType(), groups, pool, all,
                                           [this](uint32_t group) { return sums_[group]; }));
    ARROW_ASSIGN_OR_RAISE(auto counts,
                          FinishFixed<int64_t>(arrow::int64(), groups, pool, all,
                                               [this](uint32_t group) { return counts_[group]; }));
    return std::vector<Vector>{std::move(sums), std::move(counts)};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    auto has = [this](uint32_t group) { return counts_[group] > 0; };
    if constexpr (std::is_same_v<T, double>)
      ARROW_RETURN_NOT_OK(specials_.Check(rule_.answer, groups, sums_));
    if (rule_.answer == Answer::kAverage) {
      const double divisor = std::pow(10.0, rule_.scale);
      return FinishFixed<double>(type_, groups, pool, has, [&](uint32_t group) {
        // One rounding: 6.60 / 3 is 2.2.
        return static_cast<double>(sums_[group]) / (divisor * static_cast<double>(counts_[group]));
      });
    }
    if constexpr (std::is_same_v<Acc, Int128>) {
      static constexpr Int128 kLimit = Power10(38);
      for (uint32_t group : groups) {
        if (sums_[group] >= kLimit || sums_[group] <= -kLimit) {
          return SumOutOfRange(rule_.answer, *type_);
        }
      }
    }
    if constexpr (std::is_same_v<T, float>) {
      ARROW_RETURN_NOT_OK(CheckReals(groups, [this](uint32_t group) { return sums_[group]; }));
      return FinishFixed<float>(type_, groups, pool, has, [this](uint32_t group) {
        return static_cast<float>(sums_[group]);
      });
    } else {
      return FinishFixed<Acc>(type_, groups, pool, has,
                              [this](uint32_t group) { return sums_[group]; });
    }
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(sums_.capacity() * sizeof(Acc) +
                                counts_.capacity() * sizeof(int64_t)) +
           specials_.MemoryBytes();
  }

  static TypePtr StateType() {
    if constexpr (std::is_same_v<Acc, Int128>)
      return arrow::decimal128(38, 0);
    else if constexpr (std::is_same_v<Acc, double>)
      return arrow::float64();
    else
      return arrow::int64();
  }

 private:
  Status DecimalOutOfRange() const {
    return SumOutOfRange(rule_.answer, *arrow::decimal128(38, rule_.scale));
  }

  static constexpr size_t kFarGroups = size_t{1} << 14;  // beyond, a group is not near at hand

  void PrefetchFor(const uint32_t* groups, int64_t row, int64_t row_count) const {
    constexpr int64_t kAhead = 16;
    if (row + kAhead >= row_count) return;
    __builtin_prefetch(&sums_[groups[row + kAhead]], 1);
    __builtin_prefetch(&counts_[groups[row + kAhead]], 1);
  }

  const TypePtr type_;
  const SumRule rule_;
  std::vector<Acc> sums_;
  std::vector<int64_t> counts_;
  SpecialGroups specials_;  // of doubles alone
};

/// Sum and count per group over REAL or DOUBLE, the same in whatever order the rows come. The
/// exported state is the sum's bytes, and the count.
template <typename T>
class ReproducibleStates final : public AggregateStates {
 public:
  ReproducibleStates(TypePtr type, SumRule rule) : type_(std::move(type)), rule_(rule) {}

  Status Resize(int64_t group_count) override {
    sums_.resize(static_cast<size_t>(group_count));
    counts_.resize(static_cast<size_t>(group_count), 0);
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const auto view = ViewFixed<T>(arguments[0]);
    ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
      sums_[group].Add(static_cast<double>(view[row]));
      ++counts_[group];
    });
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto sums = ViewFixed<ReproducibleSum>(states[0]);
    const auto counts = ViewFixed<int64_t>(states[1]);
    for (int64_t i = 0; i < row_count; ++i) {
      ReproducibleSum sum;
      std::memcpy(&sum, &sums[i], sizeof(sum));  // what came by IPC may not be aligned
      sums_[groups[i]].Add(sum);
      counts_[groups[i]] += counts[i];
    }
    return Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    const auto count = static_cast<int64_t>(groups.size());
    constexpr auto kBytes = static_cast<int64_t>(sizeof(ReproducibleSum));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(count * kBytes, pool));
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(buffer->mutable_data() + i * kBytes, &sums_[groups[i]], sizeof(ReproducibleSum));
    }
    auto sums = arrow::ArrayData::Make(StateType(), count, {nullptr, std::move(buffer)}, 0);
    ARROW_ASSIGN_OR_RAISE(auto counts,
                          FinishFixed<int64_t>(
                              arrow::int64(), groups, pool, [](uint32_t) { return true; },
                              [this](uint32_t group) { return counts_[group]; }));
    return std::vector<Vector>{Vector{std::move(sums), false}, std::move(counts)};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    auto has = [this](uint32_t group) { return counts_[group] > 0; };
    auto sum = [this](uint32_t group) { return sums_[group].Value(); };
    for (const uint32_t group : groups) {
      if (sums_[group].is_finite() && std::isinf(sum(group)))
        return SumOutOfRange(rule_.answer, *arrow::float64());
    }
    if (rule_.answer == Answer::kAverage) {
      return FinishFixed<double>(type_, groups, pool, has, [&](uint32_t group) {
        return sum(group) / static_cast<double>(counts_[group]);
      });
    }
    if constexpr (std::is_same_v<T, float>) ARROW_RETURN_NOT_OK(CheckReals(groups, sum));
    return FinishFixed<T>(type_, groups, pool, has,
                          [&](uint32_t group) { return static_cast<T>(sum(group)); });
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(sums_.capacity() * sizeof(ReproducibleSum) +
                                counts_.capacity() * sizeof(int64_t));
  }

  static TypePtr StateType() { return arrow::fixed_size_binary(sizeof(ReproducibleSum)); }

 private:
  const TypePtr type_;
  const SumRule rule_;
  std::vector<ReproducibleSum> sums_;
  std::vector<int64_t> counts_;
};

template <typename States>
void SetStatesTo(AggregateBinding* binding) {
  binding->state_types = {States::StateType(), arrow::int64()};
  binding->make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<States>(b.type, *static_cast<const SumRule*>(b.data.get()));
  };
}

template <typename T>
void SetStates(AggregateBinding* binding) {
  SetStatesTo<SumStates<T, std::conditional_t<std::is_same_v<T, Int128>, Int128, SumOf<T>>>>(
      binding);
}

Status SetStatesFor(const arrow::DataType& type, AggregateBinding* binding) {
  switch (PhysicalOf(type)) {
    case Physical::kInt8: SetStates<int8_t>(binding); return Status::OK();
    case Physical::kInt16: SetStates<int16_t>(binding); return Status::OK();
    case Physical::kInt32: SetStates<int32_t>(binding); return Status::OK();
    case Physical::kInt64: SetStates<int64_t>(binding); return Status::OK();
    case Physical::kUInt8: SetStates<uint8_t>(binding); return Status::OK();
    case Physical::kUInt16: SetStates<uint16_t>(binding); return Status::OK();
    case Physical::kUInt32: SetStates<uint32_t>(binding); return Status::OK();
    case Physical::kUInt64: SetStates<uint64_t>(binding); return Status::OK();
    case Physical::kFloat: SetStates<float>(binding); return Status::OK();
    case Physical::kDouble: SetStates<double>(binding); return Status::OK();
    case Physical::kDecimal: SetStates<Int128>(binding); return Status::OK();
    default: return Fail(ErrorCode::kBadArgument, "the argument is not a number: " + SqlName(type));
  }
}

TypePtr SumType(const arrow::DataType& type) {
  if (IsDecimal(type))
    return arrow::decimal128(38, static_cast<const arrow::DecimalType&>(type).scale());
  switch (PhysicalOf(type)) {
    case Physical::kInt64:
    case Physical::kUInt64: return arrow::decimal128(38, 0);
    case Physical::kFloat: return arrow::float32();
    case Physical::kDouble: return arrow::float64();
    default: return arrow::int64();
  }
}

template <Answer kAnswer>
Result<AggregateBinding> BindSum(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  TypePtr type = LogicalType(arguments.types[0]);
  if (type->id() == arrow::Type::NA) type = arrow::int32();
  if (type->id() == arrow::Type::DECIMAL32 || type->id() == arrow::Type::DECIMAL64) {
    const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
    type = arrow::decimal128(decimal.precision(), decimal.scale());
  }
  if (type->id() == arrow::Type::INTERVAL_MONTH_DAY_NANO)
    return BindIntervalSum(arguments.distinct, kAnswer == Answer::kAverage);
  if (!IsNumeric(*type)) return binding::WrongArguments();
  AggregateBinding binding;
  binding.arguments = {type};
  binding.distinct = arguments.distinct;
  ARROW_RETURN_NOT_OK(SetStatesFor(*type, &binding));
  const int scale = IsDecimal(*type) ? static_cast<const arrow::DecimalType&>(*type).scale() : 0;
  binding.type = kAnswer == Answer::kAverage ? arrow::float64() : SumType(*type);
  binding.data = std::make_shared<SumRule>(SumRule{kAnswer, scale});
  if (IsFloating(*type)) {
    auto reproducible = std::make_shared<AggregateBinding>(binding);
    if (type->id() == arrow::Type::FLOAT) {
      SetStatesTo<ReproducibleStates<float>>(reproducible.get());
    } else {
      SetStatesTo<ReproducibleStates<double>>(reproducible.get());
    }
    binding.reproducible = std::move(reproducible);
  }
  binding.over_frames = SumOverFrames(*type, kAnswer == Answer::kAverage);
  return binding;
}

}  // namespace

void RegisterSums(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{
      "sum",
      {},
      "sum([DISTINCT] value NUMBER | INTERVAL) -> BIGINT | DECIMAL | REAL | DOUBLE | INTERVAL",
      "The exact sum: BIGINT for integers of up to 32 bits, "
      "DECIMAL(38,0) for BIGINT, DECIMAL(38,s) for DECIMAL.",
      "SELECT sum(x) FROM (VALUES (1), (2), (NULL)) AS t(x)",
      "3",
      BindSum<Answer::kSum>});
  registry.Add(AggregateFunction{"avg",
                                 {"mean"},
                                 "avg([DISTINCT] value NUMBER | INTERVAL) -> DOUBLE | INTERVAL",
                                 "The mean of the values that are not NULL.",
                                 "SELECT avg(x) FROM (VALUES (1), (2), (NULL)) AS t(x)",
                                 "1.5",
                                 BindSum<Answer::kAverage>});
}

}  // namespace velaria
