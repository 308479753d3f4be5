// Functions from DOUBLE to DOUBLE. Outside its domain a function fails (VEL3004), and a finite
// argument with an infinite result is an overflow (VEL3002), as in PostgreSQL; NaN gives NaN.
#include <numbers>

#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/number_text.hpp"
#include "functions/numeric.hpp"

namespace velaria::numeric {
namespace {

using binding::Parameter;
using kernels::NumberText;

/// The library's root is a unit off for whole cubes; one step of Newton's method mends that where
/// its terms neither overflow nor vanish.
double CubeRoot(double x) {
  const double root = std::cbrt(x);
  const bool safe = std::abs(x) > 1e-290 && std::abs(x) < 1e290;
  return safe ? root - (root * root * root - x) / (3 * root * root) : root;
}

/// The library's lgamma writes a global sign, which two threads may not do.
double LogOfGamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// Each function: its name for messages, its domain, its value.
#define VELARIA_MATH(Type, name, domain, value)                        \
  struct Type {                                                        \
    static constexpr const char* kName = name;                         \
    static bool InDomain([[maybe_unused]] double x) { return domain; } \
    static double Compute(double x) { return value; }                  \
  };
VELARIA_MATH(Sqrt, "sqrt", x >= 0, std::sqrt(x))
VELARIA_MATH(Cbrt, "cbrt", true, CubeRoot(x))
VELARIA_MATH(Exp, "exp", true, std::exp(x))
VELARIA_MATH(Ln, "ln", x > 0, std::log(x))
VELARIA_MATH(Log10, "log10", x > 0, std::log10(x))
VELARIA_MATH(Log2, "log2", x > 0, std::log2(x))
VELARIA_MATH(Degrees, "degrees", true, x * (180.0 / std::numbers::pi))
VELARIA_MATH(Radians, "radians", true, x*(std::numbers::pi / 180.0))
VELARIA_MATH(Sin, "sin", !std::isinf(x), std::sin(x))
VELARIA_MATH(Cos, "cos", !std::isinf(x), std::cos(x))
VELARIA_MATH(Tan, "tan", !std::isinf(x), std::tan(x))
VELARIA_MATH(Cot, "cot", !std::isinf(x) && x != 0, 1.0 / std::tan(x))
VELARIA_MATH(Asin, "asin", x >= -1 && x <= 1, std::asin(x))
VELARIA_MATH(Acos, "acos", x >= -1 && x <= 1, std::acos(x))
VELARIA_MATH(Atan, "atan", true, std::atan(x))
VELARIA_MATH(Sinh, "sinh", true, std::sinh(x))
VELARIA_MATH(Cosh, "cosh", true, std::cosh(x))
VELARIA_MATH(Tanh, "tanh", true, std::tanh(x))
VELARIA_MATH(Asinh, "asinh", true, std::asinh(x))
VELARIA_MATH(Acosh, "acosh", x >= 1, std::acosh(x))
VELARIA_MATH(Atanh, "atanh", x > -1 && x < 1, std::atanh(x))
VELARIA_MATH(Gamma, "gamma", x != 0 && !(x < 0 && x == std::trunc(x)), std::tgamma(x))
VELARIA_MATH(LogGamma, "lgamma", x != 0 && !(x < 0 && x == std::trunc(x)), LogOfGamma(x))
#undef VELARIA_MATH

template <typename Function>
bool HasResult(double x, double value) {
  return std::isnan(x) || (Function::InDomain(x) && (std::isfinite(value) || std::isinf(x)));
}

template <typename Function>
Result<Vector> RunMath(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  return kernels::MapUnary<double, double>(
      context, binding.type, arguments[0], row_count,
      [](double x, double* out) {
        *out = Function::Compute(x);
        return -static_cast<int64_t>(!HasResult<Function>(x, *out));
      },
      [](double x) {
        const std::string call = std::string(Function::kName) + "(" + NumberText(x) + ")";
        if (!Function::InDomain(x)) return Fail(ErrorCode::kBadValue, "no result: " + call);
        return Fail(ErrorCode::kOverflow, "DOUBLE out of range: " + call);
      });
}

template <typename Function>
Result<ScalarBinding> BindMath(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kDouble}, 1, arrow::float64(), RunMath<Function>);
}

double Power(double a, double b) { return std::pow(a, b); }
bool PowerInDomain(double a, double b) {
  if (a == 0 && b < 0) return false;
  return !(a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::trunc(b));
}

double LogOf(double base, double x) { return std::log(x) / std::log(base); }
bool LogInDomain(double base, double x) { return base > 0 && base != 1 && x > 0; }

double ArcTangent(double y, double x) { return std::atan2(y, x); }
bool Anywhere(double, double) { return true; }

template <double (*compute)(double, double), bool (*in_domain)(double, double)>
Result<Vector> RunMathOfTwo(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  auto has_domain = [](double a, double b) {
    return std::isnan(a) || std::isnan(b) || in_domain(a, b);
  };
  return kernels::MapBinary<double, double, double>(
      context, binding.type, arguments, row_count,
      [&](double a, double b, double* out) {
        *out = compute(a, b);
        const bool overflow = std::isinf(*out) && std::isfinite(a) && std::isfinite(b);
        return -static_cast<int64_t>(overflow || !has_domain(a, b));
      },
      [&](double a, double b) {
        const std::string call = binding::DataOf<std::string>(binding) + "(" + NumberText(a) +
                                 ", " + NumberText(b) + ")";
        if (!has_domain(a, b)) return Fail(ErrorCode::kBadValue, "no result: " + call);
        return Fail(ErrorCode::kOverflow, "DOUBLE out of range: " + call);
      });
}

template <double (*compute)(double, double), bool (*in_domain)(double, double)>
Result<ScalarBinding> BindMathOfTwo(const BindArguments& arguments, const char* name) {
  return binding::Bind(arguments, {Parameter::kDouble, Parameter::kDouble}, 2, arrow::float64(),
                       RunMathOfTwo<compute, in_domain>, std::make_shared<const std::string>(name));
}

Result<ScalarBinding> BindLog(const BindArguments& arguments) {
  if (arguments.types.size() == 2) return BindMathOfTwo<LogOf, LogInDomain>(arguments, "log");
  return BindMath<Log10>(arguments);
}

Result<Vector> RunPi(const FunctionContext& context, const ScalarBinding& binding,
                     std::span<const Vector> arguments, int64_t row_count) {
  return MakeConstant(arrow::MakeScalar(std::numbers::pi), context.pool);
}

template <bool (*test)(double)>
Result<Vector> RunTest(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const auto view = ViewFixed<double>(arguments[0]);
  return kernels::MapToBoolean(context, arguments, kernels::ExtentOf(arguments, row_count),
                               [&](int64_t i) { return test(view[i]); });
}

bool IsNan(double x) { return std::isnan(x); }
bool IsFinite(double x) { return std::isfinite(x); }
bool IsInfinite(double x) { return std::isinf(x); }

template <bool (*test)(double)>
Result<ScalarBinding> BindTest(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kDouble}, 1, arrow::boolean(), RunTest<test>);
}

}  // namespace

void RegisterMathematics(Adder& add) {
  add("sqrt", {}, "sqrt(a DOUBLE) -> DOUBLE", "Square root.", "sqrt(2.25)", "1.5", BindMath<Sqrt>);
  add("cbrt", {}, "cbrt(a DOUBLE) -> DOUBLE", "Cube root.", "cbrt(27)", "3", BindMath<Cbrt>);
  add("exp", {}, "exp(a DOUBLE) -> DOUBLE", "e to the power a.", "exp(0)", "1", BindMath<Exp>);
  add("ln", {}, "ln(a DOUBLE) -> DOUBLE", "Natural logarithm.", "ln(1)", "0", BindMath<Ln>);
  add("log", {}, "log([base DOUBLE, ]a DOUBLE) -> DOUBLE",
      "Logarithm to base 10, or to the given base.", "log(2, 8)", "3", BindLog);
  add("log10", {}, "log10(a DOUBLE) -> DOUBLE", "Logarithm to base 10.", "log10(1000)", "3",
      BindMath<Log10>);
  add("log2", {}, "log2(a DOUBLE) -> DOUBLE", "Logarithm to base 2.", "log2(32)", "5",
      BindMath<Log2>);
  add(
      "power", {"pow", "^"}, "power(a DOUBLE, b DOUBLE) -> DOUBLE", "a to the power b.",
      "power(2, 10)", "1024", +[](const BindArguments& arguments) {
        return BindMathOfTwo<Power, PowerInDomain>(arguments, "power");
      });
  add(
      "pi", {}, "pi() -> DOUBLE", "The ratio of a circle's circumference to its diameter.", "pi()",
      "3.141592653589793", +[](const BindArguments& arguments) {
        return binding::Bind(arguments, {}, 0, arrow::float64(), RunPi);
      });
  add("degrees", {}, "degrees(radians DOUBLE) -> DOUBLE", "Radians to degrees.", "degrees(pi())",
      "180", BindMath<Degrees>);
  add("radians", {}, "radians(degrees DOUBLE) -> DOUBLE", "Degrees to radians.", "radians(180)",
      "3.141592653589793", BindMath<Radians>);
  add("sin", {}, "sin(a DOUBLE) -> DOUBLE", "Sine of an angle in radians.", "sin(0)", "0",
      BindMath<Sin>);
  add("cos", {}, "cos(a DOUBLE) -> DOUBLE", "Cosine of an angle in radians.", "cos(0)", "1",
      BindMath<Cos>);
  add("tan", {}, "tan(a DOUBLE) -> DOUBLE", "Tangent of an angle in radians.", "tan(0)", "0",
      BindMath<Tan>);
  add("cot", {}, "cot(a DOUBLE) -> DOUBLE", "Cotangent of an angle in radians.",
      "round(cot(pi() / 4), 6)", "1", BindMath<Cot>);
  add("asin", {}, "asin(a DOUBLE) -> DOUBLE", "The angle whose sine is a.", "asin(0)", "0",
      BindMath<Asin>);
  add("acos", {}, "acos(a DOUBLE) -> DOUBLE", "The angle whose cosine is a.", "acos(1)", "0",
      BindMath<Acos>);
  add("atan", {}, "atan(a DOUBLE) -> DOUBLE", "The angle whose tangent is a.", "atan(0)", "0",
      BindMath<Atan>);
  add(
      "atan2", {}, "atan2(y DOUBLE, x DOUBLE) -> DOUBLE", "The angle of the point (x, y).",
      "atan2(0, 1)", "0", +[](const BindArguments& arguments) {
        return BindMathOfTwo<ArcTangent, Anywhere>(arguments, "atan2");
      });
  add("sinh", {}, "sinh(a DOUBLE) -> DOUBLE", "Hyperbolic sine.", "sinh(0)", "0", BindMath<Sinh>);
  add("cosh", {}, "cosh(a DOUBLE) -> DOUBLE", "Hyperbolic cosine.", "cosh(0)", "1", BindMath<Cosh>);
  add("tanh", {}, "tanh(a DOUBLE) -> DOUBLE", "Hyperbolic tangent.", "tanh(0)", "0",
      BindMath<Tanh>);
  add("asinh", {}, "asinh(a DOUBLE) -> DOUBLE", "The number whose hyperbolic sine is a.",
      "asinh(0)", "0", BindMath<Asinh>);
  add("acosh", {}, "acosh(a DOUBLE) -> DOUBLE", "The number whose hyperbolic cosine is a.",
      "acosh(1)", "0", BindMath<Acosh>);
  add("atanh", {}, "atanh(a DOUBLE) -> DOUBLE", "The number whose hyperbolic tangent is a.",
      "atanh(0)", "0", BindMath<Atanh>);
  add("gamma", {}, "gamma(a DOUBLE) -> DOUBLE", "The gamma function: gamma(n) is (n - 1)!.",
      "gamma(5)", "24", BindMath<Gamma>);
  add("lgamma", {}, "lgamma(a DOUBLE) -> DOUBLE", "The logarithm of the gamma function.",
      "lgamma(1)", "0", BindMath<LogGamma>);
  add("is_nan", {"isnan"}, "is_nan(a DOUBLE) -> BOOLEAN", "Whether the value is not a number.",
      "is_nan(CAST('NaN' AS DOUBLE))", "true", BindTest<IsNan>);
  add("is_finite", {"isfinite"}, "is_finite(a DOUBLE) -> BOOLEAN",
      "Whether the value is neither infinite nor NaN.", "is_finite(1e300)", "true",
      BindTest<IsFinite>);
  add("is_infinite", {"isinf"}, "is_infinite(a DOUBLE) -> BOOLEAN",
      "Whether the value is infinite.", "is_infinite(CAST('-Infinity' AS DOUBLE))", "true",
      BindTest<IsInfinite>);
}

}  // namespace velaria::numeric
