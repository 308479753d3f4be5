// Scalar functions over lists and structs.
#include "functions/registry.hpp"

namespace velaria {

void RegisterNested(FunctionRegistry&) {}

}  // namespace velaria
