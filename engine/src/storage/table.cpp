#include "storage/table.hpp"

#include <algorithm>

#include "columnar/join_arrays.hpp"
#include "storage/commit.hpp"

namespace velaria::storage {
namespace {

/// Segments below this are merged with their neighbour of like size as rows arrive in small
/// batches.
constexpr int64_t kSmallSegmentRows = 16384;
/// Neighbours that have no more rows together are merged when one of them was copied anyway.
constexpr int64_t kTinySegmentRows = 1024;

}  // namespace

const Segment* TableVersion::NextSegment(int64_t position) const {
  const auto ends_before = [](int64_t p, const Segment& s) { return p < s.end_position(); };
  const auto run =
      std::upper_bound(runs_.begin(), runs_.end(), position,
                       [&](int64_t p, const auto& r) { return ends_before(p, r->back()); });
  if (run == runs_.end()) return nullptr;
  return &*std::upper_bound((*run)->begin(), (*run)->end(), position, ends_before);
}

const Segment* TableVersion::FindSegment(int64_t position) const {
  const Segment* segment = NextSegment(position);
  return segment != nullptr && segment->first_position <= position ? segment : nullptr;
}

bool TableVersion::IsLive(int64_t position) const {
  const Segment* segment = FindSegment(position);
  if (segment == nullptr) return false;
  const int64_t row = segment->FindRow(position);
  return row != Segment::kNoRow && !segment->IsDeleted(row);
}

VersionPtr Table::version() const {
  std::lock_guard lock(mutex_);
  return version_;
}

Status Table::AppendOne(TableVersion* next, std::shared_ptr<arrow::RecordBatch> batch) const {
  if (batch->num_rows() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(Segment segment, Segment::Make(std::move(batch), next->end_position_));
  next->end_position_ += segment.row_count();
  next->byte_count_ += segment.byte_count;
  TableVersion::Run run;
  const bool open_run =
      !next->runs_.empty() && next->runs_.back()->size() < TableVersion::kRunLength;
  if (open_run) {
    run = *next->runs_.back();
    next->runs_.pop_back();
  }
  // Like a binary counter: a row is copied a logarithmic number of times, however small the
  // batches.
  while (!run.empty() && !run.back().deleted && run.back().row_count() <= 2 * segment.row_count() &&
         run.back().row_count() + segment.row_count() <= kSmallSegmentRows) {
    auto joined = Joined(run.back(), segment);
    if (DoesNotFit(joined.status())) break;  // such segments stay apart
    ARROW_ASSIGN_OR_RAISE(joined, std::move(joined));
    next->byte_count_ += joined->byte_count - run.back().byte_count - segment.byte_count;
    segment = *std::move(joined);
    run.pop_back();
    --next->segment_count_;
  }
  run.push_back(std::move(segment));
  ++next->segment_count_;
  next->runs_.push_back(std::make_shared<const TableVersion::Run>(std::move(run)));
  return Status::OK();
}

Status Table::CheckNotNull(const arrow::RecordBatch& batch) const {
  for (int i = 0; i < version_schema_->num_fields(); ++i) {
    const auto& field = *version_schema_->field(i);
    if (field.nullable() || batch.column(i)->null_count() == 0) continue;
    return Fail(ErrorCode::kConstraint, "NULL in a column that is NOT NULL: " + field.name());
  }
  return Status::OK();
}

namespace {

/// Marks the positions in one run's segments, from the `at`th on; how many were not marked yet.
int64_t MarkDeleted(std::vector<Segment>* run, const std::vector<int64_t>& positions, size_t* at) {
  int64_t count = 0;
  for (auto& segment : *run) {
    if (*at >= positions.size() || positions[*at] >= segment.end_position()) continue;
    auto deleted = segment.deleted ? std::make_shared<std::vector<bool>>(*segment.deleted)
                                   : std::make_shared<std::vector<bool>>(
                                         static_cast<size_t>(segment.row_count()), false);
    const int64_t before = segment.deleted_count;
    for (; *at < positions.size() && positions[*at] < segment.end_position(); ++*at) {
      const int64_t row = segment.FindRow(positions[*at]);
      if (row == Segment::kNoRow || (*deleted)[static_cast<size_t>(row)]) continue;
      (*deleted)[static_cast<size_t>(row)] = true;
      ++segment.deleted_count;
    }
    if (segment.deleted_count == before) continue;
    segment.deleted = std::move(deleted);
    count += segment.deleted_count - before;
  }
  return count;
}

/// Whether two neighbours without deleted rows should be one: they are of like size, so that a row
/// is copied a logarithmic number of times, or so small that a copy costs nothing.
bool BelongTogether(const Segment& a, const Segment& b) {
  if (a.deleted || b.deleted) return false;
  const int64_t rows = a.row_count() + b.row_count();
  if (rows <= kTinySegmentRows) return true;
  return rows <= kSmallSegmentRows && a.row_count() <= 2 * b.row_count() &&
         b.row_count() <= 2 * a.row_count();
}

/// Drops the segments of which no row is left, and those rows that are gone where they are half of
/// a segment or more: a segment of n rows has lost n/2 of them since it was last copied.
Result<std::vector<Segment>> WithoutDeleted(const std::vector<Segment>& run) {
  std::vector<Segment> kept;
  bool changed = false;
  for (const auto& segment : run) {
    if (segment.live_count() == 0) continue;
    const bool compacts = 2 * segment.deleted_count >= segment.row_count();
    if (compacts) {
      ARROW_ASSIGN_OR_RAISE(auto compacted, Compacted(segment));
      kept.push_back(std::move(compacted));
    } else {
      kept.push_back(segment);
    }
    changed = changed || compacts;
    while (changed && kept.size() > 1 && BelongTogether(kept[kept.size() - 2], kept.back())) {
      auto joined = Joined(kept[kept.size() - 2], kept.back());
      if (DoesNotFit(joined.status())) break;
      ARROW_RETURN_NOT_OK(joined.status());
      kept.pop_back();
      kept.back() = *std::move(joined);
    }
  }
  return kept;
}

/// Those of the positions whose rows are still there.
std::vector<int64_t> StillThere(const TableVersion& now, const std::vector<int64_t>& positions) {
  std::vector<int64_t> there;
  for (const int64_t position : positions) {
    if (now.IsLive(position)) there.push_back(position);
  }
  return there;
}

}  // namespace

Result<std::shared_ptr<TableVersion>> Table::Apply(const TableVersion& now,
                                                   const TableChange& change,
                                                   int64_t* removed_count) const {
  auto next = std::make_shared<TableVersion>(now);
  if (!change.removed.empty()) {
    ARROW_ASSIGN_OR_RAISE(*removed_count, RemoveRows(next.get(), change.removed));
  }
  for (const auto& batch : change.added) ARROW_RETURN_NOT_OK(AppendOne(next.get(), batch));
  return next;
}

Result<int64_t> Table::RemoveRows(TableVersion* next, const std::vector<int64_t>& positions) const {
  int64_t count = 0;
  size_t at = 0;
  std::vector<std::shared_ptr<const TableVersion::Run>> runs;
  bool shrunk = false;  // the last of `runs` has fewer segments than it had
  for (const auto& run_ptr : next->runs_) {
    const bool touched = at < positions.size() && positions[at] < run_ptr->back().end_position();
    auto run = run_ptr;
    if (touched) {
      auto marked = *run_ptr;
      count += MarkDeleted(&marked, positions, &at);
      ARROW_ASSIGN_OR_RAISE(auto kept, WithoutDeleted(marked));
      run = std::make_shared<const TableVersion::Run>(std::move(kept));
      next->segment_count_ -= run_ptr->size() - run->size();
      for (const auto& segment : *run_ptr) next->byte_count_ -= segment.byte_count;
      for (const auto& segment : *run) next->byte_count_ += segment.byte_count;
    }
    if (run->empty()) continue;
    const bool shrinks = run->size() < run_ptr->size();
    if ((shrunk || shrinks) && !runs.empty() &&
        runs.back()->size() + run->size() <= TableVersion::kRunLength) {
      auto both = *runs.back();
      both.insert(both.end(), run->begin(), run->end());
      runs.back() = std::make_shared<const TableVersion::Run>(std::move(both));
      shrunk = true;
    } else {
      runs.push_back(std::move(run));
      shrunk = shrinks;
    }
  }
  next->runs_ = std::move(runs);
  next->deleted_count_ += count;
  return count;
}

Result<VersionPtr> Table::With(const TableVersion& now, const TableChange& change) const {
  int64_t removed = 0;
  ARROW_ASSIGN_OR_RAISE(VersionPtr next, Apply(now, change, &removed));
  return next;
}

Status Table::CheckStanding() const {
  if (!is_replaced_) return Status::OK();
  return Fail(ErrorCode::kWriteConflict, "the table was altered or truncated meanwhile",
              "Run the statement again.");
}

Result<VersionPtr> Table::Admit(const TableVersion& now, const TableChange& change,
                                std::function<void()>* undo) {
  if (StillThere(now, change.removed).size() != change.removed.size()) {
    return Fail(ErrorCode::kWriteConflict, "a row to be changed was changed or removed meanwhile",
                "Run the statement again.");
  }
  for (const auto& batch : change.added) ARROW_RETURN_NOT_OK(CheckNotNull(*batch));
  std::function<void()> taken_back;
  if (guard_) {
    ARROW_ASSIGN_OR_RAISE(taken_back, guard_->Admit(now, change, now.end_position()));
  }
  int64_t removed = 0;
  auto next = Apply(now, change, &removed);
  if (!next.ok() && taken_back) taken_back();
  ARROW_RETURN_NOT_OK(next.status());
  if (guard_) (*next)->guard_bytes_ = guard_->MemoryBytes();
  if (undo != nullptr) *undo = std::move(taken_back);
  return *std::move(next);
}

Status Table::Append(const Batches& batches) {
  {
    auto writer = LockForWriting();
    ARROW_RETURN_NOT_OK(CheckStanding());
    if (input_ended()) return Fail(ErrorCode::kStreamEnded, "the stream's input has ended");
    const auto now = version();
    ARROW_ASSIGN_OR_RAISE(auto next, Admit(*now, {{}, batches}, nullptr));
    Publish(std::move(next));
  }
  Notify();
  return Status::OK();
}

Result<int64_t> Table::DeletePositions(const std::vector<int64_t>& positions) {
  if (positions.empty()) return 0;
  int64_t count = 0;
  {
    const auto writer = LockForWriting();
    ARROW_RETURN_NOT_OK(CheckStanding());
    const auto now = version();
    const TableChange change{StillThere(*now, positions), {}};
    count = static_cast<int64_t>(change.removed.size());
    ARROW_ASSIGN_OR_RAISE(auto next, Admit(*now, change, nullptr));
    Publish(std::move(next));
  }
  Notify();
  return count;
}

Status Table::Change(const std::function<Result<TableChange>(const TableVersion&)>& decide) {
  {
    const auto writer = LockForWriting();
    ARROW_RETURN_NOT_OK(CheckStanding());
    const auto now = version();
    ARROW_ASSIGN_OR_RAISE(const auto change, decide(*now));
    ARROW_ASSIGN_OR_RAISE(auto next, Admit(*now, change, nullptr));
    Publish(std::move(next));
  }
  Notify();
  return Status::OK();
}

void Table::Publish(VersionPtr next) {
  // The old version ends after the locks: its buffers may be Python's.
  if (commits_) return commits_->Publish([&] { Swap(&next); });
  Swap(&next);
}

void Table::Swap(VersionPtr* next) {
  std::lock_guard lock(mutex_);
  version_.swap(*next);
}

void Table::Notify() {
  std::vector<std::pair<int, std::function<void()>>> listeners;
  {
    std::lock_guard lock(mutex_);
    listeners = listeners_;
  }
  for (const auto& [id, listener] : listeners) listener();
}

int Table::Listen(std::function<void()> listener) {
  std::lock_guard lock(mutex_);
  listeners_.emplace_back(next_listener_, std::move(listener));
  return next_listener_++;
}

void Table::StopListening(int listener) {
  std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [listener](const auto& entry) { return entry.first == listener; });
}

void Table::EndInput() {
  {
    auto writer = LockForWriting();
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  Notify();
}

bool Table::input_ended() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace velaria::storage
