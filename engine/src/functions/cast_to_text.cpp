// Casts to VARCHAR.
#include <arrow/array/builder_binary.h>

#include <charconv>

#include "functions/cast.hpp"
#include "functions/number_text.hpp"
#include "functions/temporal_text.hpp"

namespace velaria::casts {
namespace {

using kernels::DecimalCell;

/// `append(i, &text)` writes row i.
template <typename Append>
Result<Vector> BuildText(const FunctionContext& context, const CastPlan& plan,
                         const Vector& argument, int64_t row_count, Append&& append) {
  const kernels::Extent extent = kernels::ExtentOf({&argument, 1}, row_count);
  const Validity validity = ValidityOf(argument);
  arrow::StringBuilder builder(context.pool);
  VELARIA_RETURN_NOT_OK(builder.Reserve(extent.rows));
  std::string text;
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!validity.IsValid(i)) {
      builder.UnsafeAppendNull();
      continue;
    }
    text.clear();
    append(i, &text);
    VELARIA_RETURN_NOT_OK(builder.Append(text));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  if (plan.to->id() == arrow::Type::STRING) return Vector{array->data(), extent.constant};
  // The other string layouts are made from the plain one.
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding layout, BindCast(arrow::utf8(), plan.to, false));
  const Vector plain{array->data(), extent.constant};
  return layout.kernel(context, layout, {&plain, 1}, extent.rows);
}

template <typename T>
Result<Vector> RunNumber(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<T>(arguments[0]);
  return BuildText(context, PlanOf(binding), arguments[0], row_count,
                   [&](int64_t i, std::string* out) {
                     if constexpr (std::is_floating_point_v<T>) {
                       kernels::AppendNumber(view[i], out);
                     } else {
                       char text[24];
                       out->append(text, std::to_chars(text, text + sizeof(text), view[i]).ptr);
                     }
                   });
}

Result<Vector> RunDecimal(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<DecimalCell>(arguments[0]);
  const int scale =
      arrow::internal::checked_cast<const arrow::DecimalType&>(*PlanOf(binding).from).scale();
  return BuildText(
      context, PlanOf(binding), arguments[0], row_count,
      [&](int64_t i, std::string* out) { kernels::AppendDecimal(view[i], scale, out); });
}

Result<Vector> RunBoolean(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const BoolView view = ViewBool(arguments[0]);
  return BuildText(context, PlanOf(binding), arguments[0], row_count,
                   [&](int64_t i, std::string* out) { *out = view[i] ? "true" : "false"; });
}

template <typename T>
Result<Vector> RunDate(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<T>(arguments[0]);
  constexpr int64_t kPerDay = sizeof(T) == 4 ? 1 : calendar::kSecondsPerDay * 1000;
  return BuildText(context, PlanOf(binding), arguments[0], row_count,
                   [&](int64_t i, std::string* out) {
                     calendar::AppendDate(calendar::FloorDivide(view[i], kPerDay), out);
                   });
}

template <typename T>
Result<Vector> RunTime(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<T>(arguments[0]);
  const int64_t nanos = calendar::kNanosPerSecond / calendar::UnitsPerSecond(*PlanOf(binding).from);
  return BuildText(
      context, PlanOf(binding), arguments[0], row_count,
      [&](int64_t i, std::string* out) { calendar::AppendTime(view[i] * nanos, out); });
}

Result<Vector> RunTimestamp(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const auto& from = *PlanOf(binding).from;
  const auto view = ViewFixed<int64_t>(arguments[0]);
  const int64_t units = calendar::UnitsPerSecond(from), nanos = calendar::kNanosPerSecond / units;
  const bool zoned =
      !arrow::internal::checked_cast<const arrow::TimestampType&>(from).timezone().empty();
  VELARIA_ASSIGN_OR_RETURN(auto zone, calendar::Zone::Of(from));
  return BuildText(context, PlanOf(binding), arguments[0], row_count,
                   [&](int64_t i, std::string* out) {
                     const int64_t seconds = calendar::FloorDivide(view[i], units);
                     const int64_t nanos_of_second = calendar::FloorModulo(view[i], units) * nanos;
                     if (!zoned) {
                       calendar::AppendTimestamp(seconds, nanos_of_second, std::nullopt, out);
                       return;
                     }
                     const int64_t offset = zone.OffsetAt(seconds);
                     calendar::AppendTimestamp(seconds + offset, nanos_of_second, offset, out);
                   });
}

Result<Vector> RunInterval(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const auto view = ViewFixed<calendar::Interval>(arguments[0]);
  return BuildText(context, PlanOf(binding), arguments[0], row_count,
                   [&](int64_t i, std::string* out) { calendar::AppendInterval(view[i], out); });
}

}  // namespace

ScalarKernel FindToText(const arrow::DataType& from) {
  switch (from.id()) {
    case arrow::Type::DATE32: return RunDate<int32_t>;
    case arrow::Type::DATE64: return RunDate<int64_t>;
    case arrow::Type::TIME32: return RunTime<int32_t>;
    case arrow::Type::TIME64: return RunTime<int64_t>;
    case arrow::Type::TIMESTAMP: return RunTimestamp;
    case arrow::Type::DURATION: return nullptr;
    case arrow::Type::INTERVAL_MONTH_DAY_NANO: return RunInterval;
    default: break;
  }
  switch (PhysicalOf(from)) {
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
