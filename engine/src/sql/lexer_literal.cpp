#include "sql/lexer.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr std::string_view kOpenString = "string has no end: '";
constexpr std::string_view kOpenStringHint =
    "Close it with a single quote; a quote inside is written twice: 'it''s'.";

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
    if (At(position_) == '\'') {
      token->value += '\'';
      ++position_;
    } else if (!SkipToNextPart()) {
      return;
    }
  }
}

bool Lexer::SkipToNextPart() {
  bool on_later_line = false;
  size_t at = position_;
  while (at < text_.size()) {
    if (IsBlank(text_[at])) {
      on_later_line |= text_[at] == '\n' || text_[at] == '\r';
      ++at;
    } else if (text_[at] == '-' && At(at + 1) == '-') {
      at = std::min(text_.find_first_of("\r\n", at), text_.size());
    } else {
      break;
    }
  }
  if (!on_later_line || At(at) != '\'') return false;
  position_ = at + 1;
  return true;
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
    } else if (!SkipToNextPart()) {
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

/// X'0a ff': bytes, two hexadecimal digits each.
void Lexer::ReadBlob(Token* token) {
  const size_t begin = position_;
  token->kind = TokenKind::kBlob;
  position_ += 2;
  do {
    const size_t quote = text_.find('\'', position_);
    if (quote == std::string_view::npos) {
      return Fail(begin, ErrorCode::kSyntaxError, std::string(kOpenString),
                  std::string(kOpenStringHint));
    }
    for (; position_ < quote; position_ += 2) {
      const int high = DigitValue(text_[position_]);
      const int low = DigitValue(text_[position_ + 1]);
      if (high < 0 || low < 0) {
        return Fail(position_, ErrorCode::kBadLiteral,
                    "bytes are not written as pairs of hexadecimal digits: X'",
                    "Write two digits for each byte, as in X'0AFF'.");
      }
      token->value.push_back(static_cast<char>(high * 16 + low));
    }
    position_ = quote + 1;
  } while (SkipToNextPart());
}

}  // namespace velaria::sql
