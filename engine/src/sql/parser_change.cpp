#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kNamePartsMax = 3;

}  // namespace

Result<StatementPtr> Grammar::ParseInsert() {
  auto statement = std::make_unique<Statement>(StatementKind::kInsert, Take().place);
  if (At(Keyword::kOr)) return ParseOther(statement->place, "INSERT OR");
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kInto));
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (At(Keyword::kAs)) return Unsupported(Current(), "alias of the table to change");
  const bool has_columns = At("(") && IsName(Peek(1)) &&
                           !(Peek(1).keyword == Keyword::kValues && IsSymbol(Peek(2), "("));
  if (has_columns) {
    VELARIA_ASSIGN_OR_RETURN(statement->insert_columns, ExpectNameList("a column name"));
  }
  if (Accept(Keyword::kDefault)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kValues));
    statement->default_values = true;
    return statement;
  }
  if (!AtSelectStart() && !At("(") && !At(Keyword::kValues)) {
    return Unexpected("VALUES, SELECT or DEFAULT VALUES", {"VALUES", "SELECT", "DEFAULT", "WITH"});
  }
  VELARIA_ASSIGN_OR_RETURN(statement->select, ParseSelect());
  if (At(Keyword::kOn) && Peek(1).keyword == Keyword::kConflict) {
    return Unsupported(Current(), "ON CONFLICT");
  }
  return statement;
}

Result<StatementPtr> Grammar::ParseDelete() {
  auto statement = std::make_unique<Statement>(StatementKind::kDelete, Take().place);
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kFrom));
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (At(Keyword::kUsing)) return Unsupported(Current(), "DELETE ... USING");
  if (At(Keyword::kAs)) return Unsupported(Current(), "alias of the table to change");
  if (Accept(Keyword::kWhere)) {
    VELARIA_ASSIGN_OR_RETURN(statement->where, ParseExpression());
  }
  return statement;
}

Result<StatementPtr> Grammar::ParseUpdate() {
  auto statement = std::make_unique<Statement>(StatementKind::kUpdate, Take().place);
  VELARIA_ASSIGN_OR_RETURN(statement->name, ExpectQualifiedName("a table name", kNamePartsMax));
  if (At(Keyword::kAs)) return Unsupported(Current(), "alias of the table to change");
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kSet));
  do {
    if (At("(")) return Unsupported(Current(), "assignment to several columns at once");
    VELARIA_ASSIGN_OR_RETURN(Name column, ExpectName("a column name"));
    VELARIA_RETURN_NOT_OK(Expect("="));
    VELARIA_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
    statement->assignments.emplace_back(std::move(column), std::move(value));
  } while (Accept(","));
  if (At(Keyword::kFrom)) return Unsupported(Current(), "UPDATE ... FROM");
  if (Accept(Keyword::kWhere)) {
    VELARIA_ASSIGN_OR_RETURN(statement->where, ParseExpression());
  }
  return statement;
}

}  // namespace velaria::sql
