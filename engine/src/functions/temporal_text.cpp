#include "functions/temporal_text.hpp"

#include <limits>

#include "base/text.hpp"

namespace velaria::calendar {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

/// Reads from the front of a text; each call consumes what it accepts.
struct Reader {
  std::string_view text;

  bool Take(char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }
  bool SkipBlanks() {
    const size_t before = text.size();
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    return text.size() != before;
  }
  /// An unsigned number of `least` to `most` digits.
  std::optional<int64_t> Digits(size_t least, size_t most) {
    size_t count = 0;
    int64_t value = 0;
    while (count < text.size() && count < most && IsDigit(text[count]))
      value = value * 10 + (text[count++] - '0');
    if (count < least || (count < text.size() && IsDigit(text[count]))) return std::nullopt;
    text.remove_prefix(count);
    return value;
  }
  /// ".123456" as nanoseconds; digits past the ninth are rounded; 0 when there is no point.
  std::optional<int64_t> Fraction() {
    if (!Take('.')) return 0;
    int64_t nanos = 0;
    int count = 0;
    bool round_up = false;
    while (!text.empty() && IsDigit(text.front())) {
      if (count < 9) nanos = nanos * 10 + (text.front() - '0');
      if (count == 9) round_up = text.front() >= '5';
      ++count;
      text.remove_prefix(1);
    }
    if (count == 0) return std::nullopt;
    for (int i = count; i < 9; ++i) nanos *= 10;
    return nanos + (round_up ? 1 : 0);
  }
};

/// A date or timestamp without its BC or AD, and whether that was BC.
Reader WithoutEra(std::string_view text, bool* is_bc) {
  text = Trim(text);
  *is_bc = false;
  const size_t end = text.size();
  if (end > 3 && IsBlank(text[end - 3])) {
    *is_bc = EqualsIgnoreCase(text.substr(end - 2), "bc");
    if (*is_bc || EqualsIgnoreCase(text.substr(end - 2), "ad"))
      text = Trim(text.substr(0, end - 2));
  }
  return Reader{text};
}

std::optional<int64_t> ReadDate(Reader* in, bool is_bc) {
  const auto told = in->Digits(4, 7);
  if (!told || *told == 0 || !in->Take('-')) return std::nullopt;
  const auto month = in->Digits(1, 2);
  if (!month || !in->Take('-')) return std::nullopt;
  const auto day = in->Digits(1, 2);
  const int64_t year = YearOfTold(is_bc ? -*told : *told);
  if (!day || !IsDate(year, *month, *day)) return std::nullopt;
  return DaysOf(year, static_cast<int>(*month), static_cast<int>(*day));
}

std::optional<int64_t> ReadTime(Reader* in, int64_t hours_max = 23) {
  const auto hour = in->Digits(1, hours_max > 99 ? 7 : 2);
  if (!hour || *hour > hours_max || !in->Take(':')) return std::nullopt;
  const auto minute = in->Digits(2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int64_t second = 0, nanos = 0;
  if (in->Take(':')) {
    const auto whole = in->Digits(2, 2);
    // 60 is a leap second and counts as the next minute's first, as in PostgreSQL.
    if (!whole || *whole > 60) return std::nullopt;
    second = *whole;
    const auto fraction = in->Fraction();
    if (!fraction) return std::nullopt;
    nanos = *fraction;
  }
  return ((*hour * 60 + *minute) * 60 + second) * kNanosPerSecond + nanos;
}

/// "+05:30", "-0800", "+02", after the sign's presence was seen.
std::optional<int64_t> ReadOffset(Reader* in) {
  const bool negative = in->text.front() == '-';
  in->text.remove_prefix(1);
  size_t count = 0;
  while (count < in->text.size() && IsDigit(in->text[count])) ++count;
  if (count == 4) {
    const auto both = in->Digits(4, 4);
    const int64_t offset = *both / 100 * 3600 + *both % 100 * 60;
    if (*both % 100 > 59 || offset > 16 * 3600) return std::nullopt;
    return negative ? -offset : offset;
  }
  const auto hours = in->Digits(1, 2);
  if (!hours || *hours > 15) return std::nullopt;
  int64_t offset = *hours * 3600;
  if (in->Take(':')) {
    const auto minutes = in->Digits(2, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    offset += *minutes * 60;
    if (in->Take(':')) {
      const auto rest = in->Digits(2, 2);
      if (!rest || *rest > 59) return std::nullopt;
      offset += *rest;
    }
  }
  return negative ? -offset : offset;
}

struct IntervalUnit {
  std::string_view name;
  int months, days;
  int64_t nanos;
};

const IntervalUnit* FindUnit(std::string_view name) {
  static constexpr int64_t kMinute = 60 * kNanosPerSecond, kHour = 60 * kMinute;
  static const IntervalUnit units[] = {{"year", 12, 0, 0},
                                       {"y", 12, 0, 0},
                                       {"yr", 12, 0, 0},
                                       {"quarter", 3, 0, 0},
                                       {"month", 1, 0, 0},
                                       {"mon", 1, 0, 0},
                                       {"decade", 120, 0, 0},
                                       {"century", 1200, 0, 0},
                                       {"week", 0, 7, 0},
                                       {"w", 0, 7, 0},
                                       {"day", 0, 1, 0},
                                       {"d", 0, 1, 0},
                                       {"hour", 0, 0, kHour},
                                       {"h", 0, 0, kHour},
                                       {"hr", 0, 0, kHour},
                                       {"minute", 0, 0, kMinute},
                                       {"min", 0, 0, kMinute},
                                       {"m", 0, 0, kMinute},
                                       {"second", 0, 0, kNanosPerSecond},
                                       {"sec", 0, 0, kNanosPerSecond},
                                       {"s", 0, 0, kNanosPerSecond},
                                       {"millisecond", 0, 0, 1'000'000},
                                       {"ms", 0, 0, 1'000'000},
                                       {"microsecond", 0, 0, 1'000},
                                       {"us", 0, 0, 1'000},
                                       {"nanosecond", 0, 0, 1},
                                       {"ns", 0, 0, 1}};
  for (const auto& unit : units) {
    if (unit.name == name) return &unit;
  }
  if (name == "centuries") return FindUnit("century");
  return name.size() > 1 && name.back() == 's' ? FindUnit(name.substr(0, name.size() - 1))
                                               : nullptr;
}

struct IntervalSum {
  __int128 months = 0, days = 0, nanos = 0;
  std::optional<Interval> Finish() const {
    constexpr auto kInt = std::numeric_limits<int32_t>::max();
    constexpr auto kLong = std::numeric_limits<int64_t>::max();
    if (months > kInt || months < -kInt || days > kInt || days < -kInt || nanos > kLong ||
        nanos < -kLong)
      return std::nullopt;
    return Interval{static_cast<int32_t>(months), static_cast<int32_t>(days),
                    static_cast<int64_t>(nanos)};
  }
};

void AppendTwoDigits(int64_t value, std::string* out) {
  out->push_back(static_cast<char>('0' + value / 10));
  out->push_back(static_cast<char>('0' + value % 10));
}

/// Year, month and day; whether the year lies before 1, which the text tells at its end.
bool AppendCivil(const CivilDate& civil, std::string* out) {
  const int64_t told = ToldYear(civil.year), year = told < 0 ? -told : told;
  if (year > 9999) {
    *out += std::to_string(year);
  } else {
    AppendTwoDigits(year / 100, out);
    AppendTwoDigits(year % 100, out);
  }
  out->push_back('-');
  AppendTwoDigits(civil.month, out);
  out->push_back('-');
  AppendTwoDigits(civil.day, out);
  return told < 0;
}

/// "+00", "+05:30"
void AppendOffset(int64_t offset_seconds, std::string* out) {
  const int64_t size = offset_seconds < 0 ? -offset_seconds : offset_seconds;
  out->push_back(offset_seconds < 0 ? '-' : '+');
  AppendTwoDigits(size / 3600, out);
  if (size % 3600 == 0) return;
  out->push_back(':');
  AppendTwoDigits(size / 60 % 60, out);
  if (size % 60 == 0) return;
  out->push_back(':');
  AppendTwoDigits(size % 60, out);
}

/// Adds `whole` and `fraction` (nano-parts of one) units. A fraction of a month counts in days of a
/// 30-day month, a fraction of a day in time, as in PostgreSQL; a fraction of a year in whole
/// months.
void AddUnits(const IntervalUnit& unit, int64_t whole, int64_t fraction, int sign,
              IntervalSum* sum) {
  sum->months += static_cast<__int128>(sign) * whole * unit.months;
  sum->days += static_cast<__int128>(sign) * whole * unit.days;
  sum->nanos += static_cast<__int128>(sign) * whole * unit.nanos;
  if (fraction == 0) return;
  const __int128 parts = static_cast<__int128>(sign) * fraction;
  if (unit.months > 1) {
    sum->months += parts * unit.months / kNanosPerSecond;
  } else if (unit.months == 1) {
    sum->days += parts * 30 / kNanosPerSecond;
  } else if (unit.days > 0) {
    sum->nanos += parts * unit.days * kSecondsPerDay;
  } else {
    sum->nanos += parts * unit.nanos / kNanosPerSecond;
  }
}

}  // namespace

std::optional<int64_t> ParseDate(std::string_view text) {
  bool is_bc = false;
  Reader in = WithoutEra(text, &is_bc);
  const auto days = ReadDate(&in, is_bc);
  return in.text.empty() ? days : std::nullopt;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  Reader in{Trim(text)};
  const auto nanos = ReadTime(&in);
  return in.text.empty() && nanos && *nanos < kNanosPerDay ? nanos : std::nullopt;
}

std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text) {
  bool is_bc = false;
  Reader in = WithoutEra(text, &is_bc);
  const auto days = ReadDate(&in, is_bc);
  if (!days) return std::nullopt;
  ParsedTimestamp out{*days * kSecondsPerDay, 0, std::nullopt, ""};
  if (in.text.empty()) return out;
  if (!in.Take('T') && !in.Take('t') && !in.SkipBlanks()) return std::nullopt;
  in.SkipBlanks();
  const auto time = ReadTime(&in);
  if (!time) return std::nullopt;
  out.has_time = true;
  out.seconds += *time / kNanosPerSecond;
  out.nanos = *time % kNanosPerSecond;
  in.SkipBlanks();
  if (in.text.empty()) return out;
  if (in.text.front() == '+' || in.text.front() == '-') {
    out.offset = ReadOffset(&in);
    return out.offset && in.text.empty() ? std::optional(out) : std::nullopt;
  }
  if (EqualsIgnoreCase(in.text, "z") || EqualsIgnoreCase(in.text, "utc") ||
      EqualsIgnoreCase(in.text, "gmt")) {
    out.offset = 0;
    return out;
  }
  for (char c : in.text) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter && !IsDigit(c) && c != '/' && c != '_' && c != '-' && c != '+') return std::nullopt;
  }
  out.zone = std::string(in.text);
  return out;
}

// More do not fit into 64 bits of nanoseconds.
constexpr int64_t kIntervalHoursMax = 2'562'046;

std::optional<Interval> ParseInterval(std::string_view text) {
  Reader in{Trim(text)};
  if (in.text.empty()) return std::nullopt;
  IntervalSum sum;
  while (!in.text.empty()) {
    const int sign = in.Take('-') ? -1 : (in.Take('+'), 1);
    const Reader before = in;
    const auto clock = ReadTime(&in, kIntervalHoursMax);
    if (clock && (in.text.empty() || IsBlank(in.text.front()))) {
      sum.nanos += static_cast<__int128>(sign) * *clock;
      in.SkipBlanks();
      continue;
    }
    in = before;
    const auto whole = in.Digits(1, 18);
    const auto fraction = whole ? in.Fraction() : std::nullopt;
    if (!fraction) return std::nullopt;
    in.SkipBlanks();
    size_t length = 0;
    while (length < in.text.size() && !IsBlank(in.text[length]) && !IsDigit(in.text[length]))
      ++length;
    // A number alone counts seconds.
    const auto* unit = length == 0 && in.text.empty()
                           ? FindUnit("s")
                           : FindUnit(ToLower(in.text.substr(0, length)));
    if (unit == nullptr) return std::nullopt;
    AddUnits(*unit, *whole, *fraction, sign, &sum);
    in.text.remove_prefix(length);
    in.SkipBlanks();
    if (EqualsIgnoreCase(in.text, "ago")) {
      sum = {-sum.months, -sum.days, -sum.nanos};
      in.text = {};
    }
  }
  return sum.Finish();
}

void AppendDate(int64_t days, std::string* out) {
  if (AppendCivil(CivilOf(days), out)) *out += " BC";
}

void AppendTime(int64_t nanos, std::string* out) {
  const int64_t seconds = nanos / kNanosPerSecond;
  AppendTwoDigits(seconds / 3600, out);
  out->push_back(':');
  AppendTwoDigits(seconds / 60 % 60, out);
  out->push_back(':');
  AppendTwoDigits(seconds % 60, out);
  int64_t rest = nanos % kNanosPerSecond;
  if (rest == 0) return;
  out->push_back('.');
  for (int64_t place = kNanosPerSecond / 10; rest > 0; place /= 10) {
    out->push_back(static_cast<char>('0' + rest / place));
    rest %= place;
  }
}

void AppendTimestamp(int64_t seconds, int64_t nanos, std::optional<int64_t> offset_seconds,
                     std::string* out) {
  const bool is_bc = AppendCivil(CivilOf(FloorDivide(seconds, kSecondsPerDay)), out);
  out->push_back(' ');
  AppendTime(FloorModulo(seconds, kSecondsPerDay) * kNanosPerSecond + nanos, out);
  if (offset_seconds) AppendOffset(*offset_seconds, out);
  if (is_bc) *out += " BC";
}

void AppendInterval(const Interval& interval, std::string* out) {
  const size_t start = out->size();
  bool after_negative = false;  // then a positive part bears its sign
  auto part = [&](int64_t count, const char* name) {
    if (count == 0) return;
    if (out->size() > start) out->push_back(' ');
    if (after_negative && count > 0) out->push_back('+');
    *out += std::to_string(count) + " " + name + (count == 1 ? "" : "s");
    after_negative = count < 0;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (interval.nanoseconds == 0 && out->size() > start) return;
  if (out->size() > start) out->push_back(' ');
  if (interval.nanoseconds < 0 || after_negative)
    out->push_back(interval.nanoseconds < 0 ? '-' : '+');
  const auto magnitude =
      static_cast<uint64_t>(interval.nanoseconds < 0 ? -(interval.nanoseconds + 1)
                                                     : interval.nanoseconds) +
      (interval.nanoseconds < 0 ? 1 : 0);
  const int64_t hours = static_cast<int64_t>(magnitude / (3600 * kNanosPerSecond));
  if (hours < 100) {
    AppendTime(static_cast<int64_t>(magnitude), out);
  } else {
    *out += std::to_string(hours);
    std::string rest;
    AppendTime(static_cast<int64_t>(magnitude % (3600 * kNanosPerSecond)), &rest);
    *out += rest.substr(2);
  }
}

}  // namespace velaria::calendar
