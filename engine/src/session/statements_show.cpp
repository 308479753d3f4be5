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

/// SHOW TABLES and SHOW VIEWS, of all schemas or of one.
Result<std::vector<std::vector<std::string>>> StatementRunner::ShownTables(const Statement& show) {
  std::string prefix;
  if (!show.name.empty()) {
    const auto& schema = show.name.back();
    if (show.name.size() > 1 || !session_.catalog().HasSchema(schema.text)) {
      return FailAt(schema.place, ErrorCode::kUnknownSchema,
                    "no schema of that name: " + schema.text);
    }
    prefix = ToLower(schema.text) + ".";
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : session_.Tables()) {
    if (show.text == "views" && table.kind != "view") continue;
    // A name without a schema is of main.
    const bool is_main = table.name.find('.') == std::string::npos;
    const std::string full = is_main ? "main." + table.name : table.name;
    if (full.rfind(prefix, 0) != 0) continue;
    rows.push_back({table.name, table.kind});
  }
  return rows;
}

std::vector<std::vector<std::string>> ShownFunctions() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& function : FunctionRows()) rows.push_back({function.name, function.signature});
  return rows;
}

}  // namespace velaria::session
