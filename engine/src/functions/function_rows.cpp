#include "functions/function_rows.hpp"

#include "functions/registry.hpp"

namespace velaria {

std::vector<FunctionRow> FunctionRows() {
  std::vector<FunctionRow> rows;
  const auto& registry = FunctionRegistry::Instance();
  const auto add = [&rows](const auto& f, const char* kind, const std::string& group) {
    rows.push_back(
        {f.name, kind, group, f.signature, f.summary, f.null_rule, f.example, f.example_result});
  };
  for (const auto& f : registry.scalars()) add(f, "scalar", f.group);
  for (const auto& f : registry.aggregates()) add(f, "aggregate", "aggregate");
  for (const auto& f : registry.windows()) add(f, "window", "window");
  return rows;
}

}  // namespace velaria
