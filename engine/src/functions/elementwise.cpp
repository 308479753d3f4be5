#include "functions/elementwise.hpp"

namespace velaria::kernels {

Result<Vector> WithArgumentNulls(const FunctionContext& context, ArrayDataPtr data,
                                 std::span<const Vector> arguments, Extent extent) {
  VELARIA_ASSIGN_OR_RETURN(data->buffers[0], CombineValidity(arguments, extent.rows, context.pool));
  data->null_count = data->buffers[0] ? arrow::kUnknownNullCount : 0;
  return Vector{std::move(data), extent.constant};
}

Result<Vector> MapFixed(const FunctionContext& context, const TypePtr& type,
                        std::span<const Vector> arguments, int64_t row_count,
                        FunctionRef<bool(int64_t rows, uint8_t* out)> compute,
                        FunctionRef<Status(int64_t row)> explain) {
  if (HasConstantNull(arguments)) return MakeNullConstant(type, context.pool);
  const Extent extent = ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(type, extent.rows, context.pool));
  const bool has_fault = compute(extent.rows, data->buffers[1]->mutable_data());
  VELARIA_ASSIGN_OR_RETURN(Vector result,
                           WithArgumentNulls(context, std::move(data), arguments, extent));
  if (!has_fault) return result;
  const Validity validity = ValidityOf(result);
  for (int64_t row = 0; row < extent.rows; ++row) {
    if (validity.IsValid(row)) VELARIA_RETURN_NOT_OK(explain(row));
  }
  return result;
}

Result<Vector> MapToBits(const FunctionContext& context, std::span<const Vector> arguments,
                         Extent extent, FunctionRef<void(int64_t rows, uint8_t* bitmap)> pack) {
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::boolean(), extent.rows, context.pool));
  pack(extent.rows, data->buffers[1]->mutable_data());
  return WithArgumentNulls(context, std::move(data), arguments, extent);
}

}  // namespace velaria::kernels
