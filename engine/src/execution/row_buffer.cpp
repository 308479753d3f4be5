#include "execution/row_buffer.hpp"

#include "columnar/join_arrays.hpp"

namespace velaria::execution {

namespace {

/// The positions of all parts; null when one of them has none.
PositionsPtr JoinPositions(const std::vector<RowPart>& parts) {
  auto joined = std::make_shared<Positions>();
  for (const auto& part : parts) {
    if (!part.chunk.positions) return nullptr;
    joined->insert(joined->end(), part.chunk.positions->begin(), part.chunk.positions->end());
  }
  return joined;
}

}  // namespace

Result<Chunk> ConcatenateParts(std::vector<RowPart>* parts, const std::vector<TypePtr>& types,
                               arrow::MemoryPool* pool) {
  std::stable_sort(parts->begin(), parts->end(),
                   [](const RowPart& a, const RowPart& b) { return a.sequence < b.sequence; });
  Chunk out;
  for (const auto& part : *parts) out.row_count += part.chunk.row_count;
  out.positions = JoinPositions(*parts);
  if (out.row_count >= std::numeric_limits<int32_t>::max()) {
    return Fail(ErrorCode::kOutOfMemory,
                "too many rows in one buffer: " + std::to_string(out.row_count));
  }
  for (size_t c = 0; c < types.size(); ++c) {
    arrow::ArrayVector arrays;
    for (auto& part : *parts) {
      ARROW_ASSIGN_OR_RAISE(auto column, Expand(part.chunk.columns[c], part.chunk.row_count, pool));
      arrays.push_back(column.array());
      part.chunk.columns[c] = {};  // free as we go
    }
    if (arrays.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto none, arrow::MakeEmptyArray(types[c], pool));
      arrays.push_back(none);
    }
    ARROW_ASSIGN_OR_RAISE(auto joined, JoinWide(arrays, pool));
    out.columns.push_back(MakeVector(joined));
  }
  parts->clear();
  return out;
}

OrderedRows::OrderedRows(std::shared_ptr<const Chunk> rows,
                         std::shared_ptr<const std::vector<uint32_t>> order, int64_t begin,
                         int64_t end)
    : rows_(std::move(rows)), order_(std::move(order)), begin_(begin), end_(end), next_(begin) {}

Result<Flow> OrderedRows::NextMorsel(Morsel* morsel, TaskContext&) {
  if (next_ >= end_) return Flow::kFinished;
  morsel->begin = next_;
  morsel->end = std::min(end_, next_ + kMorselRows);
  next_ = morsel->end;
  return Flow::kMore;
}

Result<Flow> OrderedRows::NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                                    TaskContext& context) {
  const int64_t begin = morsel.begin + *position;
  if (begin >= morsel.end) return Flow::kFinished;
  const int64_t count = std::min(kChunkRows, morsel.end - begin);
  chunk->row_count = count;
  chunk->ordinal = static_cast<uint64_t>(begin);
  if (rows_->positions && !order_) {
    const auto first = rows_->positions->begin() + begin;
    chunk->positions = std::make_shared<const Positions>(first, first + count);
  }
  for (const auto& column : rows_->columns) {
    if (order_) {
      ARROW_ASSIGN_OR_RAISE(
          auto gathered,
          Gather(column, {order_->data() + begin, static_cast<size_t>(count)}, context.pool()));
      chunk->columns.push_back(std::move(gathered));
    } else {
      chunk->columns.push_back(Slice(column, begin, count));
    }
  }
  *position += count;
  return Flow::kMore;
}

}  // namespace velaria::execution
