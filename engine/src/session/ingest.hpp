// Rows that come as batches of their own, not by a statement.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interop/ingest_gate.hpp"
#include "session/connection.hpp"

namespace velaria::session {

enum class IngestMode {
  kAppend,    // makes the table when it is not there
  kExisting,  // VEL2011 when it is not there
  kCreate,    // VEL2024 when it is there
  kReplace,   // in the old table's place, at the end
};
/// VEL1006 for a word that names none.
Result<IngestMode> ParseIngestMode(const std::string& mode);

struct IngestTarget {
  std::string table;
  /// Absent: `table` is "t", or "x.t" where x is a schema and t is not in the current one; given,
  /// both are taken to the letter.
  std::optional<std::string> schema;
  bool temporary = false;
  IngestMode mode = IngestMode::kAppend;
  bool atomic = false;  // no row is visible before Commit
  interop::Origin origin = interop::Origin::kProcess;
};

/// One stream of batches into one table. Not for several threads at once.
///
/// Rows are visible batch by batch, or all at Commit: when that is asked for, in a transaction,
/// whose rows they become, and for a table that is replaced. Let go of without Commit, rows that
/// were not visible are gone.
class Ingest {
 public:
  /// VEL1006, VEL2011, VEL2024, VEL2025, VEL2028, VEL4005 before the first batch.
  static Result<std::shared_ptr<Ingest>> Open(std::shared_ptr<Connection> connection,
                                              const IngestTarget& target, const SchemaPtr& schema);

  /// Validates, then takes in. A failed batch leaves nothing behind.
  Result<int64_t> Write(std::shared_ptr<arrow::RecordBatch> batch);
  /// Every batch has come. Nothing may be written afterwards; a second call does nothing.
  Status Commit();
  const std::string& table() const { return name_; }
  int64_t row_count() const { return row_count_; }
  /// Whether rows are visible at Commit only.
  bool is_atomic() const { return atomic_; }

 private:
  Ingest(std::shared_ptr<Connection> connection, CatalogEntry entry,
         std::unique_ptr<interop::IngestGate> gate, IngestMode mode, bool is_new, bool atomic);
  /// VEL2031 when rows that become visible together would do so in another transaction than the one
  /// that they were begun in.
  Status CheckTransaction() const;
  Status CommitRows();

  const std::shared_ptr<Connection> connection_;
  const CatalogEntry entry_;
  const std::string name_;
  const std::unique_ptr<interop::IngestGate> gate_;
  const IngestMode mode_;
  const bool is_new_;  // the entry is made at Commit
  const bool atomic_;
  const int64_t boundaries_;   // of the connection's transactions, when it was opened
  storage::Batches gathered_;  // for a table that is there
  int64_t row_count_ = 0;
  bool committed_ = false;
};

}  // namespace velaria::session
