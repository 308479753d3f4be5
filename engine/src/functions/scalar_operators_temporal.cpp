// Arithmetic of dates, times, timestamps and intervals. Months and days of an interval move the
// clock on the wall (of the timestamp's zone), the rest moves the moment, as in PostgreSQL.
#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/operators.hpp"
#include "functions/temporal_text.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::operators {
namespace {

using calendar::FloorDivide;
using calendar::FloorModulo;
using calendar::Interval;
using calendar::kNanosPerDay;
using calendar::kNanosPerSecond;
using calendar::kSecondsPerDay;
using kernels::MapBinary;

Status OutOfRange(const arrow::DataType& type, const std::string& text) {
  return Fail(ErrorCode::kOverflow, SqlName(type) + " out of range: " + text);
}

std::string DateText(int64_t days) {
  std::string out;
  calendar::AppendDate(days, &out);
  return out;
}

std::string IntervalText(const Interval& interval) {
  std::string out;
  calendar::AppendInterval(interval, &out);
  return out;
}

/// The same with the arguments the other way round.
template <auto run>
Result<Vector> Swapped(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const Vector swapped[] = {arguments[1], arguments[0]};
  return run(context, binding, std::span<const Vector>(swapped), row_count);
}

template <int sign>
Result<Vector> RunDatePlusDays(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int32_t, int64_t, int32_t>(
      context, binding.type, arguments, row_count,
      [](int32_t date, int64_t days, int32_t* out) -> int64_t {
        int64_t value = 0;
        const bool fault = sign > 0 ? __builtin_add_overflow(int64_t{date}, days, &value)
                                    : __builtin_sub_overflow(int64_t{date}, days, &value);
        *out = static_cast<int32_t>(value);
        return -static_cast<int64_t>(fault || !std::in_range<int32_t>(value));
      },
      [&](int32_t date, int64_t days) {
        return OutOfRange(*binding.type,
                          DateText(date) + (sign > 0 ? " + " : " - ") + std::to_string(days));
      });
}

/// integer + date
Result<Vector> RunDateMinusDate(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int32_t, int32_t, int32_t>(
      context, binding.type, arguments, row_count,
      [](int32_t a, int32_t b, int32_t* out) -> int64_t {
        const int64_t value = int64_t{a} - b;
        *out = static_cast<int32_t>(value);
        return -static_cast<int64_t>(value != *out);
      },
      [&](int32_t a, int32_t b) {
        return OutOfRange(*binding.type, DateText(a) + " - " + DateText(b));
      });
}

/// value * to / from, rounded half away from zero.
int64_t RescaleNanos(int64_t nanos, int64_t units) {
  const int64_t step = kNanosPerSecond / units, half = step / 2, rest = nanos % step;
  return step == 1 ? nanos : nanos / step + (rest >= half ? 1 : 0) - (rest <= -half ? 1 : 0);
}

template <int sign>
Result<Vector> RunTimestampPlusInterval(const FunctionContext& context,
                                        const ScalarBinding& binding,
                                        std::span<const Vector> arguments, int64_t row_count) {
  const int64_t units = calendar::UnitsPerSecond(*binding.type);
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(*binding.type));
  const auto times = ViewFixed<int64_t>(arguments[0]);
  const auto intervals = ViewFixed<Interval>(arguments[1]);
  return kernels::MapToValue<int64_t>(
      context, binding.type, arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
        const Interval& interval = intervals[i];
        int64_t value = times[i];
        bool fault = false;
        if (interval.months != 0 || interval.days != 0) {
          const int64_t seconds = FloorDivide(value, units), part = FloorModulo(value, units);
          const int64_t local = seconds + zone.OffsetAt(seconds);
          int64_t days = FloorDivide(local, kSecondsPerDay);
          if (interval.months != 0)
            days = calendar::AddMonths(days, sign * int64_t{interval.months});
          days += sign * int64_t{interval.days};
          const int64_t moved = days * kSecondsPerDay + FloorModulo(local, kSecondsPerDay);
          fault |= __builtin_mul_overflow(zone.ToUtc(moved), units, &value);
          fault |= __builtin_add_overflow(value, part, &value);
        }
        fault |=
            __builtin_add_overflow(value, sign * RescaleNanos(interval.nanoseconds, units), &value);
        *out = value;
        if (!fault) return Status::OK();
        std::string text;
        calendar::AppendTimestamp(FloorDivide(times[i], units), 0, std::nullopt, &text);
        return OutOfRange(*binding.type,
                          text + (sign > 0 ? " + " : " - ") + IntervalText(interval));
      });
}

Interval DaysAndTime(__int128 nanos) {
  return {0, static_cast<int32_t>(nanos / kNanosPerDay),
          static_cast<int64_t>(nanos % kNanosPerDay)};
}

Result<Vector> RunTimestampMinusTimestamp(const FunctionContext& context,
                                          const ScalarBinding& binding,
                                          std::span<const Vector> arguments, int64_t row_count) {
  const int64_t step = kNanosPerSecond / calendar::UnitsPerSecond(*arguments[0].type());
  const auto a = ViewFixed<int64_t>(arguments[0]), b = ViewFixed<int64_t>(arguments[1]);
  return kernels::MapToValue<Interval>(
      context, binding.type, arguments, row_count, [&](int64_t i, Interval* out) {
        *out = DaysAndTime((static_cast<__int128>(a[i]) - b[i]) * step);
      });
}

/// date + time
Result<Vector> RunDatePlusTime(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int32_t, int64_t, int64_t>(
      context, binding.type, arguments, row_count,
      [](int32_t date, int64_t micros, int64_t* out) -> int64_t {
        return -static_cast<int64_t>(
            __builtin_mul_overflow(int64_t{date}, kSecondsPerDay * 1'000'000, out) ||
            __builtin_add_overflow(*out, micros, out));
      },
      [&](int32_t date, int64_t) { return OutOfRange(*binding.type, DateText(date)); });
}

/// A time of day wraps at midnight.
template <int sign>
Result<Vector> RunTimePlusInterval(const FunctionContext& context, const ScalarBinding& binding,
                                   std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int64_t, Interval, int64_t>(
      context, binding.type, arguments, row_count,
      [](int64_t micros, Interval interval, int64_t* out) {
        const int64_t moved = interval.nanoseconds / 1000 % (kSecondsPerDay * 1'000'000);
        *out = FloorModulo(micros % (kSecondsPerDay * 1'000'000) + sign * moved,
                           kSecondsPerDay * 1'000'000);
        return 0;
      },
      kernels::NoFault());
}

Result<Vector> RunTimeMinusTime(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<int64_t, int64_t, Interval>(
      context, binding.type, arguments, row_count,
      [](int64_t a, int64_t b, Interval* out) {
        // Times lie below a day; bits under a null may not.
        *out = {0, 0,
                static_cast<int64_t>((static_cast<uint64_t>(a) - static_cast<uint64_t>(b)) * 1000)};
        return 0;
      },
      kernels::NoFault());
}

template <int sign>
Result<Vector> RunIntervalPlusInterval(const FunctionContext& context, const ScalarBinding& binding,
                                       std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<Interval, Interval, Interval>(
      context, binding.type, arguments, row_count,
      [](Interval a, Interval b, Interval* out) -> int64_t {
        const int64_t months = int64_t{a.months} + sign * int64_t{b.months},
                      days = int64_t{a.days} + sign * int64_t{b.days};
        const bool fault =
            sign > 0 ? __builtin_add_overflow(a.nanoseconds, b.nanoseconds, &out->nanoseconds)
                     : __builtin_sub_overflow(a.nanoseconds, b.nanoseconds, &out->nanoseconds);
        out->months = static_cast<int32_t>(months);
        out->days = static_cast<int32_t>(days);
        return -static_cast<int64_t>(fault || !std::in_range<int32_t>(months) ||
                                     !std::in_range<int32_t>(days));
      },
      [&](Interval a, Interval b) {
        return OutOfRange(*binding.type,
                          IntervalText(a) + (sign > 0 ? " + " : " - ") + IntervalText(b));
      });
}

/// interval * factor: fractions of months go to days of a 30-day month, fractions of days to time.
int64_t Scale(const Interval& interval, double factor, Interval* out) {
  const double months = interval.months * factor, whole_months = std::trunc(months);
  const double days = interval.days * factor + (months - whole_months) * 30,
               whole_days = std::trunc(days);
  const double nanos = std::nearbyint(static_cast<double>(interval.nanoseconds) * factor +
                                      (days - whole_days) * static_cast<double>(kNanosPerDay));
  const bool fits = std::abs(whole_months) < 2147483648.0 && std::abs(whole_days) < 2147483648.0 &&
                    std::abs(nanos) < 9.2e18;
  *out = fits ? Interval{static_cast<int32_t>(whole_months), static_cast<int32_t>(whole_days),
                         static_cast<int64_t>(nanos)}
              : Interval{};
  return -static_cast<int64_t>(!fits);
}

template <bool divide>
Result<Vector> RunScaleInterval(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<Interval, double, Interval>(
      context, binding.type, arguments, row_count,
      [](Interval interval, double factor, Interval* out) {
        return Scale(interval, divide ? 1 / factor : factor, out);
      },
      [&](Interval interval, double factor) {
        if (divide && factor == 0)
          return Fail(ErrorCode::kDivisionByZero,
                      "division by zero: " + IntervalText(interval) + " / 0");
        return OutOfRange(*binding.type, IntervalText(interval));
      });
}

Result<Vector> RunNumberTimesInterval(const FunctionContext& context, const ScalarBinding& binding,
                                      std::span<const Vector> arguments, int64_t row_count) {
  const Vector swapped[] = {arguments[1], arguments[0]};
  return RunScaleInterval<false>(context, binding, swapped, row_count);
}

Result<Vector> RunNegateInterval(const FunctionContext& context, const ScalarBinding& binding,
                                 std::span<const Vector> arguments, int64_t row_count) {
  return kernels::MapUnary<Interval, Interval>(
      context, binding.type, arguments[0], row_count,
      [](Interval a, Interval* out) { return Scale(a, -1, out); },
      [&](Interval a) { return OutOfRange(*binding.type, IntervalText(a)); });
}

enum class Kind { kDate, kTimestamp, kTime, kInterval, kInteger, kNumber, kOpen, kOther };

Kind KindOf(const BindArguments& arguments, size_t index) {
  const TypePtr type = LogicalType(arguments.types[index]);
  if (type->id() == arrow::Type::NA || binding::IsTextLiteral(arguments, index)) return Kind::kOpen;
  if (type->id() == arrow::Type::DATE32 || type->id() == arrow::Type::DATE64) return Kind::kDate;
  if (type->id() == arrow::Type::TIMESTAMP) return Kind::kTimestamp;
  if (arrow::is_time(type->id())) return Kind::kTime;
  if (type->id() == arrow::Type::INTERVAL_MONTH_DAY_NANO) return Kind::kInterval;
  if (IsInteger(*type)) return Kind::kInteger;
  return IsNumeric(*type) ? Kind::kNumber : Kind::kOther;
}

/// What a literal or NULL beside `other` stands for.
Kind Resolve(char sign, Kind other) {
  if (other == Kind::kInterval) return sign == '*' || sign == '/' ? Kind::kNumber : Kind::kInterval;
  if (sign == '-' && other != Kind::kInteger && other != Kind::kNumber) return other;
  return Kind::kInterval;
}

TypePtr TypeOf(Kind kind) {
  switch (kind) {
    case Kind::kDate: return arrow::date32();
    case Kind::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case Kind::kInterval: return arrow::month_day_nano_interval();
    case Kind::kInteger: return arrow::int64();
    case Kind::kNumber: return arrow::float64();
    default: return arrow::timestamp(arrow::TimeUnit::MICRO);
  }
}

Result<ScalarBinding> BindSum(Kind a, Kind b, const TypePtr& left, const TypePtr& right) {
  const TypePtr date = TypeOf(Kind::kDate), time = TypeOf(Kind::kTime),
                interval = TypeOf(Kind::kInterval);
  const TypePtr integer = TypeOf(Kind::kInteger), timestamp = TypeOf(Kind::kTimestamp);
  if (a == Kind::kDate && b == Kind::kInteger)
    return ScalarBinding{date, {date, integer}, RunDatePlusDays<1>};
  if (a == Kind::kInteger && b == Kind::kDate)
    return ScalarBinding{date, {integer, date}, Swapped<RunDatePlusDays<1>>};
  if (a == Kind::kDate && b == Kind::kTime)
    return ScalarBinding{timestamp, {date, time}, RunDatePlusTime};
  if (a == Kind::kTime && b == Kind::kDate)
    return ScalarBinding{timestamp, {time, date}, Swapped<RunDatePlusTime>};
  if (a == Kind::kInterval && b == Kind::kInterval)
    return ScalarBinding{interval, {interval, interval}, RunIntervalPlusInterval<1>};
  if (a == Kind::kTime && b == Kind::kInterval)
    return ScalarBinding{time, {time, interval}, RunTimePlusInterval<1>};
  if (a == Kind::kInterval && b == Kind::kTime)
    return ScalarBinding{time, {interval, time}, Swapped<RunTimePlusInterval<1>>};
  if ((a == Kind::kDate || a == Kind::kTimestamp) && b == Kind::kInterval) {
    const TypePtr type = a == Kind::kDate ? timestamp : left;
    return ScalarBinding{type, {type, interval}, RunTimestampPlusInterval<1>};
  }
  if (a == Kind::kInterval && (b == Kind::kDate || b == Kind::kTimestamp)) {
    const TypePtr type = b == Kind::kDate ? timestamp : right;
    return ScalarBinding{type, {interval, type}, Swapped<RunTimestampPlusInterval<1>>};
  }
  return binding::WrongArguments();
}

Result<ScalarBinding> BindDifference(Kind a, Kind b, const TypePtr& left, const TypePtr& right) {
  const TypePtr date = TypeOf(Kind::kDate), time = TypeOf(Kind::kTime),
                interval = TypeOf(Kind::kInterval);
  const bool moments =
      (a == Kind::kDate || a == Kind::kTimestamp) && (b == Kind::kDate || b == Kind::kTimestamp);
  if (a == Kind::kDate && b == Kind::kInteger)
    return ScalarBinding{date, {date, TypeOf(b)}, RunDatePlusDays<-1>};
  if (a == Kind::kDate && b == Kind::kDate)
    return ScalarBinding{arrow::int32(), {date, date}, RunDateMinusDate};
  if (moments) {
    VELARIA_ASSIGN_OR_RETURN(const TypePtr common, CommonType(left, right));
    return ScalarBinding{interval, {common, common}, RunTimestampMinusTimestamp};
  }
  if (a == Kind::kTime && b == Kind::kTime)
    return ScalarBinding{interval, {time, time}, RunTimeMinusTime};
  if (a == Kind::kTime && b == Kind::kInterval)
    return ScalarBinding{time, {time, interval}, RunTimePlusInterval<-1>};
  if (a == Kind::kInterval && b == Kind::kInterval)
    return ScalarBinding{interval, {interval, interval}, RunIntervalPlusInterval<-1>};
  if ((a == Kind::kDate || a == Kind::kTimestamp) && b == Kind::kInterval) {
    const TypePtr type = a == Kind::kDate ? TypeOf(Kind::kTimestamp) : left;
    return ScalarBinding{type, {type, interval}, RunTimestampPlusInterval<-1>};
  }
  return binding::WrongArguments();
}

}  // namespace

Result<ScalarBinding> BindTemporalArithmetic(char sign, const BindArguments& arguments) {
  const TypePtr interval = TypeOf(Kind::kInterval), number = TypeOf(Kind::kNumber);
  if (arguments.types.size() == 1) return ScalarBinding{interval, {interval}, RunNegateInterval};
  TypePtr left = LogicalType(arguments.types[0]), right = LogicalType(arguments.types[1]);
  Kind a = KindOf(arguments, 0), b = KindOf(arguments, 1);
  if (a == Kind::kOpen && b == Kind::kOpen) return binding::WrongArguments();
  if (a == Kind::kOpen) {
    a = Resolve(sign, b);
    left = a == Kind::kTimestamp ? right : TypeOf(a);
  } else if (b == Kind::kOpen) {
    b = Resolve(sign, a);
    right = b == Kind::kTimestamp ? left : TypeOf(b);
  }
  if (sign == '+') return BindSum(a, b, left, right);
  if (sign == '-') return BindDifference(a, b, left, right);
  const bool a_number = a == Kind::kInteger || a == Kind::kNumber,
             b_number = b == Kind::kInteger || b == Kind::kNumber;
  if (sign == '*' && a == Kind::kInterval && b_number)
    return ScalarBinding{interval, {interval, number}, RunScaleInterval<false>};
  if (sign == '*' && a_number && b == Kind::kInterval)
    return ScalarBinding{interval, {number, interval}, RunNumberTimesInterval};
  if (sign == '/' && a == Kind::kInterval && b_number)
    return ScalarBinding{interval, {interval, number}, RunScaleInterval<true>};
  return binding::WrongArguments();
}

}  // namespace velaria::operators
