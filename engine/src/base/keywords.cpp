#include "base/keywords.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace velaria {
namespace {

struct KeywordRow {
  std::string_view text;
  bool reserved;
};

constexpr KeywordRow kKeywordRows[] = {
#define VELARIA_KEYWORD(enumerator, text, reserved) {text, reserved},
#include "base/keywords.def"
#undef VELARIA_KEYWORD
};

constexpr bool IsSorted() {
  for (size_t i = 1; i < std::size(kKeywordRows); ++i) {
    if (!(kKeywordRows[i - 1].text < kKeywordRows[i].text)) return false;
  }
  return true;
}
static_assert(IsSorted(), "keywords.def must stay in alphabetical order");
static_assert(std::size(kKeywordRows) < 255, "Keyword is one byte");

constexpr size_t LongestText() {
  size_t longest = 0;
  for (const KeywordRow& row : kKeywordRows) longest = std::max(longest, row.text.size());
  return longest;
}

const KeywordRow& RowOf(Keyword keyword) { return kKeywordRows[static_cast<size_t>(keyword) - 1]; }

}  // namespace

Keyword FindKeyword(std::string_view word) {
  std::array<char, LongestText()> upper;
  if (word.size() > upper.size()) return Keyword::kNone;
  std::transform(word.begin(), word.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  const std::string_view wanted(upper.data(), word.size());
  const KeywordRow* row =
      std::lower_bound(std::begin(kKeywordRows), std::end(kKeywordRows), wanted,
                       [](const KeywordRow& r, std::string_view w) { return r.text < w; });
  if (row == std::end(kKeywordRows) || row->text != wanted) return Keyword::kNone;
  return static_cast<Keyword>(row - std::begin(kKeywordRows) + 1);
}

std::string_view KeywordText(Keyword keyword) {
  return keyword == Keyword::kNone ? std::string_view() : RowOf(keyword).text;
}

bool IsReserved(Keyword keyword) { return keyword != Keyword::kNone && RowOf(keyword).reserved; }

}  // namespace velaria
