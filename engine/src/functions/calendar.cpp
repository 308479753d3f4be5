#include "functions/calendar.hpp"

// First: the tables of zones are laid out as libarrow was built.
#include <arrow/vendored/datetime/visibility.h>

#include <arrow/vendored/datetime/tz.h>

#include <chrono>
#include <exception>

#include "base/text.hpp"

namespace velaria::calendar {
namespace {

namespace date = arrow_vendored::date;
using std::chrono::seconds;

/// "+05:30", "-0800", "+02" as Arrow writes fixed offsets.
std::optional<int64_t> FixedOffset(const std::string& name) {
  if (name.size() < 3 || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  int64_t digits = 0;
  int count = 0;
  for (char c : name.substr(1)) {
    if (c == ':') continue;
    if (c < '0' || c > '9' || ++count > 4) return std::nullopt;
    digits = digits * 10 + (c - '0');
  }
  if (count != 2 && count != 4) return std::nullopt;
  const int64_t offset = count == 2 ? digits * 3600 : digits / 100 * 3600 + digits % 100 * 60;
  return name[0] == '-' ? -offset : offset;
}

}  // namespace

int64_t AddMonths(int64_t days, int64_t months) {
  const CivilDate from = CivilOf(days);
  const int64_t total = from.year * 12 + (from.month - 1) + months;
  const int64_t year = FloorDivide(total, 12);
  const int month = static_cast<int>(FloorModulo(total, 12)) + 1;
  return DaysOf(year, month, std::min(from.day, DaysInMonth(year, month)));
}

int64_t UnitsPerSecond(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::TIMESTAMP:
      return UnitsPerSecond(
          arrow::internal::checked_cast<const arrow::TimestampType&>(type).unit());
    case arrow::Type::DURATION:
      return UnitsPerSecond(arrow::internal::checked_cast<const arrow::DurationType&>(type).unit());
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return UnitsPerSecond(arrow::internal::checked_cast<const arrow::TimeType&>(type).unit());
    default: return 1'000;
  }
}

Result<Zone> Zone::Make(const std::string& name) {
  Zone zone;
  if (name.empty() || EqualsIgnoreCase(name, "UTC") || name == "Etc/UTC" || name == "Z")
    return zone;
  if (const auto offset = FixedOffset(name)) {
    zone.fixed_offset_ = *offset;
    return zone;
  }
  try {
    zone.zone_ = date::locate_zone(name);
    return zone;
  } catch (const std::exception&) {  // as it is written; or in another case
  }
  std::vector<std::string> names;
  for (const auto& known : date::get_tzdb().zones) names.push_back(known.name());
  for (const auto& known : names) {
    if (!EqualsIgnoreCase(known, name)) continue;
    zone.zone_ = date::locate_zone(known);
    return zone;
  }
  const std::string near = NearestName(name, names);
  return Fail(ErrorCode::kBadValue, "unknown time zone: " + name,
              near.empty() ? "Zones have names as Europe/Berlin, or are offsets as +02:00."
                           : "Did you mean " + near + "?");
}

Result<Zone> Zone::Of(const arrow::DataType& timestamp) {
  if (timestamp.id() != arrow::Type::TIMESTAMP) return Zone();
  return Make(arrow::internal::checked_cast<const arrow::TimestampType&>(timestamp).timezone());
}

void Zone::Lookup(int64_t utc_seconds) {
  const auto info = zone_->get_info(date::sys_seconds(seconds(utc_seconds)));
  begin_ = info.begin.time_since_epoch().count();
  end_ = info.end.time_since_epoch().count();
  offset_ = info.offset.count();
}

int64_t Zone::ToUtc(int64_t local_seconds) const {
  if (zone_ == nullptr) return local_seconds - fixed_offset_;
  const auto info = zone_->get_info(date::local_seconds(seconds(local_seconds)));
  return local_seconds -
         (info.result == date::local_info::ambiguous ? info.second.offset : info.first.offset)
             .count();
}

}  // namespace velaria::calendar
