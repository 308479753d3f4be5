// JSON objects as a table: a column for each key, NULL where an object lacks it. Blocks of whole
// values are parsed in parallel, only the columns that are read.
#pragma once

#include <memory>

#include "io/open_file.hpp"

namespace velaria::io {

Result<std::shared_ptr<const FileTable>> OpenJson(const OpenedFile& file, const AllowedRoots& roots,
                                                  const FileOptions& options);

}  // namespace velaria::io
