// What every part of the grammar stands on: a look-ahead of a few tokens, the depth of nesting, and
// one way to say what was expected. A fault of the lexer appears as a token that fits nothing, so
// the grammar fails on it like on any other wrong token and `Unexpected` then returns the lexer's
// own error: no call that moves the cursor can fail.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "sql/ast.hpp"
#include "sql/lexer.hpp"
#include "sql/parser.hpp"

namespace velaria::sql {

/// Parts of the longest name of a table: catalog, schema, table.
inline constexpr size_t kNamePartsMax = 3;

class TokenCursor {
 protected:
  TokenCursor(std::string_view text, const ParserLimits& limits, Place all_at);

  const Token& Current() const { return tokens_[head_]; }
  /// The token `ahead` places behind the current one, at most 7.
  const Token& Peek(size_t ahead) const { return tokens_[(head_ + ahead) % tokens_.size()]; }
  Token Take();
  void Advance() { Take(); }

  /// Where the current token begins, and the text from such an offset to the last token taken.
  size_t Offset() const { return Current().end - Current().raw.size(); }
  std::string_view TextFrom(size_t offset) const {
    return text_.substr(offset, taken_end_ > offset ? taken_end_ - offset : 0);
  }

  bool At(Keyword keyword) const { return Current().keyword == keyword; }
  bool At(TokenKind kind) const { return Current().kind == kind; }
  bool At(std::string_view symbol) const { return IsSymbol(Current(), symbol); }
  bool AtAny(std::initializer_list<Keyword> keywords) const;
  /// An unquoted word that is no keyword of the list, like FORMAT's JSON: `word` in upper case.
  bool AtWord(std::string_view word) const;
  /// The keywords stand here one behind the other.
  bool AtSequence(std::initializer_list<Keyword> keywords) const;
  static bool IsSymbol(const Token& token, std::string_view symbol) {
    return token.kind == TokenKind::kSymbol && token.raw == symbol;
  }
  /// A quoted name, or a word that is not reserved.
  static bool IsName(const Token& token);

  bool Accept(Keyword keyword);
  bool Accept(std::string_view symbol);
  /// Takes all of them or nothing.
  bool AcceptSequence(std::initializer_list<Keyword> keywords);
  Status Expect(Keyword keyword);
  Status Expect(std::string_view symbol);

  /// The comma before one more item of a list that has `count` of them; VEL2009 where no more may
  /// come.
  Result<bool> AcceptMore(size_t count);

  Result<Name> ExpectName(std::string_view what);
  /// A name where no keyword can be meant (behind AS or a point): reserved words are names there.
  Result<Name> ExpectAnyName(std::string_view what);
  /// [catalog.][schema.]name, at most `parts_max` parts.
  Result<std::vector<Name>> ExpectQualifiedName(std::string_view what, size_t parts_max);
  /// ( name, name, ... )
  Result<std::vector<Name>> ExpectNameList(std::string_view what);
  Result<int64_t> ExpectInteger(std::string_view what);

  /// VEL2001 at the current token, with a suggestion when a keyword near to it would fit; VEL2002
  /// when the token opens something this grammar knows and does not offer; the lexer's error when
  /// there is one. `near` are the words that would fit here; left out, the words that open a
  /// clause.
  Status Unexpected(std::string_view expected, const std::vector<std::string>& near = {}) const;
  static Status Unsupported(const Token& token, std::string what, std::string_view hint = "");
  /// `status` with `hint` when it is a syntax error that has none.
  static Status WithHint(const Status& status, std::string_view hint);
  /// Refuses the current token by name when it is one of `keywords`.
  Status RefuseAny(std::initializer_list<Keyword> keywords) const;

  /// One level of nesting, open as long as the object lives. Ask CheckDepth after making one.
  class Level {
   public:
    explicit Level(TokenCursor* cursor) : cursor_(cursor) { ++cursor_->depth_; }
    ~Level() { --cursor_->depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    TokenCursor* cursor_;
  };
  Status CheckDepth() const;
  Status CheckHeight(int height, Place place) const;

  /// Marks the name just taken as one that stands without a word before it, like an alias without
  /// AS: when the next token fits nothing, the alias may have been meant as a keyword ("SELECT a
  /// FORM t").
  void NoteBareAlias(const Name& alias);
  /// The current token is about to be taken as a name, and may have been meant as one of `words`:
  /// told when an operand stands behind it where none fits ("ALTER TABLE t DROP COLUM c").
  void NoteMeant(std::vector<std::string> words);
  /// Starts counting the statement's bytes at the current token.
  void BeginStatement();

  ParserLimits limits_;

 private:
  /// Turns the current token into a fault when the statement has grown past its limit.
  void CheckLength();
  static Name MakeName(const Token& token);
  /// A name just taken that may have been meant as a keyword.
  struct Meant {
    std::string name;
    Place place;
    std::vector<std::string> words;  // empty: those that open a clause
    size_t taken = 0;                // tokens up to it
  };
  /// What the unexpected token was meant for in another database, or "".
  std::string HintHere(std::string_view expected) const;
  /// VEL2001 at that name when it is near to a keyword and the current token fits nothing.
  Status Misspelt() const;

  std::string_view text_;
  Lexer lexer_;
  std::array<Token, 8> tokens_;
  size_t head_ = 0;
  size_t taken_ = 0;
  TokenKind taken_kind_ = TokenKind::kEnd;  // of the last one
  size_t taken_end_ = 0;
  size_t statement_begin_ = 0;
  bool too_long_ = false;
  int depth_ = 0;
  Meant meant_;
};

}  // namespace velaria::sql
