// approx_count_distinct and approx_quantile, by sketches that merge in any order.
#include <arrow/array/builder_binary.h>
#include <arrow/scalar.h>

#include <bit>
#include <cmath>

#include "functions/aggregate_states.hpp"
#include "functions/binding.hpp"
#include "functions/quantile_rule.hpp"
#include "functions/sketches.hpp"

namespace velaria {
namespace {

/// Calls use(row, group, key) with an order-preserving 64-bit key of each valid value of up to 8
/// bytes; NaN comes last, and -0 is 0.
template <typename T, typename Use>
void ForEachKey(const Vector& vector, const uint32_t* groups, int64_t row_count, Use use) {
  const auto view = ViewFixed<T>(vector);
  ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
    constexpr uint64_t kSign = uint64_t{1} << 63;
    if constexpr (std::is_floating_point_v<T>) {
      const double value = view[row] == 0 ? 0.0 : static_cast<double>(view[row]);
      const auto bits = std::isnan(value) ? kSign - 1 : std::bit_cast<uint64_t>(value);
      use(group, bits & kSign ? ~bits : bits | kSign);
    } else if constexpr (std::is_signed_v<T>) {
      use(group, static_cast<uint64_t>(static_cast<int64_t>(view[row])) ^ kSign);
    } else {
      use(group, static_cast<uint64_t>(view[row]));
    }
  });
}

/// What both functions share: one sketch a group, exported as its bytes.
template <typename Sketch>
class SketchStates : public AggregateStates {
 public:
  Status Resize(int64_t group_count) override {
    sketches_.resize(static_cast<size_t>(group_count));
    return Status::OK();
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const StringView view(states[0]);
    for (int64_t i = 0; i < row_count; ++i) {
      Sketch sketch;
      if (!sketch.Read(view[i])) {
        return Fail(ErrorCode::kVersionMismatch, "not the state of a sketch");
      }
      Change(groups[i], [&](Sketch& into) { into.Add(sketch); });
    }
    return Status::OK();
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    arrow::LargeBinaryBuilder builder(pool);
    for (const uint32_t group : groups) {
      ARROW_RETURN_NOT_OK(builder.Append(sketches_[group].Bytes()));
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
    return std::vector<Vector>{MakeVector(array)};
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(sketches_.capacity() * sizeof(Sketch)) + sketch_bytes_;
  }

 protected:
  template <typename Use>
  void Change(uint32_t group, Use use) {
    Sketch& sketch = sketches_[group];
    sketch_bytes_ -= sketch.MemoryBytes();
    use(sketch);
    sketch_bytes_ += sketch.MemoryBytes();
  }

  std::vector<Sketch> sketches_;

 private:
  int64_t sketch_bytes_ = 0;  // kept up to date: there may be as many sketches as rows
};

class DistinctStates final : public SketchStates<DistinctSketch> {
 public:
  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const Vector& vector = arguments[0];
    const auto add = [this](uint32_t group, uint64_t key) {
      Change(group, [key](DistinctSketch& sketch) { sketch.Add(StableHash(key)); });
    };
    switch (PhysicalOf(*LogicalType(vector.type()))) {
      case Physical::kFloat:
      case Physical::kDouble: ForEachKey<double>(vector, groups, row_count, add); break;
      case Physical::kInt64: ForEachKey<int64_t>(vector, groups, row_count, add); break;
      case Physical::kUInt64: ForEachKey<uint64_t>(vector, groups, row_count, add); break;
      default: {
        const StringView view(vector);
        ForEachValid(view.validity(), groups, row_count, [&](int64_t row, uint32_t group) {
          Change(group, [&](DistinctSketch& sketch) { sketch.Add(StableHash(view[row])); });
        });
      }
    }
    return Status::OK();
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    return FinishFixed<int64_t>(
        arrow::int64(), groups, pool, [](uint32_t) { return true; },
        [this](uint32_t group) { return sketches_[group].Estimate(); });
  }
};

Result<AggregateBinding> BindDistinct(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  const TypePtr type = LogicalType(arguments.types[0]);
  AggregateBinding bound;
  bound.type = arrow::int64();
  bound.state_types = {arrow::large_binary()};
  switch (PhysicalOf(*type)) {
    case Physical::kNested: return binding::WrongArguments();
    case Physical::kString:
    case Physical::kBinary: bound.arguments = {nullptr}; break;
    case Physical::kFloat:
    case Physical::kDouble: bound.arguments = {arrow::float64()}; break;
    case Physical::kInt64:
    case Physical::kUInt64: bound.arguments = {nullptr}; break;
    case Physical::kDecimal: bound.arguments = {arrow::utf8()}; break;
    default:
      bound.arguments = {type->id() == arrow::Type::DATE32 || arrow::is_time(type->id())
                             ? arrow::utf8()
                             : arrow::int64()};
  }
  bound.make_states = [](const AggregateBinding&) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<DistinctStates>();
  };
  return bound;
}

struct ApproximateRule {
  double fraction = 0.5;
};

/// Over DOUBLE, or over 64-bit integers and what is stored as them (T).
template <typename T>
class ApproximateStates final : public SketchStates<QuantileSketch> {
 public:
  ApproximateStates(TypePtr type, double fraction) : type_(std::move(type)), fraction_(fraction) {}

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    ForEachKey<T>(arguments[0], groups, row_count, [this](uint32_t group, uint64_t key) {
      Change(group, [key](QuantileSketch& sketch) { sketch.Add(key); });
    });
    return Status::OK();
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    return FinishFixed<T>(
        type_, groups, pool, [this](uint32_t group) { return sketches_[group].count() > 0; },
        [this](uint32_t group) {
          constexpr uint64_t kSign = uint64_t{1} << 63;
          const uint64_t key = sketches_[group].At(fraction_);
          if constexpr (std::is_floating_point_v<T>) {
            return std::bit_cast<double>(key & kSign ? key ^ kSign : ~key);
          } else {
            return static_cast<T>(key ^ (std::is_signed_v<T> ? kSign : 0));
          }
        });
  }

 private:
  const TypePtr type_;
  const double fraction_;
};

template <typename T>
std::unique_ptr<AggregateStates> MakeApproximate(const AggregateBinding& binding) {
  return std::make_unique<ApproximateStates<T>>(
      binding.type, static_cast<const ApproximateRule*>(binding.data.get())->fraction);
}

Result<AggregateBinding> BindApproximate(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  const auto scalar = binding::ConstantAt(arguments, 1);
  if (!scalar || !scalar->is_valid) {
    return Fail(ErrorCode::kBadArgument, "the fraction of a quantile must be constant",
                "Write it as a number between 0 and 1.");
  }
  ARROW_ASSIGN_OR_RAISE(const auto fraction, FractionOf(*scalar));
  const TypePtr type = LogicalType(arguments.types[0]);
  AggregateBinding bound;
  if (type->id() == arrow::Type::UINT64) {
    bound.type = type;
    bound.make_states = MakeApproximate<uint64_t>;
  } else if (IsInteger(*type) || type->id() == arrow::Type::NA) {
    bound.type = arrow::int64();
    bound.make_states = MakeApproximate<int64_t>;
  } else if (IsNumeric(*type)) {
    bound.type = arrow::float64();
    bound.make_states = MakeApproximate<double>;
  } else if (PhysicalOf(*type) == Physical::kInt64) {
    bound.type = type;
    bound.make_states = MakeApproximate<int64_t>;
  } else {
    return binding::WrongArguments();
  }
  bound.arguments = {bound.type, nullptr};
  bound.state_types = {arrow::large_binary()};
  bound.distinct = arguments.distinct;
  bound.data = std::make_shared<ApproximateRule>(ApproximateRule{*fraction});
  return bound;
}

}  // namespace

void RegisterApproximate(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{
      "approx_count_distinct",
      {},
      "approx_count_distinct(value ANY) -> BIGINT",
      "About how many distinct values there are: exact up to 64, then with a standard error of "
      "1.6 %.",
      "SELECT approx_count_distinct(x) FROM (VALUES (1), (2), (2), (NULL)) AS t(x)",
      "2",
      BindDistinct,
      false,
      "passes over NULLs; 0 when nothing is left"});
  registry.Add(AggregateFunction{
      "approx_quantile",
      {},
      "approx_quantile([DISTINCT] value NUMBER|TIMESTAMP, fraction DOUBLE) -> BIGINT | DOUBLE | "
      "TIMESTAMP",
      "About the value that reaches the fraction, in bounded room: exact up to 4096 distinct "
      "values.",
      "SELECT approx_quantile(x, 0.5) FROM (VALUES (1), (2), (9)) AS t(x)",
      "2",
      BindApproximate});
}

}  // namespace velaria
