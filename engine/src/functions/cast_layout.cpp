// Casts that change how values lie and nothing else, and those of types that travel untouched: done
// by Arrow.
#include <arrow/compute/cast.h>

#include "functions/arrow_call.hpp"
#include "functions/cast.hpp"

namespace velaria::casts {
namespace {

Status TranslateFailure(const CastPlan& plan, const Status& status) {
  if (status.IsInvalid()) return CannotCast(*plan.to, status.message());
  return status;
}

/// Row by row, so that a value that does not fit is the only one that becomes null.
Result<Vector> TryRows(const FunctionContext& context, const CastPlan& plan, const Vector& argument,
                       const arrow::compute::CastOptions& options) {
  arrow::ArrayVector rows;
  for (int64_t i = 0; i < argument.length(); ++i) {
    const Vector one{argument.data->Slice(i, 1), false};
    auto value = kernels::CallArrow(context, "cast", {&one, 1}, 1, &options);
    if (value.ok()) {
      rows.push_back(value->array());
    } else {
      VELARIA_ASSIGN_OR_RETURN(auto null, arrow::MakeArrayOfNull(plan.to, 1, context.pool));
      rows.push_back(std::move(null));
    }
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, arrow::Concatenate(rows, context.pool));
  return Vector{array->data(), argument.constant};
}

Result<Vector> RunLayout(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const auto options = arrow::compute::CastOptions::Safe(plan.to);
  arrow::compute::ExecContext execution(context.pool);
  execution.set_use_threads(false);
  auto result = arrow::compute::Cast(arguments[0].data, options, &execution);
  if (result.ok()) return Vector{result->array(), arguments[0].constant};
  if (plan.try_cast && arguments[0].length() > 0)
    return TryRows(context, plan, arguments[0], options);
  return TranslateFailure(plan, result.status());
}

bool IsText(const arrow::DataType& type) {
  return IsString(type) || arrow::is_binary_like(type.id()) ||
         arrow::is_large_binary_like(type.id()) || arrow::is_binary_view_like(type.id()) ||
         type.id() == arrow::Type::FIXED_SIZE_BINARY;
}

/// Numbers that Arrow carries and no operator of ours computes with.
bool IsForeignNumber(const arrow::DataType& type) {
  return type.id() == arrow::Type::HALF_FLOAT || (arrow::is_decimal(type.id()) && !IsDecimal(type));
}

}  // namespace

ScalarKernel FindLayoutCast(const arrow::DataType& from, const arrow::DataType& to) {
  const bool layouts = IsText(from) && IsText(to);
  const bool foreign =
      (IsForeignNumber(from) && (IsNumeric(to) || IsForeignNumber(to) || IsString(to))) ||
      (IsForeignNumber(to) && IsNumeric(from));
  const bool nested = IsNested(from) && IsNested(to);
  const bool durations =
      from.id() == arrow::Type::DURATION &&
      (to.id() == arrow::Type::DURATION || to.id() == arrow::Type::INT64 || IsString(to));
  if (!layouts && !foreign && !nested && !durations) return nullptr;
  if (!kernels::InitializeArrowCompute().ok()) return nullptr;
  return arrow::compute::CanCast(from, to) ? RunLayout : nullptr;
}

}  // namespace velaria::casts
