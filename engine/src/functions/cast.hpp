// Casts, one file per family of sources and targets. Each family looks a kernel up by the two
// types; BindCast asks them in turn. A kernel sees values only: NULL type, dictionaries and
// constants are dealt with around it.
#pragma once

#include "functions/elementwise.hpp"

namespace velaria::casts {

/// ScalarBinding::data of every cast.
struct CastPlan {
  TypePtr from, to;  // `from` without dictionary encoding
  bool try_cast = false;
  ScalarKernel kernel = nullptr;
};

const CastPlan& PlanOf(const ScalarBinding& binding);

ScalarKernel FindNumericCast(const arrow::DataType& from,
                             const arrow::DataType& to);  // numbers and booleans
ScalarKernel FindToText(const arrow::DataType& from);
ScalarKernel FindNestedToText(const arrow::DataType& from);  // lists, structs, maps
ScalarKernel FindFromText(const arrow::DataType& to);
ScalarKernel FindBlobCast(const arrow::DataType& from, const arrow::DataType& to);
ScalarKernel FindToNested(const arrow::DataType& from, const arrow::DataType& to);
ScalarKernel FindTemporalCast(const arrow::DataType& from, const arrow::DataType& to);
ScalarKernel FindLayoutCast(const arrow::DataType& from,
                            const arrow::DataType& to);  // by Arrow: nested, blobs, layouts

/// VEL3002 "INTEGER out of range: 3000000000".
Status OutOfRange(const arrow::DataType& to, const std::string& value);
/// VEL3003 "cannot cast to INTEGER: abc".
Status CannotCast(const arrow::DataType& to, std::string_view value);

/// A failed row under TRY_CAST becomes null.
inline Status ClearValid(const FunctionContext& context, arrow::ArrayData* data, int64_t row) {
  if (!data->buffers[0]) {
    VELARIA_ASSIGN_OR_RETURN(data->buffers[0], AllocateBitmap(data->length, true, context.pool));
  }
  arrow::bit_util::ClearBit(data->buffers[0]->mutable_data(), row);
  data->null_count = arrow::kUnknownNullCount;
  return Status::OK();
}

/// `convert(view[i], &out)` returns a negative number when the value does not fit; `fault(view[i])`
/// is its error. Nulls are converted too when a value under them costs nothing to look at
/// (`skip_nulls` false).
template <typename Out, bool skip_nulls, typename View, typename Convert, typename Fault>
Result<Vector> ConvertRows(const FunctionContext& context, const CastPlan& plan,
                           const Vector& argument, int64_t row_count, const View& view,
                           Convert&& convert, Fault&& fault) {
  const std::span<const Vector> arguments(&argument, 1);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(plan.to, extent.rows, context.pool));
  VELARIA_ASSIGN_OR_RETURN(Vector result,
                           kernels::WithArgumentNulls(context, data, arguments, extent));
  Out* out = reinterpret_cast<Out*>(data->buffers[1]->mutable_data());
  const Validity validity = ValidityOf(argument);
  int64_t flags = 0;
  for (int64_t i = 0; i < extent.rows; ++i) {
    if constexpr (skip_nulls) {
      if (!validity.IsValid(i)) {
        out[i] = Out{};
        continue;
      }
    }
    flags |= convert(view[i], &out[i]);
  }
  if (flags >= 0) return result;
  for (int64_t i = 0; i < extent.rows; ++i) {
    Out ignored;
    if (!validity.IsValid(i) || convert(view[i], &ignored) >= 0) continue;
    if (!plan.try_cast) return fault(view[i]);
    VELARIA_RETURN_NOT_OK(ClearValid(context, data.get(), i));
  }
  return result;
}

}  // namespace velaria::casts
