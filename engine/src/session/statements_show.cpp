// The forms of SHOW.
#include "base/text.hpp"
#include "functions/function_rows.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using sql::Statement;

SchemaPtr ShowSchema(const Statement& show) {
  const bool columns = show.kind == sql::StatementKind::kDescribe || show.text == "columns";
  return columns ? DescribeSchema() : NameValueSchema();
}

std::vector<std::vector<std::string>> ShownFunctions() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& function : FunctionRows()) rows.push_back({function.name, function.signature});
  return rows;
}

}  // namespace velaria::session
