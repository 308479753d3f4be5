// One token of a statement. Tokens live in the parser's short look-ahead buffer only; `raw` points
// into the statement's text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/keywords.hpp"
#include "base/status.hpp"

namespace velaria::sql {

enum class TokenKind {
  kEnd,         // end of the text; the place is just behind the last token
  kError,       // the lexer stopped; its status says why, and no later token comes
  kWord,        // keyword or unquoted identifier
  kQuotedName,  // "name"; value: without quotes
  kString,      // 'text', E'text', U&'text', $$text$$; value: the text meant
  kBlob,        // X'0aff'; value: the bytes meant
  kInteger,     // value: decimal digits (hexadecimal, octal and binary are converted)
  kDecimal,     // value: digits, point, digits
  kFloat,       // value: digits with an exponent
  kParameter,   // value: "" for ?, the digits for $n
  kSymbol,      // operator or punctuation
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Keyword keyword = Keyword::kNone;  // of a kWord
  Place place;
  size_t end = 0;  // offset behind the token, in bytes
  std::string_view raw;
  std::string value;
};

}  // namespace velaria::sql
