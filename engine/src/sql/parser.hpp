// Text to syntax tree: recursive descent with precedence climbing over the lexer's tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "sql/ast.hpp"

namespace velaria::sql {

/// Limits of the front; each breach is a typed error with place (VEL2003, VEL2004, VEL2005,
/// VEL2009).
struct ParserLimits {
  int64_t statement_bytes = 1 << 20;
  int nesting_depth = 400;
  int64_t identifier_bytes = 1024;
  /// Levels of the finished tree, which chains like a + b + c and t JOIN u JOIN v deepen without
  /// nesting. A join or a set operation counts twice: whoever walks the tree keeps more for it.
  int tree_height = 1000;
  /// Items of one list: columns, arguments, keys, fields. Rows of VALUES and what stands behind IN
  /// or in ARRAY are data, and are bounded by the statement's bytes alone.
  int64_t list_items = 16384;
};

/// Parses exactly one statement; a trailing semicolon is allowed, a second statement is an error.
/// With `all_at` every part of it is said to stand there: the text of a view is no part of the
/// statement that reads it.
Result<StatementPtr> ParseStatement(std::string_view text, const ParserLimits& limits = {},
                                    Place all_at = {});

/// Parses a script of statements separated by semicolons; empty ones are skipped, none at all is
/// VEL2006. The byte limit holds for each statement.
Result<std::vector<StatementPtr>> ParseScript(std::string_view text,
                                              const ParserLimits& limits = {});

/// The caret line for an error: the line of `text` that `place` names and a '^' under the fault,
/// cut to 100 columns.
std::string CaretText(std::string_view text, Place place);

}  // namespace velaria::sql
