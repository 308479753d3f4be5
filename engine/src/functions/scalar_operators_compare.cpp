// = <> < <= > >= and IS [NOT] DISTINCT FROM over every comparable type.
#include "functions/binding.hpp"
#include "functions/compare_values.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/operators.hpp"
#include "functions/order_key.hpp"

namespace velaria::operators {
namespace {

using namespace kernels;  // NOLINT: the six comparisons

/// Calls `test(i)` for each row as MapToBoolean does, with the constant side held apart so that the
/// loop is tight.
template <typename Op, typename View>
Result<Vector> CompareViews(const FunctionContext& context, std::span<const Vector> arguments,
                            Extent extent, const View& a, const View& b) {
  return MapToBoolean(context, arguments, extent, [&](int64_t i) { return Op::Test(a[i], b[i]); });
}

/// values[i] <op> constant.
template <typename Op, typename T>
Result<Vector> CompareWith(const FunctionContext& context, std::span<const Vector> arguments,
                           Extent extent, const T* values, T constant) {
  if constexpr (std::is_arithmetic_v<T>) {
    if (constant == constant) {
      return MapToBoolean(context, arguments, extent,
                          [=](int64_t i) { return Op::TestPlain(values[i], constant); });
    }
  }
  return MapToBoolean(context, arguments, extent,
                      [=](int64_t i) { return Op::Test(values[i], constant); });
}

template <typename Op, typename T>
Result<Vector> CompareFixed(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  if (HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const Extent extent = ExtentOf(arguments, row_count);
  const auto a = ViewFixed<T>(arguments[0]);
  const auto b = ViewFixed<T>(arguments[1]);
  const T* left = a.values;
  const T* right = b.values;
  if (a.stride != 0 && b.stride == 0) {
    return CompareWith<Op>(context, arguments, extent, left, right[0]);
  }
  if (a.stride == 0 && b.stride != 0 && extent.rows > 0) {
    return CompareWith<typename Op::Mirror>(context, arguments, extent, right, left[0]);
  }
  return MapToBoolean(context, arguments, extent,
                      [=](int64_t i) { return Op::Test(left[i], right[i]); });
}

template <typename Op>
Result<Vector> CompareBooleans(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  if (HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  return CompareViews<Op>(context, arguments, ExtentOf(arguments, row_count),
                          ViewBool(arguments[0]), ViewBool(arguments[1]));
}

template <typename Op>
Result<Vector> CompareStrings(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  if (HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  return CompareViews<Op>(context, arguments, ExtentOf(arguments, row_count),
                          StringView(arguments[0]), StringView(arguments[1]));
}

template <typename Op>
Result<Vector> CompareByKey(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  if (HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(const Vector a, MakeOrderKeys(arguments[0], context.pool));
  VELARIA_ASSIGN_OR_RETURN(const Vector b, MakeOrderKeys(arguments[1], context.pool));
  return CompareViews<Op>(context, arguments, ExtentOf(arguments, row_count), StringView(a),
                          StringView(b));
}

Result<Vector> CompareNulls(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  return MakeNullConstant(arrow::boolean(), context.pool);
}

template <typename Op>
ScalarKernel CompareKernel(const arrow::DataType& type) {
  switch (PhysicalOf(type)) {
#define X(physical, T) \
  case physical: return CompareFixed<Op, T>;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return CompareFixed<Op, DecimalCell>;
    case Physical::kBool: return CompareBooleans<Op>;
    case Physical::kString:
    case Physical::kBinary: return OnDictionary<CompareStrings<Op>>;
    case Physical::kNested: return CompareByKey<Op>;
    case Physical::kNull: return CompareNulls;
    default: return nullptr;
  }
}

/// The type both sides are compared in; null when both are strings, which compare in whatever
/// layout they come.
Result<TypePtr> ComparedType(const BindArguments& arguments, const char* sign) {
  TypePtr a = LogicalType(arguments.types[0]), b = LogicalType(arguments.types[1]);
  if (IsString(*a) && IsString(*b)) return TypePtr();
  if (binding::IsTextLiteral(arguments, 0)) a = b;
  if (binding::IsTextLiteral(arguments, 1)) b = a;
  auto common = CommonType(a, b);
  if (!common.ok() || !IsComparable(**common)) return DoesNotApply(sign, arguments);
  return common;
}

template <typename Op>
Result<ScalarBinding> BindComparison(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, ComparedType(arguments, Op::kSign));
  const ScalarKernel kernel = CompareKernel<Op>(type ? *type : *arrow::utf8());
  return ScalarBinding{arrow::boolean(), {type, type}, kernel, nullptr};
}

/// IS DISTINCT FROM: `<>` in which NULL equals NULL alone. The comparison of the values is the
/// binding's data.
Result<Vector> RunDistinct(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count, bool negate) {
  const auto& not_equal = binding::DataOf<ScalarBinding>(binding);
  const Extent extent = ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(Vector compared,
                           not_equal.kernel(context, not_equal, arguments, row_count));
  std::vector<Vector> sides(arguments.begin(), arguments.end());
  for (auto& side : sides) {
    VELARIA_ASSIGN_OR_RETURN(side, Decode(side, context.pool));
  }
  const Validity a = ValidityOf(sides[0]), b = ValidityOf(sides[1]);
  const BoolView differs = ViewBool(compared);
  return MapToBoolean(context, {}, extent, [&](int64_t i) {
    const bool left = a.IsValid(i), right = b.IsValid(i);
    return (left && right ? differs[i] : left != right) != negate;
  });
}

template <bool negate>
Result<Vector> RunDistinctOf(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  return RunDistinct(context, binding, arguments, row_count, negate);
}

template <bool negate>
Result<ScalarBinding> BindDistinct(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(ScalarBinding inner, BindComparison<NotEqual>(arguments));
  auto types = inner.arguments;
  return ScalarBinding{arrow::boolean(), std::move(types), RunDistinctOf<negate>,
                       std::make_shared<const ScalarBinding>(std::move(inner))};
}

}  // namespace

void RegisterComparison(FunctionRegistry& registry) {
  auto add = [&registry](const char* sign, const char* summary, const char* example,
                         const char* result, Result<ScalarBinding> (*bind)(const BindArguments&)) {
    registry.Add(ScalarFunction{sign,
                                {},
                                "operator",
                                std::string("a ") + sign + " b -> BOOLEAN",
                                summary,
                                example,
                                result,
                                bind});
  };
  add("=", "Equal; unknown when a side is NULL.", "1 = 1.0", "true", BindComparison<Equal>);
  add("<>", "Not equal; unknown when a side is NULL.", "'a' <> 'b'", "true",
      BindComparison<NotEqual>);
  add("<", "Less. Text compares by code point, NaN stands above every number.", "'a' < 'b'", "true",
      BindComparison<Less>);
  add("<=", "Less or equal.", "2 <= 2", "true", BindComparison<LessEqual>);
  add(">", "Greater.", "DATE '2013-02-01' > DATE '2013-01-31'", "true", BindComparison<Greater>);
  add(">=", "Greater or equal.", "1 >= 2", "false", BindComparison<GreaterEqual>);
  ScalarFunction distinct{"is_distinct_from",
                          {},
                          "operator",
                          "a IS DISTINCT FROM b -> BOOLEAN",
                          "Not equal, where NULL equals NULL and nothing else.",
                          "1 IS DISTINCT FROM NULL",
                          "true",
                          BindDistinct<false>};
  distinct.null_rule = "NULL is a value; never NULL";
  registry.Add(distinct);
  ScalarFunction same{"is_not_distinct_from",
                      {},
                      "operator",
                      "a IS NOT DISTINCT FROM b -> BOOLEAN",
                      "Equal, where NULL equals NULL and nothing else.",
                      "NULL IS NOT DISTINCT FROM NULL",
                      "true",
                      BindDistinct<true>};
  same.null_rule = "NULL is a value; never NULL";
  registry.Add(same);
}

}  // namespace velaria::operators
