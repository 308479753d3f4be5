// Between lists and texts: array_to_string, string_to_array, string_split.
#include "functions/list_of_text.hpp"

#include <arrow/array/builder_binary.h>
#include "functions/nested.hpp"
#include "functions/utf8.hpp"

namespace velaria::nested {
namespace {

using binding::Parameter;

/// The elements' texts with the separator between; NULL elements are left out, or take the third
/// text's place.
Result<Vector> RunToString(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const ListView list(arguments[0]);
  const StringView elements(list.elements()), separator(arguments[1]);
  const auto absent = arguments.size() > 2 ? std::make_unique<StringView>(arguments[2]) : nullptr;
  return kernels::MapToText(context, arguments.subspan(0, 2), row_count,
                            [&](int64_t i, std::string* out) {
                              bool first = true;
                              for (int64_t k = list.begin(i); k < list.end(i); ++k) {
                                const bool valid = elements.IsValid(k);
                                if (!valid && !(absent && absent->IsValid(i))) continue;
                                if (!first) out->append(separator[i]);
                                out->append(valid ? elements[k] : (*absent)[i]);
                                first = false;
                              }
                            });
}

Result<ScalarBinding> BindToString(const BindArguments& arguments) {
  const size_t count = arguments.types.size();
  if (count < 2 || count > 3) return binding::WrongArguments();
  VELARIA_RETURN_NOT_OK(ElementType(arguments, 0).status());
  ScalarBinding bound{arrow::utf8(), {ListOf(arrow::utf8())}, RunToString, nullptr};
  for (size_t i = 1; i < count; ++i) {
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kText).status());
    bound.arguments.push_back(arrow::utf8());
  }
  return bound;
}

Status AppendPart(std::string_view part, const std::optional<std::string_view>& absent,
                  arrow::StringBuilder* texts) {
  return absent && part == *absent ? texts->AppendNull() : texts->Append(part);
}

Status AppendCharacters(std::string_view text, const std::optional<std::string_view>& absent,
                        arrow::StringBuilder* texts) {
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = utf8::CharacterBytes(text, at);
    VELARIA_RETURN_NOT_OK(AppendPart(text.substr(at, bytes), absent, texts));
    at += bytes;
  }
  return Status::OK();
}

Status AppendParts(std::string_view text, std::string_view delimiter,
                   const std::optional<std::string_view>& absent, arrow::StringBuilder* texts) {
  while (true) {
    const size_t found = text.find(delimiter);
    VELARIA_RETURN_NOT_OK(AppendPart(text.substr(0, found), absent, texts));
    if (found == std::string_view::npos) return Status::OK();
    text.remove_prefix(found + delimiter.size());
  }
}

/// DuckDB's: an empty delimiter splits into characters.
Result<Vector> RunSplit(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]), delimiter(arguments[1]);
  return kernels::MapToTextList(context, arguments, row_count,
                                [&](int64_t i, arrow::StringBuilder* texts) {
                                  if (delimiter[i].empty() && !text[i].empty())
                                    return AppendCharacters(text[i], std::nullopt, texts);
                                  if (delimiter[i].empty()) return texts->Append(text[i]);
                                  return AppendParts(text[i], delimiter[i], std::nullopt, texts);
                                });
}

/// PostgreSQL's: a NULL delimiter splits into characters, an empty one does not split, an empty
/// text has no parts; parts equal to the third text are NULL.
Result<Vector> RunToArray(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]), delimiter(arguments[1]);
  const auto absents = arguments.size() > 2 ? std::make_unique<StringView>(arguments[2]) : nullptr;
  Vector driver = arguments[0];
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  if (driver.constant && !extent.constant) {
    VELARIA_ASSIGN_OR_RETURN(driver, Expand(driver, row_count, context.pool));
  }
  return kernels::MapToTextList(context, {&driver, 1}, row_count,
                                [&](int64_t i, arrow::StringBuilder* texts) -> Status {
                                  std::optional<std::string_view> absent;
                                  if (absents && absents->IsValid(i)) absent = (*absents)[i];
                                  if (text[i].empty()) return Status::OK();
                                  if (!delimiter.IsValid(i))
                                    return AppendCharacters(text[i], absent, texts);
                                  if (delimiter[i].empty())
                                    return AppendPart(text[i], absent, texts);
                                  return AppendParts(text[i], delimiter[i], absent, texts);
                                });
}

Result<ScalarBinding> BindSplit(const BindArguments& arguments, size_t most, ScalarKernel kernel) {
  const size_t count = arguments.types.size();
  if (count < 2 || count > most) return binding::WrongArguments();
  for (size_t i = 0; i < count; ++i)
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kText).status());
  return ScalarBinding{arrow::list(arrow::utf8()), std::vector<TypePtr>(count, arrow::utf8()),
                       kernel, nullptr};
}

}  // namespace

void RegisterTexts(RowAdder& add) {
  add("array_to_string", {"list_to_string"},
      "array_to_string(list, separator VARCHAR[, null_text VARCHAR]) -> VARCHAR",
      "The elements as text with the separator between; NULLs are left out, or written as the "
      "third "
      "text.",
      "array_to_string([1, 2, NULL], '-', '*')", "1-2-*", BindToString,
      "NULL for a NULL list or separator; a NULL third text leaves NULLs out");
  add(
      "string_split", {"str_split", "split"},
      "string_split(text VARCHAR, delimiter VARCHAR) -> VARCHAR[]",
      "The parts between delimiters; the characters when the delimiter is empty.",
      "string_split('a,b,c', ',')", "[a, b, c]",
      +[](const BindArguments& a) { return BindSplit(a, 2, RunSplit); });
  add(
      "string_to_array", {},
      "string_to_array(text VARCHAR, delimiter VARCHAR[, null_text VARCHAR]) -> VARCHAR[]",
      "The parts between delimiters, the characters when the delimiter is NULL; parts that equal "
      "the "
      "third text are NULL.",
      "string_to_array('a,b,x', ',', 'x')", "[a, b, NULL]",
      +[](const BindArguments& a) { return BindSplit(a, 3, RunToArray); },
      "NULL for a NULL text; a NULL delimiter splits into characters");
}

}  // namespace velaria::nested
