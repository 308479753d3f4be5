// Casts among integers, floats, decimals and booleans. Floats round half to even, decimals half
// away from zero, as in PostgreSQL; what does not fit is VEL3002.
#include <limits>

#include "functions/cast.hpp"
#include "functions/number_text.hpp"

namespace velaria::casts {
namespace {

using kernels::DecimalCell;
using kernels::DecimalText;
using kernels::NumberText;
using kernels::PowerOfTen;

template <typename From, typename To>
int64_t ConvertNumber(From value, To* out) {
  if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    *out = static_cast<To>(value);
    return -static_cast<int64_t>(!std::in_range<To>(value));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const double rounded = std::nearbyint(static_cast<double>(value));
    // Both bounds are exact doubles: -2^n and 2^n.
    constexpr double kLow = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double kHigh = 2.0 * static_cast<double>(std::numeric_limits<To>::max() / 2 + 1);
    const bool fits = rounded >= kLow && rounded < kHigh;
    *out = fits ? static_cast<To>(rounded) : To{};
    return -static_cast<int64_t>(!fits);
  } else if constexpr (std::is_same_v<From, double> && std::is_same_v<To, float>) {
    *out = static_cast<float>(value);
    return -static_cast<int64_t>(std::isinf(*out) && !std::isinf(value));
  } else {
    *out = static_cast<To>(value);
    return 0;
  }
}

template <typename From, typename To>
Result<Vector> RunNumber(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  return ConvertRows<To, false>(
      context, plan, arguments[0], row_count, ViewFixed<From>(arguments[0]),
      [](From value, To* out) { return ConvertNumber(value, out); },
      [&](From value) { return OutOfRange(*plan.to, NumberText(value)); });
}

int ScaleOf(const arrow::DataType& type) {
  return arrow::internal::checked_cast<const arrow::DecimalType&>(type).scale();
}
int PrecisionOf(const arrow::DataType& type) {
  return arrow::internal::checked_cast<const arrow::DecimalType&>(type).precision();
}

/// value / 10^digits, rounded half away from zero.
__int128 DivideRounded(__int128 value, __int128 power) {
  const __int128 quotient = value / power, rest = value % power;
  const __int128 half = power / 2;
  if (power == 1) return value;
  return quotient + (rest >= half ? 1 : 0) - (rest <= -half ? 1 : 0);
}

template <typename From>
Result<Vector> RunToDecimal(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int precision = PrecisionOf(*plan.to), scale = ScaleOf(*plan.to);
  const __int128 power = PowerOfTen(scale), limit = PowerOfTen(precision);
  return ConvertRows<DecimalCell, std::is_floating_point_v<From>>(
      context, plan, arguments[0], row_count, ViewFixed<From>(arguments[0]),
      [=](From value, DecimalCell* out) -> int64_t {
        if constexpr (std::is_integral_v<From>) {
          __int128 scaled = 0;
          const bool fault = __builtin_mul_overflow(static_cast<__int128>(value), power, &scaled) ||
                             scaled >= limit || scaled <= -limit;
          *out = DecimalCell::Of(scaled);
          return -static_cast<int64_t>(fault);
        } else {
          // By way of the digits a float is sure of, so that 2.675 becomes 2.68 and not 2.67.
          char text[64];
          const int length = std::snprintf(text, sizeof(text), sizeof(From) == 8 ? "%.15g" : "%.6g",
                                           static_cast<double>(value));
          if (!std::isfinite(value)) return -1;
          const auto outcome =
              kernels::ParseDecimal({text, static_cast<size_t>(length)}, precision, scale, out);
          return -static_cast<int64_t>(outcome != kernels::ParseOutcome::kOk);
        }
      },
      [&](From value) { return OutOfRange(*plan.to, NumberText(value)); });
}

template <typename To>
Result<Vector> RunFromDecimal(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int scale = ScaleOf(*plan.from);
  const __int128 power = PowerOfTen(scale);
  const double divisor = static_cast<double>(power);
  return ConvertRows<To, false>(
      context, plan, arguments[0], row_count, ViewFixed<DecimalCell>(arguments[0]),
      [=](DecimalCell cell, To* out) -> int64_t {
        const __int128 value = cell.value();
        if constexpr (std::is_integral_v<To>) {
          const __int128 rounded = DivideRounded(value, power);
          *out = static_cast<To>(rounded);
          return -static_cast<int64_t>(rounded < std::numeric_limits<To>::min() ||
                                       rounded > std::numeric_limits<To>::max());
        } else {
          // Both sides exact below 2^53 and 10^22: then the quotient is correctly rounded.
          constexpr __int128 kExact = static_cast<__int128>(1) << 53;
          if (value < kExact && value > -kExact && scale <= 22) {
            *out = static_cast<To>(static_cast<double>(value) / divisor);
          } else {
            double parsed = 0;
            std::string text;
            kernels::AppendDecimal(cell, scale, &text);
            kernels::ParseDouble(text, &parsed);
            *out = static_cast<To>(parsed);
          }
          return 0;
        }
      },
      [&](DecimalCell cell) { return OutOfRange(*plan.to, DecimalText(cell, *plan.from)); });
}

Result<Vector> RunDecimalToDecimal(const FunctionContext& context, const ScalarBinding& binding,
                                   std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int shift = ScaleOf(*plan.to) - ScaleOf(*plan.from);
  const __int128 power = PowerOfTen(shift < 0 ? -shift : shift),
                 limit = PowerOfTen(PrecisionOf(*plan.to));
  return ConvertRows<DecimalCell, false>(
      context, plan, arguments[0], row_count, ViewFixed<DecimalCell>(arguments[0]),
      [=](DecimalCell cell, DecimalCell* out) -> int64_t {
        __int128 value = cell.value();
        bool fault = false;
        if (shift < 0) {
          value = DivideRounded(value, power);
        } else if (shift > 0) {
          fault = __builtin_mul_overflow(value, power, &value);
        }
        *out = DecimalCell::Of(value);
        return -static_cast<int64_t>(fault || value >= limit || value <= -limit);
      },
      [&](DecimalCell cell) { return OutOfRange(*plan.to, DecimalText(cell, *plan.from)); });
}

template <typename To>
Result<Vector> RunFromBoolean(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  To one{};
  bool holds_one = true;
  if constexpr (std::is_same_v<To, DecimalCell>) {
    one = DecimalCell::Of(PowerOfTen(ScaleOf(*plan.to)));
    holds_one = PrecisionOf(*plan.to) > ScaleOf(*plan.to);
  } else {
    one = static_cast<To>(1);
  }
  return ConvertRows<To, false>(
      context, plan, arguments[0], row_count, ViewBool(arguments[0]),
      [=](bool value, To* out) {
        *out = value ? one : To{};
        return -static_cast<int64_t>(value && !holds_one);
      },
      [&](bool) { return OutOfRange(*plan.to, "true"); });
}

template <typename From>
Result<Vector> RunToBoolean(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<From>(arguments[0]);
  return kernels::MapToBoolean(context, arguments, kernels::ExtentOf(arguments, row_count),
                               [&](int64_t i) {
                                 if constexpr (std::is_same_v<From, DecimalCell>) {
                                   return (view[i].low | view[i].high) != 0;
                                 } else {
                                   return view[i] != 0;
                                 }
                               });
}

template <typename From>
ScalarKernel FromNumber(Physical to) {
  switch (to) {
#define X(physical, To) \
  case physical: return RunNumber<From, To>;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return RunToDecimal<From>;
    case Physical::kBool: return RunToBoolean<From>;
    default: return nullptr;
  }
}

ScalarKernel FromDecimal(Physical to) {
  switch (to) {
#define X(physical, To) \
  case physical: return RunFromDecimal<To>;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return RunDecimalToDecimal;
    case Physical::kBool: return RunToBoolean<DecimalCell>;
    default: return nullptr;
  }
}

ScalarKernel FromBoolean(Physical to) {
  switch (to) {
#define X(physical, To) \
  case physical: return RunFromBoolean<To>;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return RunFromBoolean<DecimalCell>;
    default: return nullptr;
  }
}

bool IsNumberOrBoolean(const arrow::DataType& type) {
  return IsNumeric(type) || type.id() == arrow::Type::BOOL;
}

}  // namespace

ScalarKernel FindNumericCast(const arrow::DataType& from, const arrow::DataType& to) {
  if (!IsNumberOrBoolean(from) || !IsNumberOrBoolean(to)) return nullptr;
  switch (PhysicalOf(from)) {
#define X(physical, From) \
  case physical: return FromNumber<From>(PhysicalOf(to));
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return FromDecimal(PhysicalOf(to));
    case Physical::kBool: return FromBoolean(PhysicalOf(to));
    default: return nullptr;
  }
}

}  // namespace velaria::casts
