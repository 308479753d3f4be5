// Formats of dates and times: the C library's letters (strftime, with DuckDB's additions) and
// PostgreSQL's patterns (to_char) become one list of fields, which is written and read by one code.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace velaria::dates {

enum class FormatField {
  kLiteral,
  kYear,
  kYearOfEra,      // beside BC or AD, without a sign
  kYearOfCentury,  // read as 1969 to 2068, as POSIX says
  kYearNear2020,   // the same, read as 1970 to 2069, as PostgreSQL says
  kEra,            // AD, BC
  kEraPoints,      // A.D., B.C.
  kMonth,
  kMonthName,
  kMonthShort,
  kMonthRoman,
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
  bool is_ordinal = false;  // 1st, 2nd
};
using Format = std::vector<FormatItem>;

/// A time on the wall, and where that wall stands.
struct Moment {
  int64_t days = 0, nanos_of_day = 0;
  std::optional<int64_t> offset;  // seconds east of UTC
  std::string zone;
};

inline constexpr std::array<std::string_view, 12> kMonthNames = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
inline constexpr std::array<std::string_view, 12> kRomanMonths = {
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};
inline constexpr std::array<std::string_view, 7> kDayNames = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

/// VEL2008 for an unknown letter.
Result<Format> FormatFromLetters(const std::string& text);
Result<Format> FormatFromPattern(const std::string& text);
/// VEL2008 when a field of the format would be read and mean nothing; `written` is the format.
Status CheckReadable(const Format& format, const std::string& written);

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
