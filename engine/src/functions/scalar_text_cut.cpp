// Functions that give a part of a text. Positions count characters from 1.
#include "base/text.hpp"
#include "functions/binding.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text.hpp"
#include "functions/text_kernels.hpp"
#include "functions/utf8.hpp"

namespace velaria::text {
namespace {

using binding::Parameter;
using kernels::MapToText;
using kernels::OnDictionary;

/// Characters [start, start + count) that exist; a start below 1 uses up the count, as in
/// PostgreSQL.
Result<Vector> RunSubstr(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  const auto start = ViewFixed<int64_t>(arguments[1]);
  const bool has_count = arguments.size() > 2;
  const auto count = has_count ? ViewFixed<int64_t>(arguments[2]) : FixedView<int64_t>{};
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    const int64_t first = std::max<int64_t>(start[i], 1);
    int64_t end = std::numeric_limits<int64_t>::max();
    if (has_count) {
      if (count[i] < 0)
        return Fail(ErrorCode::kBadValue,
                    "negative length of a substring: " + std::to_string(count[i]));
      if (__builtin_add_overflow(start[i], count[i], &end))
        end = std::numeric_limits<int64_t>::max();
    }
    if (end <= first) return Status::OK();
    const size_t from = utf8::Skip(text[i], 0, first - 1);
    out->append(text[i].substr(from, utf8::Skip(text[i], from, end - first) - from));
    return Status::OK();
  });
}

Result<ScalarBinding> BindSubstr(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText, Parameter::kInteger, Parameter::kInteger}, 2,
                       arrow::utf8(), OnDictionary<RunSubstr>);
}

/// left(text, n): the first n characters, or all but the last -n; right likewise from the end.
template <bool from_left>
Result<Vector> RunSide(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  const auto count = ViewFixed<int64_t>(arguments[1]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    const int64_t length = CountCharacters(text[i]);
    const int64_t kept = count[i] < 0 ? std::max<int64_t>(length + std::max(count[i], -length), 0)
                                      : std::min(count[i], length);
    const size_t cut = utf8::Skip(text[i], 0, from_left ? kept : length - kept);
    out->append(from_left ? text[i].substr(0, cut) : text[i].substr(cut));
  });
}

template <bool from_left>
Result<ScalarBinding> BindSide(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText, Parameter::kInteger}, 2, arrow::utf8(),
                       OnDictionary<RunSide<from_left>>);
}

bool HasCharacter(std::string_view set, std::string_view character) {
  for (size_t at = 0; at < set.size();) {
    const size_t bytes = utf8::CharacterBytes(set, at);
    if (set.substr(at, bytes) == character) return true;
    at += bytes;
  }
  return false;
}

template <bool left, bool right>
Result<Vector> RunTrim(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  const auto sets = arguments.size() > 1 ? std::make_unique<StringView>(arguments[1]) : nullptr;
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    std::string_view rest = text[i];
    const std::string_view set = sets ? (*sets)[i] : " ";
    while (left && !rest.empty()) {
      const size_t bytes = utf8::CharacterBytes(rest, 0);
      if (!HasCharacter(set, rest.substr(0, bytes))) break;
      rest.remove_prefix(bytes);
    }
    while (right && !rest.empty()) {
      size_t at = rest.size() - 1;
      while (at > 0 && utf8::IsContinuation(rest[at])) --at;
      if (!HasCharacter(set, rest.substr(at))) break;
      rest = rest.substr(0, at);
    }
    out->append(rest);
  });
}

template <bool left, bool right>
Result<ScalarBinding> BindTrim(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText, Parameter::kText}, 1, arrow::utf8(),
                       OnDictionary<RunTrim<left, right>>);
}

/// Field n between delimiters; from the end when n is negative; empty when there is none.
std::string_view FieldOf(std::string_view text, std::string_view delimiter, int64_t n) {
  if (delimiter.empty()) return n == 1 || n == -1 ? text : std::string_view();
  if (n < 0) {
    for (; n < -1; ++n) {
      const size_t found = text.rfind(delimiter);
      if (found == std::string_view::npos) return {};
      text = text.substr(0, found);
    }
    const size_t found = text.rfind(delimiter);
    return found == std::string_view::npos ? text : text.substr(found + delimiter.size());
  }
  for (; n > 1; --n) {
    const size_t found = text.find(delimiter);
    if (found == std::string_view::npos) return {};
    text = text.substr(found + delimiter.size());
  }
  return text.substr(0, text.find(delimiter));
}

Result<Vector> RunSplitPart(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]), delimiter(arguments[1]);
  const auto field = ViewFixed<int64_t>(arguments[2]);
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    if (field[i] == 0)
      return Fail(ErrorCode::kBadValue, "split_part counts fields from 1 or from -1, not: 0");
    out->append(FieldOf(text[i], delimiter[i], field[i]));
    return Status::OK();
  });
}

Result<ScalarBinding> BindSplitPart(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText, Parameter::kText, Parameter::kInteger}, 3,
                       arrow::utf8(), OnDictionary<RunSplitPart>);
}

}  // namespace

void RegisterCut(Adder& add) {
  add("substr", {"substring"}, "substr(text VARCHAR, start BIGINT[, count BIGINT]) -> VARCHAR",
      "Count characters from start (the first is 1), or all to the end.", "substr('Velaria', 1, 4)",
      "Vela", BindSubstr);
  add("left", {}, "left(text VARCHAR, count BIGINT) -> VARCHAR",
      "The first characters; all but the last ones if count is negative.", "left('Velaria', 3)",
      "Vel", BindSide<true>);
  add("right", {}, "right(text VARCHAR, count BIGINT) -> VARCHAR",
      "The last characters; all but the first ones if count is negative.", "right('Velaria', 3)",
      "ria", BindSide<false>);
  add("trim", {"btrim"}, "trim(text VARCHAR[, characters VARCHAR]) -> VARCHAR",
      "Without blanks, or the given characters, at both ends.", "trim('  sail ')", "sail",
      BindTrim<true, true>);
  add("ltrim", {}, "ltrim(text VARCHAR[, characters VARCHAR]) -> VARCHAR",
      "Without blanks, or the given characters, at the beginning.", "ltrim('xxsail', 'x')", "sail",
      BindTrim<true, false>);
  add("rtrim", {}, "rtrim(text VARCHAR[, characters VARCHAR]) -> VARCHAR",
      "Without blanks, or the given characters, at the end.", "rtrim('sail--', '-')", "sail",
      BindTrim<false, true>);
  add("split_part", {}, "split_part(text VARCHAR, delimiter VARCHAR, field BIGINT) -> VARCHAR",
      "The given field between delimiters, counted from 1, or from -1 at the end.",
      "split_part('a,b,c', ',', 2)", "b", BindSplitPart);
}

}  // namespace velaria::text
