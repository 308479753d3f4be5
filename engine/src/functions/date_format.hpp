// Formats of dates and times: the C library's letters (strftime, with DuckDB's additions) and
// PostgreSQL's patterns (to_char) become one list of fields, which is written and read by one code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace velaria::dates {

enum class FormatField {
  kLiteral,
  kYear,
  kYearOfCentury,
  kMonth,
  kMonthName,
  kMonthShort,
  kDay,
  kDayOfYear,
  kDayName,
  kDayShort,
  kSundayIs0,
  kSundayIs1,
  kSundayIs7,
  kHour24,
  kHour12,
  kHalfOfDay,        // AM, PM
  kHalfOfDayPoints,  // A.M., P.M.
  kMinute,
  kSecond,
  kFraction,  // `width` digits of the second
  kWeekIso,
  kYearIso,
  kWeekSunday,  // the first Sunday begins week 1
  kWeekMonday,
  kWeekOfYear,   // 1 January begins week 1
  kWeekOfMonth,  // the first of the month begins week 1
  kQuarter,
  kCentury,
  kJulianDay,
  kOffset,  // +00, +05:30
  kZone,
  kEpoch,
};

enum class Letters { kAsTheyAre, kUpper, kLower };

struct FormatItem {
  FormatField field = FormatField::kLiteral;
  std::string literal;
  int width = 0;  // digits, filled with zeros; names are filled with blanks
  Letters letters = Letters::kAsTheyAre;
};
using Format = std::vector<FormatItem>;

/// A time on the wall, and where that wall stands.
struct Moment {
  int64_t days = 0, nanos_of_day = 0;
  std::optional<int64_t> offset;  // seconds east of UTC
  std::string zone;
};

/// VEL2008 for an unknown letter.
Result<Format> FormatFromLetters(const std::string& text);
Result<Format> FormatFromPattern(const std::string& text);

void AppendMoment(const Format& format, const Moment& moment, std::string* out);
/// The moment a text of that format means; nothing when it is not of the format or no date. Fields
/// that are missing are those of 1900-01-01 00:00 (year_default).
std::optional<Moment> ParseMoment(const Format& format, std::string_view text, int year_default);
/// That moment in microseconds since 1970, in UTC when the text says where its wall stands; its
/// days for a DATE. VEL2015 for an unknown time zone.
Result<std::optional<int64_t>> ReadMoment(const Format& format, std::string_view text,
                                          int year_default, bool is_date);
bool IsZoned(const Format& format);

}  // namespace velaria::dates
