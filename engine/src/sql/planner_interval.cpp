// INTERVAL texts: pairs of number and unit, a trailing clock time, or a bare number with the unit
// written after it.
#include <arrow/scalar.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "sql/planner_literal.hpp"

namespace velaria::sql {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;
constexpr double kSecondsPerDay = 86400;
constexpr double kDaysPerMonth = 30;

struct Amount {
  double months = 0, days = 0, seconds = 0;
};

struct Unit {
  const char* name;
  Amount amount;
};

constexpr Unit kIntervalUnits[] = {
    {"millennium", {12000, 0, 0}},
    {"century", {1200, 0, 0}},
    {"decade", {120, 0, 0}},
    {"year", {12, 0, 0}},
    {"y", {12, 0, 0}},
    {"quarter", {3, 0, 0}},
    {"month", {1, 0, 0}},
    {"mon", {1, 0, 0}},
    {"week", {0, 7, 0}},
    {"w", {0, 7, 0}},
    {"day", {0, 1, 0}},
    {"d", {0, 1, 0}},
    {"hour", {0, 0, 3600}},
    {"h", {0, 0, 3600}},
    {"minute", {0, 0, 60}},
    {"min", {0, 0, 60}},
    {"m", {0, 0, 60}},
    {"second", {0, 0, 1}},
    {"sec", {0, 0, 1}},
    {"s", {0, 0, 1}},
    {"millisecond", {0, 0, 1e-3}},
    {"ms", {0, 0, 1e-3}},
    {"microsecond", {0, 0, 1e-6}},
    {"us", {0, 0, 1e-6}},
    {"nanosecond", {0, 0, 1e-9}},
    {"ns", {0, 0, 1e-9}},
};

const Unit* FindUnit(const std::string& written) {
  const std::string name = ToLower(written);
  for (const auto& unit : kIntervalUnits) {
    if (name == unit.name || name == std::string(unit.name) + "s") return &unit;
  }
  return nullptr;
}

/// The unit that a misspelt word was meant to be, or "": the short ones are near to anything.
std::string NearUnit(const std::string& written) {
  std::vector<std::string> names;
  for (const auto& unit : kIntervalUnits) {
    const std::string name = unit.name;
    if (name.size() < 3) continue;
    names.push_back(name);
    names.push_back(name + "s");
  }
  return written.size() < 3 ? "" : NearestName(written, names);
}

bool ReadNumber(const std::string& text, double* out) {
  const char* from = text.data() + (text[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(from, text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

/// [-]hh:mm[:ss[.fff]] in seconds.
bool ReadClock(std::string text, double* out) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.erase(0, 1);
  double seconds = 0, factor = 3600;
  size_t from = 0;
  for (int part = 0; part < 3; ++part, factor /= 60) {
    const auto colon = text.find(':', from);
    const std::string piece = text.substr(from, colon == std::string::npos ? colon : colon - from);
    double value = 0;
    if (piece.empty() || piece[0] == '-' || !ReadNumber(piece, &value)) return false;
    seconds += value * factor;
    if (colon == std::string::npos) {
      *out = negative ? -seconds : seconds;
      return part > 0;
    }
    from = colon + 1;
  }
  return false;
}

/// Words of the text; a number directly before its unit ("5day") is split off.
std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (char c : text) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (c == ' ' || c == '\t' || c == ',') {
      flush();
      continue;
    }
    if (letter && !word.empty() && !std::isalpha(static_cast<unsigned char>(word.back()))) flush();
    word += c;
  }
  flush();
  return words;
}

}  // namespace

Result<std::shared_ptr<arrow::Scalar>> ParseInterval(const std::string& text,
                                                     const std::string& unit, Place place) {
  const auto fail = [&](const std::string& near = "") {
    return FailAt(place, ErrorCode::kBadLiteral, "literal is not an interval: '" + text + "'",
                  near.empty()
                      ? "Write a number and a unit, such as INTERVAL '5 days' or INTERVAL '5' DAY."
                      : "Did you mean " + near + "?");
  };
  Amount total;
  const auto add = [&](double value, const Unit& of) {
    total.months += value * of.amount.months;
    total.days += value * of.amount.days;
    total.seconds += value * of.amount.seconds;
  };
  const auto words = Words(text);
  if (words.empty()) return fail();
  for (size_t i = 0; i < words.size(); ++i) {
    double value = 0;
    if (words[i].find(':') != std::string::npos) {
      if (!ReadClock(words[i], &value)) return fail();
      total.seconds += value;
      continue;
    }
    if (!ReadNumber(words[i], &value)) return fail();
    const bool has_unit = i + 1 < words.size();
    const Unit* found = has_unit ? FindUnit(words[++i]) : FindUnit(unit.empty() ? "second" : unit);
    if (!found) return fail(NearUnit(words[i]));
    add(value, *found);
  }
  // A fraction of a month is days of thirty a month, a fraction of a day is time, as in PostgreSQL.
  const double months = std::trunc(total.months);
  const double all_days = total.days + (total.months - months) * kDaysPerMonth;
  const double days = std::trunc(all_days);
  const double seconds = total.seconds + (all_days - days) * kSecondsPerDay;
  constexpr double kCountMax = std::numeric_limits<int32_t>::max();
  if (std::abs(months) > kCountMax || std::abs(days) > kCountMax || std::abs(seconds) > 9e9) {
    return fail();
  }
  arrow::MonthDayNanoIntervalType::MonthDayNanos value;
  value.months = static_cast<int32_t>(months);
  value.days = static_cast<int32_t>(days);
  value.nanoseconds = std::llround(seconds * kNanosecondsPerSecond);
  return std::make_shared<arrow::MonthDayNanoIntervalScalar>(value);
}

}  // namespace velaria::sql
