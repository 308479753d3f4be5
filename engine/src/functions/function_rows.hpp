// The functions of this build as rows of a table: SHOW FUNCTIONS, system.functions and the
// reference page read them.
#pragma once

#include <string>
#include <vector>

namespace velaria {

struct FunctionRow {
  std::string name, kind, group, signature, summary, null_rule, example, example_result;
};

/// Scalars, aggregates, window functions, each in the order of their registration.
std::vector<FunctionRow> FunctionRows();

}  // namespace velaria
