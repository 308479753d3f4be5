// The forms of SHOW.
#include <map>

#include "base/text.hpp"
#include "functions/function_rows.hpp"
#include "functions/like_pattern.hpp"
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
  arrow::FieldVector fields = {
      arrow::field("name", arrow::utf8(), false),
      arrow::field(it == told.end() ? "value" : it->second, arrow::utf8(), false)};
  if (show.text == "functions") fields.push_back(arrow::field("null_rule", arrow::utf8(), false));
  return arrow::schema(std::move(fields));
}

std::vector<std::vector<std::string>> ShownFunctions() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& f : FunctionRows()) rows.push_back({f.name, f.signature, f.null_rule});
  return rows;
}

Status KeepShown(const Statement& show, std::vector<std::vector<std::string>>* rows) {
  if (!show.value) return Status::OK();
  const auto pattern = kernels::LikePattern::Compile(show.value->text, "\\");
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(pattern.status(), show.value->place));
  std::erase_if(*rows, [&](const auto& row) { return !pattern->Matches(row[0]); });
  return Status::OK();
}

}  // namespace velaria::session
