// Names of the functions in FROM that read files.
#pragma once

#include <string>

namespace velaria::sql {

/// read_csv and its like, in any case.
bool IsFileReader(const std::string& name);

}  // namespace velaria::sql
