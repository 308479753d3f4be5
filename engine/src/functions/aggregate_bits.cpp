// bit_and, bit_or and bit_xor over integers; count_if; entropy.
#include <cmath>

#include "functions/binding.hpp"
#include "functions/folded_states.hpp"
#include "functions/row_list_states.hpp"

namespace velaria {
namespace {

enum class Bits { kAnd, kOr, kXor };

/// T is unsigned: the bits of a signed type are the same.
template <Bits kBits, typename T>
class BitStates final : public FoldedStates<T> {
 public:
  explicit BitStates(TypePtr type)
      : FoldedStates<T>(std::move(type), kBits == Bits::kAnd ? static_cast<T>(-1) : T{}) {}

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const auto view = ViewFixed<T>(arguments[0]);
    ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
      T& held = this->values_[group];
      if constexpr (kBits == Bits::kAnd) held = static_cast<T>(held & view[row]);
      if constexpr (kBits == Bits::kOr) held = static_cast<T>(held | view[row]);
      if constexpr (kBits == Bits::kXor) held = static_cast<T>(held ^ view[row]);
      this->has_[group] = 1;
    });
    return Status::OK();
  }
};

template <Bits kBits, typename T>
std::unique_ptr<AggregateStates> MakeBits(const AggregateBinding& binding) {
  return std::make_unique<BitStates<kBits, T>>(binding.type);
}

template <Bits kBits>
Result<AggregateBinding> BindBits(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  bound.type = KeptType(arguments.types[0]);
  if (!IsInteger(*bound.type)) return binding::WrongArguments();
  bound.arguments = {bound.type};
  bound.state_types = {bound.type};
  // Only an exclusive OR changes when a value comes twice.
  bound.distinct = arguments.distinct && kBits == Bits::kXor;
  switch (FixedWidthOf(PhysicalOf(*bound.type))) {
    case 1: bound.make_states = MakeBits<kBits, uint8_t>; break;
    case 2: bound.make_states = MakeBits<kBits, uint16_t>; break;
    case 4: bound.make_states = MakeBits<kBits, uint32_t>; break;
    default: bound.make_states = MakeBits<kBits, uint64_t>; break;
  }
  return bound;
}

/// As in DuckDB a group without a known condition has no count, but NULL.
class CountIfStates final : public FoldedStates<int64_t> {
 public:
  CountIfStates() : FoldedStates(arrow::int64(), 0) {}

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const BoolView view = ViewBool(arguments[0]);
    ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
      values_[group] += view[row];
      has_[group] = 1;
    });
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto counts = ViewFixed<int64_t>(states[0]);
    ForEachValid(counts.validity, groups, row_count, [&](int64_t row, uint32_t group) {
      values_[group] += counts[row];
      has_[group] = 1;
    });
    return Status::OK();
  }
};

Result<AggregateBinding> BindCountIf(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  ARROW_ASSIGN_OR_RAISE(auto type, binding::TypeFor(arguments, 0, binding::Parameter::kBoolean));
  bound.arguments = {std::move(type)};
  bound.type = arrow::int64();
  bound.state_types = {arrow::int64()};
  bound.distinct = arguments.distinct;
  bound.make_states = [](const AggregateBinding&) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<CountIfStates>();
  };
  return bound;
}

/// Counts are added from the least value up, so that the sum does not depend on the order of rows.
class EntropyStates final : public RowListStates {
 public:
  using RowListStates::RowListStates;

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    return FinishFixed<double>(
        arrow::float64(), groups, pool, [](uint32_t) { return true; },
        [this](uint32_t group) { return Entropy(group); });
  }

 private:
  double Entropy(uint32_t group) const {
    std::vector<uint32_t> order = rows(group);
    std::sort(order.begin(), order.end(),
              [this](uint32_t a, uint32_t b) { return store().Compare(0, a, b) < 0; });
    const auto all = static_cast<double>(order.size());
    double entropy = 0;
    for (size_t i = 0, end = 0; i < order.size(); i = end) {
      while (end < order.size() && store().Compare(0, order[i], order[end]) == 0) ++end;
      const double share = static_cast<double>(end - i) / all;
      entropy -= share * std::log2(share);
    }
    return entropy == 0 ? 0 : entropy;  // no -0
  }
};

Result<AggregateBinding> BindEntropy(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  const TypePtr kept = KeptType(arguments.types[0]);
  if (!IsComparable(*kept)) return binding::WrongArguments();
  bound.type = arrow::float64();
  bound.arguments = {kept};
  bound.state_types = {arrow::large_list(kept)};
  bound.distinct = arguments.distinct;
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<EntropyStates>(RowSpec::Of(b, {0}, {0}));
  };
  return bound;
}

}  // namespace

void RegisterBits(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{"bit_and",
                                 {},
                                 "bit_and(value INTEGER) -> same type",
                                 "The bits that are set in every value.",
                                 "SELECT bit_and(x) FROM (VALUES (6), (3)) AS t(x)",
                                 "2",
                                 BindBits<Bits::kAnd>});
  registry.Add(AggregateFunction{"bit_or",
                                 {},
                                 "bit_or(value INTEGER) -> same type",
                                 "The bits that are set in any value.",
                                 "SELECT bit_or(x) FROM (VALUES (6), (3)) AS t(x)",
                                 "7",
                                 BindBits<Bits::kOr>});
  registry.Add(AggregateFunction{"bit_xor",
                                 {},
                                 "bit_xor([DISTINCT] value INTEGER) -> same type",
                                 "The bits that are set in an odd number of values.",
                                 "SELECT bit_xor(x) FROM (VALUES (6), (3)) AS t(x)",
                                 "5",
                                 BindBits<Bits::kXor>});
  registry.Add(AggregateFunction{"count_if",
                                 {"countif"},
                                 "count_if([DISTINCT] condition BOOLEAN) -> BIGINT",
                                 "The number of rows for which the condition is true; NULL when it "
                                 "is known for none.",
                                 "SELECT count_if(x > 1) FROM (VALUES (1), (2), (3)) AS t(x)",
                                 "2",
                                 BindCountIf});
  registry.Add(
      AggregateFunction{"entropy",
                        {},
                        "entropy(value ANY) -> DOUBLE",
                        "The entropy of the values in bits; 0 for no values.",
                        "SELECT entropy(x) FROM (VALUES ('a'), ('b'), ('b'), ('a')) AS t(x)",
                        "1",
                        BindEntropy,
                        false,
                        "passes over NULLs; 0 when nothing is left"});
}

}  // namespace velaria
