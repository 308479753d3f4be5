// The two spellings of a date's format: %Y-%m-%d and YYYY-MM-DD.
#include "base/text.hpp"
#include "functions/date_format.hpp"

namespace velaria::dates {
namespace {

bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

void AddLiteral(std::string_view text, Format* format) {
  if (format->empty() || format->back().field != FormatField::kLiteral) format->emplace_back();
  format->back().literal += text;
}

struct Letter {
  char letter;
  FormatField field;
  int width;
};
// %f, %g and %n are DuckDB's: micro-, milli- and nanoseconds.
constexpr Letter kLetters[] = {
    {'Y', FormatField::kYear, 4},       {'y', FormatField::kYearOfCentury, 2},
    {'m', FormatField::kMonth, 2},      {'B', FormatField::kMonthName, 0},
    {'b', FormatField::kMonthShort, 0}, {'h', FormatField::kMonthShort, 0},
    {'d', FormatField::kDay, 2},        {'e', FormatField::kDay, 0},
    {'j', FormatField::kDayOfYear, 3},  {'A', FormatField::kDayName, 0},
    {'a', FormatField::kDayShort, 0},   {'w', FormatField::kSundayIs0, 0},
    {'u', FormatField::kSundayIs7, 0},  {'H', FormatField::kHour24, 2},
    {'I', FormatField::kHour12, 2},     {'p', FormatField::kHalfOfDay, 0},
    {'M', FormatField::kMinute, 2},     {'S', FormatField::kSecond, 2},
    {'f', FormatField::kFraction, 6},   {'g', FormatField::kFraction, 3},
    {'n', FormatField::kFraction, 9},   {'V', FormatField::kWeekIso, 2},
    {'G', FormatField::kYearIso, 4},    {'U', FormatField::kWeekSunday, 2},
    {'W', FormatField::kWeekMonday, 2}, {'C', FormatField::kCentury, 2},
    {'z', FormatField::kOffset, 0},     {'Z', FormatField::kZone, 0},
    {'s', FormatField::kEpoch, 0},
};

/// Letters that stand for a format of their own.
std::string_view Expansion(char letter) {
  switch (letter) {
    case 'c': return "%Y-%m-%d %H:%M:%S";
    case 'x':
    case 'F': return "%Y-%m-%d";
    case 'X':
    case 'T': return "%H:%M:%S";
    case 'R': return "%H:%M";
    case 'D': return "%m/%d/%y";
    default: return {};
  }
}

struct Pattern {
  std::string_view text;
  FormatField field;
  int width;
};
// Longer patterns stand before those that begin like them. What PostgreSQL has and is not supported
// is a literal.
constexpr Pattern kPatterns[] = {
    {"YYYY", FormatField::kYear, 4},
    {"YYY", FormatField::kLiteral, 0},
    {"Y,YYY", FormatField::kLiteral, 0},
    {"IYYY", FormatField::kYearIso, 4},
    {"YY", FormatField::kYearNear2020, 2},
    {"BC", FormatField::kEra, 0},
    {"AD", FormatField::kEra, 0},
    {"B.C.", FormatField::kEraPoints, 0},
    {"A.D.", FormatField::kEraPoints, 0},
    {"RM", FormatField::kMonthRoman, 4},
    {"MONTH", FormatField::kMonthName, 9},
    {"MON", FormatField::kMonthShort, 0},
    {"MM", FormatField::kMonth, 2},
    {"MI", FormatField::kMinute, 2},
    {"MS", FormatField::kFraction, 3},
    {"DDD", FormatField::kDayOfYear, 3},
    {"DD", FormatField::kDay, 2},
    {"DAY", FormatField::kDayName, 9},
    {"DY", FormatField::kDayShort, 0},
    {"D", FormatField::kSundayIs1, 0},
    {"HH24", FormatField::kHour24, 2},
    {"HH12", FormatField::kHour12, 2},
    {"HH", FormatField::kHour12, 2},
    {"SSSS", FormatField::kLiteral, 0},
    {"SS", FormatField::kSecond, 2},
    {"US", FormatField::kFraction, 6},
    {"FF1", FormatField::kFraction, 1},
    {"FF2", FormatField::kFraction, 2},
    {"FF3", FormatField::kFraction, 3},
    {"FF4", FormatField::kFraction, 4},
    {"FF5", FormatField::kFraction, 5},
    {"FF6", FormatField::kFraction, 6},
    {"A.M.", FormatField::kHalfOfDayPoints, 0},
    {"P.M.", FormatField::kHalfOfDayPoints, 0},
    {"AM", FormatField::kHalfOfDay, 0},
    {"PM", FormatField::kHalfOfDay, 0},
    {"IW", FormatField::kWeekIso, 2},
    {"IDDD", FormatField::kLiteral, 0},
    {"ID", FormatField::kSundayIs7, 0},
    {"WW", FormatField::kWeekOfYear, 2},
    {"W", FormatField::kWeekOfMonth, 0},
    {"Q", FormatField::kQuarter, 0},
    {"CC", FormatField::kCentury, 2},
    {"J", FormatField::kJulianDay, 0},
    {"TZ", FormatField::kZone, 0},
    {"OF", FormatField::kOffset, 0},
};

/// Which letters a name is written in, from how the pattern is: MONTH, Month, month.
Letters LettersOf(std::string_view written) {
  const bool first_upper = written[0] >= 'A' && written[0] <= 'Z';
  if (!first_upper) return Letters::kLower;
  const bool second_upper = written.size() > 1 && written[1] >= 'A' && written[1] <= 'Z';
  const bool points = written.size() > 1 && written[1] == '.';
  return second_upper || points ? Letters::kUpper : Letters::kAsTheyAre;
}

bool IsNameOfDate(FormatField field) {
  return field == FormatField::kMonthName || field == FormatField::kMonthShort ||
         field == FormatField::kDayName || field == FormatField::kDayShort;
}

bool HasLetters(FormatField field) {
  return IsNameOfDate(field) || field == FormatField::kMonthRoman || field == FormatField::kEra ||
         field == FormatField::kEraPoints || field == FormatField::kHalfOfDay ||
         field == FormatField::kHalfOfDayPoints;
}

bool HasOrdinal(FormatField field) {
  return !HasLetters(field) && field != FormatField::kFraction && field != FormatField::kOffset &&
         field != FormatField::kZone;
}

/// The field that `rest` begins with; null for none.
const Pattern* PatternAt(std::string_view rest) {
  for (const auto& pattern : kPatterns) {
    if (EqualsIgnoreCase(rest.substr(0, pattern.text.size()), pattern.text)) return &pattern;
  }
  return nullptr;
}

Status UnknownField(std::string_view rest) {
  size_t end = 0;
  while (end < rest.size() && IsAsciiLetter(rest[end])) ++end;
  return Fail(ErrorCode::kBadPattern,
              "a field of dates that is not supported: " + std::string(rest.substr(0, end)),
              "Text that is no field stands in double quotes.");
}

}  // namespace

Result<Format> FormatFromLetters(const std::string& text) {
  Format format;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      AddLiteral(text.substr(at, 1), &format);
      continue;
    }
    const bool bare = at + 1 < text.size() && text[at + 1] == '-';
    at += bare ? 2 : 1;
    const char letter = at < text.size() ? text[at] : '\0';
    if (letter == '%' && !bare) {
      AddLiteral("%", &format);
      continue;
    }
    if (const std::string_view longer = Expansion(letter); !longer.empty() && !bare) {
      VELARIA_ASSIGN_OR_RETURN(const Format inner, FormatFromLetters(std::string(longer)));
      format.insert(format.end(), inner.begin(), inner.end());
      continue;
    }
    bool known = false;
    for (const auto& entry : kLetters) {
      if (entry.letter != letter) continue;
      known = true;
      FormatItem& item = format.emplace_back();
      item.field = entry.field;
      item.width = bare && entry.field != FormatField::kFraction ? 0 : entry.width;
    }
    if (!known) {
      return Fail(ErrorCode::kBadPattern, "not a format of dates: " + text,
                  "The letters are those of strftime, such as %Y-%m-%d %H:%M:%S.");
    }
  }
  return format;
}

Result<Format> FormatFromPattern(const std::string& text) {
  Format format;
  bool fill = true;       // off behind FM, which is for the next field
  bool is_local = false;  // behind TM, which is for a name; it is English all the same
  bool has_era = false;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (rest[0] == '"') {
      const size_t end = std::min(rest.find('"', 1), rest.size());
      AddLiteral(rest.substr(1, end - 1), &format);
      at += std::min(end + 1, rest.size());
      continue;
    }
    const bool is_fill = EqualsIgnoreCase(rest.substr(0, 2), "FM");
    if (is_fill || EqualsIgnoreCase(rest.substr(0, 2), "TM")) {
      fill = false;
      is_local |= !is_fill;
      at += 2;
      continue;
    }
    const Pattern* found = PatternAt(rest);
    if (found == nullptr && !IsAsciiLetter(rest[0])) {
      AddLiteral(rest.substr(0, 1), &format);
      ++at;
      continue;
    }
    const bool is_known = found && found->field != FormatField::kLiteral;
    if (!is_known || (is_local && !IsNameOfDate(found->field))) return UnknownField(rest);
    FormatItem& item = format.emplace_back();
    item.field = found->field;
    item.width = fill || item.field == FormatField::kFraction ? found->width : 0;
    if (HasLetters(item.field)) item.letters = LettersOf(rest);
    has_era |= item.field == FormatField::kEra || item.field == FormatField::kEraPoints;
    fill = true;
    is_local = false;
    at += found->text.size();
    const std::string_view ending = std::string_view(text).substr(at, 2);
    if (HasOrdinal(item.field) && (ending == "th" || ending == "TH")) {
      item.is_ordinal = true;
      item.letters = ending == "TH" ? Letters::kUpper : Letters::kLower;
      at += 2;
    }
  }
  for (auto& item : format) {
    if (has_era && item.field == FormatField::kYear) item.field = FormatField::kYearOfEra;
  }
  return format;
}

}  // namespace velaria::dates
