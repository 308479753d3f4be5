#include <utility>

#include "sql/grammar.hpp"

namespace velaria::sql {

/// INSERT [OR REPLACE|IGNORE] INTO table ... and REPLACE INTO table ...
Result<StatementPtr> Grammar::ParseInsert(std::vector<CommonTable> with) {
  const Token first = Take();
  auto statement = std::make_unique<Statement>(StatementKind::kInsert, first.place);
  OnConflict conflict;
  conflict.place = first.place;
  conflict.action = ConflictAction::kReplace;
  bool has_conflict = first.keyword == Keyword::kReplace;
  if (!has_conflict && At(Keyword::kOr)) {
    conflict.place = Take().place;
    has_conflict = true;
    if (Accept(Keyword::kIgnore)) {
      conflict.action = ConflictAction::kNothing;
    } else if (!Accept(Keyword::kReplace)) {
      return Unexpected("REPLACE or IGNORE", {"REPLACE", "IGNORE"});
    }
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kInto));
  VELARIA_RETURN_NOT_OK(ParseInsertTarget(statement.get()));
  VELARIA_RETURN_NOT_OK(ParseInsertSource(statement.get(), std::move(with)));
  if (has_conflict && At(Keyword::kOn)) {
    return Unsupported(Current(), "ON CONFLICT behind INSERT OR or REPLACE");
  }
  if (has_conflict) statement->on_conflict = std::move(conflict);
  if (At(Keyword::kOn)) VELARIA_RETURN_NOT_OK(ParseOnConflict(statement.get()));
  VELARIA_RETURN_NOT_OK(ParseReturning(statement.get()));
  return statement;
}

/// table [AS alias] [(columns)]
Status Grammar::ParseInsertTarget(Statement* statement) {
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (Accept(Keyword::kAs)) {
    VELARIA_ASSIGN_OR_RETURN(statement->alias, ExpectName("an alias"));
  }
  const bool has_columns = At("(") && IsName(Peek(1)) &&
                           !(Peek(1).keyword == Keyword::kValues && IsSymbol(Peek(2), "("));
  if (has_columns) {
    VELARIA_ASSIGN_OR_RETURN(statement->insert_columns, ExpectNameList("a column name"));
  }
  if (AtSequence({Keyword::kBy, Keyword::kName})) return Unsupported(Current(), "INSERT BY NAME");
  if (AtWord("OVERRIDING")) return Unsupported(Current(), "OVERRIDING");
  return Status::OK();
}

/// DEFAULT VALUES or a query, which takes the WITH that stood before INSERT.
Status Grammar::ParseInsertSource(Statement* statement, std::vector<CommonTable> with) {
  if (Accept(Keyword::kDefault)) {
    statement->default_values = true;
    statement->with = std::move(with);
    return Expect(Keyword::kValues);
  }
  if (!AtSelectStart() && !At("(") && !At(Keyword::kValues)) {
    return Unexpected("VALUES, SELECT or DEFAULT VALUES", {"VALUES", "SELECT", "DEFAULT", "WITH"});
  }
  values_take_default_ = At(Keyword::kValues);
  VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
  if (with.empty()) return Status::OK();
  if (!statement->select->with.empty()) {
    VELARIA_ASSIGN_OR_RETURN(statement->select, Wrapped(std::move(statement->select)));
  }
  statement->select->with = std::move(with);
  return Measured(std::move(statement->select)).Value(&statement->select);
}

/// ON CONFLICT [(columns)] DO NOTHING | DO UPDATE SET ... [WHERE ...]
Status Grammar::ParseOnConflict(Statement* statement) {
  OnConflict conflict;
  conflict.place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOn));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kConflict));
  if (At("(")) {
    VELARIA_ASSIGN_OR_RETURN(conflict.columns, ExpectNameList("a column name"));
    if (At(Keyword::kWhere)) return Unsupported(Current(), "ON CONFLICT (...) WHERE");
  } else if (At(Keyword::kOn)) {
    return Unsupported(Current(), "ON CONFLICT ON CONSTRAINT");
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kDo));
  if (Accept(Keyword::kUpdate)) {
    conflict.action = ConflictAction::kUpdate;
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kSet));
    VELARIA_RETURN_NOT_OK(ParseAssignments(&conflict.assignments));
    if (Accept(Keyword::kWhere)) {
      VELARIA_ASSIGN_OR_RETURN(conflict.where, ParseExpression());
    }
  } else if (!Accept(Keyword::kNothing)) {
    return Unexpected("NOTHING or UPDATE SET", {"NOTHING", "UPDATE"});
  }
  statement->on_conflict = std::move(conflict);
  return Status::OK();
}

/// DELETE FROM table [alias] [USING tables] [WHERE ...] [RETURNING ...]
Result<StatementPtr> Grammar::ParseDelete(std::vector<CommonTable> with) {
  auto statement = std::make_unique<Statement>(StatementKind::kDelete, Take().place);
  statement->with = std::move(with);
  VELARIA_RETURN_NOT_OK(
      WithHint(Expect(Keyword::kFrom), "Write DELETE FROM table WHERE condition."));
  VELARIA_RETURN_NOT_OK(ParseChangedTable(statement.get()));
  if (Accept(Keyword::kUsing)) {
    VELARIA_ASSIGN_OR_RETURN(statement->from, ParseFrom());
  }
  if (Accept(Keyword::kWhere)) {
    VELARIA_ASSIGN_OR_RETURN(statement->where, ParseExpression());
  }
  VELARIA_RETURN_NOT_OK(ParseReturning(statement.get()));
  return statement;
}

/// UPDATE table [alias] SET ... [FROM tables] [WHERE ...] [RETURNING ...]
Result<StatementPtr> Grammar::ParseUpdate(std::vector<CommonTable> with) {
  auto statement = std::make_unique<Statement>(StatementKind::kUpdate, Take().place);
  statement->with = std::move(with);
  VELARIA_RETURN_NOT_OK(ParseChangedTable(statement.get()));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kSet));
  VELARIA_RETURN_NOT_OK(ParseAssignments(&statement->assignments));
  if (Accept(Keyword::kFrom)) {
    VELARIA_ASSIGN_OR_RETURN(statement->from, ParseFrom());
  }
  if (Accept(Keyword::kWhere)) {
    VELARIA_ASSIGN_OR_RETURN(statement->where, ParseExpression());
  }
  VELARIA_RETURN_NOT_OK(ParseReturning(statement.get()));
  return statement;
}

/// table [[AS] alias]; SET behind the table is no alias.
Status Grammar::ParseChangedTable(Statement* statement) {
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  const bool bare = !Accept(Keyword::kAs);
  if (bare && (At(Keyword::kSet) || !IsName(Current()))) return Status::OK();
  const bool may_be_set = bare && statement->kind == StatementKind::kUpdate;
  if (may_be_set) NoteMeant({"SET"});
  VELARIA_ASSIGN_OR_RETURN(statement->alias, ExpectName("an alias"));
  if (bare && !may_be_set) NoteBareAlias(*statement->alias);
  return Status::OK();
}

/// column = value | (columns) = (values), the latter flattened; separated by commas.
Status Grammar::ParseAssignments(Assignments* assignments) {
  do {
    if (At("(")) {
      VELARIA_RETURN_NOT_OK(ParseAssignmentOfSeveral(assignments));
      continue;
    }
    VELARIA_ASSIGN_OR_RETURN(Name column, ExpectName("a column name"));
    if (At("[") || At(".")) return Unsupported(Current(), "assignment to a part of a column");
    VELARIA_RETURN_NOT_OK(Expect("="));
    VELARIA_ASSIGN_OR_RETURN(ExprPtr value, ParseValue());
    assignments->emplace_back(std::move(column), std::move(value));
  } while (Accept(","));
  return Status::OK();
}

Status Grammar::ParseAssignmentOfSeveral(Assignments* assignments) {
  const Place place = Current().place;
  VELARIA_ASSIGN_OR_RETURN(std::vector<Name> columns, ExpectNameList("a column name"));
  VELARIA_RETURN_NOT_OK(Expect("="));
  if (IsSymbol(Peek(1), "(")) Accept(Keyword::kRow);
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (AtSelectStart()) return Unsupported(Current(), "assignment of a query to several columns");
  std::vector<ExprPtr> values;
  bool more = true;
  while (more) {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr value, ParseValue());
    values.push_back(std::move(value));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(values.size()));
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  if (values.size() != columns.size()) {
    return FailAt(place, ErrorCode::kColumnCountMismatch,
                  "assignment has " + std::to_string(columns.size()) +
                      " columns and another number of values: " + std::to_string(values.size()));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    assignments->emplace_back(std::move(columns[i]), std::move(values[i]));
  }
  return Status::OK();
}

Result<ExprPtr> Grammar::ParseValue() {
  if (At(Keyword::kDefault)) return MakeExpr(ExprKind::kDefault, Take().place);
  return ParseExpression();
}

Status Grammar::ParseReturning(Statement* statement) {
  if (!Accept(Keyword::kReturning)) return Status::OK();
  return ParseSelectItems().Value(&statement->returning);
}

}  // namespace velaria::sql
