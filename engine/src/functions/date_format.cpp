#include "functions/date_format.hpp"

#include "base/text.hpp"
#include "functions/calendar.hpp"
#include "functions/temporal_text.hpp"

namespace velaria::dates {
namespace {

using calendar::CivilOf;
using calendar::kNanosPerSecond;

constexpr const char* kMonthNames[] = {"January", "February", "March",     "April",
                                       "May",     "June",     "July",      "August",
                                       "September", "October", "November", "December"};
constexpr const char* kDayNames[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                     "Friday", "Saturday", "Sunday"};

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

/// The whole number that a field of digits shows.
int64_t NumberOf(FormatField field, const Moment& moment) {
  const auto civil = CivilOf(moment.days);
  const int64_t seconds = moment.nanos_of_day / kNanosPerSecond;
  const int weekday = calendar::IsoWeekday(moment.days);
  const int64_t day_of_year = moment.days - calendar::DaysOf(civil.year, 1, 1);
  switch (field) {
    case FormatField::kYear: return civil.year;
    case FormatField::kYearOfCentury: return calendar::FloorModulo(civil.year, 100);
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
    case FormatField::kYearIso: return calendar::IsoWeekOf(moment.days).year;
    case FormatField::kWeekSunday: return (day_of_year + 7 - weekday % 7) / 7;
    case FormatField::kWeekMonday: return (day_of_year + 7 - (weekday - 1)) / 7;
    case FormatField::kWeekOfYear: return day_of_year / 7 + 1;
    case FormatField::kWeekOfMonth: return (civil.day - 1) / 7 + 1;
    case FormatField::kQuarter: return (civil.month + 2) / 3;
    case FormatField::kCentury: return calendar::FloorDivide(civil.year + 99, 100);
    case FormatField::kJulianDay: return moment.days + 2440588;
    default:
      return moment.days * calendar::kSecondsPerDay + seconds - moment.offset.value_or(0);
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
        AppendWord(std::string_view(kMonthNames[CivilOf(moment.days).month - 1]).substr(0, 3), item,
                   out);
        break;
      case FormatField::kDayName:
        AppendWord(kDayNames[calendar::IsoWeekday(moment.days) - 1], item, out);
        break;
      case FormatField::kDayShort:
        AppendWord(std::string_view(kDayNames[calendar::IsoWeekday(moment.days) - 1]).substr(0, 3),
                   item, out);
        break;
      case FormatField::kHalfOfDay: AppendWord(morning ? "AM" : "PM", item, out); break;
      case FormatField::kHalfOfDayPoints: AppendWord(morning ? "A.M." : "P.M.", item, out); break;
      case FormatField::kFraction: {
        int64_t fraction = moment.nanos_of_day % kNanosPerSecond;
        for (int digits = 9; digits > item.width; --digits) fraction /= 10;
        AppendDigits(fraction, item.width, out);
        break;
      }
      case FormatField::kOffset: AppendOffset(moment.offset.value_or(0), out); break;
      case FormatField::kZone: *out += moment.zone; break;
      default: AppendDigits(NumberOf(item.field, moment), item.width, out);
    }
  }
}

namespace {

/// Reads a text by a format; what it learns is kept until the end, since fields come in any order.
class Reader {
 public:
  Reader(std::string_view text, int year_default) : text_(text), year_(year_default) {}

  std::optional<Moment> Read(const Format& format) {
    for (size_t i = 0; i < format.size(); ++i) {
      // Digits run together: each takes its width, the last of a run all there are.
      const bool digits_follow = i + 1 < format.size() &&
                                 format[i + 1].field != FormatField::kLiteral &&
                                 !IsWord(format[i + 1].field);
      if (!Item(format[i], digits_follow)) return std::nullopt;
    }
    SkipBlanks();
    if (at_ != text_.size()) return std::nullopt;
    return Finish();
  }

 private:
  static bool IsWord(FormatField field) {
    return field == FormatField::kMonthName || field == FormatField::kMonthShort ||
           field == FormatField::kDayName || field == FormatField::kDayShort ||
           field == FormatField::kHalfOfDay || field == FormatField::kHalfOfDayPoints ||
           field == FormatField::kOffset || field == FormatField::kZone;
  }
  void SkipBlanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool Digits(int64_t* value, int most) {
    const size_t from = at_;
    *value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' &&
           at_ - from < static_cast<size_t>(most))
      *value = *value * 10 + (text_[at_++] - '0');
    return at_ > from;
  }

  /// One of the names, or its first three letters, without regard to case.
  template <size_t count>
  bool Name(const char* const (&names)[count], bool is_short, int* number) {
    for (size_t i = 0; i < count; ++i) {
      const std::string_view name(names[i]);
      for (const size_t length : {name.size(), size_t{3}}) {
        if (is_short && length != 3) continue;
        if (!EqualsIgnoreCase(text_.substr(at_, length), name.substr(0, length))) continue;
        at_ += length;
        *number = static_cast<int>(i) + 1;
        return true;
      }
    }
    return false;
  }

  bool Literal(const std::string& literal) {
    for (const char c : literal) {
      if (c == ' ') {
        SkipBlanks();
      } else if (at_ < text_.size() && text_[at_] == c) {
        ++at_;
      } else {
        return false;
      }
    }
    return true;
  }

  bool Half(bool points) {
    for (const char* word : {"A.M.", "P.M.", "AM", "PM"}) {
      const std::string_view name(word);
      if ((name.size() == 4) != points) continue;
      if (!EqualsIgnoreCase(text_.substr(at_, name.size()), name)) continue;
      at_ += name.size();
      afternoon_ = name[0] == 'P';
      return true;
    }
    return false;
  }

  /// +05, +0530, +05:30, Z.
  bool Offset() {
    if (at_ < text_.size() && (text_[at_] == 'Z' || text_[at_] == 'z')) {
      ++at_;
      offset_ = 0;
      return true;
    }
    if (at_ >= text_.size() || (text_[at_] != '+' && text_[at_] != '-')) return false;
    const bool west = text_[at_++] == '-';
    int64_t hours = 0, minutes = 0;
    if (!Digits(&hours, 2)) return false;
    if (at_ < text_.size() && text_[at_] == ':') ++at_;
    Digits(&minutes, 2);
    if (hours > 18 || minutes > 59) return false;
    offset_ = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
  }

  bool Zone() {
    const size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  std::string_view("/_+-").find(text_[at_]) != std::string_view::npos))
      ++at_;
    zone_ = text_.substr(from, at_ - from);
    return at_ > from;
  }

  bool Fraction(int width) {
    const size_t from = at_;
    int64_t value = 0;
    if (!Digits(&value, std::max(width, 9))) return false;
    for (size_t digits = at_ - from; digits < 9; ++digits) value *= 10;
    nanos_ = value;
    return true;
  }

  bool Item(const FormatItem& item, bool digits_follow) {
    int64_t value = 0;
    const auto number = [&](int most) { return Digits(&value, most); };
    switch (item.field) {
      case FormatField::kLiteral: return Literal(item.literal);
      case FormatField::kMonthName: return Name(kMonthNames, false, &month_);
      case FormatField::kMonthShort: return Name(kMonthNames, true, &month_);
      case FormatField::kDayName: return Name(kDayNames, false, &weekday_);
      case FormatField::kDayShort: return Name(kDayNames, true, &weekday_);
      case FormatField::kHalfOfDay: return Half(false);
      case FormatField::kHalfOfDayPoints: return Half(true);
      case FormatField::kOffset: return Offset();
      case FormatField::kZone: return Zone();
      case FormatField::kFraction: return Fraction(item.width);
      case FormatField::kYear: {
        const bool negative = at_ < text_.size() && text_[at_] == '-';
        if (negative) ++at_;
        if (!number(digits_follow ? 4 : 6)) return false;
        year_ = negative ? -value : value;
        return true;
      }
      case FormatField::kYearOfCentury:
        if (!number(2)) return false;
        year_ = value + (value < 70 ? 2000 : 1900);
        return true;
      case FormatField::kMonth: month_ = number(2) ? static_cast<int>(value) : 0; return month_ > 0;
      case FormatField::kDay: day_ = number(2) ? value : 0; return day_ > 0;
      case FormatField::kDayOfYear: day_of_year_ = number(3) ? value : 0; return day_of_year_ > 0;
      case FormatField::kHour24: return number(2) && (hour_ = value) < 25;
      case FormatField::kHour12:
        is_half_ = true;
        return number(2) && (hour_ = value) >= 1 && value <= 12;
      case FormatField::kMinute: return number(2) && (minute_ = value) < 60;
      case FormatField::kSecond: return number(2) && (second_ = value) < 61;
      case FormatField::kEpoch: {
        const bool negative = at_ < text_.size() && text_[at_] == '-';
        if (negative) ++at_;
        if (!number(12)) return false;
        epoch_ = negative ? -value : value;
        return true;
      }
      case FormatField::kJulianDay:
        if (!number(9)) return false;
        julian_ = value;
        return true;
      // What follows from the date is read over.
      default: return number(item.width > 0 ? item.width : 4);
    }
  }

  std::optional<Moment> Finish() const {
    Moment moment;
    moment.offset = offset_;
    moment.zone = zone_;
    if (epoch_) {
      moment.days = calendar::FloorDivide(*epoch_, calendar::kSecondsPerDay);
      moment.nanos_of_day =
          calendar::FloorModulo(*epoch_, calendar::kSecondsPerDay) * kNanosPerSecond;
      return moment;
    }
    if (julian_) {
      moment.days = *julian_ - 2440588;
    } else if (day_of_year_ > 0) {
      if (day_of_year_ > 365 + calendar::IsLeapYear(year_)) return std::nullopt;
      moment.days = calendar::DaysOf(year_, 1, 1) + day_of_year_ - 1;
    } else if (calendar::IsDate(year_, month_, day_)) {
      moment.days = calendar::DaysOf(year_, month_, static_cast<int>(day_));
    } else {
      return std::nullopt;
    }
    int64_t hour = hour_;
    if (is_half_ || afternoon_) {
      if (hour > 12) return std::nullopt;
      hour = hour % 12 + (afternoon_.value_or(false) ? 12 : 0);
    }
    moment.nanos_of_day =
        (hour * 3600 + minute_ * 60 + second_) * kNanosPerSecond + nanos_;
    if (moment.nanos_of_day >= calendar::kNanosPerDay) {
      moment.days += 1;
      moment.nanos_of_day -= calendar::kNanosPerDay;
    }
    return moment;
  }

  std::string_view text_;
  size_t at_ = 0;
  int64_t year_, day_ = 1, day_of_year_ = 0, hour_ = 0, minute_ = 0, second_ = 0, nanos_ = 0;
  int month_ = 1, weekday_ = 0;
  bool is_half_ = false;
  std::optional<bool> afternoon_;
  std::optional<int64_t> offset_, epoch_, julian_;
  std::string zone_;
};

}  // namespace

std::optional<Moment> ParseMoment(const Format& format, std::string_view text, int year_default) {
  return Reader(text, year_default).Read(format);
}

}  // namespace velaria::dates
