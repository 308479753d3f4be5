// A segment: rows that a table's versions share, never changed once made. A commit that deletes
// rows makes a segment anew with its bitmap, and with the rows that are left alone once half of
// them or more are gone.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"
#include "io/file_table.hpp"

namespace velaria::storage {

/// Rows [begin, end) of a segment.
struct RowSpan {
  int64_t begin = 0;
  int64_t end = 0;

  bool empty() const { return begin >= end; }
};

/// Least and greatest value of each column of one segment, and whether its values rise, found when
/// a filter first asks.
class ZoneMaps {
 public:
  /// No other row of `batch` can satisfy the predicate. Where values rise, few of these cannot.
  RowSpan RowsFor(const arrow::RecordBatch& batch, const io::SimplePredicate& predicate) const;

 private:
  struct Range {
    bool usable = false;
    bool rises = false;                       // no value is null or less than the one before it
    std::shared_ptr<arrow::Scalar> min, max;  // null when every value is null
    std::optional<int64_t> low, high;         // their places, where the type has such
  };
  /// Whether the least and the greatest value say that no row satisfies the predicate.
  static bool Excludes(const Range& range, const arrow::DataType& type,
                       const io::SimplePredicate& predicate);
  Range RangeOf(const arrow::RecordBatch& batch, int column) const;

  mutable std::mutex mutex_;
  mutable std::vector<std::optional<Range>> ranges_;
};

struct Segment {
  static constexpr int64_t kNoRow = -1;

  /// Of rows that stand one after the other from `first_position` on.
  static Result<Segment> Make(std::shared_ptr<arrow::RecordBatch> batch, int64_t first_position);

  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t first_position = 0;
  std::shared_ptr<const std::vector<int64_t>> positions;  // null: one after the other
  std::shared_ptr<const std::vector<bool>> deleted;       // null: no row is
  int64_t deleted_count = 0;
  int64_t byte_count = 0;
  std::shared_ptr<const ZoneMaps> zones;

  int64_t row_count() const { return batch->num_rows(); }
  int64_t live_count() const { return row_count() - deleted_count; }
  int64_t end_position() const {
    return positions ? positions->back() + 1 : first_position + row_count();
  }
  int64_t PositionOf(int64_t row) const {
    return positions ? (*positions)[static_cast<size_t>(row)] : first_position + row;
  }
  /// The first row that stands at or behind a position; row_count() when there is none.
  int64_t RowFrom(int64_t position) const;
  /// The row at a position; kNoRow when it was deleted and is no longer held.
  int64_t FindRow(int64_t position) const;
  bool IsDeleted(int64_t row) const { return deleted && (*deleted)[static_cast<size_t>(row)]; }
};

/// The same rows without the deleted ones, one of which at least is not.
Result<Segment> Compacted(const Segment& segment);
/// The rows of two neighbours, none of them deleted; DoesNotFit when a column cannot hold them all.
Result<Segment> Joined(const Segment& first, const Segment& second);

}  // namespace velaria::storage
