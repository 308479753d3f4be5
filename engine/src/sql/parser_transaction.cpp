// Transactions and prepared statements.
#include "sql/grammar.hpp"

namespace velaria::sql {

Status Grammar::ParseTextName(std::string_view what, Statement* statement) {
  VELARIA_ASSIGN_OR_RETURN(Name name, ExpectName(what));
  statement->text = std::move(name.text);
  statement->text_place = name.place;
  return Status::OK();
}

/// BEGIN [TRANSACTION|WORK] and START TRANSACTION, [mode [,] ...].
Result<StatementPtr> Grammar::ParseBegin() {
  const Token first = Take();
  auto statement = std::make_unique<Statement>(StatementKind::kBegin, first.place);
  if (first.keyword == Keyword::kStart) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kTransaction));
  } else if (!Accept(Keyword::kTransaction)) {
    Accept(Keyword::kWork);
  }
  bool more = AtWord("ISOLATION") || AtWord("READ");
  while (more) {
    VELARIA_RETURN_NOT_OK(ParseTransactionMode(statement.get()));
    more = Accept(",") || AtWord("ISOLATION") || AtWord("READ");
  }
  for (const char* mode : {"NOT", "DEFERRABLE", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"}) {
    if (AtWord(mode)) return Unsupported(Current(), "BEGIN " + std::string(mode));
  }
  return statement;
}

/// ISOLATION LEVEL level | READ WRITE | READ ONLY. There is one level, snapshot, which keeps what
/// the weaker ones promise.
Status Grammar::ParseTransactionMode(Statement* statement) {
  if (AtWord("READ")) {
    Advance();
    if (!At(Keyword::kOnly) && !AtWord("WRITE")) {
      return Unexpected("ONLY or WRITE", {"ONLY", "WRITE"});
    }
    statement->text = Take().keyword == Keyword::kOnly ? "read only" : "";
    return Status::OK();
  }
  if (!AtWord("ISOLATION")) {
    return Unexpected("ISOLATION LEVEL, READ WRITE or READ ONLY", {"ISOLATION", "READ"});
  }
  Advance();
  if (!AtWord("LEVEL")) return Unexpected("LEVEL", {"LEVEL"});
  Advance();
  if (AtWord("SERIALIZABLE")) {
    return FailAt(Current().place, ErrorCode::kUnsupportedStatement,
                  "this part of a statement is not supported: ISOLATION LEVEL SERIALIZABLE",
                  "REPEATABLE READ is the strongest level: two transactions may each change what "
                  "the other has read.");
  }
  const bool repeatable = At(Keyword::kRepeatable);
  if (!repeatable && !AtWord("READ") && !AtWord("SNAPSHOT")) {
    return Unexpected("READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ or SNAPSHOT",
                      {"READ", "REPEATABLE", "SNAPSHOT"});
  }
  const bool is_whole = AtWord("SNAPSHOT");
  Advance();
  if (is_whole) return Status::OK();
  const bool fits = repeatable ? AtWord("READ") : AtWord("COMMITTED") || AtWord("UNCOMMITTED");
  if (!fits) {
    return repeatable ? Unexpected("READ", {"READ"})
                      : Unexpected("COMMITTED or UNCOMMITTED", {"COMMITTED", "UNCOMMITTED"});
  }
  Advance();
  return Status::OK();
}

/// COMMIT [TRANSACTION|WORK] and END likewise.
Result<StatementPtr> Grammar::ParseCommit() {
  auto statement = std::make_unique<Statement>(StatementKind::kCommit, Take().place);
  if (!Accept(Keyword::kTransaction)) Accept(Keyword::kWork);
  if (At(Keyword::kAnd)) return Unsupported(Current(), "COMMIT AND CHAIN");
  return statement;
}

/// ROLLBACK [TRANSACTION|WORK] [TO [SAVEPOINT] name] and ABORT without the latter.
Result<StatementPtr> Grammar::ParseRollback() {
  const Token first = Take();
  auto statement = std::make_unique<Statement>(StatementKind::kRollback, first.place);
  if (!Accept(Keyword::kTransaction)) Accept(Keyword::kWork);
  if (At(Keyword::kAnd)) return Unsupported(Current(), "ROLLBACK AND CHAIN");
  if (first.keyword == Keyword::kAbort || !Accept(Keyword::kTo)) return statement;
  statement->kind = StatementKind::kRollbackTo;
  if (Peek(1).kind == TokenKind::kWord || Peek(1).kind == TokenKind::kQuotedName) {
    Accept(Keyword::kSavepoint);
  }
  VELARIA_RETURN_NOT_OK(ParseTextName("a savepoint", statement.get()));
  return statement;
}

/// SAVEPOINT name and RELEASE [SAVEPOINT] name.
Result<StatementPtr> Grammar::ParseSavepoint(StatementKind kind) {
  auto statement = std::make_unique<Statement>(kind, Take().place);
  const bool named_behind =
      Peek(1).kind == TokenKind::kWord || Peek(1).kind == TokenKind::kQuotedName;
  if (kind == StatementKind::kReleaseSavepoint && named_behind) Accept(Keyword::kSavepoint);
  VELARIA_RETURN_NOT_OK(ParseTextName("a savepoint", statement.get()));
  return statement;
}

/// PREPARE name [(type, ...)] AS statement. The types are `columns` without names.
Result<StatementPtr> Grammar::ParsePrepare() {
  auto statement = std::make_unique<Statement>(StatementKind::kPrepare, Take().place);
  VELARIA_RETURN_NOT_OK(ParseTextName("a name for the statement", statement.get()));
  if (Accept("(")) {
    do {
      ColumnDef parameter;
      VELARIA_ASSIGN_OR_RETURN(parameter.type, ParseType());
      statement->columns.push_back(std::move(parameter));
    } while (Accept(","));
    VELARIA_RETURN_NOT_OK(Expect(")"));
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
  const bool can_be_prepared =
      AtSelectStart() || At("(") || At(Keyword::kValues) ||
      AtAny({Keyword::kInsert, Keyword::kReplace, Keyword::kDelete, Keyword::kUpdate});
  if (!can_be_prepared) {
    return Unexpected("a query, INSERT, DELETE or UPDATE",
                      {"SELECT", "INSERT", "DELETE", "UPDATE", "VALUES", "WITH"});
  }
  VELARIA_ASSIGN_OR_RETURN(statement->inner, ParseOne());
  return statement;
}

/// EXECUTE name [(argument, ...)]
Result<StatementPtr> Grammar::ParseExecute() {
  auto statement = std::make_unique<Statement>(StatementKind::kExecute, Take().place);
  VELARIA_RETURN_NOT_OK(ParseTextName("the name of a prepared statement", statement.get()));
  if (!Accept("(")) return statement;
  if (!At(")")) {
    VELARIA_ASSIGN_OR_RETURN(statement->arguments, ParseExpressionList());
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return statement;
}

/// DEALLOCATE [PREPARE] name|ALL
Result<StatementPtr> Grammar::ParseDeallocate() {
  auto statement = std::make_unique<Statement>(StatementKind::kDeallocate, Take().place);
  const bool named_behind =
      Peek(1).kind == TokenKind::kWord || Peek(1).kind == TokenKind::kQuotedName;
  if (named_behind) Accept(Keyword::kPrepare);
  if (Accept(Keyword::kAll)) {
    statement->text = "all";
    return statement;
  }
  VELARIA_RETURN_NOT_OK(ParseTextName("the name of a prepared statement", statement.get()));
  return statement;
}

}  // namespace velaria::sql
