#include "execution/chunk_batches.hpp"

#include "columnar/join_arrays.hpp"

namespace velaria::execution {

Status ToBatches(const Chunk& chunk, const SchemaPtr& schema, arrow::MemoryPool* pool,
                 arrow::RecordBatchVector* out) {
  auto batch = ToRecordBatch(chunk, schema, pool);
  if (!DoesNotFit(batch.status()) || chunk.selected_count() < 2) {
    ARROW_RETURN_NOT_OK(batch.status());
    out->push_back(*std::move(batch));
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto dense, Compact(chunk, pool));
  const int64_t middle = dense.row_count / 2;
  for (const auto& [begin, end] : {std::pair{int64_t{0}, middle}, {middle, dense.row_count}}) {
    Chunk part;
    part.row_count = end - begin;
    for (const auto& column : dense.columns)
      part.columns.push_back(Slice(column, begin, part.row_count));
    ARROW_RETURN_NOT_OK(ToBatches(part, schema, pool, out));
  }
  return Status::OK();
}

}  // namespace velaria::execution
