// Casts among dates, times and timestamps. A timestamp with a zone is a moment; one without is a
// clock on the wall, and stands for UTC when the two meet. A finer unit is rounded half away from
// zero to a coarser one.
#include "functions/cast.hpp"
#include "functions/number_text.hpp"
#include "functions/temporal_text.hpp"

namespace velaria::casts {
namespace {

using calendar::FloorDivide;
using calendar::FloorModulo;
using calendar::kSecondsPerDay;

int64_t UnitsPerDayOf(const arrow::DataType& date) {
  return date.id() == arrow::Type::DATE32 ? 1 : kSecondsPerDay * 1000;
}

Status TemporalOutOfRange(const CastPlan& plan, int64_t value) {
  std::string text;
  if (plan.from->id() == arrow::Type::TIMESTAMP) {
    const int64_t units = calendar::UnitsPerSecond(*plan.from);
    calendar::AppendTimestamp(FloorDivide(value, units), 0, std::nullopt, &text);
  } else {
    calendar::AppendDate(FloorDivide(value, UnitsPerDayOf(*plan.from)), &text);
  }
  return OutOfRange(*plan.to, text);
}

template <typename From, typename To>
Result<Vector> RunDateToDate(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int64_t from = UnitsPerDayOf(*plan.from), to = UnitsPerDayOf(*plan.to);
  return ConvertRows<To, false>(
      context, plan, arguments[0], row_count, ViewFixed<From>(arguments[0]),
      [=](From value, To* out) {
        *out = static_cast<To>(FloorDivide(value, from) * to);
        return 0;
      },
      kernels::NoFault());
}

template <typename From>
Result<Vector> RunDateToTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                                  std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int64_t per_day = UnitsPerDayOf(*plan.from), units = calendar::UnitsPerSecond(*plan.to);
  VELARIA_ASSIGN_OR_RETURN(const auto zone, calendar::Zone::Of(*plan.to));
  return ConvertRows<int64_t, false>(
      context, plan, arguments[0], row_count, ViewFixed<From>(arguments[0]),
      [&](From value, int64_t* out) -> int64_t {
        const int64_t midnight = FloorDivide(value, per_day) * kSecondsPerDay;
        const int64_t seconds = zone.is_utc() ? midnight : zone.ToUtc(midnight);
        return -static_cast<int64_t>(__builtin_mul_overflow(seconds, units, out));
      },
      [&](From value) { return TemporalOutOfRange(plan, value); });
}

template <typename To>
Result<Vector> RunTimestampToDate(const FunctionContext& context, const ScalarBinding& binding,
                                  std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int64_t per_day = UnitsPerDayOf(*plan.to), units = calendar::UnitsPerSecond(*plan.from);
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(*plan.from));
  return ConvertRows<To, true>(
      context, plan, arguments[0], row_count, ViewFixed<int64_t>(arguments[0]),
      [&](int64_t value, To* out) -> int64_t {
        const int64_t seconds = FloorDivide(value, units);
        const int64_t days = FloorDivide(seconds + zone.OffsetAt(seconds), kSecondsPerDay);
        *out = static_cast<To>(days * per_day);
        return -static_cast<int64_t>(!std::in_range<int32_t>(days));
      },
      [&](int64_t value) { return TemporalOutOfRange(plan, value); });
}

/// value * to / from, rounded half away from zero; false when it leaves 64 bits.
bool Rescale(int64_t value, int64_t from, int64_t to, int64_t* out) {
  if (to >= from) return !__builtin_mul_overflow(value, to / from, out);
  const int64_t step = from / to, half = step / 2, rest = value % step;
  *out = value / step + (rest >= half ? 1 : 0) - (rest <= -half ? 1 : 0);
  return true;
}

Result<Vector> RunTimestampToTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                                       std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const auto& from_type = arrow::internal::checked_cast<const arrow::TimestampType&>(*plan.from);
  const auto& to_type = arrow::internal::checked_cast<const arrow::TimestampType&>(*plan.to);
  const int64_t from = calendar::UnitsPerSecond(from_type.unit()),
                to = calendar::UnitsPerSecond(to_type.unit());
  const bool to_wall = !from_type.timezone().empty() && to_type.timezone().empty();
  const bool to_moment = from_type.timezone().empty() && !to_type.timezone().empty();
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(to_wall ? *plan.from : *plan.to));
  const bool shift = (to_wall || to_moment) && !zone.is_utc();
  return ConvertRows<int64_t, true>(
      context, plan, arguments[0], row_count, ViewFixed<int64_t>(arguments[0]),
      [&](int64_t value, int64_t* out) -> int64_t {
        bool fits = true;
        if (shift) {
          const int64_t seconds = FloorDivide(value, from);
          const int64_t offset = to_wall ? zone.OffsetAt(seconds) : zone.ToUtc(seconds) - seconds;
          fits = !__builtin_add_overflow(value, offset * from, &value);
        }
        fits = fits && Rescale(value, from, to, out);
        return -static_cast<int64_t>(!fits);
      },
      [&](int64_t value) { return TemporalOutOfRange(plan, value); });
}

template <typename To>
Result<Vector> RunTimestampToTime(const FunctionContext& context, const ScalarBinding& binding,
                                  std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int64_t from = calendar::UnitsPerSecond(*plan.from),
                to = calendar::UnitsPerSecond(*plan.to);
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(*plan.from));
  return ConvertRows<To, true>(
      context, plan, arguments[0], row_count, ViewFixed<int64_t>(arguments[0]),
      [&](int64_t value, To* out) {
        const int64_t seconds = FloorDivide(value, from);
        const int64_t of_day = FloorModulo(seconds + zone.OffsetAt(seconds), kSecondsPerDay);
        const int64_t nanos = FloorModulo(value, from) * (calendar::kNanosPerSecond / from);
        *out = static_cast<To>(of_day * to + nanos / (calendar::kNanosPerSecond / to));
        return 0;
      },
      kernels::NoFault());
}

/// Digits past the coarser unit are cut, so that no time becomes 24:00.
template <typename From, typename To>
Result<Vector> RunTimeToTime(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const int64_t from = calendar::UnitsPerSecond(*plan.from),
                to = calendar::UnitsPerSecond(*plan.to);
  return ConvertRows<To, true>(
      context, plan, arguments[0], row_count, ViewFixed<From>(arguments[0]),
      [=](From value, To* out) {
        *out = static_cast<To>(to >= from ? value * (to / from) : value / (from / to));
        return 0;
      },
      kernels::NoFault());
}

}  // namespace

ScalarKernel FindTemporalCast(const arrow::DataType& from, const arrow::DataType& to) {
  using arrow::Type;
  const auto a = from.id(), b = to.id();
  if (a == Type::DATE32 && b == Type::DATE64) return RunDateToDate<int32_t, int64_t>;
  if (a == Type::DATE64 && b == Type::DATE32) return RunDateToDate<int64_t, int32_t>;
  if (a == Type::DATE32 && b == Type::TIMESTAMP) return RunDateToTimestamp<int32_t>;
  if (a == Type::DATE64 && b == Type::TIMESTAMP) return RunDateToTimestamp<int64_t>;
  if (a == Type::TIMESTAMP && b == Type::DATE32) return RunTimestampToDate<int32_t>;
  if (a == Type::TIMESTAMP && b == Type::DATE64) return RunTimestampToDate<int64_t>;
  if (a == Type::TIMESTAMP && b == Type::TIMESTAMP) return RunTimestampToTimestamp;
  if (a == Type::TIMESTAMP && b == Type::TIME32) return RunTimestampToTime<int32_t>;
  if (a == Type::TIMESTAMP && b == Type::TIME64) return RunTimestampToTime<int64_t>;
  if (a == Type::TIME32 && b == Type::TIME32) return RunTimeToTime<int32_t, int32_t>;
  if (a == Type::TIME32 && b == Type::TIME64) return RunTimeToTime<int32_t, int64_t>;
  if (a == Type::TIME64 && b == Type::TIME32) return RunTimeToTime<int64_t, int32_t>;
  if (a == Type::TIME64 && b == Type::TIME64) return RunTimeToTime<int64_t, int64_t>;
  return nullptr;
}

}  // namespace velaria::casts
