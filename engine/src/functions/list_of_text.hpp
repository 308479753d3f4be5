// Row loops for functions that give a list of texts.
#pragma once

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>

#include "functions/text_kernels.hpp"

namespace velaria::kernels {

/// VARCHAR[] per row, null where an argument is. `write(i, &texts)` appends the list's texts and
/// returns a Status.
template <typename Write>
Result<Vector> MapToTextList(const FunctionContext& context, std::span<const Vector> arguments,
                             int64_t row_count, Write&& write) {
  const TypePtr type = arrow::list(arrow::utf8());
  if (HasConstantNull(arguments)) return MakeNullConstant(type, context.pool);
  const Extent extent = ExtentOf(arguments, row_count);
  std::vector<Validity> validities;
  for (const auto& argument : arguments) validities.push_back(ValidityOf(argument));
  auto texts = std::make_shared<arrow::StringBuilder>(context.pool);
  arrow::ListBuilder lists(context.pool, texts, type);
  for (int64_t i = 0; i < extent.rows; ++i) {
    const bool valid = std::all_of(validities.begin(), validities.end(),
                                   [i](const Validity& v) { return v.IsValid(i); });
    VELARIA_RETURN_NOT_OK(valid ? lists.Append() : lists.AppendNull());
    if (valid) VELARIA_RETURN_NOT_OK(write(i, texts.get()));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, lists.Finish());
  return Vector{array->data(), extent.constant};
}

}  // namespace velaria::kernels
