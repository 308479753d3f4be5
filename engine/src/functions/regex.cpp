#include "functions/regex.hpp"

#include <arrow/compute/api_scalar.h>

#include "base/text.hpp"
#include "functions/arrow_call.hpp"
#include "functions/elementwise.hpp"
#include "functions/utf8.hpp"

namespace velaria::regex {
namespace {

Status BadPattern(const std::string& pattern, const std::string& why) {
  return Fail(ErrorCode::kBadPattern, "not a regular expression: " + pattern,
              "The syntax is RE2's.", why);
}

Result<Vector> AsUtf8(const FunctionContext& context, Vector result, int64_t row_count) {
  if (result.type()->id() == arrow::Type::STRING) return result;
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding cast, BindCast(result.type(), arrow::utf8(), false));
  return cast.kernel(context, cast, {&result, 1}, row_count);
}

/// The groups of a pattern that compiles: parentheses neither escaped, nor in a class, nor (?:...).
int CountGroups(std::string_view pattern) {
  int groups = 0;
  bool in_class = false;
  for (size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '\\') {
      if (pattern.substr(at, 2) == "\\Q") {
        const size_t end = pattern.find("\\E", at);
        at = end == std::string_view::npos ? pattern.size() : end;
      }
      ++at;
    } else if (in_class) {
      if (pattern.substr(at, 2) == "[:")
        at = std::min(pattern.find(":]", at), pattern.size()) + 1;
      else if (c == ']')
        in_class = false;
    } else if (c == '[') {
      in_class = true;
      if (at + 1 < pattern.size() && pattern[at + 1] == '^') ++at;
      if (at + 1 < pattern.size() && pattern[at + 1] == ']') ++at;
    } else if (c == '(') {
      const std::string_view rest = pattern.substr(at + 1);
      const bool named = rest.starts_with("?P<") || rest.starts_with("?<");
      groups += !rest.starts_with('?') || named;
    }
  }
  return groups;
}

}  // namespace

Result<std::string> PrefixOf(const std::string& flags) {
  std::string letters;
  for (const char flag : flags) {
    switch (flag) {
      case 'i':
      case 's': letters += flag; break;
      case 'm':
      case 'n': letters += 'm'; break;
      case 'c': std::erase(letters, 'i'); break;
      case 'g': break;
      default:
        return Fail(ErrorCode::kBadArgument, "unknown flag: " + std::string(1, flag),
                    "The flags are g, i, c, s, m and n.");
    }
  }
  return letters.empty() ? "" : "(?" + letters + ")";
}

Result<int> GroupsOf(const std::string& pattern) {
  const FunctionContext context;
  VELARIA_ASSIGN_OR_RETURN(const Vector empty,
                           MakeConstant(std::make_shared<arrow::StringScalar>(""), context.pool));
  VELARIA_RETURN_NOT_OK(Matches(context, empty, pattern, 1).status());
  return CountGroups(pattern);
}

Result<Vector> Matches(const FunctionContext& context, const Vector& text,
                       const std::string& pattern, int64_t row_count) {
  const arrow::compute::MatchSubstringOptions options(pattern);
  auto result =
      kernels::CallArrow(context, "match_substring_regex", {&text, 1}, row_count, &options);
  if (!result.ok() && result.status().IsInvalid())
    return BadPattern(pattern, FirstLine(result.status().message()));
  return result;
}

Result<Vector> Replace(const FunctionContext& context, const Vector& text,
                       const std::string& pattern, const std::string& replacement, bool all,
                       int64_t row_count) {
  const arrow::compute::ReplaceSubstringOptions options(pattern, replacement, all ? -1 : 1);
  auto result =
      kernels::CallArrow(context, "replace_substring_regex", {&text, 1}, row_count, &options);
  if (!result.ok() && result.status().IsInvalid())
    return BadPattern(pattern, FirstLine(result.status().message()));
  VELARIA_RETURN_NOT_OK(result.status());
  return AsUtf8(context, *std::move(result), row_count);
}

Result<Vector> Mark(const FunctionContext& context, const Vector& text, const std::string& pattern,
                    int group, bool all, int64_t row_count) {
  std::string replacement(1, kMatchBegin);
  replacement += '\\' + std::to_string(group);
  replacement += kMatchEnd;
  return Replace(context, text, pattern, replacement, all, row_count);
}

Result<std::string> FromSimilar(std::string_view pattern, std::string_view escape) {
  std::string out = "(?s)\\A(?:";
  bool in_class = false;
  for (size_t at = 0; at < pattern.size();) {
    const size_t bytes = utf8::CharacterBytes(pattern, at);
    const std::string_view character = pattern.substr(at, bytes);
    at += bytes;
    const char c = character[0];
    if (!escape.empty() && character == escape) {
      if (at >= pattern.size()) {
        return Fail(
            ErrorCode::kBadPattern,
            "a SIMILAR TO pattern must not end with its escape character: " + std::string(pattern));
      }
      const size_t next = utf8::CharacterBytes(pattern, at);
      const bool letter = std::isalnum(static_cast<unsigned char>(pattern[at])) || next > 1;
      if (!letter) out += '\\';
      out += pattern.substr(at, next);
      at += next;
    } else if (in_class) {
      if (c == '\\') out += '\\';
      out += character;
      in_class = c != ']';
    } else if (c == '%') {
      out += ".*";
    } else if (c == '_') {
      out += '.';
    } else if (c == '(') {
      out += "(?:";
    } else if (c == '.' || c == '^' || c == '$' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      in_class = c == '[';
      out += character;
    }
  }
  return out + ")\\z";
}

Status EscapeText(std::string_view text, std::string* out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte) && c != '_') *out += '\\';
    *out += c;
  }
  return Status::OK();
}

}  // namespace velaria::regex
