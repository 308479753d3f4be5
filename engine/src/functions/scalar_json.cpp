// Scalar functions over JSON text.
#include "functions/json.hpp"

namespace velaria {

void RegisterJson(FunctionRegistry& registry) {
  json::RegisterExtract(registry);
  RowAdder add(registry, "json");
  json::RegisterFacts(add);
  json::RegisterMake(add);
}

}  // namespace velaria
