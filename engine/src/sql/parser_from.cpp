#include <algorithm>

#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kTablePartsMax = 3;

}  // namespace

Result<Grammar::TablePtr> Grammar::ParseFrom() {
  VELARIA_ASSIGN_OR_RETURN(TablePtr left, ParseTable());
  VELARIA_ASSIGN_OR_RETURN(left, ParseJoins(std::move(left)));
  while (At(",")) {
    auto cross = std::make_unique<TableRef>(TableKind::kJoin, Take().place);
    cross->join = JoinKind::kCross;
    cross->left = std::move(left);
    VELARIA_ASSIGN_OR_RETURN(TablePtr right, ParseTable());
    VELARIA_ASSIGN_OR_RETURN(cross->right, ParseJoins(std::move(right)));
    VELARIA_ASSIGN_OR_RETURN(left, Measured(std::move(cross)));
  }
  return left;
}

Result<Grammar::TablePtr> Grammar::ParseJoins(TablePtr left) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  while (true) {
    auto join = std::make_unique<TableRef>(TableKind::kJoin, Current().place);
    VELARIA_ASSIGN_OR_RETURN(bool at_join, ParseJoinWords(join.get()));
    if (!at_join) return left;
    join->left = std::move(left);
    VELARIA_ASSIGN_OR_RETURN(join->right, ParseTable());
    if (join->join != JoinKind::kCross && !join->natural) {
      if (!AtAny({Keyword::kOn, Keyword::kUsing})) {  // a JOIN b JOIN c ON ... ON ...
        VELARIA_ASSIGN_OR_RETURN(join->right, ParseJoins(std::move(join->right)));
      }
      if (Accept(Keyword::kOn)) {
        VELARIA_ASSIGN_OR_RETURN(join->on, ParseExpression());
      } else if (Accept(Keyword::kUsing)) {
        VELARIA_ASSIGN_OR_RETURN(join->using_columns, ExpectNameList("a column name"));
      } else {
        return Unexpected("ON or USING", {"ON", "USING"});
      }
    }
    VELARIA_ASSIGN_OR_RETURN(left, Measured(std::move(join)));
  }
}

Result<bool> Grammar::ParseJoinWords(TableRef* join) {
  if (AtAny({Keyword::kAsof, Keyword::kSemi, Keyword::kAnti})) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " JOIN");
  }
  join->natural = Accept(Keyword::kNatural);
  if (Accept(Keyword::kJoin)) return true;
  if (!join->natural && Accept(Keyword::kCross)) {
    join->join = JoinKind::kCross;
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kJoin));
    return true;
  }
  switch (Current().keyword) {
    case Keyword::kInner: join->join = JoinKind::kInner; break;
    case Keyword::kLeft: join->join = JoinKind::kLeft; break;
    case Keyword::kRight: join->join = JoinKind::kRight; break;
    case Keyword::kFull: join->join = JoinKind::kFull; break;
    default:
      if (join->natural) return Expect(Keyword::kJoin);
      return false;
  }
  const bool inner = Take().keyword == Keyword::kInner;
  if (!inner) Accept(Keyword::kOuter);
  if (AtAny({Keyword::kSemi, Keyword::kAnti, Keyword::kAsof})) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " JOIN");
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kJoin));
  return true;
}

Result<Grammar::TablePtr> Grammar::ParseTable() {
  VELARIA_ASSIGN_OR_RETURN(TablePtr table, ParseTableSource());
  if (At(Keyword::kWith) && Peek(1).keyword == Keyword::kOrdinality) {
    return Unsupported(Current(), "WITH ORDINALITY");
  }
  VELARIA_RETURN_NOT_OK(ParseTableAlias(table.get()));
  return table;
}

Result<Grammar::TablePtr> Grammar::ParseTableSource() {
  const Place place = Current().place;
  if (At("(")) return ParseParenthesisedTable();
  if (At(TokenKind::kString)) {
    auto file = std::make_unique<TableRef>(TableKind::kFile, place);
    file->path = Take().value;
    return file;
  }
  auto table = std::make_unique<TableRef>(TableKind::kNamed, place);
  VELARIA_ASSIGN_OR_RETURN(table->names, ExpectQualifiedName("a table name", kTablePartsMax));
  if (!Accept("(")) return table;
  table->kind = TableKind::kFunction;
  if (!At(")")) {
    if (At(Keyword::kTable)) return Unsupported(Current(), "TABLE as an argument");
    if (IsName(Current()) && (IsSymbol(Peek(1), "=>") || IsSymbol(Peek(1), ":="))) {
      return Unsupported(Current(), "named argument " + std::string(Current().raw));
    }
    VELARIA_ASSIGN_OR_RETURN(table->arguments, ParseExpressionList());
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(table));
}

/// A sub-select, or a join in parentheses. What starts with two of them is known only when the
/// inner one is read.
Result<Grammar::TablePtr> Grammar::ParseParenthesisedTable() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  const Place place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect("("));
  SelectPtr select;
  if (AtSelectStart()) {
    VELARIA_ASSIGN_OR_RETURN(select, ParseSelect());
  } else {
    VELARIA_ASSIGN_OR_RETURN(TablePtr inner, ParseTable());
    if (inner->kind == TableKind::kSubquery && !inner->alias && AtSelectContinuation()) {
      VELARIA_ASSIGN_OR_RETURN(select, ContinueSelect(std::move(inner->select)));
    } else {
      VELARIA_ASSIGN_OR_RETURN(inner, ParseJoins(std::move(inner)));
      VELARIA_RETURN_NOT_OK(Expect(")"));
      return inner;
    }
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  auto table = std::make_unique<TableRef>(TableKind::kSubquery, place);
  table->select = std::move(select);
  return Measured(std::move(table));
}

Status Grammar::ParseTableAlias(TableRef* table) {
  if (!At(Keyword::kAs) && !AtBareAlias()) return Status::OK();
  if (table->alias || table->kind == TableKind::kJoin) {
    return Unsupported(Current(), "alias of a table in parentheses");
  }
  const bool bare = !Accept(Keyword::kAs);
  VELARIA_ASSIGN_OR_RETURN(table->alias, ExpectName("an alias"));
  if (bare) NoteBareAlias(*table->alias);
  if (At("(")) {
    VELARIA_ASSIGN_OR_RETURN(table->column_aliases, ExpectNameList("a column name"));
  }
  return Status::OK();
}

/// A name here is an alias, unless it opens a clause whose words are no reserved ones.
bool Grammar::AtBareAlias() const {
  if (!IsName(Current())) return false;
  const Keyword next = Peek(1).keyword;
  switch (Current().keyword) {
    case Keyword::kWindow:
      return next != Keyword::kBy && !(IsName(Peek(1)) && Peek(2).keyword == Keyword::kAs);
    case Keyword::kEmit:
      return next != Keyword::kPer && next != Keyword::kChanges && next != Keyword::kFinal &&
             !(next == Keyword::kOn && Peek(2).keyword == Keyword::kWindow);
    case Keyword::kHybrid:
    case Keyword::kKeyword: return next != Keyword::kSearch;
    case Keyword::kAsof:
    case Keyword::kSemi:
    case Keyword::kAnti: return next != Keyword::kJoin && next != Keyword::kLeft;
    default: return true;
  }
}

Result<Grammar::TablePtr> Grammar::Measured(TablePtr table) {
  int below = 0;
  for (const ExprPtr& argument : table->arguments) below = std::max(below, argument->height);
  if (table->on) below = std::max(below, table->on->height);
  if (table->select) below = std::max(below, table->select->height);
  if (table->left) below = std::max(below, table->left->height + 1);
  if (table->right) below = std::max(below, table->right->height + 1);
  table->height = below + 1;
  VELARIA_RETURN_NOT_OK(CheckHeight(table->height, table->place));
  return table;
}

}  // namespace velaria::sql
