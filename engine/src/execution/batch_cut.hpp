// The bound of the batches that leave the kernel: what one takes as a message, its texts written
// out. Rows of uneven size are counted one by one; text and dictionaries that a batch shares with
// others are copied when they alone would break the bound, since a message holds all of them.
#pragma once

#include <arrow/record_batch.h>

#include <vector>

#include "base/status.hpp"

namespace velaria::execution {

/// What a cut aims at, and what a batch of more than one row never exceeds: large enough to be
/// worth a message, below the 4 MiB that many gRPC clients take.
inline constexpr int64_t kResultBatchBytes = 3 << 20;
inline constexpr int64_t kResultBatchBytesMax = (4 << 20) - (64 << 10);
inline constexpr int64_t kResultBatchRows = 1 << 18;

/// The bytes that a batch refers to: those that it shares are counted whole.
int64_t ReferencedBytes(const arrow::RecordBatch& batch);

/// The rows of `batch` in pieces that stay below the bounds, in order; a piece has one row at
/// least.
Status CutBatch(std::shared_ptr<arrow::RecordBatch> batch, arrow::MemoryPool* pool,
                arrow::RecordBatchVector* out);

}  // namespace velaria::execution
