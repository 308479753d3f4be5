// age, date_bin, whole units between dates, and the numbers that count from an epoch.
#include "functions/date.hpp"
#include "functions/operators.hpp"
#include "functions/temporal_text.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::dates {
namespace {

using binding::Parameter;
using calendar::CivilOf;
using calendar::FloorDivide;
using calendar::FloorModulo;
using calendar::Interval;
using calendar::kNanosPerDay;
using calendar::kSecondsPerDay;
using kernels::MapToValue;

/// PostgreSQL's symbolic difference: years, months, days and time subtracted field by field, borrowed
/// days counted by the months of the earlier date.
Interval AgeOf(WallTime later, WallTime earlier) {
  const bool swapped = later.days < earlier.days || (later.days == earlier.days &&
                                                     later.nanos_of_day < earlier.nanos_of_day);
  if (swapped) std::swap(later, earlier);
  const auto a = CivilOf(later.days), b = CivilOf(earlier.days);
  int64_t months = (a.year - b.year) * 12 + (a.month - b.month), days = a.day - b.day;
  int64_t nanos = later.nanos_of_day - earlier.nanos_of_day;
  if (nanos < 0) {
    nanos += kNanosPerDay;
    --days;
  }
  if (days < 0) {
    const auto month = swapped ? a : b;
    days += calendar::DaysInMonth(month.year, month.month);
    --months;
  }
  const int sign = swapped ? -1 : 1;
  return {static_cast<int32_t>(sign * months), static_cast<int32_t>(sign * days), sign * nanos};
}

/// age(a) is that of today's midnight.
Result<Vector> RunAge(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(binding.type, context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto first, WallClock::Make(arguments[0]));
  VELARIA_ASSIGN_OR_RETURN(auto second, WallClock::Make(arguments.back()));
  const int64_t today = FloorDivide(context.statement_time_us, kSecondsPerDay * 1'000'000);
  const bool of_today = arguments.size() == 1;
  return MapToValue<Interval>(
      context, binding.type, arguments, row_count, [&](int64_t i, Interval* out) {
        *out = of_today ? AgeOf({today, 0}, first[i]) : AgeOf(first[i], second[i]);
      });
}

Result<ScalarBinding> BindAge(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kTimestamp, Parameter::kTimestamp}, 1,
                       arrow::month_day_nano_interval(), RunAge);
}

/// The beginning of the stride that holds the timestamp, strides counted from the origin.
Result<Vector> RunBin(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  const auto stride = ViewFixed<Interval>(arguments[0]);
  const auto time = ViewFixed<int64_t>(arguments[1]), origin = ViewFixed<int64_t>(arguments[2]);
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        const __int128 nanos =
            static_cast<__int128>(stride[i].days) * kNanosPerDay + stride[i].nanoseconds;
        if (stride[i].months != 0 || nanos < 1'000 || nanos > std::numeric_limits<int64_t>::max()) {
          return Fail(ErrorCode::kBadValue,
                      stride[i].months != 0 ? "a stride has no months"
                                            : "a stride must be longer than 0",
                      "Use date_trunc for months and years.");
        }
        const auto micros = static_cast<int64_t>(nanos / 1'000);
        int64_t distance = 0;
        if (__builtin_sub_overflow(time[i], origin[i], &distance))
          return Fail(ErrorCode::kOverflow, "TIMESTAMP out of range: date_bin");
        *out = time[i] - FloorModulo(distance, micros);
        return Status::OK();
      });
}

Result<ScalarBinding> BindBin(const BindArguments& arguments) {
  if (arguments.types.size() < 2 || arguments.types.size() > 3) return binding::WrongArguments();
  for (size_t i = 1; i < arguments.types.size(); ++i)
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kTimestamp).status());
  const TypePtr stride = LogicalType(arguments.types[0]);
  if (arguments.types.size() != 3 || (stride->id() != arrow::Type::INTERVAL_MONTH_DAY_NANO &&
                                      !binding::IsTextLiteral(arguments, 0)))
    return binding::WrongArguments();
  const bool zoned = arguments.types[1]->id() == arrow::Type::TIMESTAMP &&
                     !arrow::internal::checked_cast<const arrow::TimestampType&>(
                          *arguments.types[1])
                          .timezone()
                          .empty();
  const TypePtr type = arrow::timestamp(arrow::TimeUnit::MICRO, zoned ? "UTC" : "");
  return ScalarBinding{type, {arrow::month_day_nano_interval(), type, type}, RunBin, nullptr};
}

/// Whole months that have passed: the day and time must be reached, as with the end of the month.
int64_t WholeMonths(const WallTime& from, const WallTime& to) {
  if (to.days < from.days || (to.days == from.days && to.nanos_of_day < from.nanos_of_day))
    return -WholeMonths(to, from);
  const auto a = CivilOf(from.days), b = CivilOf(to.days);
  int64_t months = (b.year - a.year) * 12 + (b.month - a.month);
  const bool at_end = b.day == calendar::DaysInMonth(b.year, b.month) && a.day > b.day;
  const bool reached = b.day > a.day || at_end ||
                       (b.day == a.day && to.nanos_of_day >= from.nanos_of_day);
  return reached ? months : months - 1;
}

constexpr int64_t kMicrosOfUnit[] = {7 * 86'400'000'000, 86'400'000'000, 3'600'000'000, 60'000'000,
                                     1'000'000,          1'000,          1};

/// Complete units between two times.
Result<Vector> RunWhole(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const Unit unit = binding::DataOf<Unit>(binding);
  const std::span<const Vector> sides = arguments.subspan(1);
  if (kernels::HasConstantNull(sides)) return MakeNullConstant(arrow::int64(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto from, WallClock::Make(sides[0]));
  VELARIA_ASSIGN_OR_RETURN(auto to, WallClock::Make(sides[1]));
  int64_t months = 0;
  switch (unit) {
    case Unit::kMillennium: months = 12'000; break;
    case Unit::kCentury: months = 1'200; break;
    case Unit::kDecade: months = 120; break;
    case Unit::kYear: months = 12; break;
    case Unit::kQuarter: months = 3; break;
    case Unit::kMonth: months = 1; break;
    default: break;
  }
  const int64_t step =
      months > 0 ? 1 : kMicrosOfUnit[static_cast<int>(unit) - static_cast<int>(Unit::kWeek)];
  return MapToValue<int64_t>(
      context, arrow::int64(), sides, row_count, [&](int64_t i, int64_t* out) {
        const WallTime a = from[i], b = to[i];
        if (months > 0) {
          *out = WholeMonths(a, b) / months;
        } else {
          const __int128 micros = static_cast<__int128>(b.days - a.days) * 86'400'000'000 +
                                  (b.nanos_of_day - a.nanos_of_day) / 1'000;
          *out = static_cast<int64_t>(micros / step);
        }
      });
}

/// date_sub(unit, from, to), and date - interval.
Result<ScalarBinding> BindWhole(const BindArguments& arguments) {
  if (arguments.types.size() == 2) return operators::BindTemporalArithmetic('-', arguments);
  if (arguments.types.size() != 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const Unit unit, ConstantUnit(arguments, 0));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr from, binding::TypeFor(arguments, 1, Parameter::kTimestamp));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr to, binding::TypeFor(arguments, 2, Parameter::kTimestamp));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr common, CommonType(from, to));
  return ScalarBinding{arrow::int64(),
                       {nullptr, common, common},
                       RunWhole,
                       std::make_shared<const Unit>(unit)};
}

template <int64_t micros_per_unit>
Result<Vector> RunFromEpoch(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const auto value = ViewFixed<int64_t>(arguments[0]);
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        if (!__builtin_mul_overflow(value[i], micros_per_unit, out)) return Status::OK();
        return Fail(ErrorCode::kOverflow, "TIMESTAMP out of range: " + std::to_string(value[i]));
      });
}

template <int64_t micros_per_unit>
Result<ScalarBinding> BindFromEpoch(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kInteger}, 1,
                       arrow::timestamp(arrow::TimeUnit::MICRO), RunFromEpoch<micros_per_unit>);
}

Result<Vector> RunEpochNanos(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<int64_t>(arguments[0]);
  const int64_t nanos =
      calendar::kNanosPerSecond / calendar::UnitsPerSecond(*arguments[0].type());
  return MapToValue<int64_t>(
      context, arrow::int64(), arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        if (!__builtin_mul_overflow(view[i], nanos, out)) return Status::OK();
        return Fail(ErrorCode::kOverflow, "BIGINT out of range: epoch_ns");
      });
}

Result<ScalarBinding> BindEpochNanos(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(auto bound, binding::Bind(arguments, {Parameter::kTimestamp}, 1,
                                                     arrow::int64(), RunEpochNanos));
  if (bound.arguments[0] == nullptr || bound.arguments[0]->id() != arrow::Type::TIMESTAMP)
    bound.arguments[0] = arrow::timestamp(arrow::TimeUnit::MICRO);
  return bound;
}

}  // namespace

void RegisterAge(Adder& add) {
  add("age", {}, "age(later[, earlier]) -> INTERVAL",
      "The years, months, days and time between two times; from a time to today with one argument.",
      "age(TIMESTAMP '2013-05-17', TIMESTAMP '2012-02-29')", "1 year 2 mons 17 days", BindAge,
      Volatility::kStatement);
  add("date_bin", {}, "date_bin(stride INTERVAL, timestamp, origin) -> TIMESTAMP",
      "The beginning of the stride that holds the timestamp, strides counted from the origin.",
      "date_bin(INTERVAL '15 minutes', TIMESTAMP '2013-05-17 08:37:15', TIMESTAMP '2001-01-01')",
      "2013-05-17 08:30:00", BindBin);
  add("date_sub", {"datesub"},
      "date_sub(unit VARCHAR, from, to) -> BIGINT, date_sub(date, INTERVAL or days)",
      "The complete units between two times; with a date and an interval, so much earlier.",
      "date_sub('month', DATE '2013-01-31', DATE '2013-03-01')", "1", BindWhole);
  add("epoch_ns", {}, "epoch_ns(timestamp) -> BIGINT", "Nanoseconds since 1970-01-01 UTC.",
      "epoch_ns(TIMESTAMP '1970-01-01 00:00:01.5')", "1500000000", BindEpochNanos);
  add("make_timestamp_ms", {}, "make_timestamp_ms(milliseconds BIGINT) -> TIMESTAMP",
      "So many milliseconds after 1970-01-01.", "make_timestamp_ms(1500)", "1970-01-01 00:00:01.5",
      BindFromEpoch<1'000>);
  add("make_timestamp_us", {}, "make_timestamp_us(microseconds BIGINT) -> TIMESTAMP",
      "So many microseconds after 1970-01-01.", "make_timestamp_us(1500000)",
      "1970-01-01 00:00:01.5", BindFromEpoch<1>);
}

}  // namespace velaria::dates
