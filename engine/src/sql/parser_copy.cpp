#include <algorithm>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

/// Words that name a format where PostgreSQL's old spelling has no FORMAT before it.
constexpr std::string_view kFormats[] = {"arrow", "binary", "csv", "json", "parquet", "text"};

}  // namespace

/// COPY table [(columns)] FROM|TO 'path' [options] and COPY (query) TO 'path' [options].
Result<StatementPtr> Grammar::ParseCopy() {
  auto statement = std::make_unique<Statement>(StatementKind::kCopy, Take().place);
  if (Accept("(")) {
    if (AtAny({Keyword::kInsert, Keyword::kUpdate, Keyword::kDelete})) {
      return Unsupported(Current(), "COPY (" + std::string(KeywordText(Current().keyword)) + ")");
    }
    VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
    VELARIA_RETURN_NOT_OK(Expect(")"));
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kTo));
  } else {
    VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
    if (At("(")) {
      VELARIA_ASSIGN_OR_RETURN(statement->insert_columns, ExpectNameList("a column name"));
    }
    statement->copy_from = Accept(Keyword::kFrom);
    if (!statement->copy_from && !Accept(Keyword::kTo)) {
      return Unexpected("FROM or TO", {"FROM", "TO"});
    }
  }
  for (const char* word : {"STDIN", "STDOUT", "PROGRAM"}) {
    if (AtWord(word)) return Unsupported(Current(), "COPY with " + std::string(word));
  }
  if (!At(TokenKind::kString)) return Unexpected("a path in quotes");
  statement->path_place = Current().place;
  statement->path = Take().value;
  VELARIA_RETURN_NOT_OK(ParseCopyOptions(statement.get()));
  if (At(Keyword::kWhere)) return Unsupported(Current(), "COPY ... WHERE");
  return statement;
}

/// [WITH] (name [value], ...), or the words of old: [WITH] CSV HEADER DELIMITER ';'.
Status Grammar::ParseCopyOptions(Statement* statement) {
  Accept(Keyword::kWith);
  if (!Accept("(")) return ParseCopyWords(statement);
  statement->has_options = true;
  if (Accept(")")) return Status::OK();
  do {
    Option option;
    VELARIA_ASSIGN_OR_RETURN(option.key, ExpectAnyName("an option like FORMAT"));
    option.key.text = ToLower(option.key.text);
    option.value_place = At(",") || At(")") ? option.key.place : Current().place;
    VELARIA_ASSIGN_OR_RETURN(option.value, ParseCopyValue());
    statement->options.push_back(std::move(option));
  } while (Accept(","));
  return Expect(")");
}

Status Grammar::ParseCopyWords(Statement* statement) {
  while (At(Keyword::kNull) || (At(TokenKind::kWord) && !IsReserved(Current().keyword))) {
    statement->has_options = true;
    Option option;
    VELARIA_ASSIGN_OR_RETURN(option.key, ExpectAnyName("an option like CSV"));
    option.value = "true";
    option.value_place = option.key.place;
    const std::string_view* format =
        std::find(std::begin(kFormats), std::end(kFormats), option.key.text);
    if (format != std::end(kFormats)) {
      option.value = *format;
      option.key.text = "format";
    }
    Accept(Keyword::kAs);
    if (At(TokenKind::kString) || At(TokenKind::kInteger)) {
      option.value_place = Current().place;
      VELARIA_ASSIGN_OR_RETURN(option.value, ParseCopyValue());
    }
    statement->options.push_back(std::move(option));
  }
  return Status::OK();
}

/// A word, number, text, *, or a list of names joined by commas; nothing means true.
Result<std::string> Grammar::ParseCopyValue() {
  if (At(",") || At(")")) return std::string("true");
  if (Accept("*")) return std::string("*");
  if (Accept("(")) {
    std::vector<std::string> names;
    do {
      VELARIA_ASSIGN_OR_RETURN(Name name, ExpectAnyName("a column name"));
      names.push_back(std::move(name.text));
    } while (Accept(","));
    VELARIA_RETURN_NOT_OK(Expect(")"));
    return Join(names, ",");
  }
  const bool negative = Accept("-");
  switch (Current().kind) {
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
    case TokenKind::kFloat: return (negative ? "-" : "") + std::string(Take().raw);
    case TokenKind::kString:
      if (!negative) return Take().value;
      break;
    case TokenKind::kWord:
    case TokenKind::kQuotedName: {
      if (negative) break;
      VELARIA_ASSIGN_OR_RETURN(Name word, ExpectAnyName("a value"));
      return std::move(word.text);
    }
    default: return Unexpected("a value");
  }
  return Unexpected("a number");
}

/// TRUNCATE [TABLE] name [CONTINUE IDENTITY] [CASCADE|RESTRICT]
Result<StatementPtr> Grammar::ParseTruncate() {
  auto statement = std::make_unique<Statement>(StatementKind::kTruncate, Take().place);
  Accept(Keyword::kTable);
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (At(",")) return Unsupported(Current(), "TRUNCATE of several tables");
  if (AtWord("RESTART")) return Unsupported(Current(), "RESTART IDENTITY");
  ParseDropBehaviour(statement.get());
  return statement;
}

}  // namespace velaria::sql
