#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {

/// ALTER TABLE [IF EXISTS] name action
Result<StatementPtr> Grammar::ParseAlter() {
  auto statement = std::make_unique<Statement>(StatementKind::kAlterTable, Take().place);
  if (!At(Keyword::kTable)) {
    const bool object = At(TokenKind::kWord) && NearestName(Current().raw, {"TABLE"}).empty();
    if (!object) return Unexpected("TABLE", {"TABLE"});
    return ParseOther(statement->place, "ALTER " + ToUpper(Current().raw.substr(0, 40)));
  }
  Advance();
  statement->if_exists = AcceptSequence({Keyword::kIf, Keyword::kExists});
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  VELARIA_RETURN_NOT_OK(ParseAlterAction(statement.get()));
  if (At(",")) return Unsupported(Current(), "ALTER TABLE with several actions");
  return statement;
}

Status Grammar::ParseAlterAction(Statement* statement) {
  if (Accept(Keyword::kAdd)) return ParseAlterAdd(statement);
  if (Accept(Keyword::kDrop)) return ParseAlterDrop(statement);
  if (Accept(Keyword::kRename)) return ParseAlterRename(statement);
  if (Accept(Keyword::kAlter)) return ParseAlterColumn(statement);
  if (At(Keyword::kSet)) return Unsupported(Current(), "ALTER TABLE ... SET");
  return Unexpected("ADD, DROP, RENAME or ALTER", {"ADD", "DROP", "RENAME", "ALTER"});
}

/// ADD constraint | ADD [COLUMN] [IF NOT EXISTS] column
Status Grammar::ParseAlterAdd(Statement* statement) {
  if (AtTableConstraint()) {
    VELARIA_RETURN_NOT_OK(ParseTableConstraint(statement));
    statement->alter = statement->checks.empty() ? AlterKind::kAddKey : AlterKind::kAddCheck;
    return Status::OK();
  }
  statement->alter = AlterKind::kAddColumn;
  Accept(Keyword::kColumn);
  VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement));
  return ParseColumnDef(statement, true).Value(&statement->column);
}

/// DROP CONSTRAINT [IF EXISTS] name | DROP [COLUMN] [IF EXISTS] name, [CASCADE|RESTRICT]
Status Grammar::ParseAlterDrop(Statement* statement) {
  const bool constraint = Accept(Keyword::kConstraint);
  statement->alter = constraint ? AlterKind::kDropConstraint : AlterKind::kDropColumn;
  if (!constraint && !Accept(Keyword::kColumn)) NoteMeant({"COLUMN", "CONSTRAINT"});
  statement->if_exists_inner = AcceptSequence({Keyword::kIf, Keyword::kExists});
  VELARIA_ASSIGN_OR_RETURN(Name name,
                           ExpectName(constraint ? "a constraint's name" : "a column name"));
  if (constraint) {
    statement->text = std::move(name.text);
    statement->text_place = name.place;
  } else {
    statement->target = std::move(name);
  }
  ParseDropBehaviour(statement);
  return Status::OK();
}

/// RENAME TO name | RENAME [COLUMN] name TO name
Status Grammar::ParseAlterRename(Statement* statement) {
  if (At(Keyword::kConstraint)) return Unsupported(Current(), "RENAME CONSTRAINT");
  statement->alter = AlterKind::kRenameTable;
  if (!At(Keyword::kTo)) {
    statement->alter = AlterKind::kRenameColumn;
    const bool has_word = Peek(1).keyword != Keyword::kTo && Accept(Keyword::kColumn);
    if (!has_word) NoteMeant({"COLUMN"});
    VELARIA_ASSIGN_OR_RETURN(statement->target, ExpectName("a column name"));
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kTo));
  return ExpectName("a new name").Value(&statement->new_name);
}

/// ALTER [COLUMN] name SET DEFAULT value | DROP DEFAULT | SET NOT NULL | DROP NOT NULL |
/// [SET DATA] TYPE type [USING expression]
Status Grammar::ParseAlterColumn(Statement* statement) {
  if (!Accept(Keyword::kColumn)) NoteMeant({"COLUMN"});
  VELARIA_ASSIGN_OR_RETURN(statement->target, ExpectName("a column name"));
  if (Accept(Keyword::kType)) return ParseAlterType(statement);
  const bool set = At(Keyword::kSet);
  if (!set && !At(Keyword::kDrop)) {
    return Unexpected("SET, DROP or TYPE", {"SET", "DROP", "TYPE"});
  }
  Advance();
  if (Accept(Keyword::kDefault)) {
    statement->alter = set ? AlterKind::kSetDefault : AlterKind::kDropDefault;
    return set ? ParseDefault(&statement->value, &statement->text) : Status::OK();
  }
  if (Accept(Keyword::kNot)) {
    statement->alter = set ? AlterKind::kSetNotNull : AlterKind::kDropNotNull;
    return Expect(Keyword::kNull);
  }
  if (set && Accept(Keyword::kData)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kType));
    return ParseAlterType(statement);
  }
  if (set) return Unexpected("DEFAULT, NOT NULL or DATA TYPE", {"DEFAULT", "NOT", "DATA"});
  return Unexpected("DEFAULT or NOT NULL", {"DEFAULT", "NOT"});
}

Status Grammar::ParseAlterType(Statement* statement) {
  statement->alter = AlterKind::kSetType;
  VELARIA_ASSIGN_OR_RETURN(statement->column.type, ParseType());
  if (At(Keyword::kCollate)) VELARIA_RETURN_NOT_OK(ParseCollation());
  return Accept(Keyword::kUsing) ? ParseExpression().Value(&statement->value) : Status::OK();
}

}  // namespace velaria::sql
