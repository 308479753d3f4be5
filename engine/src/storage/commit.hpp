// How changes become visible. Every commit of a database passes its Commits, one at a time and for
// the moment of a swap; a commit of several tables prepares each one as a TableCommit first.
//
// Locks are taken in this order: the writer locks of tables by address, the session's, Commits, a
// table's own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/table.hpp"

namespace velaria::storage {

class Commits {
 public:
  /// Runs `publish` as one commit; it only swaps pointers.
  void Publish(const std::function<void()>& publish);
  /// What `make` makes of the state between two commits; the same object until the next commit.
  std::shared_ptr<const void> Between(const std::function<std::shared_ptr<const void>()>& make);
  /// Lets go of what Between made.
  void Forget() {
    Publish([] {});
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const void> made_;  // null since the last commit
};

/// One table's part in a commit. Holds the table's writer lock from its making to Release; let go
/// of without Publish, it leaves the table as it was.
class TableCommit {
 public:
  explicit TableCommit(TablePtr table);
  ~TableCommit();
  TableCommit(TableCommit&&) = default;

  const TablePtr& table() const { return table_; }
  /// Makes the next version. VEL3014 when a row to be removed has gone, or the table was replaced;
  /// VEL3005 for a row that breaks a rule.
  Status Prepare(const TableChange& change);
  /// The table's rows at `seen` stand in another table, which takes its place: VEL3014 when the
  /// table has changed since.
  Status PrepareReplaced(const VersionPtr& seen);
  /// Inside Commits::Publish.
  void Publish();
  /// Gives the writer lock back and tells the table's listeners, after Publish.
  void Release();

 private:
  TablePtr table_;
  std::unique_lock<std::mutex> lock_;
  VersionPtr next_;  // after Publish the old one, which ends after the locks
  bool replaced_ = false, published_ = false;
  std::function<void()> undo_;  // of what the guard admitted
};

/// The rows of a version from a position on that are not deleted, by segment.
struct LiveRows {
  std::shared_ptr<arrow::RecordBatch> batch;
  std::vector<int64_t> positions;  // ascending
};
Result<std::vector<LiveRows>> LiveRowsOf(const TableVersion& version, int64_t from,
                                         arrow::MemoryPool* pool);

}  // namespace velaria::storage
