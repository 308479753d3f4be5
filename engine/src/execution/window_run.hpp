// One bucket of a window's rows, in order, with the bounds of its partitions and peers.
#pragma once

#include "execution/row_buffer.hpp"
#include "execution/sort_keys.hpp"
#include "execution/window.hpp"
#include "functions/window_frames.hpp"

namespace velaria::execution {

using Places = PoolArray<uint32_t>;

/// `rows` lie as they came; place p of the order is row order[p]. All bounds are places.
struct WindowRun {
  Chunk rows;
  std::vector<uint32_t> order;
  bool in_place = false;                   // order[p] is p
  std::vector<uint32_t> partition_starts;  // and row_count behind them
  std::vector<uint32_t> group_starts;      // of peer groups, and row_count behind them
  Places partition_start, partition_end;   // per place, as the next ones
  Places peer_start, peer_end;
  Places peer_number;  // of peer groups before it in its partition

  int64_t row_count() const { return rows.row_count; }
  size_t partition_count() const { return partition_starts.size() - 1; }
  /// `vector` has one value per row; the result one per place.
  Result<Vector> InOrder(const Vector& vector, arrow::MemoryPool* pool) const;
};

/// Sorts the rows of `parts`, which hold whole partitions.
Result<WindowRun> MakeRun(const WindowSpec& spec, std::vector<RowPart>* parts, QueryContext& query);

/// A hash per row that is the same for equal keys, NULL included, in whatever layout they come.
Result<std::vector<uint64_t>> HashRows(std::span<const Vector> keys, int64_t row_count,
                                       arrow::MemoryPool* pool);

/// The calls' results, one per place.
Result<std::vector<Vector>> ComputeCalls(const WindowSpec& spec, const WindowRun& run,
                                         QueryContext& query);

}  // namespace velaria::execution
