// Scalar functions over JSON text.
#include "functions/json.hpp"

namespace velaria {

void RegisterJson(FunctionRegistry& registry) {
  json::RegisterExtract(registry);
  RowAdder add(registry, "json");
  RowAdder add_document(registry, "json", /*returns_json=*/true);
  json::RegisterFacts(add, add_document);
  json::RegisterMake(add_document);
}

}  // namespace velaria
