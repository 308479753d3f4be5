// div, factorial, width_bucket, even and random: functions of numbers that are no curves.
#include <arrow/array/builder_binary.h>

#include <numbers>
#include <random>

#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/number_text.hpp"
#include "functions/numeric.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::numeric {
namespace {

using binding::Parameter;
using kernels::DecimalCell;
using kernels::MapBinary;
using kernels::MapUnary;
using kernels::NumberText;

/// The arithmetic operator of that sign.
template <char sign>
Result<ScalarBinding> BindOperator(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  return FunctionRegistry::Instance().FindScalar(std::string(1, sign))->bind(arguments);
}

Status DivisionByZero(double a, double b) {
  return Fail(ErrorCode::kDivisionByZero,
              "division by zero: " + NumberText(a) + " / " + NumberText(b));
}

template <double (*compute)(double, double)>
Result<Vector> RunQuotient(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<double, double, double>(
      context, binding.type, arguments, row_count,
      [](double a, double b, double* out) {
        *out = compute(a, b);
        return -static_cast<int64_t>(b == 0);
      },
      DivisionByZero);
}

double TruncatedQuotient(double a, double b) { return std::trunc(a / b); }
double FlooredQuotient(double a, double b) { return std::floor(a / b); }
double FlooredRemainder(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Result<ScalarBinding> BindDiv(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  const auto types = binding::LogicalTypes(arguments);
  if (IsInteger(*types[0]) && IsInteger(*types[1])) return BindOperator<'/'>(arguments);
  return binding::Bind(arguments, {Parameter::kDouble, Parameter::kDouble}, 2, arrow::float64(),
                       RunQuotient<TruncatedQuotient>);
}

template <double (*compute)(double, double)>
Result<ScalarBinding> BindQuotient(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kDouble, Parameter::kDouble}, 2, arrow::float64(),
                       RunQuotient<compute>);
}

constexpr int64_t kFactorialMax = 33;  // 34! has 39 digits

Result<Vector> RunFactorial(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<int64_t, DecimalCell>(
      context, binding.type, arguments[0], row_count,
      [](int64_t n, DecimalCell* out) -> int64_t {
        __int128 product = 1;
        for (int64_t k = 2; k <= std::min(n, kFactorialMax); ++k) product *= k;
        *out = DecimalCell::Of(product);
        return n < 0 || n > kFactorialMax ? -1 : 0;
      },
      [](int64_t n) {
        if (n < 0)
          return Fail(ErrorCode::kBadValue, "no factorial of a negative number: " + NumberText(n));
        return Fail(ErrorCode::kOverflow,
                    "DECIMAL(38,0) out of range: factorial(" + NumberText(n) + ")");
      });
}

/// Which of `count` equal buckets between low and high holds x: 0 below, count + 1 from high on.
Result<Vector> RunWidthBucket(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  const auto x = ViewFixed<double>(arguments[0]), low = ViewFixed<double>(arguments[1]),
             high = ViewFixed<double>(arguments[2]);
  const auto count = ViewFixed<int64_t>(arguments[3]);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        const bool bad = std::isnan(x[i]) || !std::isfinite(low[i]) || !std::isfinite(high[i]) ||
                         low[i] == high[i];
        if (bad || count[i] <= 0 || count[i] == std::numeric_limits<int64_t>::max()) {
          return Fail(ErrorCode::kBadValue, "no buckets: width_bucket(" + NumberText(x[i]) + ", " +
                                                NumberText(low[i]) + ", " + NumberText(high[i]) +
                                                ", " + NumberText(count[i]) + ")");
        }
        const bool upward = low[i] < high[i];
        if (upward ? x[i] < low[i] : x[i] > low[i]) {
          *out = 0;
        } else if (upward ? x[i] >= high[i] : x[i] <= high[i]) {
          *out = count[i] + 1;
        } else {
          const double share = (x[i] - low[i]) / (high[i] - low[i]);
          *out =
              std::min(static_cast<int64_t>(share * static_cast<double>(count[i])), count[i] - 1) +
              1;
        }
        return Status::OK();
      });
}

Result<Vector> RunEven(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<double, double>(
      context, binding.type, arguments[0], row_count,
      [](double a, double* out) {
        const double whole = a >= 0 ? std::ceil(a) : std::floor(a);
        *out = std::fmod(whole, 2) == 0 || !std::isfinite(a) ? whole : whole + (a >= 0 ? 1 : -1);
        return 0;
      },
      kernels::NoFault());
}

Result<Vector> RunNextAfter(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<double, double, double>(
      context, binding.type, arguments, row_count,
      [](double a, double b, double* out) {
        *out = std::nextafter(a, b);
        return 0;
      },
      kernels::NoFault());
}

Result<Vector> RunSignBit(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const auto view = ViewFixed<double>(arguments[0]);
  return kernels::MapToBoolean(context, arguments, kernels::ExtentOf(arguments, row_count),
                               [&](int64_t i) { return std::signbit(view[i]); });
}

/// Fresh numbers in [0, 1) for every row; each thread has its own generator.
Result<Vector> RunRandom(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  thread_local std::mt19937_64 generator(std::random_device{}());
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::float64(), row_count, context.pool));
  auto* out = reinterpret_cast<double*>(data->buffers[1]->mutable_data());
  for (int64_t i = 0; i < row_count; ++i)
    out[i] = static_cast<double>(generator() >> 11) * 0x1.0p-53;
  return Vector{std::move(data), false};
}

/// A version 4 UUID of RFC 9562 for every row.
Result<Vector> RunUuid(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  thread_local std::mt19937_64 generator(std::random_device{}());
  arrow::StringBuilder builder(context.pool);
  for (int64_t row = 0; row < row_count; ++row) {
    const uint64_t high = (generator() & ~0xF000ULL) | 0x4000ULL;
    const uint64_t low = (generator() & ~(3ULL << 62)) | 1ULL << 63;
    char text[40];
    std::snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%012llx",
                  static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xFFFF),
                  static_cast<unsigned>(high & 0xFFFF), static_cast<unsigned>(low >> 48),
                  static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
    VELARIA_RETURN_NOT_OK(builder.Append(text));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), false};
}

Result<Vector> RunE(const FunctionContext& context, const ScalarBinding& binding,
                    std::span<const Vector> arguments, int64_t row_count) {
  return MakeConstant(arrow::MakeScalar(std::numbers::e), context.pool);
}

Result<Vector> RunScale(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const int64_t scale =
      arrow::internal::checked_cast<const arrow::DecimalType&>(*arguments[0].type()).scale();
  return kernels::MapToValue<int64_t>(context, arrow::int64(), arguments, row_count,
                                      [&](int64_t, int64_t* out) { *out = scale; });
}

Result<ScalarBinding> BindScale(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  TypePtr type = LogicalType(arguments.types[0]);
  if (IsInteger(*type)) type = arrow::decimal128(20, 0);
  if (!IsDecimal(*type)) return binding::WrongArguments();
  return ScalarBinding{arrow::int64(), {type}, RunScale, nullptr};
}

}  // namespace

void RegisterMore(FunctionRegistry& registry) {
  Adder add(registry);
  add("div", {}, "div(a, b)", "Quotient cut toward zero.", "div(-7, 2)", "-3", BindDiv);
  add("add", {}, "add(a, b)", "Sum, as a + b.", "add(2, 3)", "5", BindOperator<'+'>);
  add("subtract", {}, "subtract(a, b)", "Difference, as a - b.", "subtract(2, 3)", "-1",
      BindOperator<'-'>);
  add("multiply", {}, "multiply(a, b)", "Product, as a * b.", "multiply(2, 3)", "6",
      BindOperator<'*'>);
  add("divide", {}, "divide(a, b)", "Quotient, as a / b.", "divide(7, 2)", "3", BindOperator<'/'>);
  add("fdiv", {}, "fdiv(a DOUBLE, b DOUBLE) -> DOUBLE", "Quotient rounded down.", "fdiv(-7, 2)",
      "-4", BindQuotient<FlooredQuotient>);
  add("fmod", {}, "fmod(a DOUBLE, b DOUBLE) -> DOUBLE", "Remainder with the sign of b.",
      "fmod(-7, 3)", "2", BindQuotient<FlooredRemainder>);
  add(
      "factorial", {}, "factorial(n BIGINT) -> DECIMAL(38,0)",
      "The product of the numbers 1 to n, n at most 33.", "factorial(20)", "2432902008176640000",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kInteger}, 1, arrow::decimal128(38, 0), RunFactorial);
      });
  add(
      "width_bucket", {}, "width_bucket(x DOUBLE, low DOUBLE, high DOUBLE, count BIGINT) -> BIGINT",
      "Which of count equal buckets between low and high holds x; 0 below, count + 1 above.",
      "width_bucket(5.35, 0, 10, 5)", "3", +[](const BindArguments& a) {
        return binding::Bind(
            a, {Parameter::kDouble, Parameter::kDouble, Parameter::kDouble, Parameter::kInteger}, 4,
            arrow::int64(), RunWidthBucket);
      });
  add(
      "even", {}, "even(a DOUBLE) -> DOUBLE", "The next even whole number away from zero.",
      "even(2.9)", "4", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kDouble}, 1, arrow::float64(), RunEven);
      });
  add(
      "nextafter", {}, "nextafter(a DOUBLE, b DOUBLE) -> DOUBLE",
      "The next DOUBLE after a on the way to b.", "nextafter(1, 2) > 1", "true",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kDouble, Parameter::kDouble}, 2, arrow::float64(),
                             RunNextAfter);
      });
  add(
      "signbit", {}, "signbit(a DOUBLE) -> BOOLEAN", "Whether the sign is set, -0 included.",
      "signbit(-2.5)", "true", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kDouble}, 1, arrow::boolean(), RunSignBit);
      });
  add("scale", {}, "scale(a DECIMAL) -> BIGINT", "The digits after the decimal point.",
      "scale(1.250)", "3", BindScale);
  add(
      "e", {}, "e() -> DOUBLE", "Euler's number.", "e()", "2.718281828459045",
      +[](const BindArguments& a) { return binding::Bind(a, {}, 0, arrow::float64(), RunE); });
  registry.Add(ScalarFunction{
      "random",
      {"rand"},
      "numeric",
      "random() -> DOUBLE",
      "A number from 0 up to 1, another for every row.",
      "random() BETWEEN 0 AND 1",
      "true",
      +[](const BindArguments& a) { return binding::Bind(a, {}, 0, arrow::float64(), RunRandom); },
      kNullIfAnyNull,
      Volatility::kVolatile});
  registry.Add(ScalarFunction{
      "gen_random_uuid",
      {"uuid"},
      "text",
      "gen_random_uuid() -> VARCHAR",
      "A random UUID (version 4), another for every row.",
      "length(gen_random_uuid())",
      "36",
      +[](const BindArguments& a) { return binding::Bind(a, {}, 0, arrow::utf8(), RunUuid); },
      kNullIfAnyNull,
      Volatility::kVolatile});
}

}  // namespace velaria::numeric
