// The group of facts about the server, and error().
#pragma once

#include "functions/registry.hpp"

namespace velaria {

void RegisterSystem(FunctionRegistry& registry);  // version, current_user, error

}  // namespace velaria
