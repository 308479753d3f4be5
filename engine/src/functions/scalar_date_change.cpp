// Functions that move a date or timestamp to a boundary, or make one.
#include "functions/date.hpp"
#include "functions/temporal_text.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::dates {
namespace {

using binding::Parameter;
using calendar::CivilDate;
using calendar::CivilOf;
using calendar::DaysOf;
using calendar::FloorDivide;
using calendar::FloorModulo;
using calendar::Interval;
using calendar::kSecondsPerDay;
using kernels::MapToValue;

const TypePtr& Microseconds() {
  static const TypePtr type = arrow::timestamp(arrow::TimeUnit::MICRO);
  return type;
}

/// A timestamp of any unit and zone as it is; a date as a TIMESTAMP.
Result<TypePtr> TimestampType(const BindArguments& arguments, size_t index) {
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type,
                           binding::TypeFor(arguments, index, Parameter::kTimestamp));
  return type->id() == arrow::Type::TIMESTAMP ? type : Microseconds();
}

int64_t FirstDay(Unit unit, int64_t days) {
  const CivilDate civil = CivilOf(days);
  switch (unit) {
    case Unit::kMillennium: return DaysOf(FloorDivide(civil.year - 1, 1000) * 1000 + 1, 1, 1);
    case Unit::kCentury: return DaysOf(FloorDivide(civil.year - 1, 100) * 100 + 1, 1, 1);
    case Unit::kDecade: return DaysOf(FloorDivide(civil.year, 10) * 10, 1, 1);
    case Unit::kYear: return DaysOf(civil.year, 1, 1);
    case Unit::kQuarter: return DaysOf(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
    case Unit::kMonth: return DaysOf(civil.year, civil.month, 1);
    case Unit::kWeek: return days - (calendar::IsoWeekday(days) - 1);
    default: return days;
  }
}

/// Units of the timestamp's own resolution in one `unit` below a day; at least 1.
int64_t StepOf(Unit unit, int64_t units_per_second) {
  switch (unit) {
    case Unit::kHour: return 3600 * units_per_second;
    case Unit::kMinute: return 60 * units_per_second;
    case Unit::kSecond: return units_per_second;
    case Unit::kMillisecond: return std::max<int64_t>(units_per_second / 1'000, 1);
    default: return std::max<int64_t>(units_per_second / 1'000'000, 1);
  }
}

Result<Vector> RunTrunc(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const Unit unit = binding::DataOf<Unit>(binding);
  const int64_t units = calendar::UnitsPerSecond(*binding.type);
  const std::span<const Vector> value = arguments.subspan(1);
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(*binding.type));
  const auto view = ViewFixed<int64_t>(value[0]);
  if (unit >= Unit::kHour) {
    // Below a day the moment itself is moved back, which no change of the clocks disturbs.
    const int64_t step = StepOf(unit, units);
    return MapToValue<int64_t>(
        context, binding.type, value, row_count, [&](int64_t i, int64_t* out) {
          const int64_t local = view[i] + zone.OffsetAt(FloorDivide(view[i], units)) * units;
          *out = view[i] - FloorModulo(local, step);
        });
  }
  return MapToValue<int64_t>(
      context, binding.type, value, row_count, [&](int64_t i, int64_t* out) -> Status {
        const int64_t seconds = FloorDivide(view[i], units);
        const int64_t days = FloorDivide(seconds + zone.OffsetAt(seconds), kSecondsPerDay);
        if (!__builtin_mul_overflow(zone.ToUtc(FirstDay(unit, days) * kSecondsPerDay), units, out))
          return Status::OK();
        std::string text;
        calendar::AppendTimestamp(seconds, 0, std::nullopt, &text);
        return Fail(ErrorCode::kOverflow, SqlName(*binding.type) + " out of range: " + text);
      });
}

/// Months in one `unit` of a month or more; 0 below.
int32_t MonthsOf(Unit unit) {
  switch (unit) {
    case Unit::kMillennium: return 12'000;
    case Unit::kCentury: return 1'200;
    case Unit::kDecade: return 120;
    case Unit::kYear: return 12;
    case Unit::kQuarter: return 3;
    case Unit::kMonth: return 1;
    default: return 0;
  }
}

/// The parts of an interval below the unit are cut.
Result<Vector> RunTruncInterval(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  const Unit unit = binding::DataOf<Unit>(binding);
  const int32_t months = MonthsOf(unit);
  const int64_t step = StepOf(unit, calendar::kNanosPerSecond);
  const auto view = ViewFixed<Interval>(arguments[1]);
  return MapToValue<Interval>(
      context, binding.type, arguments.subspan(1), row_count, [&](int64_t i, Interval* out) {
        const Interval& value = view[i];
        if (months > 0) {
          *out = {value.months - value.months % months, 0, 0};
        } else {
          const int64_t rest = unit == Unit::kDay ? value.nanoseconds : value.nanoseconds % step;
          *out = {value.months, value.days, value.nanoseconds - rest};
        }
      });
}

Result<ScalarBinding> BindTrunc(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const Unit unit, ConstantUnit(arguments, 0));
  const TypePtr given = LogicalType(arguments.types[1]);
  if (given->id() == arrow::Type::INTERVAL_MONTH_DAY_NANO) {
    if (unit == Unit::kWeek)
      return Fail(ErrorCode::kBadArgument, "an interval has no weeks to cut it to");
    return ScalarBinding{
        given, {nullptr, given}, RunTruncInterval, std::make_shared<const Unit>(unit)};
  }
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, TimestampType(arguments, 1));
  return ScalarBinding{type, {nullptr, type}, RunTrunc, std::make_shared<const Unit>(unit)};
}

/// Moments floor to multiples of the width since 1970 UTC, as the windows of streams do.
constexpr int64_t kBucketMonday = DaysOf(2000, 1, 3) * kSecondsPerDay;

/// The first moment of the bucket of `months` since January 2000 that holds `time`.
Result<int64_t> MonthBucket(int64_t time, int64_t months, int64_t units) {
  const CivilDate civil = CivilOf(FloorDivide(time, kSecondsPerDay * units));
  const int64_t month = (civil.year - 2000) * 12 + civil.month - 1;
  const int64_t first = month - FloorModulo(month, months);
  const int64_t days =
      DaysOf(2000 + FloorDivide(first, 12), static_cast<int>(FloorModulo(first, 12)) + 1, 1);
  int64_t start = 0;
  if (__builtin_mul_overflow(days, kSecondsPerDay * units, &start)) {
    return Fail(ErrorCode::kOverflow, "a bucket begins before the first timestamp");
  }
  return start;
}

/// Milliseconds count from 1970, as those of WINDOW BY do; an interval from Monday 2000-01-03 and
/// months from January 2000, as in TimescaleDB and DuckDB, so that weeks begin on Monday.
Result<Vector> RunBucket(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const int64_t units = calendar::UnitsPerSecond(*binding.type);
  const auto time = ViewFixed<int64_t>(arguments[1]);
  const bool by_interval = arguments[0].type()->id() == arrow::Type::INTERVAL_MONTH_DAY_NANO;
  const auto width_ms = ViewFixed<int64_t>(arguments[0]);
  const auto width = ViewFixed<Interval>(arguments[0]);
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        __int128 nanos = 0;
        if (by_interval) {
          if (width[i].months != 0) {
            if (width[i].months < 0 || width[i].days != 0 || width[i].nanoseconds != 0) {
              return Fail(ErrorCode::kBadValue,
                          "a bucket's width has months beside days or below 1: " +
                              std::to_string(width[i].months),
                          "Write whole months alone, or days and less.");
            }
            return MonthBucket(time[i], width[i].months, units).Value(out);
          }
          nanos =
              static_cast<__int128>(width[i].days) * calendar::kNanosPerDay + width[i].nanoseconds;
        } else {
          nanos = static_cast<__int128>(width_ms[i]) * 1'000'000;
        }
        const __int128 step = nanos * units / calendar::kNanosPerSecond;
        if (step <= 0 || step > std::numeric_limits<int64_t>::max() / 2 ||
            step * calendar::kNanosPerSecond != nanos * units) {
          return Fail(ErrorCode::kBadValue,
                      "a bucket's width is not a whole number of the timestamp's units: " +
                          std::to_string(static_cast<int64_t>(nanos / 1'000'000)) + " ms");
        }
        // The moment and the origin are taken modulo the width first: their difference may not fit.
        const auto width_units = static_cast<int64_t>(step);
        const int64_t origin =
            by_interval ? static_cast<int64_t>(static_cast<__int128>(kBucketMonday) * units % step)
                        : 0;
        *out = time[i] - FloorModulo(FloorModulo(time[i], width_units) - origin, width_units);
        return Status::OK();
      });
}

Result<ScalarBinding> BindBucket(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, TimestampType(arguments, 1));
  TypePtr width = LogicalType(arguments.types[0]);
  if (binding::IsTextLiteral(arguments, 0)) width = arrow::month_day_nano_interval();
  if (IsInteger(*width)) width = arrow::int64();
  if (width->id() != arrow::Type::INT64 && width->id() != arrow::Type::INTERVAL_MONTH_DAY_NANO)
    return binding::WrongArguments();
  return ScalarBinding{type, {width, type}, RunBucket, nullptr};
}

Result<Vector> RunMakeDate(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const auto year = ViewFixed<int64_t>(arguments[0]), month = ViewFixed<int64_t>(arguments[1]),
             day = ViewFixed<int64_t>(arguments[2]);
  return MapToValue<int32_t>(
      context, arrow::date32(), arguments, row_count, [&](int64_t i, int32_t* out) -> Status {
        const int64_t told = year[i];
        if (told == 0 || told < -999'999 || told > 999'999 ||
            !calendar::IsDate(calendar::YearOfTold(told), month[i], day[i])) {
          return Fail(ErrorCode::kBadValue, "not a date: " + std::to_string(told) + "-" +
                                                std::to_string(month[i]) + "-" +
                                                std::to_string(day[i]));
        }
        *out = static_cast<int32_t>(DaysOf(calendar::YearOfTold(told), static_cast<int>(month[i]),
                                           static_cast<int>(day[i])));
        return Status::OK();
      });
}

Result<Vector> RunLastDay(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const auto date = ViewFixed<int32_t>(arguments[0]);
  return MapToValue<int32_t>(
      context, arrow::date32(), arguments, row_count, [&](int64_t i, int32_t* out) {
        const CivilDate civil = CivilOf(date[i]);
        *out = static_cast<int32_t>(date[i] - civil.day +
                                    calendar::DaysInMonth(civil.year, civil.month));
      });
}

Result<Vector> RunToTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  const auto seconds = ViewFixed<double>(arguments[0]);
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        const double micros = std::nearbyint(seconds[i] * 1e6);
        if (!(std::abs(micros) < 9.2e18)) {
          return Fail(ErrorCode::kOverflow,
                      "TIMESTAMP out of range: to_timestamp(" + std::to_string(seconds[i]) + ")");
        }
        *out = static_cast<int64_t>(micros);
        return Status::OK();
      });
}

/// ts AT TIME ZONE z: a moment as z's clock shows it, or the moment at which z's clock shows a wall
/// time.
Result<Vector> RunTimezone(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const bool to_moment =
      !arrow::internal::checked_cast<const arrow::TimestampType&>(*binding.type).timezone().empty();
  const int64_t units = calendar::UnitsPerSecond(*binding.type);
  const StringView names(arguments[0]);
  const auto time = ViewFixed<int64_t>(arguments[1]);
  std::string last_name;
  calendar::Zone zone;
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        if (names[i] != last_name) {
          last_name = names[i];
          VELARIA_ASSIGN_OR_RETURN(zone, calendar::Zone::Make(last_name));
        }
        const int64_t seconds = FloorDivide(time[i], units);
        *out =
            time[i] + (to_moment ? zone.ToUtc(seconds) - seconds : zone.OffsetAt(seconds)) * units;
        return Status::OK();
      });
}

Result<ScalarBinding> BindTimezone(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr name, binding::TypeFor(arguments, 0, Parameter::kText));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, TimestampType(arguments, 1));
  const auto& timestamp = arrow::internal::checked_cast<const arrow::TimestampType&>(*type);
  const TypePtr result =
      arrow::timestamp(timestamp.unit(), timestamp.timezone().empty() ? "UTC" : "");
  return ScalarBinding{result, {name ? name : arrow::utf8(), type}, RunTimezone, nullptr};
}

}  // namespace

void RegisterChange(Adder& add) {
  add("date_trunc", {"datetrunc"},
      "date_trunc(unit VARCHAR, timestamp or interval) -> TIMESTAMP or INTERVAL",
      "The beginning of the unit of time.", "date_trunc('month', TIMESTAMP '2013-05-17 08:30:15')",
      "2013-05-01 00:00:00", BindTrunc);
  add("time_bucket", {}, "time_bucket(width_ms BIGINT or width INTERVAL, timestamp) -> TIMESTAMP",
      "The timestamp moved back to a multiple of the width: milliseconds since 1970 UTC, an "
      "interval since Monday 2000-01-03, months since 2000-01.",
      "time_bucket(900000, TIMESTAMP '2013-05-17 08:37:15')", "2013-05-17 08:30:00", BindBucket);
  add(
      "make_date", {}, "make_date(year BIGINT, month BIGINT, day BIGINT) -> DATE",
      "The date of the three numbers; a negative year is BC.", "make_date(2013, 2, 28)",
      "2013-02-28", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kInteger, Parameter::kInteger, Parameter::kInteger}, 3,
                             arrow::date32(), RunMakeDate);
      });
  add(
      "last_day", {}, "last_day(date DATE) -> DATE", "The last day of the month.",
      "last_day(DATE '2012-02-10')", "2012-02-29", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kDate}, 1, arrow::date32(), RunLastDay);
      });
  add(
      "to_timestamp", {"from_epoch", "from_unixtime"},
      "to_timestamp(seconds DOUBLE) -> TIMESTAMP WITH TIME ZONE, to_timestamp(text, pattern)",
      "The moment so many seconds after 1970-01-01 UTC, or that a text of PostgreSQL's pattern "
      "means.",
      "to_timestamp(86400.5)", "1970-01-02 00:00:00.5+00", +[](const BindArguments& a) {
        if (a.types.size() == 2) return BindParseByPattern(a);
        return binding::Bind(a, {Parameter::kDouble}, 1,
                             arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), RunToTimestamp);
      });
  add("timezone", {}, "timezone(zone VARCHAR, timestamp), timestamp AT TIME ZONE zone",
      "A moment on the zone's clock; a time without zone, read on the zone's clock, as a moment.",
      "timezone('America/New_York', TIMESTAMP '2013-07-01 12:00:00')", "2013-07-01 16:00:00+00",
      BindTimezone);
}

}  // namespace velaria::dates
