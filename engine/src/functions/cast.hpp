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

/// The frame around one cast's typed loop, compiled once: `compute(validity, rows, out)` fills the
/// values of all rows and says whether one of them does not fit; then of each valid row is asked
/// whether it `fits`, and its error is `fault(row)`.
Result<Vector> CastRows(
    const FunctionContext& context, const CastPlan& plan, const Vector& argument, int64_t row_count,
    FunctionRef<bool(const Validity& validity, int64_t rows, uint8_t* out)> compute,
    FunctionRef<bool(int64_t row)> fits, FunctionRef<Status(int64_t row)> fault);

/// `convert(view[i], &out)` returns a negative number when the value does not fit; `fault(view[i])`
/// is its error. Nulls are converted too when a value under them costs nothing to look at
/// (`skip_nulls` false).
template <typename Out, bool skip_nulls, typename View, typename Convert, typename Fault>
Result<Vector> ConvertRows(const FunctionContext& context, const CastPlan& plan,
                           const Vector& argument, int64_t row_count, const View& view,
                           Convert&& convert, Fault&& fault) {
  const auto compute = [&](const Validity& validity, int64_t rows, uint8_t* bytes) {
    Out* out = reinterpret_cast<Out*>(bytes);
    int64_t flags = 0;
    for (int64_t i = 0; i < rows; ++i) {
      if constexpr (skip_nulls) {
        if (!validity.IsValid(i)) {
          out[i] = Out{};
          continue;
        }
      }
      flags |= convert(view[i], &out[i]);
    }
    return flags < 0;
  };
  const auto fits = [&](int64_t row) {
    Out ignored;
    return convert(view[row], &ignored) >= 0;
  };
  return CastRows(context, plan, argument, row_count, compute, fits,
                  [&](int64_t row) -> Status { return fault(view[row]); });
}

}  // namespace velaria::casts
