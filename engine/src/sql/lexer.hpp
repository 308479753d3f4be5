// Text to tokens, one at a time: the parser never holds more than its look-ahead, so a long text
// costs nothing before the fault that ends it. The text must have passed CheckText and must outlive
// the lexer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hpp"
#include "sql/token.hpp"

namespace velaria::sql {

class Lexer {
 public:
  /// `all_at`: the place of every token, when it is known.
  Lexer(std::string_view text, int64_t identifier_bytes_max, Place all_at = {});

  /// The next token. After the end it returns kEnd for ever, after a fault kError for ever.
  Token Next();

  /// Why the last token is kError.
  const Status& status() const { return status_; }

 private:
  /// False after a comment without an end.
  bool SkipBlanksAndComments();
  bool SkipBlockComment();
  void ReadToken(Token* token);
  void ReadWord(Token* token);
  void ReadQuotedName(Token* token);
  void ReadSymbol(Token* token);
  /// VEL2005 when a name's value is longer than allowed.
  void CheckNameLength(size_t begin, size_t bytes);
  // lexer_literal.cpp
  void ReadString(Token* token);
  /// 'a' and, on a later line, 'b' are one string, as in the standard: moves behind the quote that
  /// opens the next part, if there is one. Comments to the end of a line may stand between.
  bool SkipToNextPart();
  void ReadEscapeString(Token* token);
  bool ReadEscape(std::string* value);
  bool ReadCodePointEscape(int digits, std::string* value);
  void ReadDollar(Token* token);
  void ReadBlob(Token* token);
  // lexer_unicode.cpp
  void ReadUnicode(Token* token);
  bool ReadUnicodeEscapeCharacter(char* escape);
  bool ReadUnicodeValue(std::string_view coded, size_t offset, char escape, std::string* value);
  // lexer_number.cpp
  void ReadNumber(Token* token);
  void ReadPrefixedInteger(int bits_per_digit, Token* token);
  std::string ReadDigits();

  char At(size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  /// The length of the identifier that starts at `offset`, 0 when none does.
  size_t NameLength(size_t offset, bool with_dollar) const;
  /// Moves the place cursor forward to `offset`; the sum of all moves is one pass over the text.
  Place PlaceAt(size_t offset);
  void Fail(size_t offset, ErrorCode code, std::string message, std::string hint = "");

  std::string_view text_;
  int64_t identifier_bytes_max_;
  Place all_at_;
  size_t position_ = 0;
  size_t last_end_ = 0;
  size_t place_offset_ = 0;
  Place place_{1, 1};
  Status status_;
};

inline bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The value of a hexadecimal digit, or -1.
inline int DigitValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace velaria::sql
