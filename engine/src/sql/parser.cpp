#include "sql/parser.hpp"

#include "sql/grammar.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {

Result<StatementPtr> ParseStatement(std::string_view text, const ParserLimits& limits,
                                    Place all_at) {
  // Before anything looks at the text: an oversized one costs nothing.
  if (static_cast<int64_t>(text.size()) > limits.statement_bytes) {
    return FailAt({1, 1}, ErrorCode::kStatementTooLong,
                  "statement is longer than the limit of " +
                      std::to_string(limits.statement_bytes) +
                      " bytes: " + std::to_string(text.size()));
  }
  VELARIA_RETURN_NOT_OK(CheckText(text));
  return Grammar(text, limits, all_at).ParseOnlyStatement();
}

Result<std::vector<StatementPtr>> ParseScript(std::string_view text, const ParserLimits& limits) {
  VELARIA_RETURN_NOT_OK(CheckText(text));
  return Grammar(text, limits).ParseStatements();
}

}  // namespace velaria::sql
