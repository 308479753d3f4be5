// Distances between dates, functions by the name of an operator, and the statement's own time.
#include <arrow/scalar.h>

#include "functions/date.hpp"
#include "functions/operators.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::dates {
namespace {

using calendar::CivilOf;
using calendar::FloorDivide;
using calendar::kNanosPerSecond;

/// The number of the unit that holds the time, so that two numbers differ by the boundaries between
/// them.
template <Unit unit>
int64_t Ordinal(const WallTime& time) {
  switch (unit) {
    case Unit::kMillennium: return FloorDivide(CivilOf(time.days).year - 1, 1000);
    case Unit::kCentury: return FloorDivide(CivilOf(time.days).year - 1, 100);
    case Unit::kDecade: return FloorDivide(CivilOf(time.days).year, 10);
    case Unit::kYear: return CivilOf(time.days).year;
    case Unit::kQuarter: return CivilOf(time.days).year * 4 + (CivilOf(time.days).month - 1) / 3;
    case Unit::kMonth: return CivilOf(time.days).year * 12 + CivilOf(time.days).month;
    case Unit::kWeek: return FloorDivide(time.days + 3, 7);
    case Unit::kDay: return time.days;
    case Unit::kHour: return time.days * 24 + time.nanos_of_day / (3600 * kNanosPerSecond);
    case Unit::kMinute: return time.days * 1'440 + time.nanos_of_day / (60 * kNanosPerSecond);
    case Unit::kSecond: return time.days * 86'400 + time.nanos_of_day / kNanosPerSecond;
    case Unit::kMillisecond: return time.days * 86'400'000 + time.nanos_of_day / 1'000'000;
    case Unit::kMicrosecond: return time.days * 86'400'000'000 + time.nanos_of_day / 1'000;
  }
}

template <Unit unit>
Result<Vector> RunDifference(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const std::span<const Vector> sides = arguments.subspan(1);
  if (kernels::HasConstantNull(sides)) return MakeNullConstant(arrow::int64(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto from, WallClock::Make(sides[0]));
  VELARIA_ASSIGN_OR_RETURN(auto to, WallClock::Make(sides[1]));
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), sides, row_count,
      [&](int64_t i, int64_t* out) { *out = Ordinal<unit>(to[i]) - Ordinal<unit>(from[i]); });
}

ScalarKernel DifferenceKernel(Unit unit) {
  switch (unit) {
    case Unit::kMillennium: return RunDifference<Unit::kMillennium>;
    case Unit::kCentury: return RunDifference<Unit::kCentury>;
    case Unit::kDecade: return RunDifference<Unit::kDecade>;
    case Unit::kYear: return RunDifference<Unit::kYear>;
    case Unit::kQuarter: return RunDifference<Unit::kQuarter>;
    case Unit::kMonth: return RunDifference<Unit::kMonth>;
    case Unit::kWeek: return RunDifference<Unit::kWeek>;
    case Unit::kDay: return RunDifference<Unit::kDay>;
    case Unit::kHour: return RunDifference<Unit::kHour>;
    case Unit::kMinute: return RunDifference<Unit::kMinute>;
    case Unit::kSecond: return RunDifference<Unit::kSecond>;
    case Unit::kMillisecond: return RunDifference<Unit::kMillisecond>;
    default: return RunDifference<Unit::kMicrosecond>;
  }
}

Result<ScalarBinding> BindDifference(const BindArguments& arguments) {
  if (arguments.types.size() != 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const Unit unit, ConstantUnit(arguments, 0));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr from,
                           binding::TypeFor(arguments, 1, binding::Parameter::kTimestamp));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr to,
                           binding::TypeFor(arguments, 2, binding::Parameter::kTimestamp));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr common, CommonType(from, to));
  return ScalarBinding{arrow::int64(), {nullptr, common, common}, DifferenceKernel(unit), nullptr};
}

template <char sign>
Result<ScalarBinding> BindShift(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  return operators::BindTemporalArithmetic(sign, arguments);
}

constexpr int64_t kMicrosPerDay = calendar::kSecondsPerDay * 1'000'000;

Result<Vector> RunNow(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  return MakeConstant(
      std::make_shared<arrow::TimestampScalar>(context.statement_time_us, binding.type),
      context.pool);
}

Result<Vector> RunToday(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const auto days = static_cast<int32_t>(FloorDivide(context.statement_time_us, kMicrosPerDay));
  return MakeConstant(std::make_shared<arrow::Date32Scalar>(days), context.pool);
}

Result<Vector> RunTimeNow(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const int64_t micros = calendar::FloorModulo(context.statement_time_us, kMicrosPerDay);
  return MakeConstant(std::make_shared<arrow::Time64Scalar>(micros, arrow::TimeUnit::MICRO),
                      context.pool);
}

Result<Vector> RunUnixTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  if (arguments.empty())
    return MakeConstant(arrow::MakeScalar(FloorDivide(context.statement_time_us, 1'000'000)),
                        context.pool);
  const auto micros = ViewFixed<int64_t>(arguments[0]);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), arguments, row_count,
      [&](int64_t i, int64_t* out) { *out = FloorDivide(micros[i], 1'000'000); });
}

/// Texts are read as timestamps, in columns too.
Result<ScalarBinding> BindUnixTimestamp(const BindArguments& arguments) {
  if (arguments.types.empty()) return ScalarBinding{arrow::int64(), {}, RunUnixTimestamp, nullptr};
  if (arguments.types.size() > 1) return binding::WrongArguments();
  if (!IsString(*arguments.types[0]))
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 0, binding::Parameter::kTimestamp).status());
  return ScalarBinding{
      arrow::int64(), {arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")}, RunUnixTimestamp, nullptr};
}

template <ScalarKernel kernel>
Result<ScalarBinding> BindClock(const BindArguments& arguments, TypePtr type) {
  return binding::Bind(arguments, {}, 0, std::move(type), kernel);
}

}  // namespace

void RegisterDifference(Adder& add) {
  add("date_diff", {"datediff"}, "date_diff(unit VARCHAR, from, to) -> BIGINT",
      "The boundaries of the unit between two times.",
      "date_diff('month', DATE '2013-01-31', DATE '2013-03-01')", "2", BindDifference);
  add("date_add", {}, "date_add(date, INTERVAL or days) -> DATE or TIMESTAMP",
      "So much later, as date + interval.", "date_add(DATE '2013-01-31', 1)", "2013-02-01",
      BindShift<'+'>);
}

void RegisterNow(Adder& add) {
  const auto statement = Volatility::kStatement;
  add(
      "now", {"current_timestamp", "transaction_timestamp"}, "now() -> TIMESTAMP WITH TIME ZONE",
      "The moment at which the statement began.", "now() = now()", "true",
      +[](const BindArguments& a) {
        return BindClock<RunNow>(a, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"));
      },
      statement);
  add(
      "localtimestamp", {}, "localtimestamp -> TIMESTAMP",
      "The moment at which the statement began, on the UTC clock.",
      "localtimestamp = localtimestamp", "true",
      +[](const BindArguments& a) {
        return BindClock<RunNow>(a, arrow::timestamp(arrow::TimeUnit::MICRO));
      },
      statement);
  add(
      "current_date", {"today"}, "current_date -> DATE",
      "The date on which the statement began, UTC.", "current_date = today()", "true",
      +[](const BindArguments& a) { return BindClock<RunToday>(a, arrow::date32()); }, statement);
  add(
      "current_time", {"localtime"}, "current_time -> TIME",
      "The time of day at which the statement began, UTC.", "current_time = current_time", "true",
      +[](const BindArguments& a) {
        return BindClock<RunTimeNow>(a, arrow::time64(arrow::TimeUnit::MICRO));
      },
      statement);
  add("unix_timestamp", {}, "unix_timestamp([timestamp or text]) -> BIGINT",
      "Whole seconds since 1970-01-01 UTC; now without argument.",
      "unix_timestamp('1970-01-02 00:00:00')", "86400", BindUnixTimestamp, statement);
}

}  // namespace velaria::dates
