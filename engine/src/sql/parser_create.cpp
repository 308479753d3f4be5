#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

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
    statement->unique = At(Keyword::kUnique) && Peek(1).keyword == Keyword::kIndex;
    if (statement->unique) Advance();
    if (Accept(Keyword::kIndex)) {
      return ParseCreateIndex(std::move(statement));
    }
    if (Accept(Keyword::kSchema)) {
      statement->kind = StatementKind::kCreateSchema;
      VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
      VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a schema name", 1));
      return statement;
    }
  }
  if (At(Keyword::kRecursive)) return Unsupported(Current(), "CREATE RECURSIVE VIEW");
  for (std::string_view object : kOtherObjects) {
    if (At(TokenKind::kWord) && EqualsIgnoreCase(Current().raw, object)) {
      return ParseOther(statement->place, "CREATE " + std::string(object));
    }
  }
  return Unexpected("TABLE, STREAM, VIEW, SCHEMA or INDEX", ObjectWords());
}

Status Grammar::ParseIfNotExists(Statement* statement) {
  if (!AcceptSequence({Keyword::kIf, Keyword::kNot})) return Status::OK();
  statement->if_not_exists = true;
  return Expect(Keyword::kExists);
}

Result<StatementPtr> Grammar::ParseCreateTable(StatementPtr statement) {
  VELARIA_RETURN_NOT_OK(ParseIfNotExists(statement.get()));
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (At("(")) VELARIA_RETURN_NOT_OK(ParseTableElements(statement.get()));
  if (Accept(Keyword::kUsing)) {
    VELARIA_ASSIGN_OR_RETURN(Name format, ExpectAnyName("a format like csv"));
    statement->using_format = ToLower(format.text);
    statement->using_place = format.place;
  }
  if (At(Keyword::kOptions)) VELARIA_RETURN_NOT_OK(ParseOptions(statement.get()));
  if (At(Keyword::kOn)) return Unsupported(Current(), "ON COMMIT");
  if (At(Keyword::kAs)) {
    VELARIA_RETURN_NOT_OK(ParseCreateTableAs(statement.get()));
    return statement;
  }
  for (const ColumnDef& column : statement->columns) {
    if (!column.type.name.empty()) continue;
    return FailAt(column.name.place, ErrorCode::kSyntaxError,
                  "syntax error: column has no type: " + column.name.text,
                  "Columns without a type stand before AS and a query only.");
  }
  const bool has_source = !statement->using_format.empty() || statement->has_options;
  if (!statement->columns.empty() || has_source) return statement;
  return Unexpected("\"(\", AS, USING or OPTIONS", {"AS", "USING", "OPTIONS"});
}

/// AS query [WITH [NO] DATA]; the columns before it rename the query's.
Status Grammar::ParseCreateTableAs(Statement* statement) {
  if (!statement->using_format.empty() || statement->has_options) {
    return Unsupported(Current(), "CREATE TABLE ... USING ... AS");
  }
  bool plain = statement->keys.empty() && statement->checks.empty();
  for (const ColumnDef& column : statement->columns) plain = plain && column.type.name.empty();
  if (!plain) return Unsupported(Current(), "CREATE TABLE ... AS with types or constraints");
  Advance();
  if (!AtSelectStart() && !At("(") && !At(Keyword::kValues)) {
    return Unexpected("SELECT, VALUES or a query in parentheses", {"SELECT", "VALUES", "WITH"});
  }
  VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
  if (!Accept(Keyword::kWith)) return Status::OK();
  statement->with_no_data = Accept(Keyword::kNo);
  return Expect(Keyword::kData);
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
  if (At(Keyword::kWhere) || AtWord("INCLUDE")) {
    return Unsupported(Current(), "CREATE INDEX ... " + ToUpper(Current().raw));
  }
  return statement;
}

}  // namespace velaria::sql
