// Types of a CSV file's columns, from all of its rows or from samples across it.
#pragma once

#include <vector>

#include "io/csv_sniff.hpp"
#include "io/csv_types.hpp"

namespace velaria::io {

Result<std::vector<CsvKind>> InferKinds(const OpenedFile& file, const CsvLayout& layout,
                                        size_t column_count, const CsvTexts& texts,
                                        int64_t sample_rows);

}  // namespace velaria::io
