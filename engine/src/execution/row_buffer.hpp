// Rows that an accumulator keeps: the parts of each worker, put together in row order when sealed.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "execution/roles.hpp"

namespace velaria::execution {

/// One worker's dense chunks, with the number of the morsel each came from.
struct RowPart {
  int64_t sequence = 0;
  Chunk chunk;
};

class RowLocal final : public LocalState {
 public:
  std::vector<RowPart> parts;
  int64_t rows = 0;
};

/// All columns of `parts`, each in one array, parts in the order of their morsels (those of one
/// morsel as they came); widened where one array of the type does not hold them. `types` are needed
/// when there are no parts.
Result<Chunk> ConcatenateParts(std::vector<RowPart>* parts, const std::vector<TypePtr>& types,
                               arrow::MemoryPool* pool);

/// Hands out one big dense chunk (sorted rows, limited rows) by reference to its row order.
class OrderedRows final : public SourceState {
 public:
  /// `order` empty: rows as they lie.
  OrderedRows(std::shared_ptr<const Chunk> rows, std::shared_ptr<const std::vector<uint32_t>> order,
              int64_t begin, int64_t end);
  Result<Flow> NextMorsel(Morsel* morsel, TaskContext& context) override;
  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override;
  int64_t MaxWorkers() const override { return end_ - begin_ > kMorselRows ? 64 : 1; }

 private:
  const std::shared_ptr<const Chunk> rows_;
  const std::shared_ptr<const std::vector<uint32_t>> order_;
  const int64_t begin_, end_;
  int64_t next_;
};

}  // namespace velaria::execution
