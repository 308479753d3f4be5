// Dates, times, timestamps and intervals as text and back, in ISO 8601 with PostgreSQL's blank
// between date and time, and its BC at the end for years before 1. Parsing takes the whole text
// (blanks around it aside) or nothing.
#pragma once

#include <arrow/type.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "functions/calendar.hpp"

namespace velaria::calendar {

using Interval = arrow::MonthDayNanoIntervalType::MonthDayNanos;

struct ParsedTimestamp {
  int64_t seconds;                // by the clock on the wall
  int64_t nanos;                  // of the second
  std::optional<int64_t> offset;  // seconds east of UTC, when written
  std::string zone;               // a zone's name, when written
  bool has_time = false;          // false: a date alone, which stands for its midnight
};

std::optional<int64_t> ParseDate(std::string_view text);  // days
std::optional<int64_t> ParseTime(std::string_view text);  // nanoseconds of the day
std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text);
/// "1 year 2 months -3 days 04:05:06.7", any part alone, units singular or plural or short ("2h").
std::optional<Interval> ParseInterval(std::string_view text);

/// "2013-01-01", "0044-03-15 BC"
void AppendDate(int64_t days, std::string* out);
/// `nanos` of the day; the fraction without trailing zeros.
void AppendTime(int64_t nanos, std::string* out);
/// "2013-01-01 05:00:00", with an offset "2013-01-01 05:00:00+05:30"; `seconds` by the clock on the
/// wall.
void AppendTimestamp(int64_t seconds, int64_t nanos, std::optional<int64_t> offset_seconds,
                     std::string* out);
/// "1 year 2 mons 3 days 04:05:06"
void AppendInterval(const Interval& interval, std::string* out);

}  // namespace velaria::calendar
