#include <algorithm>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

/// Statements known by their first word and not offered here.
const std::vector<std::string>& OtherWords() {
  static const std::vector<std::string> words = {
      "ABORT",   "ALTER",     "ANALYZE",  "ATTACH",   "BEGIN",   "CALL",       "CHECKPOINT",
      "CLOSE",   "CLUSTER",   "COMMENT",  "COMMIT",   "COPY",    "DEALLOCATE", "DECLARE",
      "DETACH",  "DISCARD",   "DO",       "END",      "EXECUTE", "EXPORT",     "FETCH",
      "GRANT",   "IMPORT",    "INSTALL",  "KILL",     "LISTEN",  "LOAD",       "LOCK",
      "MERGE",   "MOVE",      "NOTIFY",   "OPTIMIZE", "PIVOT",   "PRAGMA",     "PREPARE",
      "REFRESH", "REINDEX",   "RELEASE",  "REPLACE",  "REVOKE",  "ROLLBACK",   "SAVEPOINT",
      "START",   "SUMMARIZE", "TRUNCATE", "UNLISTEN", "UNPIVOT", "USE",        "VACUUM"};
  return words;
}

const std::vector<std::string>& StatementWords() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all = {"SELECT", "WITH",   "VALUES",  "EXPLAIN", "CREATE",
                                    "DROP",   "INSERT", "DELETE",  "UPDATE",  "SET",
                                    "RESET",  "SHOW",   "DESCRIBE"};
    all.insert(all.end(), OtherWords().begin(), OtherWords().end());
    return all;
  }();
  return words;
}

}  // namespace

Status Grammar::RefuseEmpty() {
  while (Accept(";")) {
  }
  if (!At(TokenKind::kEnd)) return Status::OK();
  return FailAt(Current().place, ErrorCode::kEmptyStatement, "there is no statement in the text",
                "Write a statement like SELECT 1.");
}

Result<StatementPtr> Grammar::ParseOnlyStatement() {
  VELARIA_RETURN_NOT_OK(RefuseEmpty());
  VELARIA_ASSIGN_OR_RETURN(StatementPtr statement, ParseCounted());
  const bool closed = At(";");
  while (Accept(";")) {
  }
  if (At(TokenKind::kEnd)) return statement;
  return Unexpected(closed ? "one statement only" : "end of statement");
}

Result<std::vector<StatementPtr>> Grammar::ParseStatements() {
  VELARIA_RETURN_NOT_OK(RefuseEmpty());
  std::vector<StatementPtr> statements;
  while (!At(TokenKind::kEnd)) {
    VELARIA_ASSIGN_OR_RETURN(StatementPtr statement, ParseCounted());
    if (!At(";") && !At(TokenKind::kEnd)) return Unexpected("end of statement");
    statements.push_back(std::move(statement));
    while (Accept(";")) {
    }
  }
  return statements;
}

Result<StatementPtr> Grammar::ParseCounted() {
  BeginStatement();
  question_marks_ = 0;
  dollar_max_ = 0;
  VELARIA_ASSIGN_OR_RETURN(StatementPtr statement, ParseOne());
  statement->parameter_count = std::max(question_marks_, dollar_max_);
  if (statement->inner) statement->inner->parameter_count = statement->parameter_count;
  return statement;
}

Result<StatementPtr> Grammar::ParseOne() {
  if (AtSelectStart() || At("(")) return ParseSelectStatement();
  switch (Current().keyword) {
    case Keyword::kExplain: return ParseExplain();
    case Keyword::kCreate: return ParseCreate();
    case Keyword::kDrop: return ParseDrop();
    case Keyword::kInsert: return ParseInsert();
    case Keyword::kDelete: return ParseDelete();
    case Keyword::kUpdate: return ParseUpdate();
    case Keyword::kSet: return ParseSet();
    case Keyword::kReset: return ParseReset();
    case Keyword::kShow: return ParseShow();
    case Keyword::kDescribe:
    case Keyword::kDesc: return ParseDescribe();
    case Keyword::kValues: return ParseSelectStatement();
    default: break;
  }
  if (At(TokenKind::kWord)) {
    std::string word = ToUpper(Current().raw);
    const auto& others = OtherWords();
    if (std::find(others.begin(), others.end(), word) != others.end()) {
      const Place place = Take().place;
      return ParseOther(place, std::move(word));
    }
  }
  return Unexpected("a statement", StatementWords());
}

Result<StatementPtr> Grammar::ParseSelectStatement() {
  auto statement = std::make_unique<Statement>(StatementKind::kSelect, Current().place);
  VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
  return statement;
}

Result<StatementPtr> Grammar::ParseExplain() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  auto statement = std::make_unique<Statement>(StatementKind::kExplain, Take().place);
  statement->analyze = Accept(Keyword::kAnalyze);
  if (At("(") && Peek(1).kind == TokenKind::kWord && !IsReserved(Peek(1).keyword) &&
      Peek(1).keyword != Keyword::kValues) {
    return Unsupported(Current(), "EXPLAIN with options");
  }
  if (At(Keyword::kExplain)) return Unexpected("a statement to explain");
  VELARIA_ASSIGN_OR_RETURN(statement->inner, ParseOne());
  return statement;
}

Result<StatementPtr> Grammar::ParseDrop() {
  auto statement = std::make_unique<Statement>(StatementKind::kDrop, Take().place);
  if (AtAny({Keyword::kSource, Keyword::kSink}) && Peek(1).keyword == Keyword::kTable) Advance();
  if (Accept(Keyword::kTable)) {
    statement->drop = DropKind::kTable;
  } else if (Accept(Keyword::kView)) {
    statement->drop = DropKind::kView;
  } else if (Accept(Keyword::kStream)) {
    statement->drop = DropKind::kStream;
  } else if (Accept(Keyword::kSchema)) {
    statement->drop = DropKind::kSchema;
  } else if (Accept(Keyword::kIndex)) {
    statement->drop = DropKind::kIndex;
  } else {
    return Unexpected("TABLE, VIEW, STREAM, SCHEMA or INDEX",
                      {"TABLE", "VIEW", "STREAM", "SCHEMA", "INDEX"});
  }
  if (Accept(Keyword::kIf)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kExists));
    statement->if_exists = true;
  }
  do {
    VELARIA_ASSIGN_OR_RETURN(auto name, ExpectQualifiedName("a name", 3));
    statement->drop_names.push_back(std::move(name));
  } while (Accept(","));
  statement->name = statement->drop_names.front();
  return statement;
}

Result<std::string> Grammar::ParseSettingName() {
  VELARIA_ASSIGN_OR_RETURN(std::vector<Name> parts, ExpectQualifiedName("a setting", 3));
  std::string setting;
  for (const Name& part : parts) setting += (setting.empty() ? "" : ".") + ToLower(part.text);
  return setting;
}

/// SET [SESSION] name = value | TO value. A bare word is its own text, as in SET search_path =
/// main.
Result<StatementPtr> Grammar::ParseSet() {
  auto statement = std::make_unique<Statement>(StatementKind::kSet, Take().place);
  if (At(Keyword::kSession) && Peek(1).kind == TokenKind::kWord) Advance();
  if (AtSequence({Keyword::kTime, Keyword::kZone})) {
    AcceptSequence({Keyword::kTime, Keyword::kZone});
    statement->text = "timezone";
    if (!Accept("=")) Accept(Keyword::kTo);
  } else {
    VELARIA_ASSIGN_OR_RETURN(statement->text, ParseSettingName());
    if (!Accept("=") && !Accept(Keyword::kTo)) return Unexpected("\"=\" or TO", {"TO"});
  }
  if (Accept(Keyword::kDefault)) {
    statement->kind = StatementKind::kReset;
    return statement;
  }
  const bool is_constant = AtAny({Keyword::kTrue, Keyword::kFalse, Keyword::kNull});
  if ((At(TokenKind::kWord) || At(TokenKind::kQuotedName)) && !is_constant) {
    statement->value = MakeExpr(ExprKind::kString, Current().place);
    VELARIA_ASSIGN_OR_RETURN(Name word, ExpectAnyName("a value"));
    statement->value->text = std::move(word.text);
    return statement;
  }
  VELARIA_ASSIGN_OR_RETURN(statement->value, ParseExpression());
  return statement;
}

Result<StatementPtr> Grammar::ParseReset() {
  auto statement = std::make_unique<Statement>(StatementKind::kReset, Take().place);
  if (Accept(Keyword::kAll)) {
    statement->text = "all";
    return statement;
  }
  VELARIA_ASSIGN_OR_RETURN(statement->text, ParseSettingName());
  return statement;
}

Result<StatementPtr> Grammar::ParseShow() {
  auto statement = std::make_unique<Statement>(StatementKind::kShow, Take().place);
  if (Accept(Keyword::kAll)) {
    statement->text = "all";
    return statement;
  }
  VELARIA_ASSIGN_OR_RETURN(statement->text, ParseSettingName());
  return statement;
}

Result<StatementPtr> Grammar::ParseDescribe() {
  auto statement = std::make_unique<Statement>(StatementKind::kDescribe, Take().place);
  if (AtSelectStart()) return Unsupported(Current(), "DESCRIBE of a query");
  Accept(Keyword::kTable);
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", 3));
  return statement;
}

Result<StatementPtr> Grammar::ParseOther(Place place, std::string words) {
  auto statement = std::make_unique<Statement>(StatementKind::kOther, place);
  statement->text = std::move(words);
  while (!At(TokenKind::kEnd) && !At(";")) {
    if (At(TokenKind::kError)) return Unexpected("end of statement");
    Advance();
  }
  return statement;
}

}  // namespace velaria::sql
