// Row loops for functions that take or give text. Rows under nulls are never looked at.
#pragma once

#include <arrow/array/builder_binary.h>

#include <string>
#include <type_traits>

#include "functions/elementwise.hpp"

namespace velaria::kernels {

/// Longest text one call may make; a limit on `repeat` and its like.
inline constexpr int64_t kTextBytesMax = int64_t{256} << 20;

/// A VARCHAR or BLOB per row, null where an argument is. `write(i, &bytes)` appends to an empty
/// string and returns nothing, a Status, or a Result<bool> that is false where the row is null.
template <typename Builder, typename Write>
Result<Vector> MapToBytes(const FunctionContext& context, const TypePtr& type,
                          std::span<const Vector> arguments, int64_t row_count, Write&& write) {
  if (HasConstantNull(arguments)) return MakeNullConstant(type, context.pool);
  const Extent extent = ExtentOf(arguments, row_count);
  std::vector<Validity> validities;
  for (const auto& argument : arguments) {
    const Validity validity = ValidityOf(argument);
    if (!validity.all_valid()) validities.push_back(validity);
  }
  Builder builder(context.pool);
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
    } else if constexpr (std::is_same_v<decltype(write(i, &text)), Result<bool>>) {
      VELARIA_ASSIGN_OR_RETURN(const bool has_value, write(i, &text));
      if (!has_value) {
        builder.UnsafeAppendNull();
        continue;
      }
    } else {
      write(i, &text);
    }
    VELARIA_RETURN_NOT_OK(builder.Append(text));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), extent.constant};
}

template <typename Write>
Result<Vector> MapToText(const FunctionContext& context, std::span<const Vector> arguments,
                         int64_t row_count, Write&& write) {
  return MapToBytes<arrow::StringBuilder>(context, arrow::utf8(), arguments, row_count,
                                          std::forward<Write>(write));
}

template <typename Write>
Result<Vector> MapToBlob(const FunctionContext& context, std::span<const Vector> arguments,
                         int64_t row_count, Write&& write) {
  return MapToBytes<arrow::BinaryBuilder>(context, arrow::binary(), arguments, row_count,
                                          std::forward<Write>(write));
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

/// A kernel from one text (or blob) to a text: `body` appends to an empty text.
template <Status (*body)(std::string_view, std::string*)>
Result<Vector> TextFromText(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  return MapToText(context, arguments, row_count,
                   [&](int64_t i, std::string* out) { return body(text[i], out); });
}

template <Status (*body)(std::string_view, std::string*)>
Result<Vector> BlobFromText(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  return MapToBlob(context, arguments, row_count,
                   [&](int64_t i, std::string* out) { return body(text[i], out); });
}

/// A kernel from two texts to a number.
template <typename T, Status (*body)(std::string_view, std::string_view, T*)>
Result<Vector> ValueFromTexts(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  const StringView a(arguments[0]), b(arguments[1]);
  return MapToValue<T>(context, binding.type, arguments, row_count,
                       [&](int64_t i, T* out) { return body(a[i], b[i], out); });
}

}  // namespace velaria::kernels
