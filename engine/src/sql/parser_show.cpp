// Statements about the session and about other statements.
#include <algorithm>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

ExprPtr StringOf(std::string text, Place place) {
  auto value = std::make_unique<Expr>(ExprKind::kString, place);
  value->text = std::move(text);
  return value;
}

}  // namespace

/// EXPLAIN [ANALYZE] [(option, ...)] statement
Result<StatementPtr> Grammar::ParseExplain() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  auto statement = std::make_unique<Statement>(StatementKind::kExplain, Take().place);
  statement->analyze = Accept(Keyword::kAnalyze);
  if (AtWord("VERBOSE")) return Unsupported(Current(), "EXPLAIN VERBOSE");
  if (AtExplainOptions()) VELARIA_RETURN_NOT_OK(ParseExplainOptions(statement.get()));
  if (At(Keyword::kExplain)) return Unexpected("a statement to explain");
  VELARIA_ASSIGN_OR_RETURN(statement->inner, ParseOne());
  return statement;
}

/// A parenthesis with a word that starts no query.
bool Grammar::AtExplainOptions() const {
  const Token& word = Peek(1);
  return At("(") && word.kind == TokenKind::kWord && !IsReserved(word.keyword) &&
         word.keyword != Keyword::kValues;
}

/// (ANALYZE [boolean], FORMAT TEXT|JSON)
Status Grammar::ParseExplainOptions(Statement* statement) {
  VELARIA_RETURN_NOT_OK(Expect("("));
  do {
    if (Accept(Keyword::kAnalyze)) {
      const bool off = At(Keyword::kFalse) || AtWord("OFF") || Current().value == "0";
      const bool on = At(Keyword::kTrue) || At(Keyword::kOn) || Current().value == "1";
      if (on || off) Advance();
      statement->analyze = !off;
    } else if (Accept(Keyword::kFormat)) {
      VELARIA_RETURN_NOT_OK(ParseExplainFormat(statement));
    } else if (At(TokenKind::kWord) && NearestName(Current().raw, {"ANALYZE", "FORMAT"}).empty()) {
      return Unsupported(Current(), "EXPLAIN option " + ToUpper(Current().raw.substr(0, 40)));
    } else {
      return Unexpected("ANALYZE or FORMAT", {"ANALYZE", "FORMAT"});
    }
  } while (Accept(","));
  return Expect(")");
}

Status Grammar::ParseExplainFormat(Statement* statement) {
  const bool quoted = At(TokenKind::kString);
  const std::string format = ToUpper(quoted ? std::string_view(Current().value) : Current().raw);
  if (format == "JSON") {
    statement->explain_format = ExplainFormat::kJson;
  } else if (format == "TEXT") {
    statement->explain_format = ExplainFormat::kText;
  } else if (format == "XML" || format == "YAML" || format == "GRAPHVIZ" || format == "HTML") {
    return Unsupported(Current(), "EXPLAIN format " + format);
  } else {
    return Unexpected("TEXT or JSON", {"TEXT", "JSON"});
  }
  Advance();
  return Status::OK();
}

/// DESCRIBE or SUMMARIZE, of [TABLE] a table, a file or a query.
Result<StatementPtr> Grammar::ParseDescribe(StatementKind kind) {
  auto statement = std::make_unique<Statement>(kind, Take().place);
  if (At(Keyword::kTable)) {
    Advance();
  } else if (AtSelectStart() || At("(")) {
    VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
    return statement;
  }
  if (At(TokenKind::kString)) {
    auto file = std::make_unique<TableRef>(TableKind::kFile, Current().place);
    file->path = Take().value;
    VELARIA_ASSIGN_OR_RETURN(statement->select, Measured(SelectAllFrom(std::move(file))));
    return statement;
  }
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  return statement;
}

/// SHOW TABLES | VIEWS | INDEXES, each [FROM schema], | SCHEMAS | FUNCTIONS | ALL | COLUMNS FROM
/// table, all of them [LIKE 'pattern'], | setting. What is shown stands in `text`, of what in
/// `name`.
Result<StatementPtr> Grammar::ParseShow() {
  auto statement = std::make_unique<Statement>(StatementKind::kShow, Take().place);
  if (At(Keyword::kCreate)) return Unsupported(Current(), "SHOW CREATE");
  static const std::vector<std::string> lists = {"TABLES",  "VIEWS",     "INDEXES", "COLUMNS",
                                                 "SCHEMAS", "FUNCTIONS", "ALL"};
  const bool is_list =
      std::any_of(lists.begin(), lists.end(), [&](const auto& list) { return AtWord(list); });
  if (is_list) {
    VELARIA_RETURN_NOT_OK(ParseShowList(statement.get()));
    return statement;
  }
  const Keyword behind = Peek(1).keyword;
  if (behind == Keyword::kFrom || behind == Keyword::kIn || behind == Keyword::kLike) {
    return Unexpected("one of " + Join(lists, ", "), lists);
  }
  if (!AcceptTimeZone(statement.get())) {
    VELARIA_RETURN_NOT_OK(ParseSettingName(statement.get()));
  }
  return statement;
}

Status Grammar::ParseShowList(Statement* statement) {
  const bool of_table = At(Keyword::kColumns);
  const bool has_schema = of_table || AtWord("TABLES") || AtWord("VIEWS") || AtWord("INDEXES");
  statement->text = ToLower(Take().raw);
  if (has_schema && (Accept(Keyword::kFrom) || Accept(Keyword::kIn))) {
    VELARIA_RETURN_NOT_OK(ExpectQualifiedName("a name", kNamePartsMax).Value(&statement->name));
  } else if (of_table) {
    return Unexpected("FROM", {"FROM"});
  }
  if (!Accept(Keyword::kLike)) return Status::OK();
  if (!At(TokenKind::kString)) return Unexpected("a pattern in quotes");
  const Place place = Current().place;
  statement->value = StringOf(Take().value, place);
  return Status::OK();
}

/// TIME ZONE, the one setting of two words.
bool Grammar::AcceptTimeZone(Statement* statement) {
  const Place place = Current().place;
  if (!AcceptSequence({Keyword::kTime, Keyword::kZone})) return false;
  statement->text = "timezone";
  statement->text_place = place;
  return true;
}

Status Grammar::ParseSettingName(Statement* statement) {
  VELARIA_ASSIGN_OR_RETURN(std::vector<Name> parts, ExpectQualifiedName("a setting", 3));
  std::string& setting = statement->text;
  for (const Name& part : parts) setting += (setting.empty() ? "" : ".") + ToLower(part.text);
  statement->text_place = parts[0].place;
  return Status::OK();
}

/// SET [SESSION] name = value | TO value. A bare word is its own text, as in SET search_path =
/// main.
Result<StatementPtr> Grammar::ParseSet() {
  auto statement = std::make_unique<Statement>(StatementKind::kSet, Take().place);
  const bool before_name = Peek(1).kind == TokenKind::kWord && Peek(1).keyword != Keyword::kTo;
  if (before_name && At(Keyword::kSession)) Advance();
  if (before_name && AtWord("LOCAL")) return Unsupported(Current(), "SET LOCAL");
  if (before_name && At(Keyword::kTransaction)) return Unsupported(Current(), "SET TRANSACTION");
  if (AcceptTimeZone(statement.get())) {
    if (!Accept("=")) Accept(Keyword::kTo);
  } else {
    const bool schema = At(Keyword::kSchema);
    VELARIA_RETURN_NOT_OK(ParseSettingName(statement.get()));
    const bool assigned = Accept("=") || Accept(Keyword::kTo);
    if (!assigned && !schema) return Unexpected("\"=\" or TO", {"TO"});
  }
  if (Accept(Keyword::kDefault)) {
    statement->kind = StatementKind::kReset;
    return statement;
  }
  const bool is_constant = AtAny({Keyword::kTrue, Keyword::kFalse, Keyword::kNull});
  if ((At(TokenKind::kWord) || At(TokenKind::kQuotedName)) && !is_constant) {
    const Place place = Current().place;
    VELARIA_ASSIGN_OR_RETURN(Name word, ExpectAnyName("a value"));
    statement->value = StringOf(std::move(word.text), place);
    return statement;
  }
  VELARIA_ASSIGN_OR_RETURN(statement->value, ParseExpression());
  return statement;
}

/// USE schema: SET schema = 'schema'.
Result<StatementPtr> Grammar::ParseUse() {
  auto statement = std::make_unique<Statement>(StatementKind::kSet, Take().place);
  statement->text = "schema";
  const Place place = Current().place;
  statement->text_place = place;
  if (At(TokenKind::kString)) {
    statement->value = StringOf(Take().value, place);
    return statement;
  }
  VELARIA_ASSIGN_OR_RETURN(std::vector<Name> parts, ExpectQualifiedName("a schema", 2));
  std::string schema;
  for (const Name& part : parts) schema += (schema.empty() ? "" : ".") + part.text;
  statement->value = StringOf(std::move(schema), place);
  return statement;
}

Result<StatementPtr> Grammar::ParseReset() {
  auto statement = std::make_unique<Statement>(StatementKind::kReset, Take().place);
  if (Accept(Keyword::kAll)) {
    statement->text = "all";
  } else if (AcceptTimeZone(statement.get())) {
  } else {
    VELARIA_RETURN_NOT_OK(ParseSettingName(statement.get()));
  }
  return statement;
}

}  // namespace velaria::sql
