// Functions that make a new text.
#include <arrow/array/builder_binary.h>

#include <charconv>

#include "base/text.hpp"
#include "functions/binding.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text.hpp"
#include "functions/text_case.hpp"
#include "functions/text_kernels.hpp"
#include "functions/utf8.hpp"

namespace velaria::text {
namespace {

using binding::Parameter;
using kernels::LetterCase;
using kernels::MapToText;
using kernels::OnDictionary;

Status CheckSize(uint64_t bytes) {
  if (bytes <= static_cast<uint64_t>(kernels::kTextBytesMax)) return Status::OK();
  return Fail(ErrorCode::kOverflow,
              "the text would exceed 268435456 bytes: " + std::to_string(bytes));
}

template <LetterCase letter_case>
Result<Vector> RunCase(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(Vector changed,
                           kernels::ChangeCase(context, arguments[0], row_count, letter_case));
  if (changed.type()->id() == arrow::Type::STRING) return changed;
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding cast,
                           BindCast(changed.type(), arrow::utf8(), false));
  return cast.kernel(context, cast, {&changed, 1}, row_count);
}

template <LetterCase letter_case>
Result<ScalarBinding> BindCase(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText}, 1, arrow::utf8(),
                       OnDictionary<RunCase<letter_case>>);
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<uint8_t>(c) >= 0x80;
}

Result<Vector> RunInitcap(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(
      const Vector lowered,
      kernels::ChangeCase(context, arguments[0], row_count, LetterCase::kLower));
  const StringView text(lowered);
  return MapToText(context, {&lowered, 1}, row_count, [&](int64_t i, std::string* out) -> Status {
    bool inside = false;
    for (size_t at = 0; at < text[i].size();) {
      const size_t bytes = utf8::CharacterBytes(text[i], at);
      const std::string_view character = text[i].substr(at, bytes);
      const bool word = IsWordCharacter(character[0]);
      if (word && !inside) {
        VELARIA_ASSIGN_OR_RETURN(const std::string upper,
                                 kernels::ChangeCase(character, LetterCase::kUpper));
        *out += upper;
      } else {
        *out += character;
      }
      inside = word;
      at += bytes;
    }
    return Status::OK();
  });
}

Result<ScalarBinding> BindInitcap(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText}, 1, arrow::utf8(), OnDictionary<RunInitcap>);
}

Result<Vector> RunReverse(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    for (size_t end = text[i].size(); end > 0;) {
      size_t at = end - 1;
      while (at > 0 && utf8::IsContinuation(text[i][at])) --at;
      out->append(text[i].substr(at, end - at));
      end = at;
    }
  });
}

Result<Vector> RunRepeat(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  const auto count = ViewFixed<int64_t>(arguments[1]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    if (count[i] <= 0 || text[i].empty()) return Status::OK();
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(count[i]), text[i].size(), &bytes))
      bytes = ~uint64_t{0};
    VELARIA_RETURN_NOT_OK(CheckSize(bytes));
    out->reserve(bytes);
    for (int64_t n = 0; n < count[i]; ++n) out->append(text[i]);
    return Status::OK();
  });
}

Result<Vector> RunReplace(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]), from(arguments[1]), to(arguments[2]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    std::string_view rest = text[i];
    while (!from[i].empty()) {
      const size_t found = rest.find(from[i]);
      if (found == std::string_view::npos) break;
      out->append(rest.substr(0, found));
      out->append(to[i]);
      VELARIA_RETURN_NOT_OK(CheckSize(out->size()));
      rest = rest.substr(found + from[i].size());
    }
    out->append(rest);
    return Status::OK();
  });
}

/// Character k of `from` becomes character k of `to`, or goes when `to` is shorter.
Result<Vector> RunTranslate(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]), from(arguments[1]), to(arguments[2]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    for (size_t at = 0; at < text[i].size();) {
      const size_t bytes = utf8::CharacterBytes(text[i], at);
      const std::string_view character = text[i].substr(at, bytes);
      at += bytes;
      size_t source = 0, target = 0;
      while (source < from[i].size() &&
             from[i].substr(source, utf8::CharacterBytes(from[i], source)) != character) {
        source += utf8::CharacterBytes(from[i], source);
        target = utf8::Skip(to[i], target, 1);
      }
      if (source >= from[i].size()) {
        out->append(character);
      } else if (target < to[i].size()) {
        out->append(to[i].substr(target, utf8::CharacterBytes(to[i], target)));
      }
    }
  });
}

template <bool on_left>
Result<Vector> RunPad(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  const auto width = ViewFixed<int64_t>(arguments[1]);
  const auto fills = arguments.size() > 2 ? std::make_unique<StringView>(arguments[2]) : nullptr;
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    const std::string_view fill = fills ? (*fills)[i] : " ";
    const int64_t length = CountCharacters(text[i]);
    if (width[i] <= length || fill.empty()) {
      out->append(text[i].substr(0, utf8::Skip(text[i], 0, width[i])));
      return Status::OK();
    }
    VELARIA_RETURN_NOT_OK(CheckSize(static_cast<uint64_t>(width[i])));
    if (!on_left) out->append(text[i]);
    size_t at = 0;
    for (int64_t missing = width[i] - length; missing > 0; --missing) {
      const size_t bytes = utf8::CharacterBytes(fill, at);
      out->append(fill.substr(at, bytes));
      at = at + bytes < fill.size() ? at + bytes : 0;
    }
    if (on_left) out->append(text[i]);
    return Status::OK();
  });
}

/// concat and concat_ws: NULLs among the joined texts are left out; a NULL separator gives NULL.
Result<Vector> RunJoin(const FunctionContext& context, std::span<const Vector> arguments,
                       int64_t row_count, const Vector* separator) {
  std::vector<StringView> texts;
  for (const auto& argument : arguments) texts.emplace_back(argument);
  const auto separators = separator != nullptr ? std::make_unique<StringView>(*separator) : nullptr;
  if (separator != nullptr && kernels::IsConstantNull(*separator))
    return MakeNullConstant(arrow::utf8(), context.pool);
  bool constant = separator == nullptr || separator->constant;
  for (const auto& argument : arguments) constant &= argument.constant;
  const int64_t rows = constant ? std::min<int64_t>(row_count, 1) : row_count;
  arrow::StringBuilder builder(context.pool);
  std::string text;
  for (int64_t i = 0; i < rows; ++i) {
    if (separators && !separators->IsValid(i)) {
      VELARIA_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    text.clear();
    bool first = true;
    for (const auto& part : texts) {
      if (!part.IsValid(i)) continue;
      if (!first && separators) text += (*separators)[i];
      text += part[i];
      first = false;
    }
    VELARIA_RETURN_NOT_OK(CheckSize(text.size()));
    VELARIA_RETURN_NOT_OK(builder.Append(text));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), constant && rows > 0};
}

Result<Vector> RunConcat(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  return RunJoin(context, arguments, row_count, nullptr);
}

Result<Vector> RunConcatWs(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return RunJoin(context, arguments.subspan(1), row_count, &arguments[0]);
}

/// Any type is brought to text; a dictionary is decoded, since a null may hide in it.
Result<ScalarBinding> BindJoin(const BindArguments& arguments, size_t least, ScalarKernel kernel) {
  if (arguments.types.size() < least) return binding::WrongArguments();
  return ScalarBinding{arrow::utf8(), std::vector<TypePtr>(arguments.types.size(), arrow::utf8()),
                       kernel, nullptr};
}

Result<Vector> RunChr(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  const auto code = ViewFixed<int64_t>(arguments[0]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    if (code[i] == 0 || !utf8::IsCodePoint(code[i])) {
      return Fail(ErrorCode::kBadValue, "not a character's code point: " + std::to_string(code[i]));
    }
    utf8::Append(static_cast<uint32_t>(code[i]), out);
    return Status::OK();
  });
}

template <typename Unsigned>
Result<Vector> RunToHex(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const auto value = ViewFixed<std::make_signed_t<Unsigned>>(arguments[0]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    char text[20];
    out->append(text,
                std::to_chars(text, text + sizeof(text), static_cast<Unsigned>(value[i]), 16).ptr);
  });
}

Result<ScalarBinding> BindToHex(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, binding::TypeFor(arguments, 0, Parameter::kInteger));
  const bool narrow = ImplicitlyCastable(*LogicalType(arguments.types[0]), *arrow::int32());
  if (narrow) return ScalarBinding{arrow::utf8(), {arrow::int32()}, RunToHex<uint32_t>};
  return ScalarBinding{arrow::utf8(), {type}, RunToHex<uint64_t>};
}

}  // namespace

void RegisterBuild(Adder& add) {
  add("upper", {"ucase"}, "upper(text VARCHAR) -> VARCHAR", "In capital letters.",
      "upper('vélo 5')", "VÉLO 5", BindCase<LetterCase::kUpper>);
  add("lower", {"lcase"}, "lower(text VARCHAR) -> VARCHAR", "In small letters.", "lower('VÉLO')",
      "vélo", BindCase<LetterCase::kLower>);
  add("initcap", {}, "initcap(text VARCHAR) -> VARCHAR", "Each word with a capital first letter.",
      "initcap('red SAIL')", "Red Sail", BindInitcap);
  add(
      "reverse", {}, "reverse(text VARCHAR) -> VARCHAR", "Its characters last to first.",
      "reverse('été!')", "!été", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText}, 1, arrow::utf8(), OnDictionary<RunReverse>);
      });
  add(
      "repeat", {}, "repeat(text VARCHAR, count BIGINT) -> VARCHAR", "The text count times over.",
      "repeat('ab', 3)", "ababab", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kInteger}, 2, arrow::utf8(),
                             OnDictionary<RunRepeat>);
      });
  add(
      "replace", {}, "replace(text VARCHAR, from VARCHAR, to VARCHAR) -> VARCHAR",
      "With each occurrence of from replaced.", "replace('a-b-c', '-', '+')", "a+b+c",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kText, Parameter::kText}, 3,
                             arrow::utf8(), OnDictionary<RunReplace>);
      });
  add(
      "translate", {}, "translate(text VARCHAR, from VARCHAR, to VARCHAR) -> VARCHAR",
      "Each character of from becomes the one at its place in to, or goes.",
      "translate('12345', '143', 'ax')", "a2x5", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kText, Parameter::kText}, 3,
                             arrow::utf8(), OnDictionary<RunTranslate>);
      });
  add(
      "lpad", {}, "lpad(text VARCHAR, width BIGINT[, fill VARCHAR]) -> VARCHAR",
      "Filled at the beginning, or cut, to width characters.", "lpad('7', 3, '0')", "007",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kInteger, Parameter::kText}, 2,
                             arrow::utf8(), OnDictionary<RunPad<true>>);
      });
  add(
      "rpad", {}, "rpad(text VARCHAR, width BIGINT[, fill VARCHAR]) -> VARCHAR",
      "Filled at the end, or cut, to width characters.", "rpad('sea', 5, '.')", "sea..",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kInteger, Parameter::kText}, 2,
                             arrow::utf8(), OnDictionary<RunPad<false>>);
      });
  add(
      "concat", {}, "concat(a, b, ...) -> VARCHAR",
      "All arguments as text, one after the other; NULLs are left out.", "concat('a', NULL, 1)",
      "a1", +[](const BindArguments& a) { return BindJoin(a, 1, RunConcat); },
      "NULLs are left out; never NULL");
  add(
      "concat_ws", {}, "concat_ws(separator VARCHAR, a, b, ...) -> VARCHAR",
      "All arguments as text with the separator between; NULLs are left out, a NULL separator "
      "gives NULL.",
      "concat_ws('/', 'a', NULL, 'b')", "a/b",
      +[](const BindArguments& a) { return BindJoin(a, 2, RunConcatWs); },
      "NULL for a NULL separator; other NULLs are left out");
  add(
      "chr", {}, "chr(code BIGINT) -> VARCHAR", "The character of a Unicode code point.", "chr(65)",
      "A", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kInteger}, 1, arrow::utf8(), RunChr);
      });
  add("to_hex", {}, "to_hex(value BIGINT) -> VARCHAR",
      "In hexadecimal digits; a negative number as its two's complement.", "to_hex(255)", "ff",
      BindToHex);
}

}  // namespace velaria::text
