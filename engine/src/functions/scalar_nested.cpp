// Scalar functions over lists and structs.
#include "functions/nested.hpp"

namespace velaria {

void RegisterNested(FunctionRegistry& registry) {
  RowAdder add(registry, "nested");
  nested::RegisterMake(add);
  nested::RegisterParts(add);
  nested::RegisterJoin(add);
  nested::RegisterSearch(add);
  nested::RegisterOrder(add);
  nested::RegisterTexts(add);
  nested::RegisterRange(add);
}

}  // namespace velaria
