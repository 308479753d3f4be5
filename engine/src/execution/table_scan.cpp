#include <algorithm>

#include "base/text.hpp"
#include "execution/scan_sources.hpp"
#include "execution/step_facts.hpp"

namespace velaria::execution {
namespace {

/// The positions of `count` rows of a segment from the row `first` on.
Result<Vector> PositionColumn(const storage::Segment& segment, int64_t first, int64_t count,
                              arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer,
                        arrow::AllocateBuffer(count * int64_t{sizeof(int64_t)}, pool));
  auto* values = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (int64_t i = 0; i < count; ++i) values[i] = segment.PositionOf(first + i);
  return MakeVector(std::make_shared<arrow::Int64Array>(count, std::move(buffer)));
}

/// Where the row stands that is `count` rows behind the row `first`, or the segment's end.
int64_t PositionBehind(const storage::Segment& segment, int64_t first, int64_t count) {
  const int64_t row = first + count;
  return row < segment.row_count() ? segment.PositionOf(row) : segment.end_position();
}

class TableScan final : public SourceState, public TellsFacts {
 public:
  TableScan(TableRange range, const std::vector<int>& columns,
            std::vector<io::SimplePredicate> predicates, int64_t chunk_rows, bool with_positions,
            int position_column)
      : range_(std::move(range)),
        columns_(columns),
        predicates_(std::move(predicates)),
        chunk_rows_(chunk_rows),
        with_positions_(with_positions),
        position_column_(position_column),
        next_(range_.begin) {}

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext&) override {
    while (next_ < range_.end) {
      const storage::Segment* segment = range_.version->NextSegment(next_);
      if (segment == nullptr || segment->first_position >= range_.end) break;
      const int64_t segment_end = std::min(segment->end_position(), range_.end);
      if (segment != segment_) {
        segment_ = segment;
        rows_end_ = segment_end;
        if (next_ <= segment->first_position) Enter(*segment);
      }
      if (next_ >= rows_end_) {
        next_ = segment_end;
        continue;
      }
      morsel->part = segment->first_position;
      morsel->begin = next_;
      morsel->end =
          std::min(rows_end_, PositionBehind(*segment, segment->RowFrom(next_), kMorselRows));
      next_ = morsel->end;
      return Flow::kMore;
    }
    return Flow::kFinished;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    const int64_t begin = morsel.begin + *position;
    if (begin >= morsel.end) return Flow::kFinished;
    const storage::Segment& segment = *range_.version->FindSegment(morsel.begin);
    const int64_t offset = segment.RowFrom(begin);
    const int64_t count = std::min(chunk_rows_, segment.RowFrom(morsel.end) - offset);
    if (count <= 0) return Flow::kFinished;  // the positions that are left are of deleted rows
    chunk->row_count = count;
    chunk->ordinal = static_cast<uint64_t>(segment.PositionOf(offset));
    chunk->columns.reserve(columns_.size());
    const bool whole = offset == 0 && count == segment.row_count();
    for (int column : columns_) {
      if (column == position_column_) {
        ARROW_ASSIGN_OR_RAISE(auto positions,
                              PositionColumn(segment, offset, count, context.pool()));
        chunk->columns.push_back(std::move(positions));
        continue;
      }
      const auto& data = segment.batch->column_data(column);
      chunk->columns.push_back({whole ? data : data->Slice(offset, count), false});
    }
    if (with_positions_) {
      auto positions = std::make_shared<Positions>(static_cast<size_t>(count));
      for (int64_t i = 0; i < count; ++i) {
        (*positions)[static_cast<size_t>(i)] = segment.PositionOf(offset + i);
      }
      chunk->positions = std::move(positions);
    }
    if (segment.deleted) {
      auto selection = std::make_shared<Selection>();
      for (int64_t i = 0; i < count; ++i) {
        if (!segment.IsDeleted(offset + i)) selection->push_back(static_cast<uint32_t>(i));
      }
      chunk->selection = std::move(selection);
    }
    *position = PositionBehind(segment, offset, count) - morsel.begin;
    return Flow::kMore;
  }

  int64_t MaxWorkers() const override {
    const int64_t rows = RowsLeft();
    return rows <= kMorselRows ? 1 : (rows + kMorselRows - 1) / kMorselRows;
  }

  std::vector<StepFact> Facts() const override {
    std::vector<StepFact> facts = {{"segments", segments_}};
    if (!predicates_.empty()) facts.push_back({"segments_skipped", segments_skipped_});
    return facts;
  }

 private:
  /// Goes on to the first of a segment's rows that may satisfy the predicates.
  void Enter(const storage::Segment& segment) {
    ++segments_;
    const auto rows = RowsOf(segment);
    if (rows.empty()) {
      ++segments_skipped_;
      rows_end_ = next_;
      return;
    }
    next_ = segment.PositionOf(rows.begin);
    rows_end_ = std::min(rows_end_, PositionBehind(segment, rows.begin, rows.end - rows.begin));
  }

  storage::RowSpan RowsOf(const storage::Segment& segment) const {
    storage::RowSpan rows = {0, segment.row_count()};
    for (const auto& predicate : predicates_) {
      const auto may = segment.zones->RowsFor(*segment.batch, predicate);
      rows = {std::max(rows.begin, may.begin), std::min(rows.end, may.end)};
    }
    return rows;
  }

  /// At most so many rows are scanned. Only of a few segments is it worth while to look closer.
  int64_t RowsLeft() const {
    constexpr int kSegmentsMax = 8;
    const int64_t all = std::min(range_.end - range_.begin, range_.version->row_count());
    if (predicates_.empty() || all <= kMorselRows) return all;
    int64_t rows = 0;
    int64_t position = range_.begin;
    for (int i = 0; i < kSegmentsMax; ++i) {
      const storage::Segment* segment = range_.version->NextSegment(position);
      if (segment == nullptr || segment->first_position >= range_.end) return std::min(rows, all);
      const auto span = RowsOf(*segment);
      rows += std::max(int64_t{0}, span.end - span.begin);
      position = segment->end_position();
    }
    return all;
  }

  const TableRange range_;
  const std::vector<int>& columns_;
  const std::vector<io::SimplePredicate> predicates_;
  const int64_t chunk_rows_;
  const bool with_positions_;
  const int position_column_;
  int64_t next_;
  const storage::Segment* segment_ = nullptr;  // the one that next_ is in
  int64_t rows_end_ = 0;                       // behind the last of its rows that is scanned
  int64_t segments_ = 0, segments_skipped_ = 0;
};

}  // namespace

Result<std::unique_ptr<SourceState>> TableScanNode::Open(const OpenContext& context) const {
  ARROW_ASSIGN_OR_RAISE(auto predicates, WithBounds(predicates_, bounds_, context.states));
  return std::make_unique<TableScan>(range_(), columns_, std::move(predicates), chunk_rows_,
                                     with_positions_, position_column_);
}

std::string TableScanNode::Text() const {
  std::string text = "scan " + name_ + ": columns=" + std::to_string(columns_.size());
  if (!predicates_.empty()) text += ", zone map filters=" + std::to_string(predicates_.size());
  if (!bounds_.empty()) text += ", key bounds=" + std::to_string(bounds_.size());
  return text;
}

}  // namespace velaria::execution
