// Parts of a date, time or timestamp: year() and its like, and date_part, which EXTRACT becomes. A
// timestamp with a zone is read on its own zone's clock.
#include "base/text.hpp"
#include "functions/date.hpp"
#include "functions/date_format.hpp"
#include "functions/temporal_text.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::dates {
namespace {

using calendar::CivilOf;
using calendar::FloorDivide;
using calendar::kNanosPerSecond;
using calendar::kSecondsPerDay;
using calendar::ToldYear;

enum class Part {
  kMillennium,
  kCentury,
  kDecade,
  kYear,
  kQuarter,
  kMonth,
  kDay,
  kHour,
  kMinute,
  kSecond,
  kMillisecond,
  kMicrosecond,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
  kWeek,
  kIsoYear,
  kYearWeek,
  kEra
};

bool IsPartOfTime(Part part) { return part >= Part::kHour && part <= Part::kMicrosecond; }

template <Part part>
int64_t PartOf(const WallTime& time) {
  const int64_t seconds = time.nanos_of_day / kNanosPerSecond;
  switch (part) {
    case Part::kMillennium: return ToldYear(FloorDivide(CivilOf(time.days).year + 999, 1000));
    case Part::kCentury: return ToldYear(FloorDivide(CivilOf(time.days).year + 99, 100));
    case Part::kDecade: return FloorDivide(CivilOf(time.days).year, 10);
    case Part::kYear: return ToldYear(CivilOf(time.days).year);
    case Part::kQuarter: return (CivilOf(time.days).month + 2) / 3;
    case Part::kMonth: return CivilOf(time.days).month;
    case Part::kDay: return CivilOf(time.days).day;
    case Part::kHour: return seconds / 3600;
    case Part::kMinute: return seconds / 60 % 60;
    case Part::kSecond: return seconds % 60;
    case Part::kMillisecond: return time.nanos_of_day / 1'000'000 % 60'000;
    case Part::kMicrosecond: return time.nanos_of_day / 1'000 % 60'000'000;
    case Part::kDayOfWeek: return calendar::IsoWeekday(time.days) % 7;
    case Part::kIsoDayOfWeek: return calendar::IsoWeekday(time.days);
    case Part::kDayOfYear: return time.days - calendar::DaysOf(CivilOf(time.days).year, 1, 1) + 1;
    case Part::kWeek: return calendar::IsoWeekOf(time.days).week;
    case Part::kEra: return CivilOf(time.days).year > 0 ? 1 : 0;
    case Part::kIsoYear: return ToldYear(calendar::IsoWeekOf(time.days).year);
    case Part::kYearWeek: {
      const auto week = calendar::IsoWeekOf(time.days);
      return week.year * 100 + week.week;
    }
  }
}

template <Part part>
Result<Vector> RunPart(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const std::span<const Vector> value = arguments.last(1);
  if (kernels::HasConstantNull(value)) return MakeNullConstant(arrow::int64(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto clock, WallClock::Make(value[0]));
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), value, row_count,
      [&](int64_t i, int64_t* out) { *out = PartOf<part>(clock[i]); });
}

/// Seconds of the minute with their fraction, or seconds since 1970; `epoch` of a zoned timestamp
/// is the moment's.
template <bool epoch>
Result<Vector> RunSeconds(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const std::span<const Vector> value = arguments.last(1);
  if (kernels::HasConstantNull(value)) return MakeNullConstant(arrow::float64(), context.pool);
  const auto id = value[0].type()->id();
  if (epoch && id == arrow::Type::TIMESTAMP) {
    const auto view = ViewFixed<int64_t>(value[0]);
    const auto units = static_cast<double>(calendar::UnitsPerSecond(*value[0].type()));
    return kernels::MapToValue<double>(
        context, arrow::float64(), value, row_count,
        [&](int64_t i, double* out) { *out = static_cast<double>(view[i]) / units; });
  }
  VELARIA_ASSIGN_OR_RETURN(auto clock, WallClock::Make(value[0]));
  return kernels::MapToValue<double>(
      context, arrow::float64(), value, row_count, [&](int64_t i, double* out) {
        const WallTime time = clock[i];
        const int64_t days = epoch ? time.days : 0;
        const int64_t nanos =
            epoch ? time.nanos_of_day : time.nanos_of_day % (60 * kNanosPerSecond);
        *out = static_cast<double>(days * kSecondsPerDay) + static_cast<double>(nanos) / 1e9;
      });
}

/// Milliseconds or microseconds since 1970, or whole seconds.
template <int64_t units>
Result<Vector> RunEpochUnits(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<int64_t>(arguments[0]);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), arguments, row_count,
      [&](int64_t i, int64_t* out) { *out = FloorDivide(view[i], 1'000'000 / units); });
}

template <int64_t units>
Result<ScalarBinding> BindEpochUnits(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(auto bound, binding::Bind(arguments, {binding::Parameter::kTimestamp}, 1,
                                                     arrow::int64(), RunEpochUnits<units>));
  const auto type = bound.arguments[0];
  const bool zoned =
      type->id() == arrow::Type::TIMESTAMP &&
      !arrow::internal::checked_cast<const arrow::TimestampType&>(*type).timezone().empty();
  bound.arguments[0] = arrow::timestamp(arrow::TimeUnit::MICRO, zoned ? "UTC" : "");
  return bound;
}

/// A date, a timestamp, or a time for the parts that it has; a literal is a timestamp.
Result<TypePtr> SourceType(const BindArguments& arguments, size_t index, bool time_allowed) {
  const TypePtr type = LogicalType(arguments.types[index]);
  if (time_allowed && arrow::is_time(type->id())) return type;
  return binding::TypeFor(arguments, index, binding::Parameter::kTimestamp);
}

template <Part part>
Result<ScalarBinding> BindPart(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, SourceType(arguments, 0, IsPartOfTime(part)));
  return ScalarBinding{arrow::int64(), {std::move(type)}, RunPart<part>, nullptr};
}

Result<ScalarBinding> BindEpoch(const BindArguments& arguments) {
  return binding::Bind(arguments, {binding::Parameter::kTimestamp}, 1, arrow::float64(),
                       RunSeconds<true>);
}

/// Days of the Julian calendar's count, the time of day as a fraction.
Result<Vector> RunJulian(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const std::span<const Vector> value = arguments.last(1);
  if (kernels::HasConstantNull(value)) return MakeNullConstant(arrow::float64(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto clock, WallClock::Make(value[0]));
  return kernels::MapToValue<double>(
      context, arrow::float64(), value, row_count, [&](int64_t i, double* out) {
        const WallTime time = clock[i];
        *out = static_cast<double>(time.days + 2440588) +
               static_cast<double>(time.nanos_of_day) / static_cast<double>(calendar::kNanosPerDay);
      });
}

/// Seconds east of UTC of the timestamp's own zone, or the hours or minutes of that.
template <int64_t divisor, int64_t modulus>
Result<Vector> RunZonePart(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const std::span<const Vector> value = arguments.last(1);
  if (kernels::HasConstantNull(value)) return MakeNullConstant(arrow::int64(), context.pool);
  const bool is_timestamp = value[0].type()->id() == arrow::Type::TIMESTAMP;
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(*value[0].type()));
  const int64_t units = is_timestamp ? calendar::UnitsPerSecond(*value[0].type()) : 1;
  const auto view = ViewFixed<int64_t>(value[0]);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), value, row_count, [&](int64_t i, int64_t* out) {
        *out = is_timestamp ? zone.OffsetAt(FloorDivide(view[i], units)) / divisor % modulus : 0;
      });
}

using calendar::Interval;
int64_t MillenniaOf(const Interval& v) { return v.months / 12'000; }
int64_t CenturiesOf(const Interval& v) { return v.months / 1'200; }
int64_t DecadesOf(const Interval& v) { return v.months / 120; }
int64_t YearsOf(const Interval& v) { return v.months / 12; }
int64_t QuartersOf(const Interval& v) { return v.months % 12 / 3 + 1; }
int64_t MonthsOf(const Interval& v) { return v.months % 12; }
int64_t DaysOfInterval(const Interval& v) { return v.days; }
int64_t HoursOf(const Interval& v) { return v.nanoseconds / (3600 * kNanosPerSecond); }
int64_t MinutesOf(const Interval& v) { return v.nanoseconds / (60 * kNanosPerSecond) % 60; }
double SecondsOf(const Interval& v) {
  return static_cast<double>(v.nanoseconds % (60 * kNanosPerSecond)) / 1e9;
}
int64_t MillisecondsOf(const Interval& v) {
  return v.nanoseconds % (60 * kNanosPerSecond) / 1'000'000;
}
int64_t MicrosecondsOf(const Interval& v) { return v.nanoseconds % (60 * kNanosPerSecond) / 1'000; }
/// As PostgreSQL counts: a year has 365.25 days, a month beside it 30.
double EpochOf(const Interval& v) {
  return v.months / 12 * 365.25 * kSecondsPerDay +
         static_cast<double>((int64_t{v.months} % 12 * 30 + v.days) * kSecondsPerDay) +
         static_cast<double>(v.nanoseconds) / 1e9;
}

template <typename T, T (*part)(const Interval&)>
Result<Vector> RunIntervalPart(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<Interval>(arguments.back());
  return kernels::MapToValue<T>(context, binding.type, arguments.last(1), row_count,
                                [&](int64_t i, T* out) { *out = part(view[i]); });
}

struct IntervalPart {
  const char* name;
  ScalarKernel kernel;
  bool is_double;
};

constexpr IntervalPart kIntervalParts[] = {
    {"millennium", RunIntervalPart<int64_t, MillenniaOf>, false},
    {"century", RunIntervalPart<int64_t, CenturiesOf>, false},
    {"decade", RunIntervalPart<int64_t, DecadesOf>, false},
    {"year", RunIntervalPart<int64_t, YearsOf>, false},
    {"quarter", RunIntervalPart<int64_t, QuartersOf>, false},
    {"month", RunIntervalPart<int64_t, MonthsOf>, false},
    {"day", RunIntervalPart<int64_t, DaysOfInterval>, false},
    {"hour", RunIntervalPart<int64_t, HoursOf>, false},
    {"minute", RunIntervalPart<int64_t, MinutesOf>, false},
    {"second", RunIntervalPart<double, SecondsOf>, true},
    {"millisecond", RunIntervalPart<int64_t, MillisecondsOf>, false},
    {"microsecond", RunIntervalPart<int64_t, MicrosecondsOf>, false},
    {"epoch", RunIntervalPart<double, EpochOf>, true}};

struct PartName {
  const char* name;
  ScalarKernel kernel;
  bool of_time, is_double;
};

constexpr PartName kParts[] = {{"year", RunPart<Part::kYear>, false, false},
                               {"month", RunPart<Part::kMonth>, false, false},
                               {"day", RunPart<Part::kDay>, false, false},
                               {"hour", RunPart<Part::kHour>, true, false},
                               {"minute", RunPart<Part::kMinute>, true, false},
                               {"second", RunSeconds<false>, true, true},
                               {"millisecond", RunPart<Part::kMillisecond>, true, false},
                               {"microsecond", RunPart<Part::kMicrosecond>, true, false},
                               {"epoch", RunSeconds<true>, true, true},
                               {"quarter", RunPart<Part::kQuarter>, false, false},
                               {"week", RunPart<Part::kWeek>, false, false},
                               {"isoyear", RunPart<Part::kIsoYear>, false, false},
                               {"dow", RunPart<Part::kDayOfWeek>, false, false},
                               {"dayofweek", RunPart<Part::kDayOfWeek>, false, false},
                               {"isodow", RunPart<Part::kIsoDayOfWeek>, false, false},
                               {"doy", RunPart<Part::kDayOfYear>, false, false},
                               {"dayofyear", RunPart<Part::kDayOfYear>, false, false},
                               {"yearweek", RunPart<Part::kYearWeek>, false, false},
                               {"decade", RunPart<Part::kDecade>, false, false},
                               {"century", RunPart<Part::kCentury>, false, false},
                               {"millennium", RunPart<Part::kMillennium>, false, false},
                               {"era", RunPart<Part::kEra>, false, false},
                               {"julian", RunJulian, false, true},
                               {"timezone", RunZonePart<1, 86'400>, false, false},
                               {"timezone_hour", RunZonePart<3'600, 24>, false, false},
                               {"timezone_minute", RunZonePart<60, 60>, false, false}};

Result<ScalarBinding> BindDatePart(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const std::string name, binding::ConstantText(arguments, 0, "part"));
  std::string wanted = ToLower(name);
  std::vector<std::string> known;
  if (LogicalType(arguments.types[1])->id() == arrow::Type::INTERVAL_MONTH_DAY_NANO) {
    for (const auto& part : kIntervalParts) {
      if (wanted != part.name && wanted != std::string(part.name) + "s") continue;
      return ScalarBinding{part.is_double ? arrow::float64() : arrow::int64(),
                           {nullptr, nullptr},
                           part.kernel,
                           nullptr};
    }
    return Fail(ErrorCode::kBadArgument, "no part of an interval: " + name);
  }
  for (const auto& part : kParts) {
    known.emplace_back(part.name);
    if (wanted != part.name && wanted != std::string(part.name) + "s") continue;
    VELARIA_ASSIGN_OR_RETURN(TypePtr type, SourceType(arguments, 1, part.of_time));
    return ScalarBinding{part.is_double ? arrow::float64() : arrow::int64(),
                         {nullptr, std::move(type)},
                         part.kernel,
                         nullptr};
  }
  const std::string near = NearestName(name, known);
  return Fail(ErrorCode::kBadArgument, "unknown part of a date: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

template <bool month>
Result<Vector> RunName(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto clock, WallClock::Make(arguments[0]));
  return kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    const int64_t days = clock[i].days;
    *out = month ? kMonthNames[CivilOf(days).month - 1] : kDayNames[calendar::IsoWeekday(days) - 1];
  });
}

template <bool month>
Result<ScalarBinding> BindName(const BindArguments& arguments) {
  return binding::Bind(arguments, {binding::Parameter::kTimestamp}, 1, arrow::utf8(),
                       RunName<month>);
}

}  // namespace

void RegisterParts(Adder& add) {
  add("year", {}, "year(date) -> BIGINT", "The year.", "year(DATE '2013-05-17')", "2013",
      BindPart<Part::kYear>);
  add("month", {}, "month(date) -> BIGINT", "The month, 1 to 12.", "month(DATE '2013-05-17')", "5",
      BindPart<Part::kMonth>);
  add("day", {"dayofmonth"}, "day(date) -> BIGINT", "The day of the month.",
      "day(DATE '2013-05-17')", "17", BindPart<Part::kDay>);
  add("hour", {}, "hour(timestamp) -> BIGINT", "The hour, 0 to 23.",
      "hour(TIMESTAMP '2013-05-17 08:30:15')", "8", BindPart<Part::kHour>);
  add("minute", {}, "minute(timestamp) -> BIGINT", "The minute, 0 to 59.",
      "minute(TIMESTAMP '2013-05-17 08:30:15')", "30", BindPart<Part::kMinute>);
  add("second", {}, "second(timestamp) -> BIGINT",
      "The whole second, 0 to 59; date_part gives its fraction too.",
      "second(TIMESTAMP '2013-05-17 08:30:15.5')", "15", BindPart<Part::kSecond>);
  add("millisecond", {}, "millisecond(timestamp) -> BIGINT",
      "The milliseconds of the minute, seconds included.",
      "millisecond(TIMESTAMP '2013-05-17 08:30:15.5')", "15500", BindPart<Part::kMillisecond>);
  add("microsecond", {}, "microsecond(timestamp) -> BIGINT",
      "The microseconds of the minute, seconds included.",
      "microsecond(TIMESTAMP '2013-05-17 08:30:15.5')", "15500000", BindPart<Part::kMicrosecond>);
  add("quarter", {}, "quarter(date) -> BIGINT", "The quarter, 1 to 4.",
      "quarter(DATE '2013-05-17')", "2", BindPart<Part::kQuarter>);
  add("week", {"iso_week", "weekofyear"}, "week(date) -> BIGINT", "The week of ISO 8601, 1 to 53.",
      "week(DATE '2013-12-30')", "1", BindPart<Part::kWeek>);
  add("isoyear", {"iso_year"}, "isoyear(date) -> BIGINT", "The year that the ISO week belongs to.",
      "isoyear(DATE '2013-12-30')", "2014", BindPart<Part::kIsoYear>);
  add("yearweek", {}, "yearweek(date) -> BIGINT", "ISO year and week as one number, yyyyww.",
      "yearweek(DATE '2013-12-30')", "201401", BindPart<Part::kYearWeek>);
  add("dayofweek", {"weekday"}, "dayofweek(date) -> BIGINT", "0 for Sunday to 6 for Saturday.",
      "dayofweek(DATE '2013-05-17')", "5", BindPart<Part::kDayOfWeek>);
  add("isodow", {}, "isodow(date) -> BIGINT", "1 for Monday to 7 for Sunday.",
      "isodow(DATE '2013-05-19')", "7", BindPart<Part::kIsoDayOfWeek>);
  add("dayofyear", {}, "dayofyear(date) -> BIGINT", "The day of the year, 1 to 366.",
      "dayofyear(DATE '2013-02-01')", "32", BindPart<Part::kDayOfYear>);
  add("decade", {}, "decade(date) -> BIGINT", "The year divided by ten.",
      "decade(DATE '2013-05-17')", "201", BindPart<Part::kDecade>);
  add("century", {}, "century(date) -> BIGINT", "The century; 2001 begins the 21st.",
      "century(DATE '2000-12-31')", "20", BindPart<Part::kCentury>);
  add("millennium", {}, "millennium(date) -> BIGINT", "The millennium; 2001 begins the third.",
      "millennium(DATE '2000-12-31')", "2", BindPart<Part::kMillennium>);
  add("era", {}, "era(date) -> BIGINT", "1, or 0 before the year 1.", "era(DATE '2013-05-17')", "1",
      BindPart<Part::kEra>);
  add(
      "julian", {}, "julian(timestamp) -> DOUBLE",
      "The Julian day, the time of day as its fraction.", "julian(TIMESTAMP '2013-05-17 12:00:00')",
      "2456430.5", +[](const BindArguments& a) {
        return binding::Bind(a, {binding::Parameter::kTimestamp}, 1, arrow::float64(), RunJulian);
      });
  add("date_part", {"datepart", "extract"},
      "date_part(part VARCHAR, date) -> BIGINT, or DOUBLE for second and epoch",
      "The named part; EXTRACT(part FROM date) is the same.",
      "date_part('second', TIMESTAMP '2013-05-17 08:30:15.5')", "15.5", BindDatePart);
  add("epoch", {}, "epoch(timestamp) -> DOUBLE",
      "Seconds since 1970-01-01 UTC, with their fraction.",
      "epoch(TIMESTAMP '1970-01-02 00:00:00.25')", "86400.25", BindEpoch);
  add("epoch_ms", {}, "epoch_ms(timestamp) -> BIGINT", "Milliseconds since 1970-01-01 UTC.",
      "epoch_ms(TIMESTAMP '1970-01-01 00:00:01.5')", "1500", BindEpochUnits<1'000>);
  add("epoch_us", {}, "epoch_us(timestamp) -> BIGINT", "Microseconds since 1970-01-01 UTC.",
      "epoch_us(TIMESTAMP '1970-01-01 00:00:01.5')", "1500000", BindEpochUnits<1'000'000>);
  add("monthname", {}, "monthname(date) -> VARCHAR", "The month's English name.",
      "monthname(DATE '2013-05-17')", "May", BindName<true>);
  add("dayname", {}, "dayname(date) -> VARCHAR", "The weekday's English name.",
      "dayname(DATE '2013-05-17')", "Friday", BindName<false>);
}

}  // namespace velaria::dates
