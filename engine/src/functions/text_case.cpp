#include "functions/text_case.hpp"

#include <arrow/scalar.h>

#include "base/text.hpp"
#include "functions/arrow_call.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::kernels {
namespace {

bool IsAscii(std::string_view text) {
  uint8_t seen = 0;
  for (char c : text) seen |= static_cast<uint8_t>(c);
  return seen < 0x80;
}

}  // namespace

Result<Vector> ChangeCase(const FunctionContext& context, const Vector& text, int64_t row_count,
                          LetterCase letter_case) {
  const StringView view(text);
  const Extent extent = ExtentOf({&text, 1}, row_count);
  bool ascii = true;
  for (int64_t i = 0; i < extent.rows; ++i) ascii &= IsAscii(view[i]);
  const bool lower = letter_case == LetterCase::kLower;
  if (!ascii) return CallArrow(context, lower ? "utf8_lower" : "utf8_upper", {&text, 1}, row_count);
  const char first = lower ? 'A' : 'a', last = lower ? 'Z' : 'z';
  return MapToText(context, {&text, 1}, row_count, [&](int64_t i, std::string* out) {
    out->assign(view[i]);
    for (char& c : *out) c = static_cast<char>(c >= first && c <= last ? c ^ 0x20 : c);
  });
}

Result<std::string> ChangeCase(std::string_view text, LetterCase letter_case) {
  if (IsAscii(text)) return letter_case == LetterCase::kLower ? ToLower(text) : ToUpper(text);
  const FunctionContext context;
  VELARIA_ASSIGN_OR_RETURN(
      const Vector constant,
      MakeConstant(std::make_shared<arrow::StringScalar>(std::string(text)), context.pool));
  VELARIA_ASSIGN_OR_RETURN(const Vector changed, ChangeCase(context, constant, 1, letter_case));
  return std::string(StringView(changed)[0]);
}

}  // namespace velaria::kernels
