// Lines of text as a table: each line is split at a delimiter, without quoting, or taken apart by a
// regular expression. Types are inferred as those of CSV are; an empty part is NULL, and so is one
// that a line lacks. Lines that the expression does not match are left out and counted.
#pragma once

#include <memory>

#include "io/open_file.hpp"

namespace velaria::io {

Result<std::shared_ptr<const FileTable>> OpenLine(const OpenedFile& file, const AllowedRoots& roots,
                                                  const FileOptions& options);

}  // namespace velaria::io
