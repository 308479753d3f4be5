// Reading of CSV under ignore_errors: rows with another number of fields, or with a value that is
// none of its column's type, are left out and counted.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "io/csv_errors.hpp"
#include "io/rejects.hpp"

namespace velaria::io {

using CsvBatches = std::vector<std::shared_ptr<arrow::RecordBatch>>;
using ReadCsvBlock = std::function<Result<CsvBatches>(const CsvBlock&)>;

/// The rows of the block that `read` accepts, in their order. A block without faults costs one
/// call; one with faults is halved until each faulty row is alone.
Result<CsvBatches> ReadTolerant(const CsvBlock& block, int field_count, int64_t lines_before,
                                RejectCounter* rejects, const ReadCsvBlock& read);

}  // namespace velaria::io
