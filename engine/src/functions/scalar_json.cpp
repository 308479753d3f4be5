// Scalar functions over JSON text.
#include "functions/registry.hpp"

namespace velaria {

void RegisterJson(FunctionRegistry&) {}

}  // namespace velaria
