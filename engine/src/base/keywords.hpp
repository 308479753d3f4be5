// Keywords as numbers: the lexer looks a word up once, the parser compares enumerators. They stand
// here because a name that is one must be quoted by whoever writes it.
#pragma once

#include <cstdint>
#include <string_view>

namespace velaria {

enum class Keyword : uint8_t {
  kNone,  // not a keyword
#define VELARIA_KEYWORD(enumerator, text, reserved) enumerator,
#include "base/keywords.def"
#undef VELARIA_KEYWORD
};

/// The keyword `word` spells in any case, or kNone.
Keyword FindKeyword(std::string_view word);
/// In upper case; "" for kNone.
std::string_view KeywordText(Keyword keyword);
bool IsReserved(Keyword keyword);

}  // namespace velaria
