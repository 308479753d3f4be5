// min, max and any_value over every comparable type. NaN is the greatest float, as in ORDER BY.
#include <arrow/array/builder_binary.h>

#include <cmath>

#include "functions/binding.hpp"
#include "functions/folded_states.hpp"
#include "functions/row_list_states.hpp"
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

enum class Pick { kMin, kMax, kAny };

template <typename T>
bool Less(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <Pick kPick, typename T>
bool Better(const T& candidate, const T& held) {
  if constexpr (kPick == Pick::kMin) return Less(candidate, held);
  if constexpr (kPick == Pick::kMax) return Less(held, candidate);
  return false;
}

template <Pick kPick, typename T>
class FixedExtremes final : public FoldedStates<T> {
 public:
  explicit FixedExtremes(TypePtr type) : FoldedStates<T>(std::move(type), T{}) {}

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const auto view = ViewFixed<T>(arguments[0]);
    ForEachValid(view.validity, groups, row_count, [&](int64_t row, uint32_t group) {
      const T& value = view[row];
      if (!this->has_[group] || Better<kPick>(value, this->values_[group])) {
        this->values_[group] = value;
        this->has_[group] = 1;
      }
    });
    return Status::OK();
  }
};

template <Pick kPick>
class TextExtremes final : public AggregateStates {
 public:
  explicit TextExtremes(TypePtr type) : type_(std::move(type)) {}

  Status Resize(int64_t group_count) override {
    values_.resize(static_cast<size_t>(group_count));
    has_.resize(static_cast<size_t>(group_count), 0);
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    const StringView view(arguments[0]);
    ForEachValid(view.validity(), groups, row_count, [&](int64_t row, uint32_t group) {
      const std::string_view value = view[row];
      std::string& held = values_[group];
      if (!has_[group] || Better<kPick>(value, std::string_view(held))) {
        held_bytes_ += static_cast<int64_t>(value.size()) - static_cast<int64_t>(held.size());
        held.assign(value);
        has_[group] = 1;
      }
    });
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
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, type_, &builder));
    for (uint32_t group : groups) {
      if (!has_[group]) {
        ARROW_RETURN_NOT_OK(builder->AppendNull());
      } else if (type_->id() == arrow::Type::STRING || type_->id() == arrow::Type::BINARY) {
        ARROW_RETURN_NOT_OK(static_cast<arrow::BinaryBuilder&>(*builder).Append(values_[group]));
      } else {
        ARROW_RETURN_NOT_OK(
            static_cast<arrow::LargeBinaryBuilder&>(*builder).Append(values_[group]));
      }
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    return MakeVector(array);
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(values_.capacity() * (sizeof(std::string) + 1)) + held_bytes_;
  }

 private:
  const TypePtr type_;
  std::vector<std::string> values_;
  std::vector<uint8_t> has_;
  int64_t held_bytes_ = 0;
};

template <Pick kPick, typename T>
std::unique_ptr<AggregateStates> MakeFixed(const AggregateBinding& binding) {
  return std::make_unique<FixedExtremes<kPick, T>>(binding.type);
}

template <Pick kPick>
std::unique_ptr<AggregateStates> MakeText(const AggregateBinding& binding) {
  return std::make_unique<TextExtremes<kPick>>(binding.type);
}

/// Values that are compared by their keys: of the rows with the best one, the first in row order.
/// any_value takes the first there is.
template <Pick kPick>
void UseRowPick(const TypePtr& type, AggregateBinding* binding) {
  binding->type = type;
  binding->arguments = {type};
  binding->state_types = {type, arrow::int64()};
  binding->needs_row_order = true;
  if (kPick != Pick::kAny) binding->order = {{0, kPick == Pick::kMax, false}};
  binding->make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<RowPickStates>(RowSpec::Of(b, {0}, {0}), false);
  };
}

template <Pick kPick>
Result<AggregateBinding> BindExtreme(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  TypePtr type = LogicalType(arguments.types[0]);
  AggregateBinding binding;
  switch (PhysicalOf(*type)) {
    case Physical::kNull:
      type = arrow::int32();
      binding.make_states = MakeFixed<kPick, int32_t>;
      break;
    case Physical::kBool:
      // Booleans travel as bytes inside the state.
      return Fail(ErrorCode::kBadArgument, "the argument is BOOLEAN", "Use bool_and or bool_or.");
    case Physical::kInt8: binding.make_states = MakeFixed<kPick, int8_t>; break;
    case Physical::kInt16: binding.make_states = MakeFixed<kPick, int16_t>; break;
    case Physical::kInt32: binding.make_states = MakeFixed<kPick, int32_t>; break;
    case Physical::kInt64: binding.make_states = MakeFixed<kPick, int64_t>; break;
    case Physical::kUInt8: binding.make_states = MakeFixed<kPick, uint8_t>; break;
    case Physical::kUInt16: binding.make_states = MakeFixed<kPick, uint16_t>; break;
    case Physical::kUInt32: binding.make_states = MakeFixed<kPick, uint32_t>; break;
    case Physical::kUInt64: binding.make_states = MakeFixed<kPick, uint64_t>; break;
    case Physical::kFloat: binding.make_states = MakeFixed<kPick, float>; break;
    case Physical::kDouble: binding.make_states = MakeFixed<kPick, double>; break;
    case Physical::kDecimal: binding.make_states = MakeFixed<kPick, Int128>; break;
    case Physical::kString:
      if (type->id() == arrow::Type::STRING_VIEW) type = arrow::utf8();
      binding.make_states = MakeText<kPick>;
      break;
    case Physical::kBinary:
      if (type->id() != arrow::Type::LARGE_BINARY) type = arrow::binary();
      binding.make_states = MakeText<kPick>;
      break;
    case Physical::kNested:
      if (!IsComparable(*type)) {
        return Fail(ErrorCode::kBadArgument,
                    "values of this type have no order: " + SqlName(*type));
      }
      UseRowPick<kPick>(type, &binding);
      return binding;
  }
  // Strings are read as they come (encoded or not); everything else is decoded to its plain type
  // first.
  binding.arguments = {PhysicalOf(*type) == Physical::kString ? nullptr : type};
  binding.type = type;
  binding.state_types = {type};
  if (kPick != Pick::kAny) binding.over_frames = ExtremeOverFrames(*type, kPick == Pick::kMax);
  return binding;
}

}  // namespace

void RegisterExtremes(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{"min",
                                 {},
                                 "min(value ANY) -> same type",
                                 "The least value that is not NULL.",
                                 "SELECT min(x) FROM (VALUES (3), (1), (NULL)) AS t(x)",
                                 "1",
                                 BindExtreme<Pick::kMin>});
  registry.Add(AggregateFunction{"max",
                                 {},
                                 "max(value ANY) -> same type",
                                 "The greatest value that is not NULL.",
                                 "SELECT max(x) FROM (VALUES ('b'), ('a')) AS t(x)",
                                 "b",
                                 BindExtreme<Pick::kMax>});
  registry.Add(AggregateFunction{"any_value",
                                 {},
                                 "any_value(value ANY) -> same type",
                                 "Some value of the group that is not NULL.",
                                 "SELECT any_value(x) FROM (VALUES (7), (7)) AS t(x)",
                                 "7",
                                 BindExtreme<Pick::kAny>});
}

}  // namespace velaria
