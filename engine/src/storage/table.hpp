// Tables in memory. A TableVersion is an immutable list of segments; a commit makes the next
// version and swaps it in. A reader holds a version and sees no later change (snapshot isolation);
// one writer at a time per table.
//
// A row's position is its number among all rows ever appended to this incarnation of the table,
// deleted ones included: it orders a scan, names rows to DELETE, and is the offset a stream's
// readers remember.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/segment.hpp"

namespace velaria::storage {

class TableVersion {
 public:
  explicit TableVersion(SchemaPtr schema) : schema_(std::move(schema)) {}

  const SchemaPtr& schema() const { return schema_; }
  int64_t row_count() const { return end_position_ - deleted_count_; }
  int64_t end_position() const { return end_position_; }
  /// Of the segments, and of the keys when the version was made.
  int64_t byte_count() const { return byte_count_ + guard_bytes_; }
  size_t segment_count() const { return segment_count_; }
  /// The first segment that ends behind a position, or null at or past the end. Between segments
  /// are the positions of deleted rows.
  const Segment* NextSegment(int64_t position) const;
  /// The segment among whose rows a position is, or null: then its row is deleted, or to come.
  const Segment* FindSegment(int64_t position) const;
  /// Whether a row stands at the position: it was appended and is not deleted.
  bool IsLive(int64_t position) const;

 private:
  friend class Table;
  // Runs of segments, so that an append copies one short run and the list of runs, not every
  // segment.
  using Run = std::vector<Segment>;
  static constexpr size_t kRunLength = 128;

  SchemaPtr schema_;
  std::vector<std::shared_ptr<const Run>> runs_;
  int64_t end_position_ = 0, deleted_count_ = 0, byte_count_ = 0, guard_bytes_ = 0;
  size_t segment_count_ = 0;
};
using VersionPtr = std::shared_ptr<const TableVersion>;

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

/// What one commit does to a table: rows that go, by position, and rows that come.
struct TableChange {
  std::vector<int64_t> removed;  // ascending
  Batches added;
};

/// Stands at a table's door: refuses a change that breaks a rule of the table (keys, checks). One
/// change at a time, under the table's writer lock; must not wait for anything.
class TableGuard {
 public:
  virtual ~TableGuard() = default;
  /// `removed` are rows of `now`; `added` will stand from position `first` on. VEL3005 leaves the
  /// guard as it was. The result takes the change back, under the same lock.
  virtual Result<std::function<void()>> Admit(const TableVersion& now, const TableChange& change,
                                              int64_t first) = 0;
  /// What it holds to know the rows by, keys above all. Under the same lock.
  virtual int64_t MemoryBytes() const = 0;
};

class Commits;
class TableCommit;

class Table {
 public:
  friend class TableCommit;
  explicit Table(SchemaPtr schema, std::shared_ptr<TableGuard> guard = nullptr)
      : version_(std::make_shared<TableVersion>(std::move(schema))), guard_(std::move(guard)) {}

  VersionPtr version() const;
  const SchemaPtr& schema() const { return version_schema_; }

  /// Appends all batches in one commit, or none: VEL3005 for a NULL in a column that is NOT NULL.
  Status Append(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches);
  /// Marks positions (ascending) as deleted, in one commit; how many of them were not deleted yet.
  /// The positions may come from any earlier version: a row keeps its position for good, rows never
  /// change, and what was deleted meanwhile is passed over.
  Result<int64_t> DeletePositions(const std::vector<int64_t>& positions);
  /// One commit of what `decide` makes of the table as it is under the writer lock, which it must
  /// not hold up. VEL3014 when a row to be removed has gone already.
  Status Change(const std::function<Result<TableChange>(const TableVersion& now)>& decide);
  /// The rules of this table; null when it has none.
  const std::shared_ptr<TableGuard>& guard() const { return guard_; }
  /// From here on the table's commits are commits of a database. Called before anybody else can
  /// see the table.
  void Join(std::shared_ptr<Commits> commits) { commits_ = std::move(commits); }
  /// Runs `look` while nobody commits: what the guard says is then of the newest version.
  template <typename Look>
  auto UnderWriterLock(const Look& look) {
    const auto writer = LockForWriting();
    return look();
  }
  /// VEL3005 for a NULL in a column that is NOT NULL.
  Status CheckNotNull(const arrow::RecordBatch& batch) const;
  /// The version that `change` makes of `now`, which may be of a transaction; the table stays as it
  /// is.
  Result<VersionPtr> With(const TableVersion& now, const TableChange& change) const;

  /// Called after each commit, and at the end of input, on the committing thread. Must not block.
  int Listen(std::function<void()> listener);
  void StopListening(int listener);

  /// A stream's end: no more appends. VEL4012 for an append afterwards.
  void EndInput();
  bool input_ended() const;

 private:
  /// Held while a commit is made and no longer: those who commit include the threads that run
  /// everybody's queries, so nothing may wait for a query under it.
  std::unique_lock<std::mutex> LockForWriting() { return std::unique_lock(writer_); }
  /// VEL3014 once another table has taken this one's place. Under the writer lock.
  Status CheckStanding() const;
  /// Checks a change of `now` by every rule and makes the next version; `undo` takes back what the
  /// guard admitted.
  Result<VersionPtr> Admit(const TableVersion& now, const TableChange& change,
                           std::function<void()>* undo);
  /// Takes rows out of a version that is being made; how many of them were there.
  Result<int64_t> RemoveRows(TableVersion* next, const std::vector<int64_t>& positions) const;
  Status AppendOne(TableVersion* next, std::shared_ptr<arrow::RecordBatch> batch) const;
  /// The next version; `removed_count` is how many of the rows were there.
  Result<std::shared_ptr<TableVersion>> Apply(const TableVersion& now, const TableChange& change,
                                              int64_t* removed_count) const;
  void Publish(VersionPtr next);
  /// Exchanges `next` for the version that stands.
  void Swap(VersionPtr* next);
  void Notify();

  std::mutex writer_;
  mutable std::mutex mutex_;  // version_, listeners_, ended_
  VersionPtr version_;
  const std::shared_ptr<TableGuard> guard_;
  const SchemaPtr version_schema_ = version_->schema();
  std::vector<std::pair<int, std::function<void()>>> listeners_;
  int next_listener_ = 0;
  bool ended_ = false;
  bool is_replaced_ = false;          // under writer_
  std::shared_ptr<Commits> commits_;  // null: the table stands alone
};
using TablePtr = std::shared_ptr<Table>;

}  // namespace velaria::storage
