// Dates and times written by a format.
#include "functions/date_format.hpp"

#include "base/text.hpp"
#include "functions/calendar.hpp"

namespace velaria::dates {
namespace {

using calendar::CivilOf;
using calendar::kNanosPerSecond;

void AppendDigits(int64_t value, int width, std::string* out) {
  const std::string digits = std::to_string(value < 0 ? -value : value);
  if (value < 0) out->push_back('-');
  if (static_cast<int>(digits.size()) < width)
    out->append(static_cast<size_t>(width) - digits.size(), '0');
  *out += digits;
}

/// +00, +05:30
void AppendOffset(int64_t seconds, std::string* out) {
  const int64_t size = seconds < 0 ? -seconds : seconds;
  out->push_back(seconds < 0 ? '-' : '+');
  AppendDigits(size / 3600, 2, out);
  if (size % 3600 == 0) return;
  out->push_back(':');
  AppendDigits(size / 60 % 60, 2, out);
}

void AppendWord(std::string_view word, const FormatItem& item, std::string* out) {
  switch (item.letters) {
    case Letters::kUpper: *out += ToUpper(word); break;
    case Letters::kLower: *out += ToLower(word); break;
    default: out->append(word);
  }
  if (static_cast<int>(word.size()) < item.width)
    out->append(static_cast<size_t>(item.width) - word.size(), ' ');
}

void AppendOrdinal(int64_t number, Letters letters, std::string* out) {
  const bool is_teen = number / 10 % 10 == 1;
  std::string_view ending = "th";
  if (!is_teen && number % 10 == 1) ending = "st";
  if (!is_teen && number % 10 == 2) ending = "nd";
  if (!is_teen && number % 10 == 3) ending = "rd";
  *out += letters == Letters::kUpper ? ToUpper(ending) : std::string(ending);
}

/// The whole number that a field of digits shows.
int64_t NumberOf(FormatField field, const Moment& moment) {
  const auto civil = CivilOf(moment.days);
  const int64_t seconds = moment.nanos_of_day / kNanosPerSecond;
  const int weekday = calendar::IsoWeekday(moment.days);
  const int64_t day_of_year = moment.days - calendar::DaysOf(civil.year, 1, 1);
  switch (field) {
    case FormatField::kYear: return calendar::ToldYear(civil.year);
    case FormatField::kYearOfEra: return std::abs(calendar::ToldYear(civil.year));
    case FormatField::kYearOfCentury:
    case FormatField::kYearNear2020: return std::abs(calendar::ToldYear(civil.year)) % 100;
    case FormatField::kMonth: return civil.month;
    case FormatField::kDay: return civil.day;
    case FormatField::kDayOfYear: return day_of_year + 1;
    case FormatField::kSundayIs0: return weekday % 7;
    case FormatField::kSundayIs1: return weekday % 7 + 1;
    case FormatField::kSundayIs7: return weekday;
    case FormatField::kHour24: return seconds / 3600;
    case FormatField::kHour12: return (seconds / 3600 + 11) % 12 + 1;
    case FormatField::kMinute: return seconds / 60 % 60;
    case FormatField::kSecond: return seconds % 60;
    case FormatField::kWeekIso: return calendar::IsoWeekOf(moment.days).week;
    case FormatField::kYearIso: return calendar::ToldYear(calendar::IsoWeekOf(moment.days).year);
    case FormatField::kWeekSunday: return (day_of_year + 7 - weekday % 7) / 7;
    case FormatField::kWeekMonday: return (day_of_year + 7 - (weekday - 1)) / 7;
    case FormatField::kWeekOfYear: return day_of_year / 7 + 1;
    case FormatField::kWeekOfMonth: return (civil.day - 1) / 7 + 1;
    case FormatField::kQuarter: return (civil.month + 2) / 3;
    case FormatField::kCentury:
      return calendar::ToldYear(calendar::FloorDivide(civil.year + 99, 100));
    case FormatField::kJulianDay: return moment.days + 2440588;
    default: return moment.days * calendar::kSecondsPerDay + seconds - moment.offset.value_or(0);
  }
}

}  // namespace

void AppendMoment(const Format& format, const Moment& moment, std::string* out) {
  for (const auto& item : format) {
    const bool morning = moment.nanos_of_day < 12 * 3600 * kNanosPerSecond;
    switch (item.field) {
      case FormatField::kLiteral: *out += item.literal; break;
      case FormatField::kMonthName:
        AppendWord(kMonthNames[CivilOf(moment.days).month - 1], item, out);
        break;
      case FormatField::kMonthShort:
        AppendWord(kMonthNames[CivilOf(moment.days).month - 1].substr(0, 3), item, out);
        break;
      case FormatField::kMonthRoman:
        AppendWord(kRomanMonths[CivilOf(moment.days).month - 1], item, out);
        break;
      case FormatField::kDayName:
        AppendWord(kDayNames[calendar::IsoWeekday(moment.days) - 1], item, out);
        break;
      case FormatField::kDayShort:
        AppendWord(kDayNames[calendar::IsoWeekday(moment.days) - 1].substr(0, 3), item, out);
        break;
      case FormatField::kHalfOfDay: AppendWord(morning ? "AM" : "PM", item, out); break;
      case FormatField::kHalfOfDayPoints: AppendWord(morning ? "A.M." : "P.M.", item, out); break;
      case FormatField::kEra:
        AppendWord(CivilOf(moment.days).year > 0 ? "AD" : "BC", item, out);
        break;
      case FormatField::kEraPoints:
        AppendWord(CivilOf(moment.days).year > 0 ? "A.D." : "B.C.", item, out);
        break;
      case FormatField::kFraction: {
        int64_t fraction = moment.nanos_of_day % kNanosPerSecond;
        for (int digits = 9; digits > item.width; --digits) fraction /= 10;
        AppendDigits(fraction, item.width, out);
        break;
      }
      case FormatField::kOffset: AppendOffset(moment.offset.value_or(0), out); break;
      case FormatField::kZone: *out += moment.zone; break;
      default: {
        const int64_t number = NumberOf(item.field, moment);
        AppendDigits(number, item.width, out);
        if (item.is_ordinal) AppendOrdinal(number, item.letters, out);
      }
    }
  }
}

}  // namespace velaria::dates
