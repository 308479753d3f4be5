// Several files as one table. Their columns are the same, in the same order, or are matched by name
// (union_by_name). A column whose type differs from file to file has the type that holds all of
// them; text files are then read anew with it, so that no value is changed on the way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/open_file.hpp"

namespace velaria::io {

/// `name` is what the table is called in explain. VEL4005 when the columns differ.
Result<std::shared_ptr<const FileTable>> OpenFileSet(const std::vector<std::string>& paths,
                                                     const std::string& name,
                                                     const AllowedRoots& roots,
                                                     const FileOptions& options);

}  // namespace velaria::io
