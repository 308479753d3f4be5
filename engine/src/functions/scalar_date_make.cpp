// Times, timestamps and intervals made of numbers, and intervals brought into their usual form.
#include "functions/date.hpp"
#include "functions/temporal_text.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::dates {
namespace {

using binding::Parameter;
using calendar::Interval;
using calendar::kNanosPerDay;
using calendar::kNanosPerSecond;
using calendar::kSecondsPerDay;
using kernels::MapToValue;

constexpr int64_t kMicrosPerSecond = 1'000'000;

Status NotATime(int64_t hour, int64_t minute, double second) {
  return Fail(ErrorCode::kBadValue, "not a time: " + std::to_string(hour) + ":" +
                                        std::to_string(minute) + ":" + std::to_string(second));
}

/// Microseconds of the day; 24:00:00 is the end of it.
Result<int64_t> MicrosOfDay(int64_t hour, int64_t minute, double second) {
  const bool good =
      hour >= 0 && hour <= 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
  if (!good) return NotATime(hour, minute, second);
  const int64_t micros = (hour * 60 + minute) * 60 * kMicrosPerSecond +
                         static_cast<int64_t>(std::nearbyint(second * 1e6));
  if (micros > kSecondsPerDay * kMicrosPerSecond) return NotATime(hour, minute, second);
  return micros;
}

Result<Vector> RunMakeTime(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const auto hour = ViewFixed<int64_t>(arguments[0]), minute = ViewFixed<int64_t>(arguments[1]);
  const auto second = ViewFixed<double>(arguments[2]);
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        VELARIA_ASSIGN_OR_RETURN(*out, MicrosOfDay(hour[i], minute[i], second[i]));
        return Status::OK();
      });
}

Result<Vector> RunMakeTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  const auto year = ViewFixed<int64_t>(arguments[0]), month = ViewFixed<int64_t>(arguments[1]),
             day = ViewFixed<int64_t>(arguments[2]), hour = ViewFixed<int64_t>(arguments[3]),
             minute = ViewFixed<int64_t>(arguments[4]);
  const auto second = ViewFixed<double>(arguments[5]);
  const bool zoned =
      !arrow::internal::checked_cast<const arrow::TimestampType&>(*binding.type).timezone().empty();
  const auto zones =
      zoned && arguments.size() > 6 ? std::make_unique<StringView>(arguments[6]) : nullptr;
  std::string last_name;
  calendar::Zone zone;
  return MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        const bool is_year = year[i] != 0 && year[i] >= -290'000 && year[i] <= 290'000;
        const int64_t civil_year = is_year ? calendar::YearOfTold(year[i]) : 0;
        if (!is_year || !calendar::IsDate(civil_year, month[i], day[i])) {
          return Fail(ErrorCode::kBadValue, "not a date: " + std::to_string(year[i]) + "-" +
                                                std::to_string(month[i]) + "-" +
                                                std::to_string(day[i]));
        }
        VELARIA_ASSIGN_OR_RETURN(const int64_t micros, MicrosOfDay(hour[i], minute[i], second[i]));
        const int64_t days =
            calendar::DaysOf(civil_year, static_cast<int>(month[i]), static_cast<int>(day[i]));
        int64_t seconds = days * kSecondsPerDay + micros / kMicrosPerSecond;
        if (zones) {
          if ((*zones)[i] != last_name) {
            last_name = (*zones)[i];
            VELARIA_ASSIGN_OR_RETURN(zone, calendar::Zone::Make(last_name));
          }
          seconds = zone.ToUtc(seconds);
        }
        *out = seconds * kMicrosPerSecond + micros % kMicrosPerSecond;
        return Status::OK();
      });
}

/// A count of the result's own units.
Result<Vector> RunTimestampOfMicros(const FunctionContext& context, const ScalarBinding& binding,
                                    std::span<const Vector> arguments, int64_t row_count) {
  const auto micros = ViewFixed<int64_t>(arguments[0]);
  return MapToValue<int64_t>(context, binding.type, arguments, row_count,
                             [&](int64_t i, int64_t* out) { *out = micros[i]; });
}

template <bool zoned>
Result<ScalarBinding> BindMakeTimestamp(const BindArguments& arguments) {
  const TypePtr type = arrow::timestamp(arrow::TimeUnit::MICRO, zoned ? "UTC" : "");
  const auto integer = Parameter::kInteger;
  if (!zoned && arguments.types.size() == 1)
    return binding::Bind(arguments, {integer}, 1, type, RunTimestampOfMicros);
  if (zoned) {
    return binding::Bind(
        arguments,
        {integer, integer, integer, integer, integer, Parameter::kDouble, Parameter::kText}, 6,
        type, RunMakeTimestamp);
  }
  return binding::Bind(arguments, {integer, integer, integer, integer, integer, Parameter::kDouble},
                       6, type, RunMakeTimestamp);
}

Status IntervalOverflow() {
  return Fail(ErrorCode::kOverflow, "INTERVAL out of range: a part of it is too large");
}

/// One part of an interval from a number of some unit.
struct UnitOfInterval {
  int64_t months = 0, days = 0, nanos = 0;
};

Status Scale(const UnitOfInterval& unit, double count, Interval* out) {
  const double months = static_cast<double>(unit.months) * count,
               days = static_cast<double>(unit.days) * count,
               nanos = std::nearbyint(static_cast<double>(unit.nanos) * count);
  if (!(std::abs(months) < 2e9 && std::abs(days) < 2e9 && std::abs(nanos) < 9.2e18))
    return IntervalOverflow();
  *out = {static_cast<int32_t>(months), static_cast<int32_t>(days), static_cast<int64_t>(nanos)};
  return Status::OK();
}

template <typename T>
Result<Vector> RunUnits(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const auto& unit = binding::DataOf<UnitOfInterval>(binding);
  const auto count = ViewFixed<T>(arguments[0]);
  return MapToValue<Interval>(
      context, binding.type, arguments, row_count, [&](int64_t i, Interval* out) -> Status {
        if constexpr (std::is_same_v<T, double>) {
          return Scale(unit, count[i], out);
        } else {
          int64_t nanos = 0, months = 0, days = 0;
          if (__builtin_mul_overflow(unit.nanos, count[i], &nanos) ||
              __builtin_mul_overflow(unit.months, count[i], &months) ||
              __builtin_mul_overflow(unit.days, count[i], &days) ||
              months != static_cast<int32_t>(months) || days != static_cast<int32_t>(days))
            return IntervalOverflow();
          *out = {static_cast<int32_t>(months), static_cast<int32_t>(days), nanos};
          return Status::OK();
        }
      });
}

/// Whole numbers; `kFraction` units take fractions.
template <int64_t months, int64_t days, int64_t nanos, bool fraction>
Result<ScalarBinding> BindUnits(const BindArguments& arguments) {
  return binding::Bind(arguments, {fraction ? Parameter::kDouble : Parameter::kInteger}, 1,
                       arrow::month_day_nano_interval(),
                       fraction ? RunUnits<double> : RunUnits<int64_t>,
                       std::make_shared<const UnitOfInterval>(UnitOfInterval{months, days, nanos}));
}

Result<Vector> RunMakeInterval(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  std::vector<FixedView<int64_t>> parts;
  for (size_t k = 0; k < std::min<size_t>(arguments.size(), 6); ++k)
    parts.push_back(ViewFixed<int64_t>(arguments[k]));
  const bool has_seconds = arguments.size() > 6;
  const auto seconds = has_seconds ? ViewFixed<double>(arguments[6]) : FixedView<double>{};
  return MapToValue<Interval>(
      context, binding.type, arguments, row_count, [&](int64_t i, Interval* out) -> Status {
        const auto part = [&](size_t k) -> __int128 { return k < parts.size() ? parts[k][i] : 0; };
        const double nanos = has_seconds ? std::nearbyint(seconds[i] * 1e6) * 1e3 : 0;
        if (!(std::abs(nanos) < 9e18)) return IntervalOverflow();
        const __int128 months = part(0) * 12 + part(1), days = part(2) * 7 + part(3);
        const __int128 time = (part(4) * 60 + part(5)) * 60 * kNanosPerSecond +
                              static_cast<__int128>(static_cast<int64_t>(nanos));
        *out = {static_cast<int32_t>(months), static_cast<int32_t>(days),
                static_cast<int64_t>(time)};
        const bool fits = out->months == months && out->days == days && out->nanoseconds == time;
        return fits ? Status::OK() : IntervalOverflow();
      });
}

Result<ScalarBinding> BindMakeInterval(const BindArguments& arguments) {
  const auto integer = Parameter::kInteger;
  return binding::Bind(arguments,
                       {integer, integer, integer, integer, integer, integer, Parameter::kDouble},
                       0, arrow::month_day_nano_interval(), RunMakeInterval);
}

/// 30 days are a month, with the sign of the whole.
void JustifyDays(Interval* value) {
  value->months += value->days / 30;
  value->days %= 30;
  if (value->months > 0 && value->days < 0) {
    value->days += 30;
    --value->months;
  } else if (value->months < 0 && value->days > 0) {
    value->days -= 30;
    ++value->months;
  }
}

void JustifyHours(Interval* value) {
  value->days += static_cast<int32_t>(value->nanoseconds / kNanosPerDay);
  value->nanoseconds %= kNanosPerDay;
  if (value->days > 0 && value->nanoseconds < 0) {
    value->nanoseconds += kNanosPerDay;
    --value->days;
  } else if (value->days < 0 && value->nanoseconds > 0) {
    value->nanoseconds -= kNanosPerDay;
    ++value->days;
  }
}

/// Both, then every part brought to one sign, as PostgreSQL does.
void JustifyInterval(Interval* value) {
  value->days += static_cast<int32_t>(value->nanoseconds / kNanosPerDay);
  value->nanoseconds %= kNanosPerDay;
  value->months += value->days / 30;
  value->days %= 30;
  if (value->months > 0 && (value->days < 0 || (value->days == 0 && value->nanoseconds < 0))) {
    value->days += 30;
    --value->months;
  } else if (value->months < 0 &&
             (value->days > 0 || (value->days == 0 && value->nanoseconds > 0))) {
    value->days -= 30;
    ++value->months;
  }
  if (value->days > 0 && value->nanoseconds < 0) {
    value->nanoseconds += kNanosPerDay;
    --value->days;
  } else if (value->days < 0 && value->nanoseconds > 0) {
    value->nanoseconds -= kNanosPerDay;
    ++value->days;
  }
}

template <void (*justify)(Interval*)>
Result<Vector> RunJustify(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const auto value = ViewFixed<Interval>(arguments[0]);
  return MapToValue<Interval>(context, binding.type, arguments, row_count,
                              [&](int64_t i, Interval* out) {
                                *out = value[i];
                                justify(out);
                              });
}

template <void (*justify)(Interval*)>
Result<ScalarBinding> BindJustify(const BindArguments& arguments) {
  const TypePtr type = arrow::month_day_nano_interval();
  if (arguments.types.size() != 1) return binding::WrongArguments();
  const TypePtr given = LogicalType(arguments.types[0]);
  if (!given->Equals(*type) && given->id() != arrow::Type::NA &&
      !binding::IsTextLiteral(arguments, 0))
    return binding::WrongArguments();
  return ScalarBinding{type, {type}, RunJustify<justify>, nullptr};
}

void RegisterIntervalUnits(Adder& add) {
  add("to_millennia", {}, "to_millennia(count BIGINT) -> INTERVAL", "So many times 1000 years.",
      "to_millennia(1)", "1000 years", BindUnits<12000, 0, 0, false>);
  add("to_centuries", {}, "to_centuries(count BIGINT) -> INTERVAL", "So many times 100 years.",
      "to_centuries(2)", "200 years", BindUnits<1200, 0, 0, false>);
  add("to_decades", {}, "to_decades(count BIGINT) -> INTERVAL", "So many times ten years.",
      "to_decades(2)", "20 years", BindUnits<120, 0, 0, false>);
  add("to_years", {}, "to_years(count BIGINT) -> INTERVAL", "So many years.", "to_years(2)",
      "2 years", BindUnits<12, 0, 0, false>);
  add("to_quarters", {}, "to_quarters(count BIGINT) -> INTERVAL", "So many times three months.",
      "to_quarters(5)", "1 year 3 mons", BindUnits<3, 0, 0, false>);
  add("to_months", {}, "to_months(count BIGINT) -> INTERVAL", "So many months.", "to_months(14)",
      "1 year 2 mons", BindUnits<1, 0, 0, false>);
  add("to_weeks", {}, "to_weeks(count BIGINT) -> INTERVAL", "So many times seven days.",
      "to_weeks(2)", "14 days", BindUnits<0, 7, 0, false>);
  add("to_days", {}, "to_days(count BIGINT) -> INTERVAL", "So many days.", "to_days(3)", "3 days",
      BindUnits<0, 1, 0, false>);
  add("to_hours", {}, "to_hours(count BIGINT) -> INTERVAL", "So many hours.", "to_hours(30)",
      "30:00:00", BindUnits<0, 0, 3600 * kNanosPerSecond, false>);
  add("to_minutes", {}, "to_minutes(count BIGINT) -> INTERVAL", "So many minutes.",
      "to_minutes(90)", "01:30:00", BindUnits<0, 0, 60 * kNanosPerSecond, false>);
  add("to_seconds", {}, "to_seconds(count DOUBLE) -> INTERVAL", "So many seconds.",
      "to_seconds(1.5)", "00:00:01.5", BindUnits<0, 0, kNanosPerSecond, true>);
  add("to_milliseconds", {}, "to_milliseconds(count DOUBLE) -> INTERVAL", "So many milliseconds.",
      "to_milliseconds(1500)", "00:00:01.5", BindUnits<0, 0, 1'000'000, true>);
  add("to_microseconds", {}, "to_microseconds(count BIGINT) -> INTERVAL", "So many microseconds.",
      "to_microseconds(1500000)", "00:00:01.5", BindUnits<0, 0, 1'000, false>);
}

}  // namespace

void RegisterMakeTimes(Adder& add) {
  add(
      "make_time", {}, "make_time(hour BIGINT, minute BIGINT, second DOUBLE) -> TIME",
      "The time of the three numbers.", "make_time(8, 15, 23.5)", "08:15:23.5",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kInteger, Parameter::kInteger, Parameter::kDouble}, 3,
                             arrow::time64(arrow::TimeUnit::MICRO), RunMakeTime);
      });
  add("make_timestamp", {},
      "make_timestamp(year BIGINT, month BIGINT, day BIGINT, hour BIGINT, minute BIGINT, second "
      "DOUBLE) -> TIMESTAMP, make_timestamp(microseconds BIGINT)",
      "The timestamp of the six numbers, or so many microseconds after 1970-01-01.",
      "make_timestamp(2013, 5, 17, 8, 30, 15.5)", "2013-05-17 08:30:15.5",
      BindMakeTimestamp<false>);
  add("make_timestamptz", {},
      "make_timestamptz(year, month, day, hour, minute, second[, zone VARCHAR]) -> TIMESTAMP WITH "
      "TIME ZONE",
      "The moment at which the zone's clock, UTC if left out, shows the six numbers.",
      "make_timestamptz(2013, 7, 1, 12, 0, 0, 'Europe/Paris')", "2013-07-01 10:00:00+00",
      BindMakeTimestamp<true>);
  add("make_interval", {},
      "make_interval(years, months, weeks, days, hours, mins, secs) -> INTERVAL",
      "The interval of the numbers; each may be given by name and left out.",
      "make_interval(days => 10, hours => 2)", "10 days 02:00:00", BindMakeInterval);
  RegisterIntervalUnits(add);
  add("justify_days", {}, "justify_days(interval INTERVAL) -> INTERVAL", "With 30 days as a month.",
      "justify_days(INTERVAL '35 days')", "1 mon 5 days", BindJustify<JustifyDays>);
  add("justify_hours", {}, "justify_hours(interval INTERVAL) -> INTERVAL",
      "With 24 hours as a day.", "justify_hours(INTERVAL '27 hours')", "1 day 03:00:00",
      BindJustify<JustifyHours>);
  add("justify_interval", {}, "justify_interval(interval INTERVAL) -> INTERVAL",
      "With 24 hours as a day and 30 days as a month, all parts of one sign.",
      "justify_interval(INTERVAL '1 month -1 hour')", "29 days 23:00:00",
      BindJustify<JustifyInterval>);
}

}  // namespace velaria::dates
