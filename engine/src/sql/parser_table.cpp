// What stands in the parentheses of CREATE TABLE and CREATE STREAM, and in OPTIONS.
#include <utility>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {

Status Grammar::ParseTableElements(Statement* statement) {
  VELARIA_RETURN_NOT_OK(Expect("("));
  bool more = true;
  while (more) {
    if (At(Keyword::kWatermark) && Peek(1).keyword == Keyword::kFor) {
      VELARIA_RETURN_NOT_OK(ParseWatermark(statement));
    } else if (AtTableConstraint()) {
      VELARIA_RETURN_NOT_OK(ParseTableConstraint(statement));
    } else if (At(Keyword::kLike)) {
      return Unsupported(Current(), "LIKE in CREATE TABLE");
    } else {
      VELARIA_ASSIGN_OR_RETURN(ColumnDef column, ParseColumnDef(statement, false));
      statement->columns.push_back(std::move(column));
    }
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(statement->columns.size()));
  }
  return Expect(")");
}

bool Grammar::AtTableConstraint() const {
  return AtAny({Keyword::kPrimary, Keyword::kUnique, Keyword::kCheck, Keyword::kConstraint,
                Keyword::kForeign}) ||
         (At(Keyword::kExclude) && (IsSymbol(Peek(1), "(") || Peek(1).keyword == Keyword::kUsing));
}

/// [CONSTRAINT name] PRIMARY KEY (columns) | UNIQUE (columns) | CHECK (expression)
Status Grammar::ParseTableConstraint(Statement* statement) {
  VELARIA_ASSIGN_OR_RETURN(std::string name, ParseConstraintName());
  if (At(Keyword::kCheck)) return ParseCheck(statement, std::move(name));
  VELARIA_RETURN_NOT_OK(RefuseAny({Keyword::kForeign, Keyword::kExclude}));
  if (!AtAny({Keyword::kPrimary, Keyword::kUnique})) {
    return Unexpected("PRIMARY KEY, UNIQUE or CHECK", {"PRIMARY", "UNIQUE", "CHECK"});
  }
  KeyDef key;
  key.place = Current().place;
  key.name = std::move(name);
  key.primary = Take().keyword == Keyword::kPrimary;
  if (key.primary) VELARIA_RETURN_NOT_OK(Expect(Keyword::kKey));
  VELARIA_ASSIGN_OR_RETURN(key.columns, ExpectNameList("a column name"));
  statement->keys.push_back(std::move(key));
  return Status::OK();
}

/// The name behind CONSTRAINT, or "".
Result<std::string> Grammar::ParseConstraintName() {
  if (!Accept(Keyword::kConstraint)) return std::string();
  VELARIA_ASSIGN_OR_RETURN(Name name, ExpectName("a constraint's name"));
  return std::move(name.text);
}

Status Grammar::ParseCheck(Statement* statement, std::string name) {
  CheckDef check;
  check.place = Current().place;
  check.name = std::move(name);
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kCheck));
  VELARIA_RETURN_NOT_OK(Expect("("));
  const size_t begin = Offset();
  VELARIA_ASSIGN_OR_RETURN(check.expr, ParseExpression());
  check.text = TextFrom(begin);
  statement->checks.push_back(std::move(check));
  return Expect(")");
}

Status Grammar::ParseWatermark(Statement* statement) {
  const bool follows_a_log = statement->kind == StatementKind::kCreateStream ||
                             statement->flavour == TableFlavour::kSource;
  if (!follows_a_log) return Unsupported(Current(), "WATERMARK of a table that is no source");
  if (statement->watermark) {
    return FailAt(Current().place, ErrorCode::kSyntaxError,
                  "syntax error: clause appears twice: WATERMARK");
  }
  WatermarkDef watermark;
  watermark.place = Take().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kFor));
  VELARIA_ASSIGN_OR_RETURN(watermark.column, ExpectName("a column name"));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
  VELARIA_ASSIGN_OR_RETURN(watermark.expr, ParseExpression());
  statement->watermark = std::move(watermark);
  return Status::OK();
}

Result<ColumnDef> Grammar::ParseColumnDef(Statement* statement, bool with_type) {
  ColumnDef column;
  VELARIA_ASSIGN_OR_RETURN(column.name, ExpectName("a column name"));
  if (!with_type && (At(",") || At(")"))) {
    column.type.place = Current().place;
    return column;
  }
  VELARIA_RETURN_NOT_OK(RefuseAny({Keyword::kGenerated}));
  VELARIA_ASSIGN_OR_RETURN(column.type, ParseType());
  while (!At(",") && !At(")") && !At(";") && !At(TokenKind::kEnd)) {
    VELARIA_RETURN_NOT_OK(ParseColumnConstraint(statement, &column));
  }
  return column;
}

Status Grammar::ParseColumnConstraint(Statement* statement, ColumnDef* column) {
  const Place place = Current().place;
  VELARIA_ASSIGN_OR_RETURN(std::string name, ParseConstraintName());
  if (At(Keyword::kCheck)) return ParseCheck(statement, std::move(name));
  if (Accept(Keyword::kNot)) {
    column->not_null = true;
    return Expect(Keyword::kNull);
  }
  if (Accept(Keyword::kNull)) return Status::OK();
  if (AtAny({Keyword::kPrimary, Keyword::kUnique})) {
    KeyDef key;
    key.place = place;
    key.name = std::move(name);
    key.primary = Take().keyword == Keyword::kPrimary;
    key.columns = {column->name};
    if (key.primary) VELARIA_RETURN_NOT_OK(Expect(Keyword::kKey));
    statement->keys.push_back(std::move(key));
    return Status::OK();
  }
  if (Accept(Keyword::kDefault)) {
    return ParseDefault(&column->default_value, &column->default_text);
  }
  if (At(Keyword::kCollate)) return ParseCollation();
  if (At(Keyword::kAs)) return Unsupported(Current(), "GENERATED");
  VELARIA_RETURN_NOT_OK(RefuseAny({Keyword::kReferences, Keyword::kGenerated}));
  return Unexpected("\",\", \")\" or a constraint",
                    {"NOT", "PRIMARY", "UNIQUE", "DEFAULT", "CHECK", "CONSTRAINT"});
}

Status Grammar::ParseDefault(ExprPtr* value, std::string* text) {
  // Above AND, OR and NOT, so that NOT NULL behind the value is a constraint.
  const size_t begin = Offset();
  VELARIA_ASSIGN_OR_RETURN(*value, ParseOperand(kMatch + 1));
  *text = TextFrom(begin);
  return Status::OK();
}

Status Grammar::ParseOptions(Statement* statement) {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOptions));
  statement->has_options = true;
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (Accept(")")) return Status::OK();
  do {
    VELARIA_ASSIGN_OR_RETURN(Option option, ParseOption());
    statement->options.push_back(std::move(option));
  } while (Accept(","));
  return Expect(")");
}

Result<Option> Grammar::ParseOption() {
  Option option;
  VELARIA_ASSIGN_OR_RETURN(option.key, ExpectAnyName("an option"));
  option.key.text = ToLower(option.key.text);
  if (At("=") || At("=>") || At(":=")) {
    return FailAt(Current().place, ErrorCode::kSyntaxError,
                  "syntax error: expected \":\", found: " + std::string(Current().raw),
                  "Options are written key: value.");
  }
  VELARIA_RETURN_NOT_OK(Expect(":"));
  option.value_place = Current().place;
  const bool negative = Accept("-");
  switch (Current().kind) {
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
    case TokenKind::kFloat:
      option.value = (negative ? "-" : "") + std::string(Take().raw);
      return option;
    case TokenKind::kString:
      if (!negative) option.value = Take().value;
      break;
    case TokenKind::kWord:
      if (!negative) option.value = Take().raw;
      break;
    default: return Unexpected("a value");
  }
  if (negative) return Unexpected("a number");
  return option;
}

}  // namespace velaria::sql
