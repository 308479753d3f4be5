#include <algorithm>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

/// Statements known by their first word and not offered here.
const std::vector<std::string>& OtherWords() {
  static const std::vector<std::string> words = {
      "ANALYZE", "ATTACH",  "CALL",    "CHECKPOINT", "CLOSE",  "CLUSTER",  "COMMENT", "DECLARE",
      "DETACH",  "DISCARD", "DO",      "EXPORT",     "FETCH",  "GRANT",    "IMPORT",  "INSTALL",
      "KILL",    "LISTEN",  "LOAD",    "LOCK",       "MERGE",  "MOVE",     "NOTIFY",  "OPTIMIZE",
      "PIVOT",   "PRAGMA",  "REFRESH", "REINDEX",    "REVOKE", "UNLISTEN", "UNPIVOT", "VACUUM"};
  return words;
}

const std::vector<std::string>& StatementWords() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all = {
        "SELECT",  "WITH",    "VALUES",  "FROM",      "TABLE",    "EXPLAIN",  "CREATE",
        "DROP",    "ALTER",   "INSERT",  "REPLACE",   "DELETE",   "UPDATE",   "TRUNCATE",
        "COPY",    "SET",     "RESET",   "SHOW",      "USE",      "DESCRIBE", "SUMMARIZE",
        "BEGIN",   "START",   "COMMIT",  "END",       "ROLLBACK", "ABORT",    "SAVEPOINT",
        "RELEASE", "PREPARE", "EXECUTE", "DEALLOCATE"};
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
  parameter_places_.clear();
  VELARIA_ASSIGN_OR_RETURN(StatementPtr statement, ParseOne());
  statement->parameter_count = std::max(question_marks_, dollar_max_);
  statement->parameter_places = std::move(parameter_places_);
  if (statement->inner) statement->inner->parameter_count = statement->parameter_count;
  return statement;
}

Result<StatementPtr> Grammar::ParseOne() {
  values_take_default_ = false;
  if (At(Keyword::kWith)) return ParseWithStatement();
  if (AtSelectStart() || At("(") || At(Keyword::kValues)) return ParseSelectStatement();
  switch (Current().keyword) {
    case Keyword::kExplain: return ParseExplain();
    case Keyword::kCreate: return ParseCreate();
    case Keyword::kAlter: return ParseAlter();
    case Keyword::kDrop: return ParseDrop();
    case Keyword::kReplace:
    case Keyword::kInsert: return ParseInsert({});
    case Keyword::kDelete: return ParseDelete({});
    case Keyword::kUpdate: return ParseUpdate({});
    case Keyword::kTruncate: return ParseTruncate();
    case Keyword::kCopy: return ParseCopy();
    default: return ParseOneByWord();
  }
}

Result<StatementPtr> Grammar::ParseOneByWord() {
  switch (Current().keyword) {
    case Keyword::kSet: return ParseSet();
    case Keyword::kUse: return ParseUse();
    case Keyword::kReset: return ParseReset();
    case Keyword::kShow: return ParseShow();
    case Keyword::kDescribe:
    case Keyword::kDesc: return ParseDescribe(StatementKind::kDescribe);
    case Keyword::kSummarize: return ParseDescribe(StatementKind::kSummarize);
    case Keyword::kBegin:
    case Keyword::kStart: return ParseBegin();
    case Keyword::kCommit:
    case Keyword::kEnd: return ParseCommit();
    case Keyword::kRollback:
    case Keyword::kAbort: return ParseRollback();
    case Keyword::kSavepoint: return ParseSavepoint(StatementKind::kSavepoint);
    case Keyword::kRelease: return ParseSavepoint(StatementKind::kReleaseSavepoint);
    case Keyword::kPrepare: return ParsePrepare();
    case Keyword::kExecute: return ParseExecute();
    case Keyword::kDeallocate: return ParseDeallocate();
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

Result<StatementPtr> Grammar::ParseWithStatement() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  const Place place = Current().place;
  std::vector<CommonTable> with;
  VELARIA_RETURN_NOT_OK(ParseWith(&with));
  StatementPtr statement;
  if (At(Keyword::kInsert)) {
    VELARIA_ASSIGN_OR_RETURN(statement, ParseInsert(std::move(with)));
  } else if (At(Keyword::kDelete)) {
    VELARIA_ASSIGN_OR_RETURN(statement, ParseDelete(std::move(with)));
  } else if (At(Keyword::kUpdate)) {
    VELARIA_ASSIGN_OR_RETURN(statement, ParseUpdate(std::move(with)));
  } else {
    if (AtWord("MERGE")) return Unsupported(Current(), "MERGE");
    statement = std::make_unique<Statement>(StatementKind::kSelect, place);
    VELARIA_ASSIGN_OR_RETURN(statement->select, ContinueSelect(nullptr, std::move(with)));
  }
  statement->place = place;
  return statement;
}

Result<StatementPtr> Grammar::ParseDrop() {
  auto statement = std::make_unique<Statement>(StatementKind::kDrop, Take().place);
  if (AtAny({Keyword::kSource, Keyword::kSink}) && Peek(1).keyword == Keyword::kTable) Advance();
  switch (Current().keyword) {
    case Keyword::kTable: statement->drop = DropKind::kTable; break;
    case Keyword::kView: statement->drop = DropKind::kView; break;
    case Keyword::kStream: statement->drop = DropKind::kStream; break;
    case Keyword::kSchema: statement->drop = DropKind::kSchema; break;
    case Keyword::kIndex: statement->drop = DropKind::kIndex; break;
    default:
      return Unexpected("TABLE, VIEW, STREAM, SCHEMA or INDEX",
                        {"TABLE", "VIEW", "STREAM", "SCHEMA", "INDEX"});
  }
  Advance();
  if (At(Keyword::kIf) && Peek(1).keyword == Keyword::kExists) {
    AcceptSequence({Keyword::kIf, Keyword::kExists});
    statement->if_exists = true;
  }
  do {
    VELARIA_ASSIGN_OR_RETURN(auto name, ExpectQualifiedName("a name", 3));
    statement->drop_names.push_back(std::move(name));
  } while (Accept(","));
  statement->name = statement->drop_names.front();
  ParseDropBehaviour(statement.get());
  return statement;
}

void Grammar::ParseDropBehaviour(Statement* statement) {
  statement->cascade = Accept(Keyword::kCascade);
  if (!statement->cascade) Accept(Keyword::kRestrict);
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
