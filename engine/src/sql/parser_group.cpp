// GROUP BY. Grouping sets are multiplied out here, by the text of their expressions: nothing is
// bound yet, so `a` and `t.a` stay two positions, and the binder may find them to be one.
#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kGroupingSetsMax = 4096;
/// Of all sets together, so that long lists in many sets stay small as well.
constexpr size_t kGroupingPositionsMax = size_t{1} << 20;

size_t PositionsOf(const std::vector<std::vector<int>>& sets) {
  size_t positions = 0;
  for (const std::vector<int>& set : sets) positions += set.size();
  return positions;
}

Status CheckSize(size_t sets, size_t positions, Place place) {
  if (sets <= kGroupingSetsMax && positions <= kGroupingPositionsMax) return Status::OK();
  return FailAt(
      place, ErrorCode::kUnsupportedStatement,
      "GROUP BY has more grouping sets than the limit: " + std::to_string(kGroupingSetsMax),
      "Write fewer columns into CUBE or ROLLUP, or name the sets one by one.");
}

/// Every choice of one set of each factor, put together.
Result<std::vector<std::vector<int>>> Multiplied(
    const std::vector<std::vector<std::vector<int>>>& factors, Place place) {
  std::vector<std::vector<int>> product(1);
  for (const std::vector<std::vector<int>>& factor : factors) {
    VELARIA_RETURN_NOT_OK(CheckSize(
        product.size() * factor.size(),
        PositionsOf(product) * factor.size() + PositionsOf(factor) * product.size(), place));
    if (factor.size() == 1) {
      for (std::vector<int>& set : product) {
        set.insert(set.end(), factor[0].begin(), factor[0].end());
      }
      continue;
    }
    std::vector<std::vector<int>> next;
    next.reserve(product.size() * factor.size());
    for (const std::vector<int>& set : product) {
      for (const std::vector<int>& more : factor) {
        next.push_back(set);
        next.back().insert(next.back().end(), more.begin(), more.end());
      }
    }
    product = std::move(next);
  }
  return product;
}

/// `set` by its new positions, each once.
std::vector<int> WithoutRepeats(const std::vector<int>& set, const std::vector<int>& merged) {
  std::vector<int> distinct;
  std::unordered_set<int> seen;
  for (const int position : set) {
    const int now = merged[static_cast<size_t>(position)];
    if (seen.insert(now).second) distinct.push_back(now);
  }
  return distinct;
}

/// How deep each token lies in brackets; an opening and its closing one lie alike.
std::vector<int> DepthsOf(const std::vector<Token>& tokens) {
  std::vector<int> depths;
  int depth = 0;
  for (const Token& token : tokens) {
    const bool symbol = token.kind == TokenKind::kSymbol;
    const bool closes = symbol && (token.raw == ")" || token.raw == "]" || token.raw == "}");
    const bool opens = symbol && (token.raw == "(" || token.raw == "[" || token.raw == "{");
    if (closes) --depth;
    depths.push_back(depth);
    if (opens) ++depth;
  }
  return depths;
}

/// One text per expression: the tokens between the commas of a list of `count`, without the
/// parentheses round it or round a whole expression.
std::vector<std::string> SplitKeys(const std::vector<Token>& tokens, size_t count) {
  const std::vector<int> depths = DepthsOf(tokens);
  size_t begin = 0;
  size_t end = tokens.size();
  int base = 0;
  const auto commas = [&] {
    size_t found = 0;
    for (size_t i = begin; i < end; ++i) found += depths[i] == base && tokens[i].raw == ",";
    return found;
  };
  const auto enclosed = [&](size_t from, size_t to, int depth) {
    if (to - from < 2 || tokens[from].raw != "(") return false;
    const auto lies_at = [&](int d) { return d == depth; };
    return std::none_of(depths.begin() + static_cast<std::ptrdiff_t>(from) + 1,
                        depths.begin() + static_cast<std::ptrdiff_t>(to) - 1, lies_at);
  };
  while (commas() + 1 < count && enclosed(begin, end, base)) ++begin, --end, ++base;
  std::vector<std::string> keys;
  while (keys.size() < count) {
    size_t stop = begin;
    while (stop < end && !(count > 1 && depths[stop] == base && tokens[stop].raw == ",")) ++stop;
    size_t from = begin;
    size_t to = stop;
    for (int depth = base; enclosed(from, to, depth); ++depth) ++from, --to;
    std::string key;
    for (; from < to; ++from) {
      const Token& token = tokens[from];
      key += token.kind == TokenKind::kWord ? ToLower(token.raw) : std::string(token.raw);
      key += '\n';
    }
    keys.push_back(std::move(key));
    begin = std::min(stop + 1, end);
  }
  return keys;
}

}  // namespace

/// What has been read of a GROUP BY. Sets hold positions in `expressions`; keys are parallel to
/// them, and those of equal text are equal.
struct Grammar::Grouping {
  std::vector<ExprPtr> expressions;
  std::vector<std::pair<std::string_view, size_t>> texts;  // a text and how many expressions it is
  bool has_sets = false;
};

/// GROUP BY ALL | GROUP BY [DISTINCT] element, ...
Status Grammar::ParseGroupBy(Select* select) {
  const Place place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
  if (Accept(Keyword::kAll)) {
    select->group_by_all = true;
    return Status::OK();
  }
  const bool distinct = Accept(Keyword::kDistinct);
  Grouping grouping;
  VELARIA_ASSIGN_OR_RETURN(std::vector<GroupingSets> factors, ParseGroupingElements(&grouping));
  if (!grouping.has_sets) {
    select->group_by = std::move(grouping.expressions);
    return Status::OK();
  }
  VELARIA_ASSIGN_OR_RETURN(GroupingSets sets, Multiplied(factors, place));
  const std::vector<int> merged = MergeEqual(&grouping);
  for (std::vector<int>& set : sets) set = WithoutRepeats(set, merged);
  if (distinct) {
    std::set<std::vector<int>> seen;
    std::erase_if(sets, [&](std::vector<int> set) {
      std::sort(set.begin(), set.end());
      return !seen.insert(std::move(set)).second;
    });
  }
  select->group_by = std::move(grouping.expressions);
  select->grouping_sets = std::move(sets);
  return Status::OK();
}

Result<std::vector<Grammar::GroupingSets>> Grammar::ParseGroupingElements(Grouping* grouping) {
  std::vector<GroupingSets> elements;
  size_t sets_at_least = 1;
  bool more = true;
  while (more) {
    const Place place = Current().place;
    VELARIA_ASSIGN_OR_RETURN(GroupingSets sets, ParseGroupingElement(grouping));
    sets_at_least += sets.size() - 1;
    VELARIA_RETURN_NOT_OK(CheckSize(sets_at_least, 0, place));
    elements.push_back(std::move(sets));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(elements.size()));
  }
  return elements;
}

/// The sets of an expression (one), a list (one), (), ROLLUP, CUBE or GROUPING SETS.
Result<Grammar::GroupingSets> Grammar::ParseGroupingElement(Grouping* grouping) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  const Place place = Current().place;
  const bool nested = AtSequence({Keyword::kGrouping, Keyword::kSets});
  const bool called = AtAny({Keyword::kCube, Keyword::kRollup}) && IsSymbol(Peek(1), "(");
  if (!nested && !called) {
    if (At("(") && IsSymbol(Peek(1), ")")) grouping->has_sets = true;
    VELARIA_ASSIGN_OR_RETURN(std::vector<int> set, ParseGroupingExpression(grouping));
    return GroupingSets{std::move(set)};
  }
  grouping->has_sets = true;
  if (nested) Advance();
  const Keyword kind = Take().keyword;
  VELARIA_RETURN_NOT_OK(Expect("("));
  GroupingSets sets;
  if (nested) {
    VELARIA_ASSIGN_OR_RETURN(std::vector<GroupingSets> parts, ParseGroupingElements(grouping));
    for (GroupingSets& part : parts) std::move(part.begin(), part.end(), std::back_inserter(sets));
    VELARIA_RETURN_NOT_OK(CheckSize(sets.size(), PositionsOf(sets), place));
  } else {
    VELARIA_ASSIGN_OR_RETURN(
        sets, kind == Keyword::kCube ? ParseCube(grouping, place) : ParseRollup(grouping, place));
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return sets;
}

/// CUBE (a, b): (a, b), (a), (b), ().
Result<Grammar::GroupingSets> Grammar::ParseCube(Grouping* grouping, Place place) {
  std::vector<GroupingSets> factors;
  do {
    VELARIA_ASSIGN_OR_RETURN(std::vector<int> part, ParseGroupingExpression(grouping));
    factors.push_back({std::move(part), {}});
  } while (Accept(","));
  return Multiplied(factors, place);
}

/// ROLLUP (a, b): (a, b), (a), ().
Result<Grammar::GroupingSets> Grammar::ParseRollup(Grouping* grouping, Place place) {
  GroupingSets sets(1);
  size_t positions = 0;
  do {
    VELARIA_ASSIGN_OR_RETURN(const std::vector<int> part, ParseGroupingExpression(grouping));
    std::vector<int> set = sets.back();
    set.insert(set.end(), part.begin(), part.end());
    positions += set.size();
    VELARIA_RETURN_NOT_OK(CheckSize(sets.size() + 1, positions, place));
    sets.push_back(std::move(set));
  } while (Accept(","));
  std::reverse(sets.begin(), sets.end());
  return sets;
}

/// The positions of one expression, of a list in parentheses, or of ().
Result<std::vector<int>> Grammar::ParseGroupingExpression(Grouping* grouping) {
  if (At("(") && IsSymbol(Peek(1), ")")) {
    Advance();
    Advance();
    return std::vector<int>();
  }
  const bool maybe_list = At("(");
  const size_t begin = Offset();
  VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpression());
  std::vector<ExprPtr> parts;
  if (maybe_list && expr->kind == ExprKind::kRow) {
    parts = std::move(expr->children);
  } else {
    parts.push_back(std::move(expr));
  }
  grouping->texts.emplace_back(TextFrom(begin), parts.size());
  std::vector<int> positions;
  for (ExprPtr& part : parts) {
    positions.push_back(static_cast<int>(grouping->expressions.size()));
    grouping->expressions.push_back(std::move(part));
  }
  return positions;
}

/// Keeps one of the expressions of equal text each; gives the new position of each old one.
std::vector<int> Grammar::MergeEqual(Grouping* grouping) const {
  std::vector<int> merged;
  std::vector<ExprPtr> kept;
  std::unordered_map<std::string, int> known;
  for (const auto& [text, count] : grouping->texts) {
    for (std::string& key : KeysOf(text, count)) {
      const int next = static_cast<int>(kept.size());
      const bool comparable = !key.empty();
      const int position = comparable ? known.emplace(std::move(key), next).first->second : next;
      if (position == next) kept.push_back(std::move(grouping->expressions[merged.size()]));
      merged.push_back(position);
    }
  }
  grouping->expressions = std::move(kept);
  return merged;
}

/// The tokens of each of the `count` expressions in `text`, a list in parentheses when there are
/// several. An expression with a query or with ? in it has no key, nor have those behind it: a
/// query's text may be long and be read once per level of nesting, and no ? equals another.
std::vector<std::string> Grammar::KeysOf(std::string_view text, size_t count) const {
  Lexer lexer(text, limits_.identifier_bytes);
  std::vector<Token> tokens;
  while (true) {
    Token token = lexer.Next();
    if (token.kind == TokenKind::kEnd) break;
    const bool opens_query = token.keyword == Keyword::kSelect || token.keyword == Keyword::kWith ||
                             token.keyword == Keyword::kValues ||
                             token.keyword == Keyword::kTable ||
                             (token.keyword == Keyword::kFrom && IsSymbol(tokens.back(), "("));
    const bool unnumbered = token.kind == TokenKind::kParameter && token.value.empty();
    if (opens_query || unnumbered || token.kind == TokenKind::kError) {
      return std::vector<std::string>(count);
    }
    tokens.push_back(std::move(token));
  }
  return SplitKeys(tokens, count);
}

}  // namespace velaria::sql
