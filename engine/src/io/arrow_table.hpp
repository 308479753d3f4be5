// Arrow IPC files and streams as tables. Batches are read one after another and pass the ingest
// gate like any other input; columns that are not read are not decoded.
#pragma once

#include <memory>

#include "io/open_file.hpp"

namespace velaria::io {

Result<std::shared_ptr<const FileTable>> OpenArrow(const OpenedFile& file,
                                                   const AllowedRoots& roots,
                                                   const FileOptions& options);

}  // namespace velaria::io
