// How alike two texts are. Distances count characters, not bytes.
#include <unordered_map>

#include "functions/binding.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text.hpp"
#include "functions/text_kernels.hpp"
#include "functions/utf8.hpp"

namespace velaria::text {
namespace {

using binding::Parameter;
using kernels::OnDictionary;
using kernels::ValueFromTexts;

/// A distance takes time by the product of both lengths; past this it is refused.
constexpr size_t kCharactersMax = 10'000;

using Characters = std::vector<uint32_t>;

void Split(std::string_view text, Characters* out) {
  out->clear();
  for (size_t at = 0; at < text.size(); at += utf8::CharacterBytes(text, at))
    out->push_back(utf8::CodePointAt(text, at));
}

Status CheckLength(const Characters& a, const Characters& b) {
  const size_t length = std::max(a.size(), b.size());
  if (length <= kCharactersMax) return Status::OK();
  return Fail(ErrorCode::kBadValue,
              "a text is too long to compare, characters: " + std::to_string(length) +
                  " of at most " + std::to_string(kCharactersMax));
}

/// Wagner and Fischer, a row at a time.
Status Levenshtein(std::string_view left, std::string_view right, int64_t* out) {
  thread_local Characters a, b;
  thread_local std::vector<int64_t> before, now;
  Split(left, &a);
  Split(right, &b);
  VELARIA_RETURN_NOT_OK(CheckLength(a, b));
  before.resize(b.size() + 1);
  now.resize(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) before[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
      now[j] = std::min({before[j] + 1, now[j - 1] + 1, change});
    }
    before.swap(now);
  }
  *out = before[b.size()];
  return Status::OK();
}

/// R. Lowrance and R. Wagner, "An Extension of the String-to-String Correction Problem" (1975):
/// exchanges of neighbours may be edited further. The table is kept whole, so texts are shorter.
Status DamerauLevenshtein(std::string_view left, std::string_view right, int64_t* out) {
  thread_local Characters a, b;
  Split(left, &a);
  Split(right, &b);
  constexpr size_t kTableMax = size_t{4} << 20;
  if ((a.size() + 2) * (b.size() + 2) > kTableMax) {
    return Fail(ErrorCode::kBadValue,
                "texts are too long to compare, characters: " + std::to_string(a.size()) + " and " +
                    std::to_string(b.size()));
  }
  const size_t width = b.size() + 2;
  thread_local std::vector<int64_t> table;
  table.assign((a.size() + 2) * width, 0);
  const auto far = static_cast<int64_t>(a.size() + b.size());
  const auto at = [&](size_t i, size_t j) -> int64_t& { return table[i * width + j]; };
  at(0, 0) = far;
  for (size_t i = 0; i <= a.size(); ++i) {
    at(i + 1, 0) = far;
    at(i + 1, 1) = static_cast<int64_t>(i);
  }
  for (size_t j = 0; j <= b.size(); ++j) {
    at(0, j + 1) = far;
    at(1, j + 1) = static_cast<int64_t>(j);
  }
  std::unordered_map<uint32_t, size_t> last_row;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t last_column = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const auto seen = last_row.find(b[j - 1]);
      const size_t row = seen == last_row.end() ? 0 : seen->second, column = last_column;
      const bool same = a[i - 1] == b[j - 1];
      if (same) last_column = j;
      const int64_t exchange =
          at(row, column) + static_cast<int64_t>((i - row - 1) + 1 + (j - column - 1));
      at(i + 1, j + 1) = std::min({at(i, j) + !same, at(i + 1, j) + 1, at(i, j + 1) + 1, exchange});
    }
    last_row[a[i - 1]] = i;
  }
  *out = at(a.size() + 1, b.size() + 1);
  return Status::OK();
}

Status Hamming(std::string_view left, std::string_view right, int64_t* out) {
  thread_local Characters a, b;
  Split(left, &a);
  Split(right, &b);
  if (a.size() != b.size()) {
    return Fail(ErrorCode::kBadValue,
                "hamming needs texts of equal length, not: " + std::to_string(a.size()) + " and " +
                    std::to_string(b.size()));
  }
  *out = 0;
  for (size_t i = 0; i < a.size(); ++i) *out += a[i] != b[i];
  return Status::OK();
}

/// The characters both have over the characters either has, each counted once.
Status Jaccard(std::string_view left, std::string_view right, double* out) {
  thread_local Characters a, b;
  Split(left, &a);
  Split(right, &b);
  if (a.empty() || b.empty())
    return Fail(ErrorCode::kBadValue, "jaccard needs texts that are not empty");
  for (Characters* side : {&a, &b}) {
    std::sort(side->begin(), side->end());
    side->erase(std::unique(side->begin(), side->end()), side->end());
  }
  size_t both = 0;
  for (const uint32_t c : a) both += std::binary_search(b.begin(), b.end(), c);
  *out = static_cast<double>(both) / static_cast<double>(a.size() + b.size() - both);
  return Status::OK();
}

/// M. Jaro, "Advances in Record-Linkage Methodology" (1989). Also counts the common prefix, at most
/// four characters.
double JaroOf(const Characters& a, const Characters& b, size_t* prefix) {
  *prefix = 0;
  while (*prefix < std::min({a.size(), b.size(), size_t{4}}) && a[*prefix] == b[*prefix]) ++*prefix;
  if (a.empty() && b.empty()) return 1;
  const size_t longer = std::max(a.size(), b.size());
  const size_t window = longer / 2 > 0 ? longer / 2 - 1 : 0;
  std::vector<char> a_matched(a.size(), 0), b_matched(b.size(), 0);
  size_t matches = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t end = std::min(b.size(), i + window + 1);
    for (size_t j = i > window ? i - window : 0; j < end; ++j) {
      if (b_matched[j] || a[i] != b[j]) continue;
      a_matched[i] = b_matched[j] = 1;
      ++matches;
      break;
    }
  }
  if (matches == 0) return 0;
  size_t moved = 0, j = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a_matched[i]) continue;
    while (!b_matched[j]) ++j;
    moved += a[i] != b[j++];
  }
  const auto m = static_cast<double>(matches);
  return (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) +
          (m - static_cast<double>(moved / 2)) / m) /
         3;
}

/// W. Winkler's bonus for a common prefix, given above a similarity of 0.7.
template <bool winkler>
Status Jaro(std::string_view left, std::string_view right, double* out) {
  thread_local Characters a, b;
  Split(left, &a);
  Split(right, &b);
  VELARIA_RETURN_NOT_OK(CheckLength(a, b));
  size_t prefix = 0;
  *out = JaroOf(a, b, &prefix);
  if (winkler && *out > 0.7) *out += static_cast<double>(prefix) * 0.1 * (1 - *out);
  return Status::OK();
}

/// As PostgreSQL's fuzzystrmatch: the first letter, then digits of letters that differ from the one
/// before.
Status Soundex(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "01230120022455012623010202";  // A to Z
  char last = 0;
  for (const char c : text) {
    const char letter = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (letter < 'A' || letter > 'Z') continue;
    const char digit = kDigits[letter - 'A'];
    if (out->empty()) {
      out->push_back(letter);
    } else if (digit != last && digit != '0' && out->size() < 4) {
      out->push_back(digit);
    }
    last = digit;
  }
  if (!out->empty()) out->resize(4, '0');
  return Status::OK();
}

template <typename T, Status (*body)(std::string_view, std::string_view, T*)>
Result<ScalarBinding> BindPair(const BindArguments& arguments) {
  const TypePtr type = std::is_same_v<T, double> ? arrow::float64() : arrow::int64();
  return binding::Bind(arguments, {Parameter::kText, Parameter::kText}, 2, type,
                       OnDictionary<ValueFromTexts<T, body>>);
}

}  // namespace

void RegisterSimilarity(Adder& add) {
  add("levenshtein", {"editdist3"}, "levenshtein(a VARCHAR, b VARCHAR) -> BIGINT",
      "The fewest insertions, deletions and changes of characters between two texts.",
      "levenshtein('kitten', 'sitting')", "3", BindPair<int64_t, Levenshtein>);
  add("damerau_levenshtein", {}, "damerau_levenshtein(a VARCHAR, b VARCHAR) -> BIGINT",
      "As levenshtein, with the exchange of two neighbours as one step.",
      "damerau_levenshtein('abcd', 'acbd')", "1", BindPair<int64_t, DamerauLevenshtein>);
  add("hamming", {"mismatches"}, "hamming(a VARCHAR, b VARCHAR) -> BIGINT",
      "The places at which two texts of equal length differ.", "hamming('duck', 'luck')", "1",
      BindPair<int64_t, Hamming>);
  add("jaccard", {}, "jaccard(a VARCHAR, b VARCHAR) -> DOUBLE",
      "The share of characters that both texts have.", "jaccard('duck', 'luck')", "0.6",
      BindPair<double, Jaccard>);
  add("jaro_similarity", {}, "jaro_similarity(a VARCHAR, b VARCHAR) -> DOUBLE",
      "Jaro's similarity, 0 to 1.", "jaro_similarity('aaab', 'aaab')", "1",
      BindPair<double, Jaro<false>>);
  add("jaro_winkler_similarity", {}, "jaro_winkler_similarity(a VARCHAR, b VARCHAR) -> DOUBLE",
      "Jaro's similarity with Winkler's bonus for a common beginning, 0 to 1.",
      "jaro_winkler_similarity('sail', 'sail')", "1", BindPair<double, Jaro<true>>);
  add(
      "soundex", {}, "soundex(text VARCHAR) -> VARCHAR",
      "A letter and three digits that texts of like sound in English share.", "soundex('Robert')",
      "R163", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText}, 1, arrow::utf8(),
                             OnDictionary<kernels::TextFromText<Soundex>>);
      });
}

}  // namespace velaria::text
