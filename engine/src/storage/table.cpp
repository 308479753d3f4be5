#include "storage/table.hpp"

#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>

#include "columnar/join_arrays.hpp"
#include "storage/commit.hpp"

namespace velaria::storage {
namespace {

/// Segments below this are merged with their neighbour of like size as rows arrive in small
/// batches.
constexpr int64_t kSmallSegmentRows = 16384;

Result<std::shared_ptr<arrow::RecordBatch>> Merge(const arrow::RecordBatch& a,
                                                  const arrow::RecordBatch& b) {
  arrow::ArrayVector columns;
  for (int i = 0; i < a.num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto column,
                          JoinArrays({a.column(i), b.column(i)}, arrow::default_memory_pool()));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(a.schema(), a.num_rows() + b.num_rows(), std::move(columns));
}

/// Three-way comparison of two scalars of one ordered type; nullopt when arrow has no order for it.
std::optional<int> Compare(const std::shared_ptr<arrow::Scalar>& a,
                           const std::shared_ptr<arrow::Scalar>& b) {
  if (a->type->id() != b->type->id() || !a->type->Equals(*b->type)) return std::nullopt;
  auto less = arrow::compute::CallFunction("less", {a, b});
  auto greater = arrow::compute::CallFunction("greater", {a, b});
  if (!less.ok() || !greater.ok()) return std::nullopt;
  const auto& less_value = static_cast<const arrow::BooleanScalar&>(*less->scalar());
  const auto& greater_value = static_cast<const arrow::BooleanScalar&>(*greater->scalar());
  if (!less_value.is_valid || !greater_value.is_valid) return std::nullopt;
  return less_value.value ? -1 : greater_value.value ? 1 : 0;
}

}  // namespace

bool ZoneMaps::Excludes(const arrow::RecordBatch& batch,
                        const io::SimplePredicate& predicate) const {
  const auto& column = batch.column(predicate.column);
  const int64_t nulls = column->null_count();
  if (predicate.op == io::Comparison::kIsNull) return nulls == 0;
  if (predicate.op == io::Comparison::kIsNotNull) return nulls == batch.num_rows();
  if (nulls == batch.num_rows()) return true;
  // NaN stands outside min/max, so floats are left to the filter.
  if (IsNested(*column->type()) || IsString(*column->type()) || IsFloating(*column->type()) ||
      IsDictionary(*column->type())) {
    return false;
  }
  Range range;
  {
    std::lock_guard lock(mutex_);
    ranges_.resize(static_cast<size_t>(batch.num_columns()));
    auto& held = ranges_[static_cast<size_t>(predicate.column)];
    if (!held) {
      held = Range{};
      auto found = arrow::compute::CallFunction("min_max", {column});
      if (found.ok()) {
        const auto& pair = static_cast<const arrow::StructScalar&>(*found->scalar());
        *held = {true, pair.value[0], pair.value[1]};
      }
    }
    range = *held;
  }
  if (!range.usable) return false;
  const auto low = Compare(predicate.value, range.min);
  const auto high = Compare(predicate.value, range.max);
  if (!low || !high) return false;
  switch (predicate.op) {
    case io::Comparison::kEqual: return *low < 0 || *high > 0;
    case io::Comparison::kLess: return *low <= 0;
    case io::Comparison::kLessEqual: return *low < 0;
    case io::Comparison::kGreater: return *high >= 0;
    case io::Comparison::kGreaterEqual: return *high > 0;
    case io::Comparison::kNotEqual: return *low == 0 && *high == 0;
    default: return false;
  }
}

const Segment* TableVersion::FindSegment(int64_t position) const {
  auto run = std::upper_bound(runs_.begin(), runs_.end(), position, [](int64_t p, const auto& r) {
    return p < r->front().first_position;
  });
  if (run == runs_.begin()) return nullptr;
  --run;
  auto segment = std::upper_bound((*run)->begin(), (*run)->end(), position,
                                  [](int64_t p, const Segment& s) { return p < s.first_position; });
  --segment;
  return position < segment->end_position() ? &*segment : nullptr;
}

bool TableVersion::IsLive(int64_t position) const {
  const Segment* segment = FindSegment(position);
  if (segment == nullptr) return false;
  const auto row = static_cast<size_t>(position - segment->first_position);
  return !segment->deleted || !(*segment->deleted)[row];
}

VersionPtr Table::version() const {
  std::lock_guard lock(mutex_);
  return version_;
}

Status Table::AppendOne(TableVersion* next, std::shared_ptr<arrow::RecordBatch> batch) const {
  if (batch->num_rows() == 0) return Status::OK();
  next->end_position_ += batch->num_rows();
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*batch));
  next->byte_count_ += bytes;
  TableVersion::Run run;
  const bool open_run =
      !next->runs_.empty() && next->runs_.back()->size() < TableVersion::kRunLength;
  if (open_run) {
    run = *next->runs_.back();
    next->runs_.pop_back();
  }
  // Like a binary counter: a row is copied a logarithmic number of times, however small the
  // batches.
  while (!run.empty() && !run.back().deleted && run.back().row_count() <= 2 * batch->num_rows() &&
         run.back().row_count() + batch->num_rows() <= kSmallSegmentRows) {
    auto merged = Merge(*run.back().batch, *batch);
    if (DoesNotFit(merged.status())) break;  // such segments stay apart
    ARROW_ASSIGN_OR_RAISE(batch, std::move(merged));
    run.pop_back();
    --next->segment_count_;
  }
  Segment segment;
  segment.first_position = next->end_position_ - batch->num_rows();
  segment.batch = std::move(batch);
  segment.zones = std::make_shared<ZoneMaps>();
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

/// Marks the positions in one run's segments; how many were not marked yet.
int64_t MarkDeleted(std::vector<Segment>* run, const std::vector<int64_t>& positions, size_t* at) {
  int64_t count = 0;
  for (auto& segment : *run) {
    if (*at >= positions.size() || positions[*at] >= segment.end_position()) continue;
    auto deleted = segment.deleted ? std::make_shared<std::vector<bool>>(*segment.deleted)
                                   : std::make_shared<std::vector<bool>>(
                                         static_cast<size_t>(segment.row_count()), false);
    for (; *at < positions.size() && positions[*at] < segment.end_position(); ++*at) {
      const auto row = static_cast<size_t>(positions[*at] - segment.first_position);
      if (!(*deleted)[row]) ++count;
      (*deleted)[row] = true;
    }
    segment.deleted = std::move(deleted);
  }
  return count;
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
  size_t at = 0;
  for (auto& run_ptr : next->runs_) {
    if (at >= change.removed.size()) break;
    if (change.removed[at] >= run_ptr->back().end_position()) continue;
    auto run = std::make_shared<TableVersion::Run>(*run_ptr);
    *removed_count += MarkDeleted(run.get(), change.removed, &at);
    run_ptr = std::move(run);
  }
  next->deleted_count_ += *removed_count;
  for (const auto& batch : change.added) ARROW_RETURN_NOT_OK(AppendOne(next.get(), batch));
  return next;
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
    return Fail(ErrorCode::kWriteConflict, "a row to be changed was removed meanwhile",
                "Run the statement again.");
  }
  for (const auto& batch : change.added) ARROW_RETURN_NOT_OK(CheckNotNull(*batch));
  std::function<void()> taken_back;
  if (guard_) {
    ARROW_ASSIGN_OR_RAISE(taken_back, guard_->Admit(now, change, now.end_position()));
  }
  auto next = With(now, change);
  if (!next.ok() && taken_back) taken_back();
  if (undo != nullptr) *undo = std::move(taken_back);
  return next;
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
