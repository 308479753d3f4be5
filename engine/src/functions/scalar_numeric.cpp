// abs, sign, rounding, gcd, lcm: functions that keep the kind of number they are given.
#include <numeric>

#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/number_text.hpp"
#include "functions/numeric.hpp"

namespace velaria {
namespace {

using kernels::DecimalCell;
using kernels::DecimalText;
using kernels::MapBinary;
using kernels::MapUnary;
using kernels::NumberText;
using kernels::PowerOfTen;

/// The numeric type of argument 0: a literal text is a DOUBLE, an untyped NULL too.
Result<TypePtr> NumberType(const BindArguments& arguments) {
  if (arguments.types.empty()) return binding::WrongArguments();
  const TypePtr type = LogicalType(arguments.types[0]);
  if (type->id() == arrow::Type::NA || binding::IsTextLiteral(arguments, 0))
    return arrow::float64();
  if (!IsNumeric(*type)) return binding::WrongArguments();
  return type;
}

Result<Vector> RunIdentity(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return arguments[0];
}

template <typename T>
Result<Vector> RunAbs(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<T, T>(
      context, binding.type, arguments[0], row_count,
      [](T a, T* out) -> int64_t {
        if constexpr (std::is_same_v<T, DecimalCell>) {
          const __int128 value = a.value();
          const auto bits = static_cast<unsigned __int128>(value);
          *out = DecimalCell::Of(static_cast<__int128>(value < 0 ? 0 - bits : bits));
          return 0;
        } else if constexpr (std::is_floating_point_v<T>) {
          *out = std::abs(a);
          return 0;
        } else if constexpr (std::is_unsigned_v<T>) {
          *out = a;
          return 0;
        } else {
          *out = static_cast<T>(a < 0 ? 0 - static_cast<uint64_t>(a) : static_cast<uint64_t>(a));
          return -static_cast<int64_t>(*out < 0);
        }
      },
      [&](T a) -> Status {
        if constexpr (std::is_arithmetic_v<T>) {
          return Fail(ErrorCode::kOverflow,
                      SqlName(*binding.type) + " out of range: abs(" + NumberText(a) + ")");
        }
        return Bug("abs of a decimal does not fail");
      });
}

Result<ScalarBinding> BindAbs(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, NumberType(arguments));
  ScalarKernel kernel = RunAbs<DecimalCell>;
  switch (PhysicalOf(*type)) {
#define X(physical, T) \
  case physical: kernel = RunAbs<T>; break;
    VELARIA_NUMBER_CASES(X)
#undef X
    default: break;
  }
  return ScalarBinding{type, {type}, kernel, nullptr};
}

template <typename T>
Result<Vector> RunSign(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  using Out = std::conditional_t<std::is_same_v<T, double>, double, int32_t>;
  return MapUnary<T, Out>(
      context, binding.type, arguments[0], row_count,
      [](T a, Out* out) {
        if constexpr (std::is_same_v<T, DecimalCell>) {
          *out = (a.value() > 0) - (a.value() < 0);
        } else {
          *out = a != a ? static_cast<Out>(a) : static_cast<Out>((a > 0) - (a < 0));
        }
        return 0;
      },
      kernels::NoFault());
}

Result<ScalarBinding> BindSign(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, NumberType(arguments));
  if (IsFloating(*type))
    return ScalarBinding{arrow::float64(), {arrow::float64()}, RunSign<double>, nullptr};
  if (IsDecimal(*type)) return ScalarBinding{arrow::int32(), {type}, RunSign<DecimalCell>, nullptr};
  const bool large = type->id() == arrow::Type::UINT64;
  type = large ? type : arrow::int64();
  return ScalarBinding{
      arrow::int32(), {type}, large ? RunSign<uint64_t> : RunSign<int64_t>, nullptr};
}

enum class Rounding { kFloor, kCeil, kTrunc, kHalf };

template <Rounding rounding>
double RoundDouble(double value) {
  switch (rounding) {
    case Rounding::kFloor: return std::floor(value);
    case Rounding::kCeil: return std::ceil(value);
    case Rounding::kTrunc: return std::trunc(value);
    default: return std::nearbyint(value);  // half to even, as PostgreSQL rounds a double
  }
}

/// value / power, rounded; a tie goes away from zero.
template <Rounding rounding>
__int128 RoundQuotient(__int128 value, __int128 power) {
  const __int128 quotient = value / power, rest = value % power;
  switch (rounding) {
    case Rounding::kFloor: return quotient - (rest < 0 ? 1 : 0);
    case Rounding::kCeil: return quotient + (rest > 0 ? 1 : 0);
    case Rounding::kTrunc: return quotient;
    default: return quotient + (rest >= power - rest ? 1 : 0) - (-rest >= power + rest ? 1 : 0);
  }
}

template <Rounding rounding>
Result<Vector> RunRoundDouble(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<double, double>(
      context, binding.type, arguments[0], row_count,
      [](double a, double* out) {
        *out = RoundDouble<rounding>(a);
        return 0;
      },
      kernels::NoFault());
}

template <Rounding rounding>
Result<Vector> RunRoundDoublePlaces(const FunctionContext& context, const ScalarBinding& binding,
                                    std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<double, int64_t, double>(
      context, binding.type, arguments, row_count,
      [](double a, int64_t places, double* out) {
        // Past 22 places the power is no exact double, and a double has no such digit to round
        // either.
        if (places > 22 || !std::isfinite(a)) {
          *out = a;
        } else if (places < -308) {
          *out = 0;
        } else {
          const double power = std::pow(10.0, static_cast<double>(places < 0 ? -places : places));
          const double scaled = places < 0 ? a / power : a * power;
          const double rounded =
              rounding == Rounding::kHalf ? std::round(scaled) : RoundDouble<rounding>(scaled);
          *out = std::isfinite(scaled) ? (places < 0 ? rounded * power : rounded / power) : a;
        }
        return 0;
      },
      kernels::NoFault());
}

int ScaleOf(const arrow::DataType& type) {
  return arrow::internal::checked_cast<const arrow::DecimalType&>(type).scale();
}

template <Rounding rounding>
Result<Vector> RunRoundDecimal(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  const __int128 power = PowerOfTen(ScaleOf(*arguments[0].type()));
  return MapUnary<DecimalCell, DecimalCell>(
      context, binding.type, arguments[0], row_count,
      [power](DecimalCell a, DecimalCell* out) {
        *out = DecimalCell::Of(RoundQuotient<rounding>(a.value(), power));
        return 0;
      },
      kernels::NoFault());
}

/// To `places`, which may be negative; the result has the scale of the binding's type.
template <Rounding rounding>
Result<Vector> RunRoundDecimalPlaces(const FunctionContext& context, const ScalarBinding& binding,
                                     std::span<const Vector> arguments, int64_t row_count) {
  const int scale = ScaleOf(*arguments[0].type()), out_scale = ScaleOf(*binding.type);
  const __int128 limit = PowerOfTen(
      arrow::internal::checked_cast<const arrow::DecimalType&>(*binding.type).precision());
  return MapBinary<DecimalCell, int64_t, DecimalCell>(
      context, binding.type, arguments, row_count,
      [=](DecimalCell a, int64_t places, DecimalCell* out) -> int64_t {
        const int64_t drop = scale - std::min<int64_t>(places, out_scale);
        __int128 value = 0;
        bool fault = false;
        if (drop <= 38) {
          value = RoundQuotient<rounding>(a.value(), PowerOfTen(static_cast<int>(drop)));
          fault = __builtin_mul_overflow(
              value, PowerOfTen(static_cast<int>(drop - (scale - out_scale))), &value);
        }
        *out = DecimalCell::Of(value);
        return -static_cast<int64_t>(fault || value >= limit || value <= -limit);
      },
      [&](DecimalCell a, int64_t) {
        return Fail(ErrorCode::kOverflow, SqlName(*binding.type) + " out of range: " +
                                              DecimalText(a, *arguments[0].type()));
      });
}

template <Rounding rounding>
Result<Vector> RunRoundInteger(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int64_t, int64_t, int64_t>(
      context, binding.type, arguments, row_count,
      [](int64_t a, int64_t places, int64_t* out) -> int64_t {
        __int128 value = a;
        if (places < -19) {
          value = 0;
        } else if (places < 0) {
          const __int128 power = PowerOfTen(static_cast<int>(-places));
          value = RoundQuotient<rounding>(a, power) * power;
        }
        *out = static_cast<int64_t>(value);
        return -static_cast<int64_t>(value != *out);
      },
      [&](int64_t a, int64_t) {
        return Fail(ErrorCode::kOverflow, "BIGINT out of range: round(" + NumberText(a) + ")");
      });
}

template <Rounding rounding>
Result<ScalarBinding> BindRound(const BindArguments& arguments) {
  const bool with_places =
      (rounding == Rounding::kHalf || rounding == Rounding::kTrunc) && arguments.types.size() == 2;
  if (arguments.types.size() != 1 && !with_places) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, NumberType(arguments));
  if (with_places) {
    VELARIA_ASSIGN_OR_RETURN(const TypePtr places,
                             binding::TypeFor(arguments, 1, binding::Parameter::kInteger));
    if (IsFloating(*type))
      return ScalarBinding{
          arrow::float64(), {arrow::float64(), places}, RunRoundDoublePlaces<rounding>};
    if (IsInteger(*type))
      return ScalarBinding{arrow::int64(), {arrow::int64(), places}, RunRoundInteger<rounding>};
  } else {
    if (IsFloating(*type))
      return ScalarBinding{arrow::float64(), {arrow::float64()}, RunRoundDouble<rounding>};
    if (IsInteger(*type)) return ScalarBinding{type, {type}, RunIdentity};
  }
  const auto& decimal = arrow::internal::checked_cast<const arrow::DecimalType&>(*type);
  int scale = with_places ? decimal.scale() : 0;
  if (with_places) {
    const auto constant = binding::ConstantAt(arguments, 1);
    if (constant && constant->is_valid && IsInteger(*constant->type)) {
      VELARIA_ASSIGN_OR_RETURN(const auto wide, constant->CastTo(arrow::int64()));
      const int64_t places = arrow::internal::checked_cast<const arrow::Int64Scalar&>(*wide).value;
      scale = static_cast<int>(std::clamp<int64_t>(places, 0, decimal.scale()));
    }
  }
  // One digit more than before the point: 9.5 rounds to 10.
  const int precision =
      std::clamp(decimal.precision() - decimal.scale() + scale + 1, std::max(scale, 1), 38);
  const TypePtr result = arrow::decimal128(precision, scale);
  if (!with_places) return ScalarBinding{result, {type}, RunRoundDecimal<rounding>};
  return ScalarBinding{result, {type, arrow::int64()}, RunRoundDecimalPlaces<rounding>};
}

uint64_t Magnitude(int64_t value) {
  return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

template <bool multiple>
Result<Vector> RunCommonDivisor(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int64_t, int64_t, int64_t>(
      context, binding.type, arguments, row_count,
      [](int64_t a, int64_t b, int64_t* out) -> int64_t {
        const uint64_t x = Magnitude(a), y = Magnitude(b), divisor = std::gcd(x, y);
        uint64_t value = divisor;
        bool fault = false;
        if (multiple) fault = __builtin_mul_overflow(x, divisor == 0 ? 0 : y / divisor, &value);
        *out = static_cast<int64_t>(value);
        return -static_cast<int64_t>(fault || *out < 0);
      },
      [](int64_t a, int64_t b) {
        return Fail(ErrorCode::kOverflow,
                    "BIGINT out of range: " + std::string(multiple ? "lcm(" : "gcd(") +
                        NumberText(a) + ", " + NumberText(b) + ")");
      });
}

template <bool multiple>
Result<ScalarBinding> BindCommonDivisor(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  return binding::Bind(arguments, {binding::Parameter::kInteger, binding::Parameter::kInteger}, 2,
                       arrow::int64(), RunCommonDivisor<multiple>);
}

}  // namespace

void RegisterNumeric(FunctionRegistry& registry) {
  numeric::Adder add(registry);
  add("abs", {}, "abs(a) -> the type of a", "Magnitude.", "abs(-17)", "17", BindAbs);
  add("sign", {}, "sign(a) -> INTEGER or DOUBLE", "-1, 0 or 1.", "sign(-2.5)", "-1", BindSign);
  add("ceil", {"ceiling"}, "ceil(a) -> a whole number", "The nearest whole number not below a.",
      "ceil(4.2)", "5", BindRound<Rounding::kCeil>);
  add("floor", {}, "floor(a) -> a whole number", "The nearest whole number not above a.",
      "floor(-4.2)", "-5", BindRound<Rounding::kFloor>);
  add("round", {}, "round(a[, places INTEGER])",
      "Rounded to a whole number or to places; a decimal's tie goes away from zero, a DOUBLE's to "
      "the even number.",
      "round(2.567, 2)", "2.57", BindRound<Rounding::kHalf>);
  add("trunc", {"truncate"}, "trunc(a[, places INTEGER])",
      "Cut toward zero, to a whole number or to places.", "trunc(-2.567, 1)", "-2.5",
      BindRound<Rounding::kTrunc>);
  add("gcd", {}, "gcd(a BIGINT, b BIGINT) -> BIGINT", "Greatest common divisor.", "gcd(12, 18)",
      "6", BindCommonDivisor<false>);
  add("lcm", {}, "lcm(a BIGINT, b BIGINT) -> BIGINT", "Least common multiple.", "lcm(4, 6)", "12",
      BindCommonDivisor<true>);
  numeric::RegisterMathematics(add);
  numeric::RegisterMore(registry);
}

}  // namespace velaria
