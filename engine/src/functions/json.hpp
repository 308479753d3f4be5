// The parts of the JSON group. JSON is text: a VARCHAR that is parsed where it is used. A call of a
// function that returns JSON is a document, which the makers of JSON write as it is; any other text
// is a string to them.
#pragma once

#include "functions/row_adder.hpp"

namespace velaria::json {

void RegisterExtract(FunctionRegistry& registry);           // ->, ->>, json_extract
void RegisterFacts(RowAdder& add, RowAdder& add_document);  // json_type, json_keys, json
void RegisterMake(RowAdder& add_document);  // to_json, json_object, json_merge_patch

}  // namespace velaria::json
