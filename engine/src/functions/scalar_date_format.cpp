// strftime, strptime, to_char, to_date: dates by a format that the statement gives.
#include <algorithm>

#include "functions/date.hpp"
#include "functions/date_format.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::dates {
namespace {

using binding::Parameter;
using calendar::FloorDivide;
using calendar::FloorModulo;
using calendar::kNanosPerDay;
using calendar::kNanosPerSecond;
using calendar::kSecondsPerDay;

struct Plan {
  Format format;
  std::string written;
  int value_index = 0;      // which argument is formatted or parsed
  bool try_parse = false;   // NULL instead of an error
  bool zoned = false;       // the format has an offset or a zone
  bool by_pattern = false;  // PostgreSQL's
};

Result<Vector> RunFormat(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const auto& plan = binding::DataOf<Plan>(binding);
  const std::span<const Vector> value = arguments.subspan(static_cast<size_t>(plan.value_index), 1);
  if (kernels::HasConstantNull(value)) return MakeNullConstant(arrow::utf8(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(auto clock, WallClock::Make(value[0]));
  const bool is_timestamp = value[0].type()->id() == arrow::Type::TIMESTAMP;
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(*value[0].type()));
  const std::string zone_name =
      is_timestamp
          ? arrow::internal::checked_cast<const arrow::TimestampType&>(*value[0].type()).timezone()
          : "";
  const int64_t units = is_timestamp ? calendar::UnitsPerSecond(*value[0].type()) : 1;
  const auto times = ViewFixed<int64_t>(value[0]);
  Moment moment;
  moment.zone = zone_name;
  return kernels::MapToText(context, value, row_count, [&](int64_t i, std::string* out) {
    const WallTime wall = clock[i];
    moment.days = wall.days;
    moment.nanos_of_day = wall.nanos_of_day;
    if (!zone_name.empty()) moment.offset = zone.OffsetAt(FloorDivide(times[i], units));
    AppendMoment(plan.format, moment, out);
  });
}

/// A DATE, TIME or TIMESTAMP; a literal is a timestamp.
Result<TypePtr> ValueType(const BindArguments& arguments, size_t index) {
  const TypePtr type = LogicalType(arguments.types[index]);
  if (arrow::is_time(type->id())) return type;
  return binding::TypeFor(arguments, index, Parameter::kTimestamp);
}

Result<std::shared_ptr<Plan>> MakePlan(const BindArguments& arguments, size_t index,
                                       bool by_pattern) {
  auto plan = std::make_shared<Plan>();
  VELARIA_ASSIGN_OR_RETURN(plan->written, binding::ConstantText(arguments, index, "format"));
  VELARIA_ASSIGN_OR_RETURN(plan->format, by_pattern ? FormatFromPattern(plan->written)
                                                    : FormatFromLetters(plan->written));
  plan->by_pattern = by_pattern;
  plan->zoned = IsZoned(plan->format);
  return plan;
}

template <bool by_pattern>
Result<ScalarBinding> BindFormat(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  // DuckDB takes both orders.
  const size_t value =
      !by_pattern && IsString(*arguments.types[0]) && !IsString(*arguments.types[1]) ? 1 : 0;
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, ValueType(arguments, value));
  VELARIA_ASSIGN_OR_RETURN(auto plan, MakePlan(arguments, 1 - value, by_pattern));
  plan->value_index = static_cast<int>(value);
  ScalarBinding bound{arrow::utf8(), {nullptr, nullptr}, RunFormat, nullptr};
  bound.arguments[value] = std::move(type);
  bound.data = std::move(plan);
  return bound;
}

template <typename T>
Result<Vector> RunParse(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const auto& plan = binding::DataOf<Plan>(binding);
  const std::span<const Vector> value = arguments.subspan(0, 1);
  if (kernels::HasConstantNull(value)) return MakeNullConstant(binding.type, context.pool);
  const StringView text(value[0]);
  std::vector<int64_t> failed;
  VELARIA_ASSIGN_OR_RETURN(
      Vector result,
      kernels::MapToValue<T>(
          context, binding.type, value, row_count, [&](int64_t i, T* out) -> Status {
            auto read =
                ReadMoment(plan.format, text[i], plan.by_pattern ? 1 : 1900, sizeof(T) == 4);
            if (!read.ok() && !plan.try_parse) return read.status();
            if (read.ok() && *read) {
              *out = static_cast<T>(**read);
              return Status::OK();
            }
            if (!plan.try_parse) {
              return Fail(ErrorCode::kBadValue, "the text is not of the format " + plan.written +
                                                    ": " + std::string(text[i]));
            }
            failed.push_back(i);
            return Status::OK();
          }));
  if (failed.empty()) return result;
  auto& data = *result.data;
  VELARIA_ASSIGN_OR_RETURN(data.buffers[0],
                           CombineValidity({&result, 1}, data.length, context.pool));
  if (!data.buffers[0]) {
    VELARIA_ASSIGN_OR_RETURN(data.buffers[0], AllocateBitmap(data.length, true, context.pool));
  }
  for (const int64_t row : failed) arrow::bit_util::ClearBit(data.buffers[0]->mutable_data(), row);
  data.null_count = arrow::kUnknownNullCount;
  return result;
}

template <bool by_pattern, bool try_parse>
Result<ScalarBinding> BindParse(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 0, Parameter::kText).status());
  VELARIA_ASSIGN_OR_RETURN(auto plan, MakePlan(arguments, 1, by_pattern));
  VELARIA_RETURN_NOT_OK(CheckReadable(plan->format, plan->written));
  plan->try_parse = try_parse;
  const bool zoned = by_pattern || plan->zoned;
  return ScalarBinding{arrow::timestamp(arrow::TimeUnit::MICRO, zoned ? "UTC" : ""),
                       {arrow::utf8(), nullptr},
                       RunParse<int64_t>,
                       std::move(plan)};
}

Result<ScalarBinding> BindToDate(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(auto bound, (BindParse<true, false>(arguments)));
  bound.type = arrow::date32();
  bound.kernel = RunParse<int32_t>;
  return bound;
}

}  // namespace

Result<std::optional<int64_t>> ReadMoment(const Format& format, std::string_view text,
                                          int year_default, bool is_date) {
  auto moment = ParseMoment(format, text, year_default);
  if (!moment) return std::optional<int64_t>();
  if (is_date) return std::optional<int64_t>(moment->days);
  int64_t seconds = moment->days * kSecondsPerDay + moment->nanos_of_day / kNanosPerSecond;
  if (moment->offset) {
    seconds -= *moment->offset;
  } else if (!moment->zone.empty()) {
    VELARIA_ASSIGN_OR_RETURN(const auto zone, calendar::Zone::Make(moment->zone));
    seconds = zone.ToUtc(seconds);
  }
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / 1'000'000 - 1;
  if (std::abs(seconds) > kSecondsMax) return std::optional<int64_t>();
  return std::optional<int64_t>(seconds * 1'000'000 +
                                moment->nanos_of_day % kNanosPerSecond / 1'000);
}

bool IsZoned(const Format& format) {
  return std::any_of(format.begin(), format.end(), [](const FormatItem& item) {
    return item.field == FormatField::kOffset || item.field == FormatField::kZone;
  });
}

Result<ScalarBinding> BindParseByPattern(const BindArguments& arguments) {
  return BindParse<true, false>(arguments);
}

void RegisterFormats(Adder& add) {
  add("strftime", {}, "strftime(date, format VARCHAR) -> VARCHAR",
      "The date or time by a format of the C library's letters.",
      "strftime(TIMESTAMP '2013-05-07 08:09:05', '%d %b %Y, %H:%M')", "07 May 2013, 08:09",
      BindFormat<false>);
  add("strptime", {}, "strptime(text VARCHAR, format VARCHAR) -> TIMESTAMP",
      "The timestamp that a text of the format means.",
      "strptime('7 May 2013 08:30', '%d %B %Y %H:%M')", "2013-05-07 08:30:00",
      BindParse<false, false>);
  add("try_strptime", {}, "try_strptime(text VARCHAR, format VARCHAR) -> TIMESTAMP",
      "As strptime, NULL for a text that is not of the format.",
      "try_strptime('soon', '%Y') IS NULL", "true", BindParse<false, true>);
  add("to_char", {}, "to_char(date, pattern VARCHAR) -> VARCHAR",
      "The date or time by PostgreSQL's pattern: YYYY, MM, DD, HH24, MI, SS, MS, Mon, Day, Q, IW.",
      "to_char(TIMESTAMP '2013-05-07 08:09:05', 'YYYY/MM/DD HH24:MI')", "2013/05/07 08:09",
      BindFormat<true>);
  add("to_date", {}, "to_date(text VARCHAR, pattern VARCHAR) -> DATE",
      "The date that a text of PostgreSQL's pattern means.",
      "to_date('07 May 2013', 'DD Mon YYYY')", "2013-05-07", BindToDate);
}

}  // namespace velaria::dates
