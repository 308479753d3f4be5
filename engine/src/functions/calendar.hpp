// The proleptic Gregorian calendar and time zones. Day and second counts are since 1970-01-01;
// division of a count rounds toward minus infinity, so moments before 1970 fall into the right day.
// Years are counted as astronomers do, with a year 0. SQL has none: what a user writes and reads is
// a told year, in which -1 (1 BC) stands before 1.
#pragma once

#include <arrow/type.h>

#include <cstdint>
#include <string>

#include "base/status.hpp"

namespace arrow_vendored::date {
class time_zone;
}

namespace velaria::calendar {

inline constexpr int64_t kSecondsPerDay = 86400;
inline constexpr int64_t kNanosPerSecond = 1'000'000'000;
inline constexpr int64_t kNanosPerDay = kSecondsPerDay * kNanosPerSecond;

struct CivilDate {
  int64_t year;
  int month, day;  // from 1
};

constexpr int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
constexpr int64_t FloorModulo(int64_t a, int64_t b) { return a % b + (a % b < 0 ? b : 0); }

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": eras of 400 years that begin on 1
// March.
constexpr int64_t DaysOf(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = FloorDivide(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

constexpr CivilDate CivilOf(int64_t days) {
  days += 719468;
  const int64_t era = FloorDivide(days, 146097);
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(shifted_month + (shifted_month < 10 ? 3 : -9));
  return {year_of_era + era * 400 + (month <= 2), month,
          static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

constexpr int64_t ToldYear(int64_t year) { return year > 0 ? year : year - 1; }
/// Of a told year that is not 0.
constexpr int64_t YearOfTold(int64_t told) { return told > 0 ? told : told + 1; }

constexpr bool IsLeapYear(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
constexpr int DaysInMonth(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}
constexpr bool IsDate(int64_t year, int64_t month, int64_t day) {
  return month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, static_cast<int>(month));
}
/// 1 = Monday ... 7 = Sunday.
constexpr int IsoWeekday(int64_t days) { return static_cast<int>(FloorModulo(days + 3, 7)) + 1; }

struct IsoWeek {
  int64_t year;
  int week;
};
/// The week of ISO 8601: it belongs to the year that holds its Thursday.
constexpr IsoWeek IsoWeekOf(int64_t days) {
  const int64_t thursday = days - IsoWeekday(days) + 4;
  const int64_t year = CivilOf(thursday).year;
  return {year, static_cast<int>((thursday - DaysOf(year, 1, 1)) / 7) + 1};
}

/// `months` later, the day cut to the end of the month where it has fewer.
int64_t AddMonths(int64_t days, int64_t months);

constexpr int64_t UnitsPerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return 1;
    case arrow::TimeUnit::MILLI: return 1'000;
    case arrow::TimeUnit::MICRO: return 1'000'000;
    default: return kNanosPerSecond;
  }
}

/// The units per second of a timestamp, time or duration; 1000 for DATE64.
int64_t UnitsPerSecond(const arrow::DataType& type);

/// One time zone: named, "+05:30", or none (UTC). Keeps the last offset and its validity, so rows
/// in time order cost two comparisons. Belongs to one thread.
class Zone {
 public:
  /// VEL3004 for a name outside the time zone database.
  static Result<Zone> Make(const std::string& name);
  static Result<Zone> Of(const arrow::DataType& timestamp);

  bool is_utc() const { return zone_ == nullptr && fixed_offset_ == 0; }
  /// Seconds east of UTC at a moment.
  int64_t OffsetAt(int64_t utc_seconds) {
    if (zone_ == nullptr) return fixed_offset_;
    if (utc_seconds < begin_ || utc_seconds >= end_) Lookup(utc_seconds);
    return offset_;
  }
  /// The moment a clock on the wall shows `local_seconds`: in a gap by the offset before it, in a
  /// fold by the one after it, as PostgreSQL does.
  int64_t ToUtc(int64_t local_seconds) const;

 private:
  void Lookup(int64_t utc_seconds);
  const arrow_vendored::date::time_zone* zone_ = nullptr;
  int64_t fixed_offset_ = 0;
  int64_t begin_ = 0, end_ = 0, offset_ = 0;
};

}  // namespace velaria::calendar
