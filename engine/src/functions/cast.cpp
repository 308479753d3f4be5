#include "functions/cast.hpp"

#include <arrow/compute/api_vector.h>
#include <arrow/compute/cast.h>

#include "functions/binding.hpp"

namespace velaria {
namespace casts {
namespace {

constexpr size_t kShownValueBytes = 200;

Result<Vector> RunPlain(const FunctionContext& context, const ScalarBinding& binding,
                        const Vector& argument, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  if (kernels::IsConstantNull(argument)) return MakeNullConstant(plan.to, context.pool);
  return plan.kernel(context, binding, std::span<const Vector>(&argument, 1), row_count);
}

Result<Vector> RunCast(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const Vector& argument = arguments[0];
  if (!IsDictionary(*argument.type())) return RunPlain(context, binding, argument, row_count);
  if (argument.constant || argument.data->dictionary->length > row_count) {
    VELARIA_ASSIGN_OR_RETURN(const Vector decoded, Decode(argument, context.pool));
    return RunPlain(context, binding, decoded, row_count);
  }
  // Each distinct value is converted once. One that no row holds must not fail the cast.
  const DictionaryView view = ViewDictionary(argument);
  auto values = RunPlain(context, binding, view.values, view.values.length());
  if (values.ok()) return GatherOrNull(*values, view.codes, context.pool);
  VELARIA_ASSIGN_OR_RETURN(const Vector decoded, Decode(argument, context.pool));
  return RunPlain(context, binding, decoded, row_count);
}

Result<Vector> RunIdentity(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return arguments[0];
}

Result<Vector> RunNull(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  return MakeNullConstant(binding.type, context.pool);
}

/// To a dictionary: the plain cast to its value type (the data of the inner binding), then encoded.
Result<Vector> RunEncode(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const auto& inner = binding::DataOf<ScalarBinding>(binding);
  VELARIA_ASSIGN_OR_RETURN(const Vector plain, inner.kernel(context, inner, arguments, row_count));
  arrow::compute::ExecContext execution(context.pool);
  execution.set_use_threads(false);
  VELARIA_ASSIGN_OR_RETURN(
      const arrow::Datum encoded,
      arrow::compute::DictionaryEncode(
          plain.data, arrow::compute::DictionaryEncodeOptions::Defaults(), &execution));
  // Codes are int32 here; the target may ask for another width.
  const auto& type = arrow::internal::checked_cast<const arrow::DictionaryType&>(*binding.type);
  auto codes = encoded.array()->Copy();
  codes->type = arrow::int32();
  codes->dictionary = nullptr;
  VELARIA_ASSIGN_OR_RETURN(const arrow::Datum indices,
                           arrow::compute::Cast(codes, type.index_type(),
                                                arrow::compute::CastOptions::Safe(), &execution));
  auto out = indices.array()->Copy();
  out->type = binding.type;
  out->dictionary = encoded.array()->dictionary;
  return Vector{std::move(out), plain.constant};
}

ScalarKernel FindKernel(const arrow::DataType& from, const arrow::DataType& to) {
  const bool from_text = IsString(from), to_text = IsString(to);
  if (from_text && to_text) return FindLayoutCast(from, to);
  ScalarKernel kernel = nullptr;
  if (to_text) kernel = IsNested(from) ? FindNestedToText(from) : FindToText(from);
  if (from_text) kernel = FindFromText(to);
  if (kernel == nullptr) kernel = FindBlobCast(from, to);
  if (kernel == nullptr) kernel = FindToNested(from, to);
  if (kernel == nullptr) kernel = FindNumericCast(from, to);
  if (kernel == nullptr) kernel = FindTemporalCast(from, to);
  if (kernel == nullptr) kernel = FindLayoutCast(from, to);
  return kernel;
}

}  // namespace

Result<Vector> CastRows(
    const FunctionContext& context, const CastPlan& plan, const Vector& argument, int64_t row_count,
    FunctionRef<bool(const Validity& validity, int64_t rows, uint8_t* out)> compute,
    FunctionRef<bool(int64_t row)> fits, FunctionRef<Status(int64_t row)> fault) {
  const std::span<const Vector> arguments(&argument, 1);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(plan.to, extent.rows, context.pool));
  VELARIA_ASSIGN_OR_RETURN(Vector result,
                           kernels::WithArgumentNulls(context, data, arguments, extent));
  const Validity validity = ValidityOf(argument);
  if (!compute(validity, extent.rows, data->buffers[1]->mutable_data())) return result;
  for (int64_t row = 0; row < extent.rows; ++row) {
    if (!validity.IsValid(row) || fits(row)) continue;
    if (!plan.try_cast) return fault(row);
    VELARIA_RETURN_NOT_OK(ClearValid(context, data.get(), row));
  }
  return result;
}

const CastPlan& PlanOf(const ScalarBinding& binding) { return binding::DataOf<CastPlan>(binding); }

Status OutOfRange(const arrow::DataType& to, const std::string& value) {
  return Fail(ErrorCode::kOverflow, SqlName(to) + " out of range: " + value);
}

Status CannotCast(const arrow::DataType& to, std::string_view value) {
  std::string shown(value.substr(0, kShownValueBytes));
  if (value.size() > kShownValueBytes) {
    while (!shown.empty() && (shown.back() & 0xC0) == 0x80) shown.pop_back();
    if (!shown.empty() && (shown.back() & 0x80) != 0) shown.pop_back();
    shown += "...";
  }
  std::replace(shown.begin(), shown.end(), '\n', ' ');
  return Fail(ErrorCode::kBadCast, "cannot cast to " + SqlName(to) + ": " + shown);
}

}  // namespace casts

Result<ScalarBinding> BindCast(const TypePtr& from, const TypePtr& to, bool try_cast) {
  if (from->Equals(*to)) return ScalarBinding{to, {nullptr}, casts::RunIdentity, nullptr};
  if (from->id() == arrow::Type::NA) return ScalarBinding{to, {nullptr}, casts::RunNull, nullptr};
  if (IsDictionary(*to)) {
    VELARIA_ASSIGN_OR_RETURN(ScalarBinding inner, BindCast(from, LogicalType(to), try_cast));
    return ScalarBinding{
        to, {nullptr}, casts::RunEncode, std::make_shared<const ScalarBinding>(std::move(inner))};
  }
  auto plan =
      std::make_shared<casts::CastPlan>(casts::CastPlan{LogicalType(from), to, try_cast, nullptr});
  plan->kernel = plan->from->Equals(*to) ? casts::RunIdentity : casts::FindKernel(*plan->from, *to);
  if (plan->kernel == nullptr) {
    return Fail(ErrorCode::kTypeMismatch,
                "no cast between these types: " + SqlName(*from) + " to " + SqlName(*to));
  }
  return ScalarBinding{to, {nullptr}, casts::RunCast, std::move(plan)};
}

}  // namespace velaria
