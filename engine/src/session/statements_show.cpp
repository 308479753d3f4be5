// The forms of SHOW.
#include <map>

#include "base/text.hpp"
#include "functions/function_rows.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using sql::Statement;

SchemaPtr ShowSchema(const Statement& show) {
  if (show.kind == sql::StatementKind::kDescribe || show.text == "columns") return DescribeSchema();
  // What stands beside a name; a setting has a value.
  const std::map<std::string, std::string> told = {{"tables", "kind"},
                                                   {"views", "kind"},
                                                   {"indexes", "definition"},
                                                   {"schemas", "state"},
                                                   {"functions", "signature"}};
  const auto it = told.find(show.text);
  return arrow::schema(
      {arrow::field("name", arrow::utf8(), false),
       arrow::field(it == told.end() ? "value" : it->second, arrow::utf8(), false)});
}

std::vector<std::vector<std::string>> ShownFunctions() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& function : FunctionRows()) rows.push_back({function.name, function.signature});
  return rows;
}

}  // namespace velaria::session
