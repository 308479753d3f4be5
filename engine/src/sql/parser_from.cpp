#include "base/text.hpp"
#include "sql/grammar.hpp"
#include "sql/habits.hpp"

namespace velaria::sql {
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

/// [LATERAL] source [WITH ORDINALITY] [alias] [TABLESAMPLE ...]
Result<Grammar::TablePtr> Grammar::ParseTable() {
  const Token first = Current();
  const bool lateral = Accept(Keyword::kLateral);
  VELARIA_ASSIGN_OR_RETURN(TablePtr table, ParseTableSource());
  if (lateral && table->kind != TableKind::kSubquery && table->kind != TableKind::kFunction) {
    return FailAt(first.place, ErrorCode::kSyntaxError,
                  "syntax error: expected a query or a function behind LATERAL",
                  "Only a query in parentheses and a function can name the tables before them.");
  }
  table->lateral = lateral;
  if (table->kind == TableKind::kFunction) {
    table->with_ordinality = AcceptSequence({Keyword::kWith, Keyword::kOrdinality});
  }
  VELARIA_RETURN_NOT_OK(ParseTableSample(table.get()));
  VELARIA_RETURN_NOT_OK(ParseTableAlias(table.get()));
  VELARIA_RETURN_NOT_OK(ParseTableSample(table.get()));
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
  if (At(Keyword::kValues) && IsSymbol(Peek(1), "(")) {
    auto values = std::make_unique<TableRef>(TableKind::kSubquery, place);
    VELARIA_ASSIGN_OR_RETURN(values->select, ParseValues());
    return Measured(std::move(values));
  }
  return ParseNamedTable();
}

Result<Grammar::TablePtr> Grammar::ParseNamedTable() {
  auto table = std::make_unique<TableRef>(TableKind::kNamed, Current().place);
  VELARIA_ASSIGN_OR_RETURN(table->names, ExpectQualifiedName("a table name", kTablePartsMax));
  if (!Accept("(")) return table;
  table->kind = TableKind::kFunction;
  if (!At(")")) {
    do {
      if (At(Keyword::kTable)) return Unsupported(Current(), "TABLE as an argument");
      VELARIA_RETURN_NOT_OK(ParseArgumentName(table->arguments.size(), &table->argument_names));
      VELARIA_ASSIGN_OR_RETURN(ExprPtr argument, ParseExpression());
      table->arguments.push_back(std::move(argument));
    } while (Accept(","));
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
    const bool is_query = inner->kind == TableKind::kSubquery && !inner->alias && !inner->lateral;
    if (is_query && AtSelectContinuation()) {
      VELARIA_ASSIGN_OR_RETURN(select, ContinueSelect(std::move(inner->select), {}));
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

/// PIVOT (...) and its like; pivot (a, b) is an alias with names of columns.
Status Grammar::RefuseTableWord() const {
  if (!At(TokenKind::kWord) || !IsSymbol(Peek(1), "(")) return Status::OK();
  const bool names = IsName(Peek(2)) && (IsSymbol(Peek(3), ",") || IsSymbol(Peek(3), ")"));
  const Habit* habit = names ? nullptr : FindHabit(UnsupportedTableWords(), Current().raw);
  return habit ? Unsupported(Current(), ToUpper(habit->word), habit->hint) : Status::OK();
}

Status Grammar::ParseTableAlias(TableRef* table) {
  if (!At(Keyword::kAs) && !AtBareAlias()) return Status::OK();
  if (table->alias) return Unsupported(Current(), "second alias of a table in parentheses");
  const bool bare = !Accept(Keyword::kAs);
  if (bare) VELARIA_RETURN_NOT_OK(RefuseTableWord());
  VELARIA_ASSIGN_OR_RETURN(table->alias, ExpectName("an alias"));
  if (bare) NoteBareAlias(*table->alias);
  VELARIA_RETURN_NOT_OK(RefuseTableWord());
  if (At("(")) {
    if (IsName(Peek(1)) && Peek(2).kind == TokenKind::kWord) {
      return Unsupported(Peek(2), "alias with column types");
    }
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
    case Keyword::kAsof: return next != Keyword::kJoin && next != Keyword::kLeft;
    case Keyword::kSemi:
    case Keyword::kAnti: return next != Keyword::kJoin;
    default: return true;
  }
}

}  // namespace velaria::sql
