// Dates and times read by a format.
#include <algorithm>
#include <initializer_list>
#include <span>

#include "base/text.hpp"
#include "functions/calendar.hpp"
#include "functions/date_format.hpp"

namespace velaria::dates {
namespace {

using calendar::kNanosPerSecond;

/// The ways in which a format may tell the day; the fields of one format go one way.
enum class DayBy { kMonth, kDayOfYear, kIsoWeek, kWeek, kJulianDay, kEpoch };

std::optional<DayBy> DayByOf(FormatField field) {
  switch (field) {
    case FormatField::kMonth:
    case FormatField::kMonthName:
    case FormatField::kMonthShort:
    case FormatField::kMonthRoman:
    case FormatField::kDay: return DayBy::kMonth;
    case FormatField::kDayOfYear: return DayBy::kDayOfYear;
    case FormatField::kWeekIso:
    case FormatField::kYearIso: return DayBy::kIsoWeek;
    case FormatField::kWeekSunday:
    case FormatField::kWeekMonday: return DayBy::kWeek;
    case FormatField::kJulianDay: return DayBy::kJulianDay;
    case FormatField::kEpoch: return DayBy::kEpoch;
    default: return std::nullopt;
  }
}

bool HasField(const Format& format, std::initializer_list<FormatField> fields) {
  return std::any_of(format.begin(), format.end(), [&](const FormatItem& item) {
    return std::find(fields.begin(), fields.end(), item.field) != fields.end();
  });
}

/// What speaks against reading by the format; empty for nothing.
const char* WhyUnreadable(const Format& format) {
  using enum FormatField;
  if (HasField(format, {kCentury, kQuarter, kWeekOfYear, kWeekOfMonth}))
    return "Centuries, quarters and weeks counted from the 1st are written, not read.";
  std::optional<DayBy> by;
  for (const auto& item : format) {
    const auto way = DayByOf(item.field);
    if (by && way && *by != *way)
      return "Tell the date in one way: by month and day, day of the year, or week and weekday.";
    if (way) by = way;
  }
  const bool has_year = HasField(format, {kYear, kYearOfEra, kYearOfCentury, kYearNear2020});
  const bool has_weekday =
      HasField(format, {kDayName, kDayShort, kSundayIs0, kSundayIs1, kSundayIs7});
  if (HasField(format, {kEra, kEraPoints}) && !HasField(format, {kYearOfEra}))
    return "BC and AD stand beside the year, YYYY.";
  if (has_weekday && !by) return "A day of the week needs the week, or month and day.";
  if (by == DayBy::kIsoWeek && (!HasField(format, {kWeekIso}) || !HasField(format, {kYearIso})))
    return "A week of ISO 8601 needs its year, %G or IYYY, and the year its week, %V or IW.";
  if (by == DayBy::kIsoWeek && has_year) return "A week of ISO 8601 has a year of its own.";
  if (by == DayBy::kWeek && (!has_year || !has_weekday ||
                             (HasField(format, {kWeekSunday}) && HasField(format, {kWeekMonday}))))
    return "A week, %U or %W, needs the year and the day of the week.";
  if (has_year && (by == DayBy::kJulianDay || by == DayBy::kEpoch))
    return "A count of days or seconds tells the year, too.";
  if (by == DayBy::kEpoch &&
      HasField(format, {kZone, kHour24, kHour12, kHalfOfDay, kHalfOfDayPoints, kMinute, kSecond}))
    return "The seconds since 1970 tell the time of the day, too.";
  return "";
}

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
      if (format[i].is_ordinal && !Ending()) return std::nullopt;
    }
    SkipBlanks();
    if (at_ != text_.size()) return std::nullopt;
    return Finish();
  }

 private:
  static bool IsWord(FormatField field) {
    return field == FormatField::kMonthName || field == FormatField::kMonthShort ||
           field == FormatField::kMonthRoman || field == FormatField::kDayName ||
           field == FormatField::kDayShort || field == FormatField::kHalfOfDay ||
           field == FormatField::kHalfOfDayPoints || field == FormatField::kEra ||
           field == FormatField::kEraPoints || field == FormatField::kOffset ||
           field == FormatField::kZone;
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

  /// Whether the text goes on with the word, in whatever letters; if so it is read.
  bool Word(std::string_view word) {
    if (!EqualsIgnoreCase(text_.substr(at_, word.size()), word)) return false;
    at_ += word.size();
    return true;
  }

  /// One of the names, or its first three letters.
  bool Name(std::span<const std::string_view> names, bool is_short, int* number) {
    for (size_t i = 0; i < names.size(); ++i) {
      if ((is_short || !Word(names[i])) && !Word(names[i].substr(0, 3))) continue;
      *number = static_cast<int>(i) + 1;
      return true;
    }
    return false;
  }

  /// Backwards, since the longer numbers begin like the shorter ones.
  bool RomanMonth() {
    for (size_t i = kRomanMonths.size(); i > 0; --i) {
      if (!Word(kRomanMonths[i - 1])) continue;
      month_ = static_cast<int>(i);
      return true;
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
    afternoon_ = Word(points ? "P.M." : "PM");
    return *afternoon_ || Word(points ? "A.M." : "AM");
  }

  bool Era(bool points) {
    is_bc_ = Word(points ? "B.C." : "BC");
    return is_bc_ || Word(points ? "A.D." : "AD");
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
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
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

  /// A year may have more than four digits where nothing that could be meant follows.
  bool Year(bool digits_follow, int64_t* year) {
    const bool negative = at_ < text_.size() && text_[at_] == '-';
    if (negative) ++at_;
    if (!Digits(year, digits_follow ? 4 : 6)) return false;
    if (negative) *year = -*year;
    return true;
  }

  bool YearOfCentury(int first_of_1900) {
    if (!Digits(&year_, 2)) return false;
    year_ += year_ < first_of_1900 ? 2000 : 1900;
    return true;
  }

  /// A number from `least` to `most`, of so many digits as `most`.
  template <typename T>
  bool Number(int64_t least, int64_t most, T* number) {
    int64_t value = 0;
    if (!Digits(&value, most < 10 ? 1 : most < 100 ? 2 : 3)) return false;
    *number = static_cast<T>(value);
    return value >= least && value <= most;
  }

  bool Epoch() {
    const bool negative = at_ < text_.size() && text_[at_] == '-';
    if (negative) ++at_;
    int64_t value = 0;
    if (!Digits(&value, 12)) return false;
    epoch_ = negative ? -value : value;
    return true;
  }

  bool Ending() { return Word("st") || Word("nd") || Word("rd") || Word("th"); }

  bool Item(const FormatItem& item, bool digits_follow) {
    int64_t value = 0;
    switch (item.field) {
      case FormatField::kLiteral: return Literal(item.literal);
      case FormatField::kEra: return Era(false);
      case FormatField::kEraPoints: return Era(true);
      case FormatField::kMonthName: return Name(kMonthNames, false, &month_);
      case FormatField::kMonthShort: return Name(kMonthNames, true, &month_);
      case FormatField::kMonthRoman: return RomanMonth();
      case FormatField::kDayName: return Name(kDayNames, false, &weekday_);
      case FormatField::kDayShort: return Name(kDayNames, true, &weekday_);
      case FormatField::kHalfOfDay: return Half(false);
      case FormatField::kHalfOfDayPoints: return Half(true);
      case FormatField::kOffset: return Offset();
      case FormatField::kZone: return Zone();
      case FormatField::kFraction: return Fraction(item.width);
      case FormatField::kYear:
      case FormatField::kYearOfEra: return Year(digits_follow, &year_);
      case FormatField::kYearIso: return Year(digits_follow, &year_);
      case FormatField::kYearOfCentury: return YearOfCentury(69);
      case FormatField::kYearNear2020: return YearOfCentury(70);
      case FormatField::kMonth: return Number(1, 12, &month_);
      case FormatField::kDay: return Number(1, 31, &day_);
      case FormatField::kDayOfYear: return Number(1, 366, &day_of_year_);
      case FormatField::kHour24: return Number(0, 24, &hour_);
      case FormatField::kHour12: is_half_ = true; return Number(1, 12, &hour_);
      case FormatField::kMinute: return Number(0, 59, &minute_);
      case FormatField::kSecond: return Number(0, 60, &second_);
      case FormatField::kWeekIso: return Number(1, 53, &iso_week_);
      case FormatField::kWeekSunday:
      case FormatField::kWeekMonday:
        week_begins_on_sunday_ = item.field == FormatField::kWeekSunday;
        return Number(0, 53, &week_);
      case FormatField::kSundayIs0:
        if (!Number(0, 6, &weekday_)) return false;
        if (weekday_ == 0) weekday_ = 7;
        return true;
      case FormatField::kSundayIs1:
        if (!Number(1, 7, &weekday_)) return false;
        weekday_ = (weekday_ + 5) % 7 + 1;
        return true;
      case FormatField::kSundayIs7: return Number(1, 7, &weekday_);
      case FormatField::kEpoch: return Epoch();
      case FormatField::kJulianDay:
        if (!Digits(&value, 9)) return false;
        julian_ = value;
        return true;
      default: return false;  // CheckReadable refuses the others
    }
  }

  /// In the week of ISO 8601; Monday when the text does not say which day.
  std::optional<int64_t> DayOfIsoWeek(int64_t year) const {
    const int64_t fourth = calendar::DaysOf(year, 1, 4);  // always in week 1
    const int64_t monday = fourth - calendar::IsoWeekday(fourth) + 1 + (iso_week_ - 1) * 7;
    if (calendar::IsoWeekOf(monday).year != year) return std::nullopt;
    return monday + std::max(weekday_, 1) - 1;
  }

  /// In a week that begins on Sunday or Monday; the year's first such day begins week 1.
  std::optional<int64_t> DayOfWeek(int64_t year) const {
    const auto place = [&](int weekday) {
      return week_begins_on_sunday_ ? weekday % 7 : weekday - 1;
    };
    const int64_t first = calendar::DaysOf(year, 1, 1);
    const int64_t week_1 = first + (7 - place(calendar::IsoWeekday(first))) % 7;
    const int64_t day = week_1 + (week_ - 1) * 7 + place(weekday_);
    if (calendar::CivilOf(day).year != year) return std::nullopt;
    return day;
  }

  /// Nothing when there is no such day.
  std::optional<int64_t> Day() const {
    if (julian_) return *julian_ - 2440588;
    if (year_ == 0) return std::nullopt;
    const int64_t year = calendar::YearOfTold(is_bc_ ? -year_ : year_);
    if (iso_week_ > 0) return DayOfIsoWeek(year);
    if (week_ >= 0) return DayOfWeek(year);
    if (day_of_year_ > 0) {
      if (day_of_year_ > 365 + calendar::IsLeapYear(year)) return std::nullopt;
      return calendar::DaysOf(year, 1, 1) + day_of_year_ - 1;
    }
    if (!calendar::IsDate(year, month_, day_)) return std::nullopt;
    return calendar::DaysOf(year, month_, day_);
  }

  std::optional<Moment> Finish() const {
    Moment moment;
    moment.offset = offset_;
    moment.zone = zone_;
    if (epoch_) {
      const int64_t wall = *epoch_ + offset_.value_or(0);
      moment.days = calendar::FloorDivide(wall, calendar::kSecondsPerDay);
      moment.nanos_of_day =
          calendar::FloorModulo(wall, calendar::kSecondsPerDay) * kNanosPerSecond + nanos_;
      return moment;
    }
    const auto day = Day();
    if (!day) return std::nullopt;
    moment.days = *day;
    int64_t hour = hour_;
    if (is_half_ || afternoon_) {
      if (hour > 12) return std::nullopt;
      hour = hour % 12 + (afternoon_.value_or(false) ? 12 : 0);
    }
    moment.nanos_of_day = (hour * 3600 + minute_ * 60 + second_) * kNanosPerSecond + nanos_;
    if (moment.nanos_of_day >= calendar::kNanosPerDay) {
      moment.days += 1;
      moment.nanos_of_day -= calendar::kNanosPerDay;
    }
    return moment;
  }

  std::string_view text_;
  size_t at_ = 0;
  int64_t year_;  // as told: none is 0
  int64_t hour_ = 0, minute_ = 0, second_ = 0, nanos_ = 0;
  int month_ = 1, day_ = 1, weekday_ = 0;
  int day_of_year_ = 0, iso_week_ = 0, week_ = -1;
  bool is_half_ = false, is_bc_ = false, week_begins_on_sunday_ = false;
  std::optional<bool> afternoon_;
  std::optional<int64_t> offset_, epoch_, julian_;
  std::string zone_;
};

}  // namespace

std::optional<Moment> ParseMoment(const Format& format, std::string_view text, int year_default) {
  return Reader(text, year_default).Read(format);
}

Status CheckReadable(const Format& format, const std::string& written) {
  const std::string why = WhyUnreadable(format);
  if (why.empty()) return Status::OK();
  return Fail(ErrorCode::kBadPattern, "no date can be read by the format: " + written, why);
}

}  // namespace velaria::dates
