#include "storage/commit.hpp"

#include "columnar/vector.hpp"

namespace velaria::storage {

void Commits::Publish(const std::function<void()>& publish) {
  std::shared_ptr<const void> stale;  // ends after the lock: it holds versions, maybe the last one
  std::lock_guard lock(mutex_);
  publish();
  stale.swap(made_);
}

std::shared_ptr<const void> Commits::Between(
    const std::function<std::shared_ptr<const void>()>& make) {
  std::lock_guard lock(mutex_);
  if (!made_) made_ = make();
  return made_;
}

TableCommit::TableCommit(TablePtr table)
    : table_(std::move(table)), lock_(table_->LockForWriting()) {}

TableCommit::~TableCommit() {
  if (lock_.owns_lock() && !published_ && undo_) undo_();
}

Status TableCommit::Prepare(const TableChange& change) {
  ARROW_RETURN_NOT_OK(table_->CheckStanding());
  const auto now = table_->version();
  ARROW_ASSIGN_OR_RAISE(next_, table_->Admit(*now, change, &undo_));
  return Status::OK();
}

Status TableCommit::PrepareReplaced(const VersionPtr& seen) {
  ARROW_RETURN_NOT_OK(table_->CheckStanding());
  replaced_ = true;
  if (table_->version() == seen) return Status::OK();
  return Fail(ErrorCode::kWriteConflict, "another statement changed the table meanwhile",
              "Run the statement again.");
}

void TableCommit::Publish() {
  if (replaced_) table_->is_replaced_ = true;
  if (next_) table_->Swap(&next_);
  published_ = true;
}

void TableCommit::Release() {
  lock_.unlock();
  next_ = nullptr;
  if (published_) table_->Notify();
}

Result<std::vector<LiveRows>> LiveRowsOf(const TableVersion& version, int64_t from,
                                         arrow::MemoryPool* pool) {
  std::vector<LiveRows> out;
  while (const Segment* segment = version.NextSegment(from)) {
    const int64_t offset = segment->RowFrom(from);
    const int64_t count = segment->row_count() - offset;
    from = segment->end_position();
    LiveRows live;
    std::vector<uint32_t> rows;
    for (int64_t row = offset; row < offset + count; ++row) {
      if (segment->IsDeleted(row)) continue;
      rows.push_back(static_cast<uint32_t>(row));
      live.positions.push_back(segment->PositionOf(row));
    }
    if (rows.empty()) continue;
    if (static_cast<int64_t>(rows.size()) == count) {
      live.batch = segment->batch->Slice(offset, count);
    } else {
      arrow::ArrayVector columns;
      for (const auto& column : segment->batch->columns()) {
        ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(MakeVector(column), rows, pool));
        columns.push_back(gathered.array());
      }
      live.batch = arrow::RecordBatch::Make(segment->batch->schema(),
                                            static_cast<int64_t>(rows.size()), std::move(columns));
    }
    out.push_back(std::move(live));
  }
  return out;
}

}  // namespace velaria::storage
