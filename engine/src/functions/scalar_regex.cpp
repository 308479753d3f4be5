// Scalar functions over regular expressions.
#include "functions/registry.hpp"

namespace velaria {

void RegisterRegex(FunctionRegistry&) {}

}  // namespace velaria
