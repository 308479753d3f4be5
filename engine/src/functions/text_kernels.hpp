// Row loops for functions that take or give text. Rows under nulls are never looked at.
#pragma once

#include <string>
#include <type_traits>

#include "functions/elementwise.hpp"

namespace velaria::kernels {

/// Longest text one call may make; a limit on `repeat` and its like.
inline constexpr int64_t kTextBytesMax = int64_t{256} << 20;

/// VARCHAR per row, null where an argument is. `write(i, &text)` appends to an empty text and
/// returns nothing or a Status.
template <typename Write>
Result<Vector> MapToText(const FunctionContext& context, std::span<const Vector> arguments,
                         int64_t row_count, Write&& write) {
  if (HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  const Extent extent = ExtentOf(arguments, row_count);
  std::vector<Validity> validities;
  for (const auto& argument : arguments) {
    const Validity validity = ValidityOf(argument);
    if (!validity.all_valid()) validities.push_back(validity);
  }
  arrow::StringBuilder builder(context.pool);
  VELARIA_RETURN_NOT_OK(builder.Reserve(extent.rows));
  std::string text;
  for (int64_t i = 0; i < extent.rows; ++i) {
    const bool valid = std::all_of(validities.begin(), validities.end(),
                                   [i](const Validity& v) { return v.IsValid(i); });
    if (!valid) {
      builder.UnsafeAppendNull();
      continue;
    }
    text.clear();
    if constexpr (std::is_same_v<decltype(write(i, &text)), Status>) {
      VELARIA_RETURN_NOT_OK(write(i, &text));
    } else {
      write(i, &text);
    }
    VELARIA_RETURN_NOT_OK(builder.Append(text));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), extent.constant};
}

/// A fixed-width value per row, null where an argument is. `compute(i, &value)` returns nothing or
/// a Status.
template <typename T, typename Compute>
Result<Vector> MapToValue(const FunctionContext& context, const TypePtr& type,
                          std::span<const Vector> arguments, int64_t row_count, Compute&& compute) {
  if (HasConstantNull(arguments)) return MakeNullConstant(type, context.pool);
  const Extent extent = ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(type, extent.rows, context.pool));
  T* out = reinterpret_cast<T*>(data->buffers[1]->mutable_data());
  VELARIA_ASSIGN_OR_RETURN(Vector result,
                           WithArgumentNulls(context, std::move(data), arguments, extent));
  const Validity validity = ValidityOf(result);
  for (int64_t i = 0; i < extent.rows; ++i) {
    out[i] = T{};
    if (!validity.IsValid(i)) continue;
    if constexpr (std::is_same_v<decltype(compute(i, &out[i])), Status>) {
      VELARIA_RETURN_NOT_OK(compute(i, &out[i]));
    } else {
      compute(i, &out[i]);
    }
  }
  return result;
}

}  // namespace velaria::kernels
