#include "functions/date.hpp"

#include "base/text.hpp"

namespace velaria {

void RegisterDate(FunctionRegistry& registry) {
  dates::Adder add(registry);
  dates::RegisterParts(add);
  dates::RegisterChange(add);
  dates::RegisterDifference(add);
  dates::RegisterNow(add);
  dates::RegisterMakeTimes(add);
  dates::RegisterAge(add);
  dates::RegisterFormats(add);
}

namespace dates {

Result<Unit> UnitFromName(const std::string& name) {
  struct Entry {
    const char* name;
    Unit unit;
  };
  static constexpr Entry kUnits[] = {{"millennium", Unit::kMillennium},
                                     {"millenniums", Unit::kMillennium},
                                     {"century", Unit::kCentury},
                                     {"centuries", Unit::kCentury},
                                     {"decade", Unit::kDecade},
                                     {"year", Unit::kYear},
                                     {"y", Unit::kYear},
                                     {"yr", Unit::kYear},
                                     {"quarter", Unit::kQuarter},
                                     {"month", Unit::kMonth},
                                     {"mon", Unit::kMonth},
                                     {"week", Unit::kWeek},
                                     {"w", Unit::kWeek},
                                     {"day", Unit::kDay},
                                     {"d", Unit::kDay},
                                     {"hour", Unit::kHour},
                                     {"h", Unit::kHour},
                                     {"hr", Unit::kHour},
                                     {"minute", Unit::kMinute},
                                     {"min", Unit::kMinute},
                                     {"m", Unit::kMinute},
                                     {"second", Unit::kSecond},
                                     {"sec", Unit::kSecond},
                                     {"s", Unit::kSecond},
                                     {"millisecond", Unit::kMillisecond},
                                     {"ms", Unit::kMillisecond},
                                     {"microsecond", Unit::kMicrosecond},
                                     {"us", Unit::kMicrosecond}};
  const std::string lower = ToLower(name);
  std::vector<std::string> known;
  for (const auto& entry : kUnits) {
    if (lower == entry.name || lower == std::string(entry.name) + "s") return entry.unit;
    known.emplace_back(entry.name);
  }
  const std::string near = NearestName(name, known);
  return Fail(ErrorCode::kBadArgument, "unknown unit of time: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

Result<Unit> ConstantUnit(const BindArguments& arguments, size_t index) {
  VELARIA_ASSIGN_OR_RETURN(const std::string name,
                           binding::ConstantText(arguments, index, "unit of time"));
  return UnitFromName(name);
}

Result<WallClock> WallClock::Make(const Vector& vector) {
  WallClock clock;
  const auto id = vector.type()->id();
  if (id == arrow::Type::DATE32) {
    clock.is_date_ = true;
    clock.dates_ = ViewFixed<int32_t>(vector);
    return clock;
  }
  clock.units_ = calendar::UnitsPerSecond(*vector.type());
  if (id == arrow::Type::TIME32) {
    clock.narrow_ = true;
    clock.narrow_times_ = ViewFixed<int32_t>(vector);
    return clock;
  }
  clock.times_ = ViewFixed<int64_t>(vector);
  VELARIA_ASSIGN_OR_RETURN(clock.zone_, calendar::Zone::Of(*vector.type()));
  return clock;
}

}  // namespace dates
}  // namespace velaria
