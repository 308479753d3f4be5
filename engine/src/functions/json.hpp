// The parts of the JSON group. JSON is text: a VARCHAR that is parsed where it is used.
#pragma once

#include "functions/row_adder.hpp"

namespace velaria::json {

void RegisterExtract(FunctionRegistry& registry);  // ->, ->>, json_extract
void RegisterFacts(RowAdder& add);                 // json_type, json_keys, json_contains
void RegisterMake(RowAdder& add);                  // to_json, json_object, json_merge_patch

}  // namespace velaria::json
