#include <algorithm>

#include "sql/lexer.hpp"

namespace velaria::sql {

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
