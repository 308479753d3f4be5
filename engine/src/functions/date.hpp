// The parts of the date group, and the clock on the wall that they read.
#pragma once

#include "functions/binding.hpp"
#include "functions/calendar.hpp"
#include "functions/elementwise.hpp"

namespace velaria::dates {

/// Adds one row of the group "date".
class Adder {
 public:
  explicit Adder(FunctionRegistry& registry) : registry_(registry) {}
  void operator()(const char* name, std::vector<std::string> aliases, const char* signature,
                  const char* summary, const char* example, const char* result,
                  Result<ScalarBinding> (*bind)(const BindArguments&),
                  Volatility volatility = Volatility::kImmutable) {
    registry_.Add(ScalarFunction{name, std::move(aliases), "date", signature, summary, example,
                                 result, bind, kNullIfAnyNull, volatility});
  }

 private:
  FunctionRegistry& registry_;
};

void RegisterParts(Adder& add);       // year, date_part, epoch
void RegisterChange(Adder& add);      // date_trunc, time_bucket, make_date, timezone
void RegisterDifference(Adder& add);  // date_diff, date_add
void RegisterNow(Adder& add);         // now, today
void RegisterMakeTimes(Adder& add);   // make_time, make_interval, to_days, justify_days
void RegisterAge(Adder& add);         // age, date_bin, date_sub
void RegisterFormats(Adder& add);     // strftime, strptime, to_char, to_date

/// to_timestamp(text, pattern): the row of to_timestamp takes it for texts.
Result<ScalarBinding> BindParseByPattern(const BindArguments& arguments);

/// Units of date_trunc and date_diff, coarse to fine.
enum class Unit {
  kMillennium,
  kCentury,
  kDecade,
  kYear,
  kQuarter,
  kMonth,
  kWeek,
  kDay,
  kHour,
  kMinute,
  kSecond,
  kMillisecond,
  kMicrosecond
};
/// "month", "months", "mon", ...: VEL2015 for an unknown one.
Result<Unit> UnitFromName(const std::string& name);
/// The unit's name as argument `index` of a call, a literal.
Result<Unit> ConstantUnit(const BindArguments& arguments, size_t index);

struct WallTime {
  int64_t days;  // since 1970-01-01
  int64_t nanos_of_day;
};

/// Reads a DATE, TIME or TIMESTAMP vector (any unit, any zone) as wall clock times of its own zone.
class WallClock {
 public:
  static Result<WallClock> Make(const Vector& vector);
  WallTime operator[](int64_t row) {
    if (is_date_) return {dates_[row], 0};
    const int64_t value = narrow_ ? narrow_times_[row] : times_[row];
    const int64_t seconds = calendar::FloorDivide(value, units_);
    const int64_t local = seconds + zone_.OffsetAt(seconds);
    return {calendar::FloorDivide(local, calendar::kSecondsPerDay),
            calendar::FloorModulo(local, calendar::kSecondsPerDay) * calendar::kNanosPerSecond +
                calendar::FloorModulo(value, units_) * (calendar::kNanosPerSecond / units_)};
  }

 private:
  bool is_date_ = false, narrow_ = false;
  int64_t units_ = 1;
  FixedView<int32_t> dates_{}, narrow_times_{};
  FixedView<int64_t> times_{};
  calendar::Zone zone_;
};

}  // namespace velaria::dates
