#include "sql/lexer.hpp"

#include <array>

#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Longest first, so that the first that fits is the longest.
constexpr std::array<std::string_view, 26> kSymbols = {
    "!~~*", "!~~", "~~*", "!~*", "->>", "::", "||", "<>", "!=", "<=", ">=", "==", "=>",
    ":=",   "<<",  ">>",  "->",  "~~",  "~*", "!~", "&&", "@>", "<@", "**", "//", "^@"};
constexpr std::string_view kSingleSymbols = "()[]{},;.:+-*/%=<>@#&|^~!";

/// Most symbols stand alone, and are not compared with every longer one.
constexpr bool MaySecond(char c) {
  return std::string_view("~*>:|=<&@/").find(c) != std::string_view::npos;
}
constexpr bool AllSecondsAreKnown() {
  return std::all_of(kSymbols.begin(), kSymbols.end(), [](auto s) { return MaySecond(s[1]); });
}
static_assert(AllSecondsAreKnown());

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// Blanks, controls, punctuation and direction marks outside ASCII: invisible or deceptive in a
/// name.
bool IsForeignToNames(uint32_t code_point) {
  return code_point <= 0xA0 || code_point == 0xAD || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x206F) || code_point == 0x3000 ||
         code_point == 0xFEFF || code_point == 0xFFFC || code_point == 0xFFFD;
}

std::string CodePointText(uint32_t code_point) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text = "U+";
  for (int shift = code_point > 0xFFFF ? 20 : 12; shift >= 0; shift -= 4) {
    text += kDigits[(code_point >> shift) & 15];
  }
  return text;
}

}  // namespace

Lexer::Lexer(std::string_view text, int64_t identifier_bytes_max, Place all_at)
    : text_(text), identifier_bytes_max_(identifier_bytes_max), all_at_(all_at) {
  if (text_.starts_with(kByteOrderMark)) position_ = last_end_ = kByteOrderMark.size();
}

Token Lexer::Next() {
  Token token;
  if (status_.ok() && SkipBlanksAndComments()) {
    if (position_ >= text_.size()) {
      token.place = PlaceAt(last_end_);
      token.end = last_end_;
      return token;
    }
    const size_t begin = position_;
    token.place = PlaceAt(begin);
    ReadToken(&token);
    token.raw = text_.substr(begin, position_ - begin);
    token.end = last_end_ = position_;
  }
  if (!status_.ok()) {
    token.kind = TokenKind::kError;
    token.keyword = Keyword::kNone;
    token.raw = {};
  }
  return token;
}

bool Lexer::SkipBlanksAndComments() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (IsBlank(c)) {
      ++position_;
    } else if (c == '-' && At(position_ + 1) == '-') {
      const size_t newline = text_.find_first_of("\r\n", position_);
      position_ = newline == std::string_view::npos ? text_.size() : newline;
    } else if (c == '/' && At(position_ + 1) == '*') {
      if (!SkipBlockComment()) return false;
    } else {
      break;
    }
  }
  return true;
}

bool Lexer::SkipBlockComment() {
  const size_t begin = position_;
  size_t open = 0;
  do {
    const size_t mark = text_.find_first_of("*/", position_);
    if (mark == std::string_view::npos || mark + 1 >= text_.size()) {
      Fail(begin, ErrorCode::kSyntaxError, "comment has no end: /*", "Close it with */.");
      return false;
    }
    position_ = mark + 1;
    if (text_[mark] == '/' && text_[mark + 1] == '*') {
      ++open;
      ++position_;
    } else if (text_[mark] == '*' && text_[mark + 1] == '/') {
      --open;
      ++position_;
    }
  } while (open > 0);
  return true;
}

void Lexer::ReadToken(Token* token) {
  const char c = text_[position_];
  const char next = At(position_ + 1);
  if ((c == 'e' || c == 'E') && next == '\'') return ReadEscapeString(token);
  if ((c == 'x' || c == 'X') && next == '\'') return ReadBlob(token);
  if ((c == 'u' || c == 'U') && next == '&') {
    const char quote = At(position_ + 2);
    if (quote == '\'' || quote == '"') return ReadUnicode(token);
  }
  if (NameLength(position_, true) > 0) return ReadWord(token);
  if (IsDigit(c) || (c == '.' && IsDigit(next))) return ReadNumber(token);
  if (c == '\'') return ReadString(token);
  if (c == '"') return ReadQuotedName(token);
  if (c == '$') return ReadDollar(token);
  if (c == '?') {
    token->kind = TokenKind::kParameter;
    ++position_;
    return;
  }
  ReadSymbol(token);
}

size_t Lexer::NameLength(size_t offset, bool with_dollar) const {
  size_t end = offset;
  while (end < text_.size()) {
    const char c = text_[end];
    if (IsNameStart(c) || (end > offset && (IsDigit(c) || (with_dollar && c == '$')))) {
      ++end;
    } else if (static_cast<uint8_t>(c) >= 0x80 && !IsForeignToNames(CodePointAt(text_, end))) {
      end += CharacterLength(text_, end);
    } else {
      break;
    }
  }
  return end - offset;
}

void Lexer::ReadWord(Token* token) {
  const size_t length = NameLength(position_, true);
  CheckNameLength(position_, length);
  token->kind = TokenKind::kWord;
  token->keyword = FindKeyword(text_.substr(position_, length));
  position_ += length;
}

void Lexer::ReadQuotedName(Token* token) {
  const size_t begin = position_++;
  token->kind = TokenKind::kQuotedName;
  while (true) {
    const size_t quote = text_.find('"', position_);
    if (quote == std::string_view::npos) {
      return Fail(begin, ErrorCode::kSyntaxError, "quoted identifier has no end: \"",
                  "Close it with a double quote.");
    }
    token->value.append(text_, position_, quote - position_);
    position_ = quote + 1;
    if (At(position_) != '"') break;
    token->value += '"';
    ++position_;
  }
  if (token->value.empty()) {
    return Fail(begin, ErrorCode::kSyntaxError, "quoted identifier is empty: \"\"");
  }
  CheckNameLength(begin, token->value.size());
}

void Lexer::CheckNameLength(size_t begin, size_t bytes) {
  if (static_cast<int64_t>(bytes) <= identifier_bytes_max_) return;
  Fail(begin, ErrorCode::kIdentifierTooLong,
       "identifier is longer than the limit: " + std::to_string(bytes) + " bytes");
}

void Lexer::ReadSymbol(Token* token) {
  token->kind = TokenKind::kSymbol;
  const std::string_view rest = text_.substr(position_);
  if (rest.size() > 1 && MaySecond(rest[1])) {
    for (std::string_view symbol : kSymbols) {
      if (rest.starts_with(symbol)) {
        position_ += symbol.size();
        return;
      }
    }
  }
  if (kSingleSymbols.find(rest[0]) != std::string_view::npos) {
    ++position_;
    return;
  }
  const uint32_t code_point = CodePointAt(text_, position_);
  const bool curly_quote = code_point >= 0x2018 && code_point <= 0x201F;
  std::string hint = curly_quote ? "Use the plain quotes ' and \"." : "";
  if (rest[0] == '`') {
    hint = "Quote names with double quotes";
    const size_t close = rest.find_first_of("`\"\n", 1);
    if (close < 40 && rest[close] == '`') {
      hint += ": \"" + std::string(rest.substr(1, close - 1)) + "\"";
    }
    hint += ".";
  }
  Fail(position_, ErrorCode::kSyntaxError,
       "character is not allowed outside quotes: " + CodePointText(code_point), std::move(hint));
}

Place Lexer::PlaceAt(size_t offset) {
  if (all_at_.known()) return all_at_;
  for (; place_offset_ < offset; ++place_offset_) {
    const char c = text_[place_offset_];
    if (c == '\n') {
      ++place_.line;
      place_.column = 1;
    } else if ((static_cast<uint8_t>(c) & 0xC0) != 0x80) {
      ++place_.column;
    }
  }
  return place_;
}

void Lexer::Fail(size_t offset, ErrorCode code, std::string message, std::string hint) {
  // A fault inside a literal lies behind the token's start, a fault of the whole token on it.
  status_ = FailAt(PlaceAt(offset), code, std::move(message), std::move(hint));
}

}  // namespace velaria::sql
