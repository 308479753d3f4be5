// Chunks on their way out of the kernel.
#pragma once

#include <arrow/record_batch.h>

#include "columnar/vector.hpp"

namespace velaria::execution {

/// A chunk as batches of the schema: one, or more when a column does not fit its type as a whole.
/// They come behind those in `out`.
Status ToBatches(const Chunk& chunk, const SchemaPtr& schema, arrow::MemoryPool* pool,
                 arrow::RecordBatchVector* out);

}  // namespace velaria::execution
