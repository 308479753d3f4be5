#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kNamePartsMax = 3;

const std::vector<std::string>& ObjectWords() {
  static const std::vector<std::string> words = {"TABLE",  "STREAM", "VIEW", "SCHEMA",   "INDEX",
                                                 "SOURCE", "SINK",   "TEMP", "TEMPORARY"};
  return words;
}

/// Kinds of objects other databases have and Velaria has not.
constexpr std::string_view kOtherObjects[] = {
    "AGGREGATE", "DATABASE", "EXTENSION", "FUNCTION", "MACRO", "MATERIALIZED", "PROCEDURE",
    "ROLE",      "SECRET",   "SEQUENCE",  "TRIGGER",  "TYPE",  "USER",         "VIRTUAL"};

/// In quotes always: the name may be a reserved word.
std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Result<StatementPtr> Grammar::ParseCreate() {
  auto statement = std::make_unique<Statement>(StatementKind::kCreateTable, Take().place);
  if (Accept(Keyword::kOr)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kReplace));
    statement->or_replace = true;
  }
  statement->temporary = Accept(Keyword::kTemp) || Accept(Keyword::kTemporary);
  if (AtAny({Keyword::kSource, Keyword::kSink}) && Peek(1).keyword == Keyword::kTable) {
    statement->flavour =
        Take().keyword == Keyword::kSource ? TableFlavour::kSource : TableFlavour::kSink;
  }
  if (Accept(Keyword::kTable)) return ParseCreateTable(std::move(statement));
  if (Accept(Keyword::kView)) return ParseCreateView(std::move(statement));
  if (!statement->temporary) {
    if (Accept(Keyword::kStream)) return ParseCreateStream(std::move(statement));
    statement->unique = AcceptSequence({Keyword::kUnique, Keyword::kIndex});
    if (statement->unique || Accept(Keyword::kIndex)) {
      return ParseCreateIndex(std::move(statement));
    }
    if (Accept(Keyword::kSchema)) {
      statement->kind = StatementKind::kCreateSchema;
      VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
      VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a schema name", 1));
      return statement;
    }
  }
  for (std::string_view object : kOtherObjects) {
    if (At(TokenKind::kWord) && EqualsIgnoreCase(Current().raw, object)) {
      return ParseOther(statement->place, "CREATE " + std::string(object));
    }
  }
  return Unexpected("TABLE, STREAM, VIEW, SCHEMA or INDEX", ObjectWords());
}

Status Grammar::ParseIfNotExists(Statement* statement) {
  if (At(Keyword::kIf) && Peek(1).keyword == Keyword::kNot) {
    Advance();
    Advance();
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kExists));
    statement->if_not_exists = true;
  }
  return Status::OK();
}

Result<StatementPtr> Grammar::ParseCreateTable(StatementPtr statement) {
  VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (At("(")) VELARIA_RETURN_NOT_OK(ParseTableElements(statement.get()));
  if (Accept(Keyword::kUsing)) {
    VELARIA_ASSIGN_OR_RETURN(Name format, ExpectAnyName("a format like csv"));
    statement->using_format = ToLower(format.text);
  }
  if (At(Keyword::kOptions)) VELARIA_RETURN_NOT_OK(ParseOptions(statement.get()));
  const bool has_source = !statement->using_format.empty() || statement->has_options;
  if (!At(Keyword::kAs)) {
    if (!statement->columns.empty() || has_source) return statement;
    return Unexpected("\"(\", AS, USING or OPTIONS", {"AS", "USING", "OPTIONS"});
  }
  if (has_source) return Unsupported(Current(), "CREATE TABLE ... USING ... AS");
  if (!statement->columns.empty()) return Unsupported(Current(), "CREATE TABLE (...) AS");
  Advance();
  if (!AtSelectStart() && !At("(")) {
    return Unexpected("SELECT, VALUES or a query in parentheses", {"SELECT", "VALUES", "WITH"});
  }
  VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
  if (At(Keyword::kWith)) return Unsupported(Current(), "WITH [NO] DATA");
  return statement;
}

Result<StatementPtr> Grammar::ParseCreateStream(StatementPtr statement) {
  statement->kind = StatementKind::kCreateStream;
  VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a stream name", kNamePartsMax));
  if (At(Keyword::kAs)) return Unsupported(Current(), "CREATE STREAM ... AS");
  if (!At("(")) return Unexpected("\"(\"");
  VELARIA_RETURN_NOT_OK(ParseTableElements(statement.get()));
  return statement;
}

/// CREATE VIEW name [(columns)] AS query. Columns given rename the query's: AS SELECT * FROM
/// (query) AS name(columns).
Result<StatementPtr> Grammar::ParseCreateView(StatementPtr statement) {
  statement->kind = StatementKind::kCreateView;
  VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a view name", kNamePartsMax));
  std::vector<Name> columns;
  if (At("(")) {
    VELARIA_ASSIGN_OR_RETURN(columns, ExpectNameList("a column name"));
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
  // The catalog keeps a view as text: the query as it was written, wrapped when columns rename it.
  const size_t begin = Offset();
  VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
  if (At(Keyword::kWith)) return Unsupported(Current(), "WITH CHECK OPTION");
  statement->text = TextFrom(begin);
  if (columns.empty()) return statement;
  std::vector<std::string> quoted;
  for (const Name& column : columns) quoted.push_back(Quoted(column.text));
  const std::string view = Quoted(statement->name.back().text);
  // The line break ends a comment that the query may end with.
  statement->text =
      "SELECT * FROM (" + statement->text + "\n) AS " + view + "(" + Join(quoted, ", ") + ")";
  VELARIA_ASSIGN_OR_RETURN(statement->select, Wrapped(std::move(statement->select)));
  statement->select->from->alias = statement->name.back();
  statement->select->from->column_aliases = std::move(columns);
  VELARIA_ASSIGN_OR_RETURN(statement->select, Measured(std::move(statement->select)));
  return statement;
}

/// CREATE [UNIQUE] INDEX [[IF NOT EXISTS] name] ON table [USING method] (column [ASC|DESC], ...).
Result<StatementPtr> Grammar::ParseCreateIndex(StatementPtr statement) {
  statement->kind = StatementKind::kCreateIndex;
  VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
  if (statement->if_not_exists || !At(Keyword::kOn)) {
    VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("an index name", kNamePartsMax));
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOn));
  VELARIA_ASSIGN_OR_RETURN(statement->index_table,
                           ExpectQualifiedName("a table name", kNamePartsMax));
  if (Accept(Keyword::kUsing)) VELARIA_RETURN_NOT_OK(ExpectName("an index method"));
  VELARIA_RETURN_NOT_OK(Expect("("));
  VELARIA_ASSIGN_OR_RETURN(statement->index_items, ParseOrderItems());
  for (const OrderItem& item : statement->index_items) {
    VELARIA_RETURN_NOT_OK(RefuseStar(*item.expr));
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return statement;
}

Status Grammar::ParseTableElements(Statement* statement) {
  VELARIA_RETURN_NOT_OK(Expect("("));
  do {
    if (At(Keyword::kWatermark) && Peek(1).keyword == Keyword::kFor) {
      VELARIA_RETURN_NOT_OK(ParseWatermark(statement));
    } else if (AtAny({Keyword::kPrimary, Keyword::kUnique})) {
      VELARIA_RETURN_NOT_OK(ParseKeyConstraint(statement));
    } else if (AtAny({Keyword::kCheck, Keyword::kConstraint, Keyword::kForeign})) {
      return Unsupported(Current(), std::string(KeywordText(Current().keyword)));
    } else {
      VELARIA_ASSIGN_OR_RETURN(ColumnDef column, ParseColumnDef());
      statement->columns.push_back(std::move(column));
    }
  } while (Accept(","));
  return Expect(")");
}

/// PRIMARY KEY (column) and UNIQUE (column) behind the columns.
Status Grammar::ParseKeyConstraint(Statement* statement) {
  const Token token = Take();
  const bool primary = token.keyword == Keyword::kPrimary;
  if (primary) VELARIA_RETURN_NOT_OK(Expect(Keyword::kKey));
  VELARIA_ASSIGN_OR_RETURN(std::vector<Name> names, ExpectNameList("a column name"));
  if (names.size() != 1) return Unsupported(token, "key of several columns");
  for (ColumnDef& column : statement->columns) {
    if (!EqualsIgnoreCase(column.name.text, names[0].text)) continue;
    (primary ? column.primary_key : column.unique) = true;
    return Status::OK();
  }
  return FailAt(names[0].place, ErrorCode::kUnknownColumn,
                "unknown column: " + QuoteIdentifier(names[0].text),
                "A key names a column that stands before it.");
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

Result<ColumnDef> Grammar::ParseColumnDef() {
  ColumnDef column;
  VELARIA_ASSIGN_OR_RETURN(column.name, ExpectName("a column name"));
  VELARIA_ASSIGN_OR_RETURN(column.type, ParseType());
  while (!At(",") && !At(")")) VELARIA_RETURN_NOT_OK(ParseColumnConstraint(&column));
  return column;
}

Status Grammar::ParseColumnConstraint(ColumnDef* column) {
  if (Accept(Keyword::kNot)) {
    column->not_null = true;
    return Expect(Keyword::kNull);
  }
  if (Accept(Keyword::kNull)) return Status::OK();
  if (Accept(Keyword::kPrimary)) {
    column->primary_key = true;
    return Expect(Keyword::kKey);
  }
  if (Accept(Keyword::kUnique)) {
    column->unique = true;
    return Status::OK();
  }
  if (Accept(Keyword::kDefault)) {
    Level level(this);
    VELARIA_RETURN_NOT_OK(CheckDepth());
    // Above AND, OR and NOT, so that NOT NULL behind the value is a constraint.
    VELARIA_ASSIGN_OR_RETURN(column->default_value, ParseOperators(kMatch + 1));
    return RefuseStar(*column->default_value);
  }
  if (AtAny({Keyword::kCheck, Keyword::kConstraint, Keyword::kReferences, Keyword::kGenerated})) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)));
  }
  return Unexpected("\",\", \")\" or a constraint", {"NOT", "PRIMARY", "UNIQUE", "DEFAULT"});
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
