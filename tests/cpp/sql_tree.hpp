// Syntax trees as one line of text, for the parser's tests. Parentheses show the structure; a node
// prints only what its text said.
#pragma once

#include <string>

#include "check.hpp"
#include "sql/parser.hpp"

namespace velaria::sql {

/// The statement, which the test expects to parse.
inline StatementPtr Parse(const std::string& text) {
  Result<StatementPtr> statement = ParseStatement(text);
  CHECK_OK(statement);
  REQUIRE(statement.ok());
  return std::move(statement).ValueUnsafe();
}

std::string Show(const Expr& expr);
std::string Show(const TableRef& table);
std::string Show(const Select& select);
std::string Show(const TypeName& type);

/// The tree of the only statement in `text` when it is a query, else the error as "VEL2001 3:14
/// message | hint".
std::string ShowQuery(const std::string& text);
/// The tree of `text` as an expression: what stands behind SELECT.
std::string ShowExpr(const std::string& text);
/// INSERT, DELETE or UPDATE, likewise.
std::string ShowChange(const Statement& statement);
std::string ShowChange(const std::string& text);
/// "VEL2001 line:column message | hint" or "ok".
std::string ShowError(const std::string& text);

}  // namespace velaria::sql
