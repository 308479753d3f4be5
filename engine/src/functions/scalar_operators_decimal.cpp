// + - * % and unary minus over DECIMAL, exact. Sums have the larger scale, products the sum of
// scales; precision is capped at 38, and a result with more digits than its type is an overflow. A
// quotient of decimals is a DOUBLE.
#include <arrow/scalar.h>

#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/number_text.hpp"
#include "functions/operators.hpp"

namespace velaria::operators {
namespace {

using kernels::DecimalCell;
using kernels::DecimalText;
using kernels::MapBinary;
using kernels::PowerOfTen;

struct DecimalShape {
  int precision, scale;
};

/// The shape of an operand. An integer literal counts its own digits only, so that `1 - discount`
/// stays narrow.
DecimalShape ShapeOf(const BindArguments& arguments, size_t index) {
  const TypePtr type = LogicalType(arguments.types[index]);
  if (IsDecimal(*type)) {
    const auto& decimal = arrow::internal::checked_cast<const arrow::DecimalType&>(*type);
    return {decimal.precision(), decimal.scale()};
  }
  const auto constant = binding::ConstantAt(arguments, index);
  if (constant && constant->is_valid && IsInteger(*constant->type)) {
    const std::string digits = constant->ToString();
    return {static_cast<int>(digits.size() - (digits[0] == '-' ? 1 : 0)), 0};
  }
  switch (type->id()) {
    case arrow::Type::INT8:
    case arrow::Type::UINT8: return {3, 0};
    case arrow::Type::INT16:
    case arrow::Type::UINT16: return {5, 0};
    case arrow::Type::INT32:
    case arrow::Type::UINT32: return {10, 0};
    case arrow::Type::INT64: return {19, 0};
    default: return {20, 0};
  }
}

TypePtr DecimalOf(int precision, int scale) {
  return arrow::decimal128(std::clamp(precision, std::max(scale, 1), 38), scale);
}

/// What a decimal kernel keeps: 10^precision of the result, beyond which a value is an overflow; 0
/// when the result type holds every outcome and nothing needs a look.
struct DecimalPlan {
  __int128 limit = 0;
};

template <char sign>
bool Compute(__int128 a, __int128 b, __int128* out) {
  if constexpr (sign == '+') return __builtin_add_overflow(a, b, out);
  if constexpr (sign == '-') return __builtin_sub_overflow(a, b, out);
  if constexpr (sign == '*') return __builtin_mul_overflow(a, b, out);
  if constexpr (sign == '%') {
    *out = b == 0 ? 0 : a % b;
    return b == 0;
  }
}

template <char sign>
Result<Vector> RunWide(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const __int128 limit = binding::DataOf<DecimalPlan>(binding).limit;
  return MapBinary<DecimalCell, DecimalCell, DecimalCell>(
      context, binding.type, arguments, row_count,
      [limit](DecimalCell a, DecimalCell b, DecimalCell* out) {
        __int128 value;
        bool fault = Compute<sign>(a.value(), b.value(), &value);
        if (limit != 0) fault |= value >= limit || value <= -limit;
        *out = DecimalCell::Of(value);
        return -static_cast<int32_t>(fault);
      },
      [&](DecimalCell a, DecimalCell b) {
        const std::string text = DecimalText(a, *binding.arguments[0]) + " " + sign + " " +
                                 DecimalText(b, *binding.arguments[1]);
        if (sign == '%') return Fail(ErrorCode::kDivisionByZero, "division by zero: " + text);
        return Fail(ErrorCode::kOverflow, SqlName(*binding.type) + " out of range: " + text);
      });
}

/// Operands of at most 18 digits lie in the low 64 bits, and neither sums nor products need a
/// check.
template <char sign>
Result<Vector> RunNarrow(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<DecimalCell, DecimalCell, DecimalCell>(
      context, binding.type, arguments, row_count,
      [](DecimalCell a, DecimalCell b, DecimalCell* out) {
        if constexpr (sign == '*') {
          const int64_t x = static_cast<int64_t>(a.low), y = static_cast<int64_t>(b.low);
          *out = DecimalCell::Of(static_cast<__int128>(x) * y);
        } else {
          // Unsigned, since what lies under a null may be any bits.
          const auto value = static_cast<int64_t>(sign == '+' ? a.low + b.low : a.low - b.low);
          *out = {static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 63)};
        }
        return 0;
      },
      kernels::NoFault());
}

Result<Vector> RunNegate(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  return kernels::MapUnary<DecimalCell, DecimalCell>(
      context, binding.type, arguments[0], row_count,
      [](DecimalCell a, DecimalCell* out) {
        *out =
            DecimalCell::Of(static_cast<__int128>(0 - static_cast<unsigned __int128>(a.value())));
        return 0;
      },
      kernels::NoFault());
}

template <char sign>
ScalarBinding MakeDecimalBinding(DecimalShape a, DecimalShape b) {
  int precision, scale = std::max(a.scale, b.scale);
  DecimalShape left = a, right = b;
  if (sign == '*') {
    scale = a.scale + b.scale;
    precision = a.precision + b.precision;
  } else {
    left = {std::min(38, a.precision - a.scale + scale), scale};
    right = {std::min(38, b.precision - b.scale + scale), scale};
    const int digits = std::max(a.precision - a.scale, b.precision - b.scale);
    precision = sign == '%' ? digits + scale : digits + scale + 1;
  }
  auto plan = std::make_shared<DecimalPlan>();
  if (precision > 38) plan->limit = PowerOfTen(38);
  ScalarBinding out{
      DecimalOf(precision, scale),
      {DecimalOf(left.precision, left.scale), DecimalOf(right.precision, right.scale)}};
  const bool narrow = sign != '%' && left.precision <= 18 && right.precision <= 18 &&
                      (sign == '*' || precision <= 19);
  if constexpr (sign != '%') {
    if (narrow) {
      out.kernel = RunNarrow<sign>;
      return out;
    }
  }
  out.kernel = RunWide<sign>;
  out.data = std::move(plan);
  return out;
}

}  // namespace

Result<ScalarBinding> BindDecimalArithmetic(char sign, const BindArguments& arguments) {
  const DecimalShape a = ShapeOf(arguments, 0), b = ShapeOf(arguments, 1);
  if (sign == '*' && a.scale + b.scale > 38) {
    return Fail(
        ErrorCode::kTypeMismatch,
        "the product would have more than 38 decimal places: " + std::to_string(a.scale + b.scale),
        "Cast one side to a DECIMAL of smaller scale.");
  }
  switch (sign) {
    case '+': return MakeDecimalBinding<'+'>(a, b);
    case '-': return MakeDecimalBinding<'-'>(a, b);
    case '*': return MakeDecimalBinding<'*'>(a, b);
    case '%': return MakeDecimalBinding<'%'>(a, b);
    default: break;
  }
  const auto* divide = FunctionRegistry::Instance().FindScalar("/");
  return divide->bind({{arrow::float64(), arrow::float64()}, {nullptr, nullptr}, false});
}

Result<ScalarBinding> BindDecimalNegation(const BindArguments& arguments) {
  const TypePtr type = LogicalType(arguments.types[0]);
  return ScalarBinding{type, {type}, RunNegate, nullptr};
}

}  // namespace velaria::operators
