// coalesce, nullif, ifnull, if, greatest, least, typeof: functions that pick one of their
// arguments, row by row.
#include <arrow/array/builder_binary.h>
#include <arrow/scalar.h>

#include "columnar/join_arrays.hpp"
#include "functions/binding.hpp"
#include "functions/compare_values.hpp"
#include "functions/order_key.hpp"

namespace velaria {
namespace {

using kernels::DecimalCell;
using kernels::Extent;
using kernels::ExtentOf;

/// The type all arguments from `first` on are brought to.
Result<TypePtr> CommonOf(const BindArguments& arguments, size_t first) {
  TypePtr common = arrow::null();
  for (size_t i = first; i < arguments.types.size(); ++i) {
    if (binding::IsTextLiteral(arguments, i)) continue;
    VELARIA_ASSIGN_OR_RETURN(common, CommonType(common, LogicalType(arguments.types[i])));
  }
  if (common->id() == arrow::Type::NA) {
    for (size_t i = first; i < arguments.types.size(); ++i) {
      if (IsString(*arguments.types[i])) return arrow::utf8();
    }
  }
  return common;
}

template <typename T>
void PickFixed(std::span<const Vector> values, const std::vector<int>& choice, uint8_t* out) {
  std::vector<FixedView<T>> views;
  for (const auto& value : values) views.push_back(ViewFixed<T>(value));
  T* target = reinterpret_cast<T*>(out);
  for (size_t i = 0; i < choice.size(); ++i) {
    target[i] =
        choice[i] < 0 ? T{} : views[static_cast<size_t>(choice[i])][static_cast<int64_t>(i)];
  }
}

Result<Vector> PickStrings(const FunctionContext& context, std::span<const Vector> values,
                           const std::vector<int>& choice, bool binary) {
  std::vector<StringView> views;
  for (const auto& value : values) views.emplace_back(value);
  auto build = [&](auto builder) -> Result<Vector> {
    for (size_t i = 0; i < choice.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      const bool valid = choice[i] >= 0 && views[static_cast<size_t>(choice[i])].IsValid(row);
      VELARIA_RETURN_NOT_OK(valid ? builder.Append(views[static_cast<size_t>(choice[i])][row])
                                  : builder.AppendNull());
    }
    VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
    return Vector{array->data(), false};
  };
  return binary ? build(arrow::BinaryBuilder(context.pool))
                : build(arrow::StringBuilder(context.pool));
}

/// Types without a typed loop (nested, intervals, large text): the values end to end, and of these
/// the chosen ones.
Result<Vector> PickFromJoined(const FunctionContext& context, std::span<const Vector> values,
                              const std::vector<int>& choice) {
  const auto count = static_cast<int64_t>(choice.size());
  arrow::ArrayVector arrays;
  for (const auto& value : values) {
    VELARIA_ASSIGN_OR_RETURN(const auto expanded, Expand(value, count, context.pool));
    arrays.push_back(expanded.array());
  }
  VELARIA_ASSIGN_OR_RETURN(const auto joined, JoinArrays(arrays, context.pool));
  std::vector<int32_t> rows;
  rows.reserve(choice.size());
  for (size_t i = 0; i < choice.size(); ++i) {
    rows.push_back(
        choice[i] < 0 ? -1 : static_cast<int32_t>(choice[i] * count) + static_cast<int32_t>(i));
  }
  return GatherOrNull(MakeVector(joined), rows, context.pool);
}

/// Row i of the result is row i of values[choice[i]]; null for -1.
Result<Vector> Pick(const FunctionContext& context, const TypePtr& type,
                    std::span<const Vector> values, const std::vector<int>& choice, bool constant) {
  const auto rows = static_cast<int64_t>(choice.size());
  const Physical physical = PhysicalOf(*type);
  if (physical == Physical::kNull) return MakeNullConstant(type, context.pool);
  Vector result;
  if (type->id() == arrow::Type::STRING || type->id() == arrow::Type::BINARY) {
    VELARIA_ASSIGN_OR_RETURN(
        result, PickStrings(context, values, choice, type->id() == arrow::Type::BINARY));
  } else if (FixedWidthOf(physical) == 0 && physical != Physical::kBool) {
    VELARIA_ASSIGN_OR_RETURN(result, PickFromJoined(context, values, choice));
  } else {
    VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(type, rows, context.pool));
    uint8_t* out = data->buffers[1]->mutable_data();
    switch (FixedWidthOf(physical)) {
      case 1: PickFixed<uint8_t>(values, choice, out); break;
      case 2: PickFixed<uint16_t>(values, choice, out); break;
      case 4: PickFixed<uint32_t>(values, choice, out); break;
      case 8: PickFixed<uint64_t>(values, choice, out); break;
      case 16: PickFixed<DecimalCell>(values, choice, out); break;
      default: {
        std::vector<BoolView> views;
        for (const auto& value : values) views.push_back(ViewBool(value));
        kernels::PackBits(rows, out, [&](int64_t i) {
          const int index = choice[static_cast<size_t>(i)];
          return index >= 0 && views[static_cast<size_t>(index)][i];
        });
      }
    }
    std::vector<Validity> validities;
    for (const auto& value : values) validities.push_back(ValidityOf(value));
    VELARIA_ASSIGN_OR_RETURN(data->buffers[0], AllocateBitmap(rows, false, context.pool));
    kernels::PackBits(rows, data->buffers[0]->mutable_data(), [&](int64_t i) {
      const int index = choice[static_cast<size_t>(i)];
      return index >= 0 && validities[static_cast<size_t>(index)].IsValid(i);
    });
    data->null_count = arrow::kUnknownNullCount;
    result = Vector{std::move(data), false};
  }
  result.constant = constant;
  return result;
}

Result<Vector> RunCoalesce(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const Extent extent = ExtentOf(arguments, row_count);
  std::vector<Validity> validities;
  for (const auto& argument : arguments) validities.push_back(ValidityOf(argument));
  if (validities[0].all_valid() && (extent.constant || !arguments[0].constant)) return arguments[0];
  std::vector<int> choice(static_cast<size_t>(extent.rows), -1);
  for (int64_t i = 0; i < extent.rows; ++i) {
    for (size_t k = 0; k < arguments.size(); ++k) {
      if (!validities[k].IsValid(i)) continue;
      choice[static_cast<size_t>(i)] = static_cast<int>(k);
      break;
    }
  }
  return Pick(context, binding.type, arguments, choice, extent.constant);
}

Result<ScalarBinding> BindCommon(const BindArguments& arguments, size_t least, size_t most,
                                 ScalarKernel kernel) {
  if (arguments.types.size() < least || arguments.types.size() > most)
    return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, CommonOf(arguments, 0));
  return ScalarBinding{type, std::vector<TypePtr>(arguments.types.size(), type), kernel, nullptr};
}

Result<ScalarBinding> BindCoalesce(const BindArguments& arguments) {
  return BindCommon(arguments, 1, 10'000, RunCoalesce);
}

Result<ScalarBinding> BindIfNull(const BindArguments& arguments) {
  return BindCommon(arguments, 2, 2, RunCoalesce);
}

Result<Vector> RunIf(const FunctionContext& context, const ScalarBinding& binding,
                     std::span<const Vector> arguments, int64_t row_count) {
  const Extent extent = ExtentOf(arguments, row_count);
  const BoolView condition = ViewBool(arguments[0]);
  std::vector<int> choice(static_cast<size_t>(extent.rows));
  const bool has_else = arguments.size() > 2;
  for (int64_t i = 0; i < extent.rows; ++i) {
    const bool holds = condition.IsValid(i) && condition[i];
    choice[static_cast<size_t>(i)] = holds ? 0 : (has_else ? 1 : -1);
  }
  return Pick(context, binding.type, arguments.subspan(1), choice, extent.constant);
}

Result<ScalarBinding> BindIf(const BindArguments& arguments) {
  if (arguments.types.size() < 2 || arguments.types.size() > 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr condition,
                           binding::TypeFor(arguments, 0, binding::Parameter::kBoolean));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, CommonOf(arguments, 1));
  std::vector<TypePtr> types(arguments.types.size(), type);
  types[0] = condition;
  return ScalarBinding{type, std::move(types), RunIf, nullptr};
}

/// nullif: the comparison `=` of both sides is the binding's data.
Result<Vector> RunNullIf(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const Extent extent = ExtentOf(arguments, row_count);
  const auto& equals = binding::DataOf<ScalarBinding>(binding);
  VELARIA_ASSIGN_OR_RETURN(const Vector equal,
                           equals.kernel(context, equals, arguments, row_count));
  const BoolView same = ViewBool(equal);
  std::vector<int> choice(static_cast<size_t>(extent.rows));
  for (int64_t i = 0; i < extent.rows; ++i)
    choice[static_cast<size_t>(i)] = same.IsValid(i) && same[i] ? -1 : 0;
  return Pick(context, binding.type, arguments.subspan(0, 1), choice, extent.constant);
}

Result<ScalarBinding> BindNullIf(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, CommonOf(arguments, 0));
  const BindArguments common{{type, type}, {nullptr, nullptr}, false};
  VELARIA_ASSIGN_OR_RETURN(auto equals, FunctionRegistry::Instance().FindScalar("=")->bind(common));
  return ScalarBinding{
      type, {type, type}, RunNullIf, std::make_shared<const ScalarBinding>(std::move(equals))};
}

/// Keeps in `choice` the argument that wins so far; nulls never win.
template <typename Op, typename View>
void Contest(const std::vector<View>& views, std::vector<int>* choice) {
  for (size_t k = 0; k < views.size(); ++k) {
    for (size_t i = 0; i < choice->size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      if (!views[k].IsValid(row)) continue;
      int& best = (*choice)[i];
      if (best < 0 || Op::Test(views[k][row], views[static_cast<size_t>(best)][row]))
        best = static_cast<int>(k);
    }
  }
}

template <typename Op>
Result<Vector> RunExtreme(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const Extent extent = ExtentOf(arguments, row_count);
  std::vector<int> choice(static_cast<size_t>(extent.rows), -1);
  auto contest_fixed = [&]<typename T>(T) {
    std::vector<FixedView<T>> views;
    for (const auto& argument : arguments) views.push_back(ViewFixed<T>(argument));
    Contest<Op>(views, &choice);
  };
  switch (PhysicalOf(*binding.type)) {
#define X(physical, T) \
  case physical: contest_fixed(T{}); break;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: contest_fixed(DecimalCell{}); break;
    case Physical::kBool: {
      std::vector<BoolView> views;
      for (const auto& argument : arguments) views.push_back(ViewBool(argument));
      Contest<Op>(views, &choice);
      break;
    }
    case Physical::kString:
    case Physical::kBinary: {
      std::vector<StringView> views;
      for (const auto& argument : arguments) views.emplace_back(argument);
      Contest<Op>(views, &choice);
      break;
    }
    case Physical::kNested: {
      std::vector<Vector> keys;  // the views point into them
      std::vector<StringView> views;
      for (const auto& argument : arguments) {
        VELARIA_ASSIGN_OR_RETURN(keys.emplace_back(), MakeOrderKeys(argument, context.pool));
        views.emplace_back(keys.back());
      }
      Contest<Op>(views, &choice);
      break;
    }
    default: break;
  }
  return Pick(context, binding.type, arguments, choice, extent.constant);
}

template <typename Op>
Result<ScalarBinding> BindExtreme(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(auto binding, BindCommon(arguments, 1, 10'000, RunExtreme<Op>));
  if (!IsComparable(*binding.type)) return binding::WrongArguments();
  return binding;
}

Result<Vector> RunTypeOf(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  return MakeConstant(std::make_shared<arrow::StringScalar>(binding::DataOf<std::string>(binding)),
                      context.pool);
}

Result<ScalarBinding> BindTypeOf(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  return ScalarBinding{arrow::utf8(),
                       {nullptr},
                       RunTypeOf,
                       std::make_shared<const std::string>(SqlName(*arguments.types[0]))};
}

}  // namespace

void RegisterConditional(FunctionRegistry& registry) {
  auto add = [&registry](const char* name, std::vector<std::string> aliases, const char* signature,
                         const char* summary, const char* example, const char* result,
                         const char* null_rule,
                         Result<ScalarBinding> (*bind)(const BindArguments&)) {
    registry.Add(ScalarFunction{name, std::move(aliases), "conditional", signature, summary,
                                example, result, bind, null_rule});
  };
  add("coalesce", {}, "coalesce(a, b, ...) -> the common type",
      "The first argument that is not NULL.", "coalesce(NULL, 2, 3)", "2",
      "NULL when every argument is", BindCoalesce);
  add("ifnull", {"nvl"}, "ifnull(a, b) -> the common type", "a, or b when a is NULL.",
      "ifnull(NULL, 'none')", "none", "NULL when both are", BindIfNull);
  add("nullif", {}, "nullif(a, b) -> the common type", "NULL when a equals b, else a.",
      "nullif(3, 4)", "3", "a NULL equals nothing: NULL when a is", BindNullIf);
  add("if", {"iif"}, "if(condition BOOLEAN, a[, b]) -> the common type",
      "a when the condition is true, else b, or NULL without b.", "if(2 > 1, 'yes', 'no')", "yes",
      "a NULL condition is not true; the value chosen may be NULL", BindIf);
  add("greatest", {}, "greatest(a, b, ...) -> the common type",
      "The greatest argument; NULLs are passed over.", "greatest(1, NULL, 3)", "3",
      "NULLs are passed over; NULL when every argument is", BindExtreme<kernels::Greater>);
  add("least", {}, "least(a, b, ...) -> the common type",
      "The least argument; NULLs are passed over.", "least(4, 2.5, 3)", "2.5",
      "NULLs are passed over; NULL when every argument is", BindExtreme<kernels::Less>);
  add("typeof", {"pg_typeof"}, "typeof(a) -> VARCHAR", "The SQL name of the argument's type.",
      "typeof(1.5)", "DECIMAL(2,1)", "the type of a NULL; never NULL", BindTypeOf);
}

}  // namespace velaria
