#include <algorithm>

#include "sql/lexer.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr std::string_view kOpenString = "string has no end: '";
constexpr std::string_view kOpenStringHint = "Close it with a single quote.";

/// The value of a hexadecimal digit, or -1.
int DigitValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void Lexer::ReadString(Token* token) {
  const size_t begin = position_++;
  token->kind = TokenKind::kString;
  while (true) {
    const size_t quote = text_.find('\'', position_);
    if (quote == std::string_view::npos) {
      return Fail(begin, ErrorCode::kSyntaxError, std::string(kOpenString),
                  std::string(kOpenStringHint));
    }
    token->value.append(text_, position_, quote - position_);
    position_ = quote + 1;
    if (At(position_) != '\'') return;
    token->value += '\'';
    ++position_;
  }
}

void Lexer::ReadEscapeString(Token* token) {
  const size_t begin = position_;
  position_ += 2;
  token->kind = TokenKind::kString;
  while (true) {
    const size_t mark = text_.find_first_of("'\\", position_);
    if (mark == std::string_view::npos || (text_[mark] == '\\' && mark + 1 >= text_.size())) {
      return Fail(begin, ErrorCode::kSyntaxError, std::string(kOpenString),
                  std::string(kOpenStringHint));
    }
    token->value.append(text_, position_, mark - position_);
    position_ = mark + 1;
    if (text_[mark] == '\\') {
      if (!ReadEscape(&token->value)) return;
    } else if (At(position_) == '\'') {
      token->value += '\'';
      ++position_;
    } else {
      break;
    }
  }
  // \x and octal escapes write bytes; together they must make characters.
  if (!CheckText(token->value).ok()) {
    Fail(begin, ErrorCode::kBadLiteral, "escapes of the string do not make valid UTF-8: E'");
  }
}

bool Lexer::ReadEscape(std::string* value) {
  static constexpr std::string_view kLetters = "bfnrt";
  static constexpr std::string_view kMeanings = "\b\f\n\r\t";
  const char c = text_[position_];
  if (c == 'u') return ReadCodePointEscape(4, value);
  if (c == 'U') return ReadCodePointEscape(8, value);
  if (c == 'x' && DigitValue(At(position_ + 1)) >= 0) {
    int byte = DigitValue(At(++position_));
    const int low = DigitValue(At(++position_));
    if (low >= 0) {
      byte = byte * 16 + low;
      ++position_;
    }
    value->push_back(static_cast<char>(byte));
    return true;
  }
  if (c >= '0' && c <= '7') {
    int byte = 0;
    for (int i = 0; i < 3 && At(position_) >= '0' && At(position_) <= '7'; ++i) {
      byte = byte * 8 + (text_[position_++] - '0');
    }
    value->push_back(static_cast<char>(byte));
    return true;
  }
  const size_t letter = kLetters.find(c);
  value->push_back(letter == std::string_view::npos ? c : kMeanings[letter]);
  ++position_;
  return true;
}

bool Lexer::ReadCodePointEscape(int digits, std::string* value) {
  const size_t begin = position_ - 1;
  uint32_t code_point = 0;
  ++position_;
  for (int i = 0; i < digits; ++i) {
    const int digit = DigitValue(At(position_));
    if (digit < 0) {
      Fail(begin, ErrorCode::kBadLiteral,
           "escape has too few hexadecimal digits: " +
               std::string(text_.substr(begin, position_ - begin)),
           "Write four digits after \\u and eight after \\U.");
      return false;
    }
    code_point = code_point * 16 + static_cast<uint32_t>(digit);
    ++position_;
  }
  if (code_point == 0 || !AppendCodePoint(code_point, value)) {
    Fail(begin, ErrorCode::kBadLiteral,
         "escape names no character: " + std::string(text_.substr(begin, position_ - begin)));
    return false;
  }
  return true;
}

void Lexer::ReadDollar(Token* token) {
  const size_t begin = position_++;
  if (IsDigit(At(position_))) {
    token->kind = TokenKind::kParameter;
    token->value = ReadDigits();
    return;
  }
  const size_t tag_end = position_ + NameLength(position_, false);
  if (At(tag_end) != '$') {
    return Fail(begin, ErrorCode::kSyntaxError, "character starts no token: $",
                "Write $1 for a parameter and $$text$$ for a string.");
  }
  const std::string_view tag = text_.substr(begin, tag_end + 1 - begin);
  const size_t close = text_.find(tag, tag_end + 1);
  if (close == std::string_view::npos) {
    return Fail(begin, ErrorCode::kSyntaxError, "dollar-quoted string has no end: $",
                "Close it with the tag that opened it.");
  }
  token->kind = TokenKind::kString;
  token->value = text_.substr(tag_end + 1, close - tag_end - 1);
  position_ = close + tag.size();
}

std::string Lexer::ReadDigits() {
  std::string digits;
  while (IsDigit(At(position_)) ||
         (At(position_) == '_' && !digits.empty() && IsDigit(At(position_ + 1)))) {
    if (text_[position_] != '_') digits += text_[position_];
    ++position_;
  }
  return digits;
}

void Lexer::ReadNumber(Token* token) {
  const size_t begin = position_;
  const char prefix = static_cast<char>(At(begin + 1) | 0x20);
  if (text_[begin] == '0' && (prefix == 'x' || prefix == 'o' || prefix == 'b')) {
    return ReadPrefixedInteger(prefix == 'x' ? 4 : prefix == 'o' ? 3 : 1, token);
  }
  token->kind = TokenKind::kInteger;
  token->value = ReadDigits();
  if (At(position_) == '.') {
    ++position_;
    token->kind = TokenKind::kDecimal;
    const std::string fraction = ReadDigits();
    token->value =
        (token->value.empty() ? "0" : token->value) + "." + (fraction.empty() ? "0" : fraction);
  }
  if ((At(position_) | 0x20) == 'e') {
    const char sign = At(position_ + 1);
    const size_t digits = position_ + (sign == '+' || sign == '-' ? 2 : 1);
    if (IsDigit(At(digits))) {
      token->kind = TokenKind::kFloat;
      token->value += 'e';
      if (sign == '-') token->value += '-';
      position_ = digits;
      token->value += ReadDigits();
    }
  }
  const size_t junk = NameLength(position_, false);
  if (junk > 0) {
    Fail(position_, ErrorCode::kSyntaxError,
         "number is followed by letters: " +
             std::string(text_.substr(begin, std::min<size_t>(position_ + junk - begin, 40))),
         "Put a blank between a number and a word.");
  }
}

void Lexer::ReadPrefixedInteger(int bits_per_digit, Token* token) {
  const size_t begin = position_;
  const size_t end = begin + 1 + NameLength(begin + 1, false);
  const std::string shown(text_.substr(begin, std::min<size_t>(end - begin, 40)));
  uint64_t value = 0;
  bool has_digits = false;
  for (position_ = begin + 2; position_ < end; ++position_) {
    const char c = text_[position_];
    if (c == '_' && DigitValue(At(position_ + 1)) >= 0) continue;
    const int digit = DigitValue(c);
    if (digit < 0 || digit >= (1 << bits_per_digit)) {
      return Fail(begin, ErrorCode::kSyntaxError, "number has a wrong digit: " + shown);
    }
    if ((value >> (64 - bits_per_digit)) != 0) {
      return Fail(begin, ErrorCode::kBadLiteral, "number does not fit into 64 bits: " + shown);
    }
    value = (value << bits_per_digit) | static_cast<uint64_t>(digit);
    has_digits = true;
  }
  if (!has_digits) return Fail(begin, ErrorCode::kSyntaxError, "number has no digits: " + shown);
  token->kind = TokenKind::kInteger;
  token->value = std::to_string(value);
}

}  // namespace velaria::sql
