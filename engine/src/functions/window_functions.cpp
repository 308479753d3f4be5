// Functions that only stand with OVER.
#include "functions/registry.hpp"

namespace velaria {

void RegisterWindows(FunctionRegistry&) {}

}  // namespace velaria
