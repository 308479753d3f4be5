// Upper and lower case of UTF-8 text: ASCII here, the rest of Unicode by Arrow's tables.
#pragma once

#include "functions/registry.hpp"

namespace velaria::kernels {

enum class LetterCase { kLower, kUpper };

Result<Vector> ChangeCase(const FunctionContext& context, const Vector& text, int64_t row_count,
                          LetterCase letter_case);
Result<std::string> ChangeCase(std::string_view text, LetterCase letter_case);

}  // namespace velaria::kernels
