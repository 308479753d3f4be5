// Casts from VARCHAR. The whole text must be a value of the type, blanks around it aside: VEL3003,
// or VEL3002 for a number outside the type's range.
#include <arrow/array/builder_primitive.h>

#include <charconv>

#include "base/text.hpp"
#include "functions/cast.hpp"
#include "functions/number_text.hpp"
#include "functions/temporal_text.hpp"

namespace velaria::casts {
namespace {

using kernels::DecimalCell;
using kernels::ParseOutcome;

int64_t FlagOf(ParseOutcome outcome) { return -static_cast<int64_t>(outcome != ParseOutcome::kOk); }

Status FaultOf(ParseOutcome outcome, const arrow::DataType& to, std::string_view text) {
  return outcome == ParseOutcome::kOutOfRange ? OutOfRange(to, std::string(text))
                                              : CannotCast(to, text);
}

/// What the lexer takes for an integer as well: 0x1f, 0o17, 0b11, 1_000.
template <typename T>
ParseOutcome ParseWrittenOtherwise(std::string_view text, T* out) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const char letter = text.size() > 2 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
  if (base != 10) text.remove_prefix(2);
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool between = (i > 0 || base != 10) && i + 1 < text.size() && text[i + 1] != '_';
    if (text[i] != '_') {
      digits.push_back(text[i]);
    } else if (!between) {
      return ParseOutcome::kMalformed;
    }
  }
  uint64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (parsed.ec == std::errc::invalid_argument || parsed.ptr != digits.data() + digits.size())
    return ParseOutcome::kMalformed;
  if (parsed.ec != std::errc()) return ParseOutcome::kOutOfRange;
  const __int128 written = negative ? -static_cast<__int128>(value) : static_cast<__int128>(value);
  *out = static_cast<T>(written);
  return *out == written ? ParseOutcome::kOk : ParseOutcome::kOutOfRange;
}

template <typename T>
ParseOutcome ParseNumber(std::string_view text, T* out) {
  if constexpr (std::is_floating_point_v<T>) {
    double value = 0;
    const ParseOutcome outcome = kernels::ParseDouble(text, &value);
    *out = static_cast<T>(value);
    return outcome == ParseOutcome::kOk && std::isinf(*out) && !std::isinf(value)
               ? ParseOutcome::kOutOfRange
               : outcome;
  } else {
    text = kernels::TrimBlanks(text);
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    // "-0" is no unsigned number to from_chars, and "-1" is one out of range, not a malformed one.
    if (std::is_unsigned_v<T> && text.size() > 1 && text[0] == '-') {
      int64_t value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec == std::errc::invalid_argument || parsed.ptr != text.data() + text.size())
        return ParseOutcome::kMalformed;
      *out = 0;
      return value == 0 && parsed.ec == std::errc() ? ParseOutcome::kOk : ParseOutcome::kOutOfRange;
    }
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *out);
    if (parsed.ec == std::errc::invalid_argument || parsed.ptr != text.data() + text.size())
      return ParseWrittenOtherwise(text, out);
    return parsed.ec == std::errc() ? ParseOutcome::kOk : ParseOutcome::kOutOfRange;
  }
}

template <typename T>
Result<Vector> RunNumber(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  return ConvertRows<T, true>(
      context, plan, arguments[0], row_count, StringView(arguments[0]),
      [](std::string_view text, T* out) { return FlagOf(ParseNumber(text, out)); },
      [&](std::string_view text) {
        T ignored;
        return FaultOf(ParseNumber(text, &ignored), *plan.to, text);
      });
}

Result<Vector> RunDecimal(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const auto& type = arrow::internal::checked_cast<const arrow::DecimalType&>(*plan.to);
  const int precision = type.precision(), scale = type.scale();
  return ConvertRows<DecimalCell, true>(
      context, plan, arguments[0], row_count, StringView(arguments[0]),
      [=](std::string_view text, DecimalCell* out) {
        return FlagOf(kernels::ParseDecimal(text, precision, scale, out));
      },
      [&](std::string_view text) {
        DecimalCell ignored;
        return FaultOf(kernels::ParseDecimal(text, precision, scale, &ignored), *plan.to, text);
      });
}

std::optional<bool> ParseBoolean(std::string_view text) {
  text = kernels::TrimBlanks(text);
  for (const char* yes : {"true", "t", "yes", "y", "on", "1"}) {
    if (EqualsIgnoreCase(text, yes)) return true;
  }
  for (const char* no : {"false", "f", "no", "n", "off", "0"}) {
    if (EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
}

Result<Vector> RunBoolean(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const StringView view(arguments[0]);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  arrow::BooleanBuilder builder(context.pool);
  VELARIA_RETURN_NOT_OK(builder.Reserve(extent.rows));
  for (int64_t i = 0; i < extent.rows; ++i) {
    const auto value = view.IsValid(i) ? ParseBoolean(view[i]) : std::nullopt;
    if (value) {
      builder.UnsafeAppend(*value);
    } else if (view.IsValid(i) && !plan.try_cast) {
      return CannotCast(*plan.to, view[i]);
    } else {
      builder.UnsafeAppendNull();
    }
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), extent.constant};
}

template <typename Out, typename Parse>
Result<Vector> ConvertText(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count, Parse&& parse) {
  const CastPlan& plan = PlanOf(binding);
  return ConvertRows<Out, true>(
      context, plan, arguments[0], row_count, StringView(arguments[0]),
      [&](std::string_view text, Out* out) -> int64_t {
        const auto value = parse(text);
        *out = value ? static_cast<Out>(*value) : Out{};
        return -static_cast<int64_t>(!value.has_value());
      },
      [&](std::string_view text) { return CannotCast(*plan.to, text); });
}

/// A date, or the date of a timestamp.
std::optional<int64_t> ParseAnyDate(std::string_view text) {
  if (const auto days = calendar::ParseDate(text)) return days;
  const auto timestamp = calendar::ParseTimestamp(text);
  if (!timestamp) return std::nullopt;
  return calendar::FloorDivide(timestamp->seconds, calendar::kSecondsPerDay);
}

template <typename T>
Result<Vector> RunDate(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  constexpr int64_t kPerDay = sizeof(T) == 4 ? 1 : calendar::kSecondsPerDay * 1000;
  return ConvertText<T>(context, binding, arguments, row_count, [](std::string_view text) {
    auto days = ParseAnyDate(text);
    if (days) *days *= kPerDay;
    return days;
  });
}

/// A time, or the time of a timestamp. A date alone has none, in PostgreSQL neither.
std::optional<int64_t> ParseAnyTime(std::string_view text) {
  if (const auto nanos = calendar::ParseTime(text)) return nanos;
  const auto timestamp = calendar::ParseTimestamp(text);
  if (!timestamp || !timestamp->has_time) return std::nullopt;
  return calendar::FloorModulo(timestamp->seconds, calendar::kSecondsPerDay) *
             calendar::kNanosPerSecond +
         timestamp->nanos;
}

template <typename T>
Result<Vector> RunTime(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const int64_t nanos = calendar::kNanosPerSecond / calendar::UnitsPerSecond(*PlanOf(binding).to);
  return ConvertText<T>(context, binding, arguments, row_count, [nanos](std::string_view text) {
    auto time = ParseAnyTime(text);
    if (time) *time /= nanos;
    return time;
  });
}

/// A TIMESTAMP is what the clock on the wall shows, so an offset or zone that is written is read
/// over, as in PostgreSQL; a TIMESTAMPTZ is moved by it.
Result<Vector> RunTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const auto& to = *PlanOf(binding).to;
  const int64_t units = calendar::UnitsPerSecond(to), nanos = calendar::kNanosPerSecond / units;
  const bool is_zoned = !static_cast<const arrow::TimestampType&>(to).timezone().empty();
  VELARIA_ASSIGN_OR_RETURN(const auto own_zone, calendar::Zone::Of(to));
  return ConvertText<int64_t>(
      context, binding, arguments, row_count, [&](std::string_view text) -> std::optional<int64_t> {
        const auto parsed = calendar::ParseTimestamp(text);
        if (!parsed) return std::nullopt;
        int64_t seconds = parsed->seconds;
        if (parsed->offset) {
          if (is_zoned) seconds -= *parsed->offset;
        } else if (!parsed->zone.empty()) {
          const auto zone = calendar::Zone::Make(parsed->zone);
          if (!zone.ok()) return std::nullopt;
          if (is_zoned) seconds = zone->ToUtc(seconds);
        } else {
          seconds = own_zone.ToUtc(seconds);
        }
        int64_t value = 0;
        if (__builtin_mul_overflow(seconds, units, &value)) return std::nullopt;
        // Digits past the unit are rounded.
        if (__builtin_add_overflow(value, (parsed->nanos + nanos / 2) / nanos, &value))
          return std::nullopt;
        return value;
      });
}

Result<Vector> RunInterval(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return ConvertText<calendar::Interval>(
      context, binding, arguments, row_count,
      [](std::string_view text) { return calendar::ParseInterval(text); });
}

}  // namespace

ScalarKernel FindFromText(const arrow::DataType& to) {
  switch (to.id()) {
    case arrow::Type::DATE32: return RunDate<int32_t>;
    case arrow::Type::DATE64: return RunDate<int64_t>;
    case arrow::Type::TIME32: return RunTime<int32_t>;
    case arrow::Type::TIME64: return RunTime<int64_t>;
    case arrow::Type::TIMESTAMP: return RunTimestamp;
    case arrow::Type::DURATION: return nullptr;
    case arrow::Type::INTERVAL_MONTH_DAY_NANO: return RunInterval;
    default: break;
  }
  switch (PhysicalOf(to)) {
#define X(physical, T) \
  case physical: return RunNumber<T>;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return RunDecimal;
    case Physical::kBool: return RunBoolean;
    default: return nullptr;
  }
}

}  // namespace velaria::casts
