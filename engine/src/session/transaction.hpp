// An open transaction: a snapshot of the database, and what the transaction has changed since.
// Nobody else sees the changes before the commit, which makes all of them at once or none.
//
// Snapshot isolation: every statement reads the database as it was at the transaction's first
// statement. Of two transactions that change one row, or one name of the catalog, the one that
// commits first wins; the other fails with VEL3014. Rows that a transaction only read are not
// guarded, so two of them may each change what the other has read (write skew).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "session/catalog_view.hpp"
#include "session/table_rules.hpp"

namespace velaria::session {

/// The position of the row with the same key, by row of a batch; -1 where there is none.
using FindRows = std::function<Result<std::vector<int64_t>>(size_t key, const arrow::RecordBatch&)>;
/// What a statement does to a table as it stands.
using DecideChange =
    std::function<Result<storage::TableChange>(const storage::TableVersion& now, const FindRows&)>;

/// A table whose rows, as they are in `seen`, now stand in another table of its name.
struct ReplacedTable {
  storage::TablePtr table;
  storage::VersionPtr seen;
};

/// A change of the names of the database and of the connection's temporary ones.
using EditNames = std::function<Status(CatalogRoot& names, CatalogRoot& temporary)>;

class Transaction {
 public:
  Transaction(SnapshotPtr snapshot, RootPtr temporary);

  std::shared_ptr<const CatalogView> View(const Viewpoint& from, Session& session) const;

  /// One statement's change of one table. VEL3005 for a row that breaks a rule, also when the row
  /// in its way was committed since by somebody else.
  Status Change(const storage::TablePtr& table, const DecideChange& decide);
  Status Edit(const EditNames& edit, const std::vector<ReplacedTable>& replaced);
  /// The version of a table that this transaction started from.
  storage::VersionPtr BaseOf(const storage::TablePtr& table) const;

  void Save(const std::string& name);
  /// Both take the newest savepoint of that name: VEL2031 when there is none.
  Status Release(const std::string& name);
  /// The changes since the savepoint are undone; it stays, and those after it go.
  Status RollbackTo(const std::string& name);

  /// After a statement's error every further one is refused until a rollback.
  bool has_failed() const { return failed_; }
  void MarkFailed() { failed_ = true; }

  // What a commit needs.

  /// Every table that the transaction writes or replaces, locked and found possible.
  Result<std::vector<storage::TableCommit>> Prepare() const;
  /// The tables that it writes, whose names must still be theirs.
  std::vector<storage::TablePtr> Written() const;
  const SnapshotPtr& snapshot() const { return snapshot_; }
  const RootPtr& names() const { return state_.names; }
  const RootPtr& temporary() const { return state_.temporary; }

 private:
  struct Writes {
    storage::TablePtr table;
    storage::VersionPtr base, now;  // positions of `now` before base's end are those of `base`
    std::vector<int64_t> removed;   // of base
  };
  struct State {
    RootPtr names, temporary;
    std::map<const storage::Table*, Writes> writes;
    std::map<const storage::Table*, ReplacedTable> replaced;
  };
  struct Savepoint {
    std::string name;
    State state;
  };

  Writes& WritesOf(const storage::TablePtr& table);
  /// The keys of the rows that the transaction has added and not removed; null without rules.
  Result<TableRules*> OwnKeys(const Writes& writes);
  Result<std::vector<int64_t>> FindKeys(const Writes& writes, size_t key,
                                        const arrow::RecordBatch& batch);
  Status CheckKeys(const Writes& writes, const storage::TableVersion& next,
                   const storage::TableChange& change) const;
  Status Apply(Writes* writes, const storage::TableChange& change);
  Result<std::vector<Savepoint>::iterator> FindSavepoint(const std::string& name);

  const SnapshotPtr snapshot_;
  State state_;
  std::vector<Savepoint> savepoints_;
  std::map<const storage::Table*, std::shared_ptr<TableRules>> own_keys_;  // made when asked for
  std::atomic<bool> failed_{false};
};

}  // namespace velaria::session
