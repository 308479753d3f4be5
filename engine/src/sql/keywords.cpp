#include "sql/keywords.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace velaria::sql {
namespace {

struct Row {
  std::string_view text;
  bool reserved;
};

constexpr Row kRows[] = {
#define VELARIA_KEYWORD(enumerator, text, reserved) {text, reserved},
#include "sql/keywords.def"
#undef VELARIA_KEYWORD
};

constexpr bool IsSorted() {
  for (size_t i = 1; i < std::size(kRows); ++i) {
    if (!(kRows[i - 1].text < kRows[i].text)) return false;
  }
  return true;
}
static_assert(IsSorted(), "keywords.def must stay in alphabetical order");
static_assert(std::size(kRows) < 255, "Keyword is one byte");

constexpr size_t LongestText() {
  size_t longest = 0;
  for (const Row& row : kRows) longest = std::max(longest, row.text.size());
  return longest;
}

const Row& RowOf(Keyword keyword) { return kRows[static_cast<size_t>(keyword) - 1]; }

}  // namespace

Keyword FindKeyword(std::string_view word) {
  std::array<char, LongestText()> upper;
  if (word.size() > upper.size()) return Keyword::kNone;
  std::transform(word.begin(), word.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  const std::string_view wanted(upper.data(), word.size());
  const Row* row = std::lower_bound(std::begin(kRows), std::end(kRows), wanted,
                                    [](const Row& r, std::string_view w) { return r.text < w; });
  if (row == std::end(kRows) || row->text != wanted) return Keyword::kNone;
  return static_cast<Keyword>(row - std::begin(kRows) + 1);
}

std::string_view KeywordText(Keyword keyword) {
  return keyword == Keyword::kNone ? std::string_view() : RowOf(keyword).text;
}

bool IsReserved(Keyword keyword) { return keyword != Keyword::kNone && RowOf(keyword).reserved; }

}  // namespace velaria::sql
