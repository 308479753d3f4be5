// Delimited text as a table. A scan cuts the file into blocks of about a megabyte that end with a
// record; blocks are parsed and converted in parallel by arrow::csv, only the columns that are
// read.
#pragma once

#include <memory>

#include "io/open_file.hpp"

namespace velaria::io {

Result<std::shared_ptr<const FileTable>> OpenCsv(const OpenedFile& file, const AllowedRoots& roots,
                                                 const FileOptions& options);

}  // namespace velaria::io
