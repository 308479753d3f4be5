// The rows of a column in the order of their values, for what needs ranks over window frames.
#pragma once

#include "functions/window_frames.hpp"

namespace velaria {

/// Rows that are not NULL by value, then by row.
struct SortedRows {
  PoolArray<uint32_t> row;     // by rank
  PoolArray<uint32_t> number;  // by rank: how many distinct values are less
  uint32_t distinct_count = 0;

  static Result<SortedRows> Make(const Vector& values, int64_t row_count, arrow::MemoryPool* pool);
};

}  // namespace velaria
