// median, quantile_cont, quantile_disc, percentile_cont, percentile_disc, mode. All values of a
// group are kept, so the answers are exact; approx_quantile needs less room.
#include <arrow/scalar.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "functions/aggregate_states.hpp"
#include "functions/binding.hpp"
#include "functions/number_text.hpp"
#include "functions/quantile_rule.hpp"
#include "functions/row_list_states.hpp"

namespace velaria {
namespace {

class QuantileStates final : public RowListStates {
 public:
  QuantileStates(RowSpec spec, TypePtr type, const QuantileRule& rule)
      : RowListStates(std::move(spec)), type_(std::move(type)), rule_(rule) {}

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    ARROW_ASSIGN_OR_RAISE(auto values,
                          rule_.continuous ? Continuous(groups, pool) : Discrete(groups, pool));
    if (!rule_.lists) return values;
    const std::vector<int64_t> counts(groups.size(), static_cast<int64_t>(rule_.fractions.size()));
    ARROW_ASSIGN_OR_RAISE(auto lists, MakeLists(type_, counts, values, pool));
    ARROW_ASSIGN_OR_RAISE(auto validity,
                          AllocateBitmap(static_cast<int64_t>(groups.size()), false, pool));
    int64_t nulls = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      const bool any = !rows(groups[i]).empty();
      nulls += !any;
      if (any) arrow::bit_util::SetBit(validity->mutable_data(), static_cast<int64_t>(i));
    }
    if (nulls > 0) lists.data->buffers[0] = std::move(validity);
    lists.data->null_count = nulls;
    return lists;
  }

 private:
  bool descending() const { return !spec().order.keys.empty() && spec().order.keys[0].descending; }

  const TypePtr& ValueType() const {
    return rule_.lists ? static_cast<const arrow::ListType&>(*type_).value_type() : type_;
  }

  /// The least value that is not before the fraction of the rows.
  Result<Vector> Discrete(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const {
    std::vector<int64_t> picked;
    for (const uint32_t group : groups) {
      std::vector<uint32_t> order = rows(group);
      const auto less = [this](uint32_t a, uint32_t b) {
        const int sign = store().Compare(0, a, b);
        return sign != 0 ? (sign < 0) != descending() : a < b;
      };
      const auto count = static_cast<int64_t>(order.size());
      for (const auto& fraction : rule_.fractions) {
        if (!fraction || order.empty()) {
          picked.push_back(RowStore::kNoRow);
          continue;
        }
        const auto nth = order.begin() + DiscretePlace(*fraction, count);
        std::nth_element(order.begin(), nth, order.end(), less);
        picked.push_back(*nth);
      }
    }
    return store().Gather(0, picked, pool);
  }

  Result<Vector> Continuous(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const {
    return store().type(0)->id() == arrow::Type::DOUBLE ? Interpolated<double>(groups, pool)
                                                        : Interpolated<int64_t>(groups, pool);
  }

  template <typename T>
  Result<Vector> Interpolated(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const {
    const size_t width = rule_.fractions.size();
    std::vector<std::optional<T>> results;
    std::vector<T> values;
    for (const uint32_t group : groups) {
      const auto& held = rows(group);
      values.resize(held.size());
      for (size_t i = 0; i < held.size(); ++i) {
        const size_t ahead = i + RowStore::kRowsAhead;
        if (ahead < held.size()) store().Prefetch(0, held[ahead]);
        const uint64_t word = store().Word(0, held[i]);
        std::memcpy(&values[i], &word, sizeof word);
      }
      for (const auto& fraction : rule_.fractions) {
        results.push_back(fraction && !values.empty()
                              ? std::optional<T>(Between(&values, *fraction))
                              : std::nullopt);
      }
    }
    std::vector<uint32_t> all(groups.size() * width);
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    return FinishFixed<T>(
        ValueType(), all, pool, [&](uint32_t i) { return results[i].has_value(); },
        [&](uint32_t i) { return *results[i]; });
  }

  /// The value at the place fraction * (n - 1).
  template <typename T>
  T Between(std::vector<T>* values, double fraction) const {
    const auto less = [is_descending = descending()](T a, T b) {
      if (is_descending) std::swap(a, b);
      if constexpr (std::is_floating_point_v<T>) {
        if (std::isnan(a)) return false;
        if (std::isnan(b)) return true;
      }
      return a < b;
    };
    const double place = fraction * static_cast<double>(values->size() - 1);
    const auto low = values->begin() + static_cast<std::ptrdiff_t>(std::floor(place));
    std::nth_element(values->begin(), low, values->end(), less);
    const double rest = place - std::floor(place);
    if (rest == 0 || low + 1 == values->end()) return *low;
    return BetweenNeighbours(*low, *std::min_element(low + 1, values->end(), less), rest);
  }

  const TypePtr type_;
  const QuantileRule rule_;
};

/// The constant fraction, or list of fractions, that argument `index` is.
Status ReadFractions(const BindArguments& arguments, size_t index, QuantileRule* rule) {
  const auto scalar = binding::ConstantAt(arguments, index);
  if (!scalar) {
    return Fail(ErrorCode::kBadArgument, "the fraction of a quantile must be constant",
                "Write it as a number, or as a list of numbers.");
  }
  const auto id = scalar->type->id();
  rule->lists = id == arrow::Type::LIST || id == arrow::Type::LARGE_LIST ||
                id == arrow::Type::FIXED_SIZE_LIST;
  if (!rule->lists) {
    ARROW_ASSIGN_OR_RAISE(auto fraction, FractionOf(*scalar));
    rule->fractions = {fraction};
    return Status::OK();
  }
  const auto& values = *static_cast<const arrow::BaseListScalar&>(*scalar).value;
  for (int64_t i = 0; scalar->is_valid && i < values.length(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto element, values.GetScalar(i));
    ARROW_ASSIGN_OR_RAISE(auto fraction, FractionOf(*element));
    rule->fractions.push_back(fraction);
  }
  return Status::OK();
}

/// What continuous quantiles are computed in: DOUBLE for numbers, a timestamp for dates; null when
/// there is nothing between two values of the type.
TypePtr ContinuousType(const TypePtr& type) {
  const TypePtr plain = KeptType(type);
  if (IsNumeric(*plain) || type->id() == arrow::Type::NA) return arrow::float64();
  switch (plain->id()) {
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME64:
    case arrow::Type::DURATION: return plain;
    default: return nullptr;
  }
}

Result<AggregateBinding> BindQuantile(const BindArguments& arguments, QuantileRule rule) {
  TypePtr type = KeptType(arguments.types[rule.value]);
  if (rule.continuous) {
    type = ContinuousType(arguments.types[rule.value]);
    if (!type) return binding::WrongArguments();
  } else if (!IsComparable(*type)) {
    return Fail(ErrorCode::kBadArgument, "values of this type have no order: " + SqlName(*type));
  }
  AggregateBinding bound;
  bound.arguments.assign(arguments.types.size(), nullptr);
  bound.arguments[rule.value] = type;
  bound.type = rule.lists ? arrow::list(type) : type;
  bound.state_types = {arrow::large_list(type)};
  bound.distinct = arguments.distinct;
  bound.data = std::make_shared<QuantileRule>(std::move(rule));
  bound.over_frames = QuantilesOverFrames;
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    const auto& r = QuantileRuleOf(b);
    return std::make_unique<QuantileStates>(RowSpec::Of(b, {r.value}, {0}), b.type, r);
  };
  return bound;
}

Result<AggregateBinding> BindMedian(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  return BindQuantile(arguments, {0, ContinuousType(arguments.types[0]) != nullptr, false, {0.5}});
}

/// quantile(value, fraction); percentile(fraction) WITHIN GROUP (ORDER BY value).
template <bool kContinuous, size_t kValue>
Result<AggregateBinding> BindFraction(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  QuantileRule rule{kValue, kContinuous, false, {}};
  ARROW_RETURN_NOT_OK(ReadFractions(arguments, 1 - kValue, &rule));
  return BindQuantile(arguments, std::move(rule));
}

/// The value that occurs most often; of several, the first by the order asked for, or that which
/// came first.
class ModeStates final : public RowListStates {
 public:
  using RowListStates::RowListStates;

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    std::vector<int64_t> picked;
    for (const uint32_t group : groups) picked.push_back(MostFrequent(group));
    return store().Gather(0, picked, pool);
  }

 private:
  int64_t MostFrequent(uint32_t group) const {
    const Physical physical = PhysicalOf(*store().type(0));
    const int width = FixedWidthOf(physical);
    const bool in_word = physical == Physical::kBool || (width >= 1 && width <= 8);
    return in_word ? MostFrequentCounted(physical, group) : MostFrequentSorted(group);
  }

  /// Equal values of up to 8 bytes have equal words, when 0 and -0 and all NaN are made one.
  uint64_t KeyOf(Physical physical, uint32_t row) const {
    const uint64_t word = store().Word(0, row);
    const auto made_one = [word](auto value) {
      std::memcpy(&value, &word, sizeof value);
      if (value == 0) return uint64_t{0};
      return std::isnan(value) ? ~uint64_t{0} : word;
    };
    switch (physical) {
      case Physical::kFloat: return made_one(0.0f);
      case Physical::kDouble: return made_one(0.0);
      default: return word;
    }
  }

  int64_t MostFrequentCounted(Physical physical, uint32_t group) const {
    struct Held {
      uint32_t first;
      size_t count = 0;
    };
    const RowOrder by_place{{}, spec().order.place};
    std::unordered_map<uint64_t, Held> values;
    for (const uint32_t row : rows(group)) {
      Held& held = values.try_emplace(KeyOf(physical, row), Held{row}).first->second;
      ++held.count;
      if (by_place.Less(store(), row, held.first)) held.first = row;
    }
    // Of distinct values all have one place: the least comes first.
    const auto before = [this](uint32_t a, uint32_t b) {
      if (spec().order.Less(store(), a, b)) return true;
      return !spec().order.Less(store(), b, a) && store().Compare(0, a, b) < 0;
    };
    const Held* best = nullptr;
    for (const auto& [key, held] : values) {
      const bool better = best == nullptr || held.count > best->count ||
                          (held.count == best->count && before(held.first, best->first));
      if (better) best = &held;
    }
    return best == nullptr ? RowStore::kNoRow : int64_t{best->first};
  }

  int64_t MostFrequentSorted(uint32_t group) const {
    std::vector<uint32_t> order = rows(group);
    RowOrder by_value = spec().order;
    by_value.keys = {{0, false, false}};
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return by_value.Less(store(), a, b); });
    int64_t best = RowStore::kNoRow;
    size_t best_count = 0;
    for (size_t i = 0, end = 0; i < order.size(); i = end) {
      while (end < order.size() && store().Compare(0, order[i], order[end]) == 0) ++end;
      const bool better = end - i > best_count ||
                          (end - i == best_count &&
                           spec().order.Less(store(), order[i], static_cast<uint32_t>(best)));
      if (!better) continue;
      best = order[i];
      best_count = end - i;
    }
    return best;
  }
};

Result<AggregateBinding> BindMode(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  bound.type = KeptType(arguments.types[0]);
  if (!IsComparable(*bound.type)) {
    return Fail(ErrorCode::kBadArgument,
                "values of this type have no order: " + SqlName(*bound.type));
  }
  bound.arguments = {bound.type};
  bound.state_types = {arrow::large_list(bound.type), arrow::large_list(arrow::int64())};
  bound.distinct = arguments.distinct;
  bound.needs_row_order = true;
  bound.over_frames = ModeOverFrames;
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<ModeStates>(RowSpec::Of(b, {0}, {0}));
  };
  return bound;
}

}  // namespace

Result<std::optional<double>> FractionOf(const arrow::Scalar& constant) {
  if (!constant.is_valid) return std::optional<double>();
  double value = 0;
  if (kernels::ParseDouble(constant.ToString(), &value) != kernels::ParseOutcome::kOk) {
    return binding::WrongArguments();
  }
  if (value >= 0 && value <= 1) return std::optional<double>(value);
  return Fail(ErrorCode::kBadArgument, "a fraction is not between 0 and 1: " + constant.ToString());
}

void RegisterQuantiles(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{
      "median",
      {},
      "median([DISTINCT] value ANY) -> DOUBLE | TIMESTAMP | same type",
      "The middle value: between the two middle ones for numbers and times, else the lower one.",
      "SELECT median(x) FROM (VALUES (1), (2), (10), (NULL)) AS t(x)",
      "2",
      BindMedian});
  registry.Add(AggregateFunction{
      "quantile_cont",
      {},
      "quantile_cont([DISTINCT] value NUMBER|TIMESTAMP, fraction DOUBLE | LIST) -> DOUBLE | LIST",
      "The value below which the fraction of the values lies, interpolated between neighbours.",
      "SELECT quantile_cont(x, 0.25) FROM (VALUES (1), (2), (3)) AS t(x)",
      "1.5",
      BindFraction<true, 0>});
  registry.Add(AggregateFunction{
      "quantile_disc",
      {"quantile"},
      "quantile_disc([DISTINCT] value ANY, fraction DOUBLE | LIST) -> same type | LIST",
      "The first value whose place in the order reaches the fraction.",
      "SELECT quantile_disc(x, 0.5) FROM (VALUES ('c'), ('a'), ('b')) AS t(x)",
      "b",
      BindFraction<false, 0>});
  registry.Add(AggregateFunction{
      "percentile_cont",
      {},
      "percentile_cont(fraction DOUBLE | LIST) WITHIN GROUP (ORDER BY value) -> DOUBLE | LIST",
      "quantile_cont in the words of the standard.",
      "SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (3)) AS t(x)",
      "1.5",
      BindFraction<true, 1>,
      true});
  registry.Add(AggregateFunction{
      "percentile_disc",
      {},
      "percentile_disc(fraction DOUBLE | LIST) WITHIN GROUP (ORDER BY value) -> same type | LIST",
      "quantile_disc in the words of the standard.",
      "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (3)) AS t(x)",
      "2",
      BindFraction<false, 1>,
      true});
  registry.Add(
      AggregateFunction{"mode",
                        {},
                        "mode(value ANY) | mode() WITHIN GROUP (ORDER BY value) -> same type",
                        "The value that occurs most often; of several, the first.",
                        "SELECT mode(x) FROM (VALUES (1), (2), (2), (NULL)) AS t(x)",
                        "2",
                        BindMode,
                        true});
}

}  // namespace velaria
