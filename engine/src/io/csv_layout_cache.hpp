// Layouts of CSV files that were learnt lately, so that describing a query and then running it
// reads a file's types once. Holds what a file says about itself, never its rows; an entry counts
// only for the very same file, unchanged.
#pragma once

#include "io/csv_sniff.hpp"

namespace velaria::io {

/// SniffCsv, or its answer from before.
Result<CsvLayout> LayoutOf(const OpenedFile& file, const FileOptions& options);

}  // namespace velaria::io
