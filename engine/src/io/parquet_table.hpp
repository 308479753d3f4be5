// Parquet as a table. A morsel is a row group; row groups in which no row can pass the predicates
// are left out by their statistics, columns that are not read are never decoded. What is decoded
// passes the ingest gate like any other input: Parquet readers do not check text.
#pragma once

#include <memory>

#include "io/open_file.hpp"

namespace velaria::io {

Result<std::shared_ptr<const FileTable>> OpenParquet(const OpenedFile& file,
                                                     const AllowedRoots& roots,
                                                     const FileOptions& options);

}  // namespace velaria::io
