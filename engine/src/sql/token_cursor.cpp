#include "sql/token_cursor.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "sql/habits.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kShownCharacters = 40;

/// Words that open something the grammar knows and this build does not offer.
constexpr Keyword kUnsupportedWords[] = {Keyword::kCollate, Keyword::kSymmetric};

const std::vector<std::string>& ClauseWords() {
  static const std::vector<std::string> words = {
      "SELECT",  "FROM",    "WHERE",     "GROUP",      "BY",        "HAVING",  "ORDER",
      "LIMIT",   "OFFSET",  "UNION",     "JOIN",       "LEFT",      "RIGHT",   "INNER",
      "CROSS",   "FULL",    "USING",     "VALUES",     "WINDOW",    "EMIT",    "AND",
      "BETWEEN", "LIKE",    "DISTINCT",  "CASE",       "WHEN",      "THEN",    "ELSE",
      "END",     "WITH",    "EXCEPT",    "EVERY",      "INTERSECT", "SLIDE",   "OPTIONS",
      "CHANGES", "FINAL",   "QUALIFY",   "RETURNING",  "FETCH",     "LATERAL", "FILTER",
      "OVER",    "NATURAL", "PARTITION", "TABLESAMPLE"};
  return words;
}

/// `raw` as one short line for a message.
std::string Shown(std::string_view raw) {
  std::string shown;
  size_t characters = 0;
  for (size_t i = 0; i < raw.size(); ++characters) {
    if (characters == kShownCharacters) return shown + "...";
    const size_t length = std::max<size_t>(CharacterLength(raw, i), 1);
    const bool control = static_cast<uint8_t>(raw[i]) < 0x20 || raw[i] == 0x7F;
    shown += control ? std::string_view(" ") : raw.substr(i, length);
    i += length;
  }
  return shown;
}

/// The keyword that a misspelt word was meant to be, or "": words of one or two letters are near to
/// one of many.
std::string NearKeyword(std::string_view word, const std::vector<std::string>& candidates) {
  const size_t count = candidates.size();
  if (word.size() < (count > 4 ? 3U : count > 1 ? 2U : 1U)) return "";
  const std::string near = NearestName(word, candidates);
  return EqualsIgnoreCase(near, word) ? "" : near;
}

}  // namespace

TokenCursor::TokenCursor(std::string_view text, const ParserLimits& limits, Place all_at)
    : limits_(limits), text_(text), lexer_(text, limits.identifier_bytes, all_at) {
  for (size_t i = 0; i < tokens_.size(); ++i) tokens_[i] = lexer_.Next();
}

Token TokenCursor::Take() {
  Token token = std::move(tokens_[head_]);
  tokens_[head_] = lexer_.Next();
  head_ = (head_ + 1) % tokens_.size();
  ++taken_;
  taken_end_ = token.end;
  taken_kind_ = token.kind;
  CheckLength();
  return token;
}

bool TokenCursor::AtAny(std::initializer_list<Keyword> keywords) const {
  return std::find(keywords.begin(), keywords.end(), Current().keyword) != keywords.end();
}

bool TokenCursor::AtWord(std::string_view word) const {
  return At(TokenKind::kWord) && EqualsIgnoreCase(Current().raw, word);
}

bool TokenCursor::AtSequence(std::initializer_list<Keyword> keywords) const {
  size_t ahead = 0;
  return std::all_of(keywords.begin(), keywords.end(),
                     [&](Keyword keyword) { return Peek(ahead++).keyword == keyword; });
}

bool TokenCursor::IsName(const Token& token) {
  return token.kind == TokenKind::kQuotedName ||
         (token.kind == TokenKind::kWord && !IsReserved(token.keyword));
}

bool TokenCursor::Accept(Keyword keyword) {
  if (!At(keyword)) return false;
  Advance();
  return true;
}

bool TokenCursor::Accept(std::string_view symbol) {
  if (!At(symbol)) return false;
  Advance();
  return true;
}

bool TokenCursor::AcceptSequence(std::initializer_list<Keyword> keywords) {
  if (!AtSequence(keywords)) return false;
  for (size_t i = 0; i < keywords.size(); ++i) Advance();
  return true;
}

Status TokenCursor::Expect(Keyword keyword) {
  if (Accept(keyword)) return Status::OK();
  const std::string text(KeywordText(keyword));
  return Unexpected(text, {text});
}

Status TokenCursor::Expect(std::string_view symbol) {
  if (Accept(symbol)) return Status::OK();
  return Unexpected("\"" + std::string(symbol) + "\"");
}

Name TokenCursor::MakeName(const Token& token) {
  if (token.kind == TokenKind::kQuotedName) return {token.value, true, token.place};
  return {ToLower(token.raw), false, token.place};
}

Result<Name> TokenCursor::ExpectName(std::string_view what) {
  if (!IsName(Current())) {
    const bool reserved = At(TokenKind::kWord);
    const Status status = Unexpected(what);
    return reserved ? WithHint(status, "Reserved words are names only in double quotes.") : status;
  }
  return MakeName(Take());
}

Result<Name> TokenCursor::ExpectAnyName(std::string_view what) {
  if (!At(TokenKind::kWord) && !At(TokenKind::kQuotedName)) return Unexpected(what);
  return MakeName(Take());
}

Result<std::vector<Name>> TokenCursor::ExpectQualifiedName(std::string_view what,
                                                           size_t parts_max) {
  std::vector<Name> parts;
  VELARIA_ASSIGN_OR_RETURN(Name first, ExpectName(what));
  parts.push_back(std::move(first));
  while (parts.size() < parts_max && Accept(".")) {
    VELARIA_ASSIGN_OR_RETURN(Name part, ExpectAnyName(what));
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<std::vector<Name>> TokenCursor::ExpectNameList(std::string_view what) {
  std::vector<Name> names;
  VELARIA_RETURN_NOT_OK(Expect("("));
  bool more = true;
  while (more) {
    VELARIA_ASSIGN_OR_RETURN(Name name, ExpectName(what));
    names.push_back(std::move(name));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(names.size()));
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return names;
}

Result<int64_t> TokenCursor::ExpectInteger(std::string_view what) {
  if (!At(TokenKind::kInteger)) return Unexpected(what);
  const Token token = Take();
  int64_t value = 0;
  const char* end = token.value.data() + token.value.size();
  if (std::from_chars(token.value.data(), end, value).ec != std::errc()) {
    return FailAt(token.place, ErrorCode::kBadLiteral,
                  "integer does not fit into 64 bits: " + Shown(token.raw));
  }
  return value;
}

Status TokenCursor::Unsupported(const Token& token, std::string what, std::string_view hint) {
  return FailAt(token.place, ErrorCode::kUnsupportedStatement,
                "this part of a statement is not supported: " + std::move(what), std::string(hint));
}

Status TokenCursor::WithHint(const Status& status, std::string_view hint) {
  if (status.ok()) return status;
  ErrorInfo info = ErrorInfoOf(status);
  if (info.code != ErrorCode::kSyntaxError || !info.hint.empty()) return status;
  info.hint = hint;
  return MakeError(std::move(info));
}

Status TokenCursor::RefuseAny(std::initializer_list<Keyword> keywords) const {
  if (!AtAny(keywords)) return Status::OK();
  return Unsupported(Current(), std::string(KeywordText(Current().keyword)));
}

Status TokenCursor::Unexpected(std::string_view expected,
                               const std::vector<std::string>& near) const {
  const Token& token = Current();
  if (too_long_) {
    return FailAt(
        token.place, ErrorCode::kStatementTooLong,
        "statement is longer than the limit in bytes: " + std::to_string(limits_.statement_bytes));
  }
  if (token.kind == TokenKind::kError) return lexer_.status();
  const std::vector<std::string>& candidates = near.empty() ? ClauseWords() : near;
  const bool is_word = token.kind == TokenKind::kWord;
  const std::string meant =
      is_word && !IsReserved(token.keyword) ? NearKeyword(token.raw, candidates) : "";
  if (near.empty() || meant.empty()) VELARIA_RETURN_NOT_OK(Misspelt());
  if (is_word && std::find(std::begin(kUnsupportedWords), std::end(kUnsupportedWords),
                           token.keyword) != std::end(kUnsupportedWords)) {
    return Unsupported(token, std::string(KeywordText(token.keyword)));
  }
  if (token.kind == TokenKind::kSymbol) {
    const Habit* habit = FindHabit(UnsupportedOperators(), token.raw);
    if (habit) return Unsupported(token, "operator " + std::string(token.raw), habit->hint);
  }
  const std::string found = token.kind == TokenKind::kEnd ? "end of statement" : Shown(token.raw);
  std::string hint = meant.empty() ? HintHere(expected) : "Did you mean " + meant + "?";
  return FailAt(token.place, ErrorCode::kSyntaxError,
                "syntax error: expected " + std::string(expected) + ", found: " + found,
                std::move(hint));
}

std::string TokenCursor::HintHere(std::string_view expected) const {
  const Token& token = Current();
  if (token.kind == TokenKind::kString && taken_kind_ == TokenKind::kString) {
    return "Strings are put together by ||; only strings on lines of their own make one.";
  }
  // 'it's', 'b': the quote inside ended the string, and the next one began another.
  if (token.kind == TokenKind::kString && taken_kind_ == TokenKind::kWord &&
      taken_end_ == Offset()) {
    return "A quote inside a string is written twice: 'it''s'.";
  }
  const std::string_view found = token.kind == TokenKind::kWord ? token.raw : std::string_view();
  const std::string_view hint = SyntaxHint(expected, found);
  if (!hint.empty() || found.empty() || !IsSymbol(Peek(1), "(")) return std::string(hint);
  return std::string(HabitHint(FunctionHabits(), found));
}

Status TokenCursor::Misspelt() const {
  if (taken_ == 0 || taken_ != meant_.taken) return Status::OK();
  const bool of_clause = meant_.words.empty();
  const Token& token = Current();
  const bool is_operand = token.kind != TokenKind::kEnd && token.kind != TokenKind::kSymbol &&
                          !IsReserved(token.keyword);
  if (!of_clause && !is_operand) return Status::OK();
  const std::string near = NearKeyword(meant_.name, of_clause ? ClauseWords() : meant_.words);
  if (near.empty()) return Status::OK();
  return FailAt(meant_.place, ErrorCode::kSyntaxError,
                "syntax error: expected " + (of_clause ? "a clause" : Join(meant_.words, " or ")) +
                    ", found: " + Shown(meant_.name),
                "Did you mean " + near + "?");
}

Result<bool> TokenCursor::AcceptMore(size_t count) {
  const Place place = Current().place;
  if (!Accept(",")) return false;
  if (count < static_cast<size_t>(limits_.list_items)) return true;
  return FailAt(place, ErrorCode::kListTooLong,
                "list has more items than the limit: " + std::to_string(limits_.list_items),
                "Put what the list holds into a table, or into rows of VALUES.");
}

Status TokenCursor::CheckDepth() const {
  if (depth_ <= limits_.nesting_depth) return Status::OK();
  return FailAt(
      Current().place, ErrorCode::kNestingTooDeep,
      "statement nests deeper than the limit of levels: " + std::to_string(limits_.nesting_depth));
}

Status TokenCursor::CheckHeight(int height, Place place) const {
  if (height <= limits_.tree_height) return Status::OK();
  return FailAt(place, ErrorCode::kNestingTooDeep,
                "chain of operators, joins or set operations is longer than the limit of levels: " +
                    std::to_string(limits_.tree_height),
                "Split the statement, or use IN, a list or a table instead of a chain.");
}

void TokenCursor::NoteBareAlias(const Name& alias) {
  if (alias.quoted) return;
  meant_ = {alias.text, alias.place, {}, taken_};
}

void TokenCursor::NoteMeant(std::vector<std::string> words) {
  if (!At(TokenKind::kWord)) return;
  meant_ = {std::string(Current().raw), Current().place, std::move(words), taken_ + 1};
}

void TokenCursor::BeginStatement() {
  statement_begin_ = Offset();
  CheckLength();
}

void TokenCursor::CheckLength() {
  Token& token = tokens_[head_];
  if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kError) return;
  if (token.end <= statement_begin_ + static_cast<size_t>(limits_.statement_bytes)) return;
  token.kind = TokenKind::kError;
  token.keyword = Keyword::kNone;
  too_long_ = true;
}

}  // namespace velaria::sql
