// U&'d\0061t' and U&"d\0061t": strings and names by code points, as in PostgreSQL.
#include "base/text.hpp"
#include "sql/lexer.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr std::string_view kEscapeWord = "UESCAPE";

bool IsHighSurrogate(uint32_t code) { return code >= 0xD800 && code <= 0xDBFF; }
bool IsLowSurrogate(uint32_t code) { return code >= 0xDC00 && code <= 0xDFFF; }

}  // namespace

void Lexer::ReadUnicode(Token* token) {
  const size_t begin = position_;
  const char quote = text_[begin + 2];
  position_ = begin + 2;
  if (quote == '"') {
    ReadQuotedName(token);
  } else {
    ReadString(token);
  }
  if (!status_.ok()) return;
  const std::string coded = std::move(token->value);
  token->value.clear();
  char escape = '\\';
  if (!ReadUnicodeEscapeCharacter(&escape)) return;
  if (!ReadUnicodeValue(coded, begin, escape, &token->value)) return;
  if (quote == '"') CheckNameLength(begin, token->value.size());
}

/// UESCAPE 'c' behind the literal, when it is there. False after a fault.
bool Lexer::ReadUnicodeEscapeCharacter(char* escape) {
  const size_t literal_end = position_;
  if (!SkipBlanksAndComments()) return false;
  const size_t begin = position_;
  if (!EqualsIgnoreCase(text_.substr(begin, NameLength(begin, true)), kEscapeWord)) {
    position_ = literal_end;
    return true;
  }
  position_ += kEscapeWord.size();
  if (!SkipBlanksAndComments()) return false;
  const char c = At(position_ + 1);
  const bool fits = At(position_) == '\'' && At(position_ + 2) == '\'' && c > ' ' && c < 0x7F &&
                    c != '+' && c != '\'' && c != '"' && DigitValue(c) < 0;
  if (!fits) {
    Fail(begin, ErrorCode::kSyntaxError, "UESCAPE names no escape character: UESCAPE",
         "Write one character that is no digit, sign, blank or quote, as in UESCAPE '!'.");
    return false;
  }
  *escape = c;
  position_ += 3;
  return true;
}

/// Decodes \XXXX, \+XXXXXX and the doubled escape character. Places of faults are the literal's.
bool Lexer::ReadUnicodeValue(std::string_view coded, size_t offset, char escape,
                             std::string* value) {
  const auto fail = [&](std::string message) {
    Fail(offset, ErrorCode::kBadLiteral, std::move(message),
         "Write four digits after the escape character, or + and six.");
    return false;
  };
  uint32_t high = 0;
  for (size_t i = 0; i < coded.size();) {
    const bool doubled = coded[i] == escape && i + 1 < coded.size() && coded[i + 1] == escape;
    if (coded[i] != escape || doubled) {
      if (high != 0) return fail("surrogate has no second half: U&");
      value->push_back(coded[i]);
      i += doubled ? 2 : 1;
      continue;
    }
    const bool is_long = i + 1 < coded.size() && coded[i + 1] == '+';
    const size_t first = i + (is_long ? 2 : 1);
    const size_t digits = is_long ? 6 : 4;
    if (first + digits > coded.size()) return fail("escape has too few hexadecimal digits: U&");
    uint32_t code = 0;
    for (size_t k = first; k < first + digits; ++k) {
      const int digit = DigitValue(coded[k]);
      if (digit < 0) return fail("escape has too few hexadecimal digits: U&");
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    i = first + digits;
    if (high != 0 && !IsLowSurrogate(code)) return fail("surrogate has no second half: U&");
    if (high == 0 && IsHighSurrogate(code)) {
      high = code;
      continue;
    }
    if (high != 0) code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00);
    high = 0;
    if (code == 0 || !AppendCodePoint(code, value)) return fail("escape names no character: U&");
  }
  return high == 0 || fail("surrogate has no second half: U&");
}

}  // namespace velaria::sql
