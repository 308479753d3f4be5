// What one client has of its own over a database: temporary objects, the current schema and the
// open transaction. All calls are safe from many threads; inside a transaction statements run one
// after the other.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "session/prepared_statements.hpp"
#include "session/session.hpp"
#include "session/transaction.hpp"

namespace velaria::session {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// One that does not last is made for a single call: it refuses what only later calls could see
  /// (BEGIN, temporary objects, SET schema). `user`: whose its statements are.
  Connection(std::shared_ptr<Session> session, bool lasts, std::string user = kOnlyUser);

  /// `named`: where to leave the relations that a statement has named before it failed, whether or
  /// not they are there. `spares`: a failure leaves the open transaction as it is. Without
  /// `opens_files` VEL1010 for a statement that reads a file by its path.
  Result<StatementInfo> Describe(const std::string& sql,
                                 const std::optional<Parameters>& parameters,
                                 NamedRelations* named = nullptr, bool spares = false,
                                 bool opens_files = true);
  /// `view`: what a query reads instead of what stands now.
  Result<StatementResult> Execute(const std::string& sql, const Parameters& parameters,
                                  std::string query_id, const CatalogView* view = nullptr);
  /// A statement once for each row of parameters, which come checked; all of it or nothing. Rows
  /// that it returns are left out; VEL1006 for one that only returns rows.
  Result<StatementResult> ExecuteMany(const std::string& sql, const ParameterRows& rows,
                                      std::string query_id);
  Result<ExplainSections> Explain(const std::string& sql);
  /// The same for what StartStream takes; anything else is refused as there.
  Result<ExplainSections> ExplainStream(const std::string& sql);
  Result<std::shared_ptr<stream::StreamingQuery>> StartStream(const std::string& sql,
                                                              const StreamOptions& options);
  bool in_transaction() const;
  PreparedStatements& prepared() { return prepared_; }
  /// Rolls an open transaction back and lets go of the temporary objects.
  void Close();

  // What the statements ask for.

  Session& session() { return *session_; }
  /// Starts the transaction's snapshot when this is its first statement.
  std::shared_ptr<const CatalogView> View();
  std::string path() const;
  /// VEL2028 for a schema that is not there.
  Status SetPath(const std::string& schema);
  /// VEL1008 on a connection that does not last; `what` is said of it: "BEGIN".
  Status CheckLasts(const std::string& what) const;
  /// VEL2031 inside a transaction; `what` cannot be part of one.
  Status CheckOutside(const std::string& what) const;

  /// A change of a table's rows: at once, or in the open transaction.
  Status Append(const storage::TablePtr& table, const storage::Batches& batches);
  /// How many of the rows were there; outside a transaction those that went meanwhile are not.
  Result<int64_t> Delete(const storage::TablePtr& table, const std::vector<int64_t>& positions);
  Status Change(const storage::TablePtr& table, const DecideChange& decide);
  /// A change of names, all of it or nothing. VEL4011 when a table that a streaming query uses
  /// would go; VEL3014 when a replaced table has changed since it was seen.
  Status Edit(const EditNames& edit, const std::vector<ReplacedTable>& replaced = {});
  /// Into the schema that the entry names. As CatalogRoot::Create.
  Status Enter(const CatalogEntry& entry, Catalog::IfExists if_exists);

  /// BEGIN, COMMIT, ROLLBACK and the savepoints.
  Status Control(const sql::Statement& statement);

 private:
  friend class Ingest;
  static Status CheckQueryId(const std::string& query_id);
  /// Each row by itself, inside the open transaction: the rows changed.
  Result<int64_t> ExecuteEach(const sql::Statement& statement, const std::string& sql,
                              const ParameterRows& rows, const std::string& query_id,
                              const execution::QueryContext& context);
  Status Begin(const sql::Statement& statement);
  Status Commit(const sql::Statement& statement);
  /// SAVEPOINT, RELEASE and ROLLBACK TO.
  Status ControlSavepoint(const sql::Statement& statement);
  template <typename Look>
  auto Looked(const std::string& sql, const Look& look, bool spares = false)
      -> decltype(look(std::declval<const sql::Statement&>()));
  /// A statement of the open transaction has failed, and the transaction with it.
  void NoteFailure();
  Status RefuseWhenFailed(Place place = {}) const;
  /// VEL2031 in a transaction that is read only.
  Status CheckWritable() const;
  /// Ends the transaction; null when its snapshot was never asked for. VEL2031 outside of one.
  Result<std::shared_ptr<Transaction>> TakeTransaction(const sql::Statement& statement);
  /// The open transaction, with its snapshot; null outside of one.
  std::shared_ptr<Transaction> Transact();
  std::shared_ptr<Transaction> transaction() const;
  /// Counts transactions begun, ended and gone back in: while it stays the same, rows belong where
  /// they belonged before.
  int64_t boundaries() const;
  /// Held by each statement: alone in a transaction, beside others outside of one.
  struct Turn {
    std::shared_lock<std::shared_mutex> beside;
    std::unique_lock<std::shared_mutex> alone;
  };
  Turn InTurn();
  void TakeAlone(Turn* turn);

  const std::shared_ptr<Session> session_;
  const bool lasts_;
  const std::string user_;
  std::shared_mutex statement_;
  PreparedStatements prepared_;
  std::mutex editing_;        // temporary_, from its copy to its exchange; before mutex_
  mutable std::mutex mutex_;  // what follows
  std::string path_ = kMainSchema;
  RootPtr temporary_;
  bool is_open_ = false;                      // between BEGIN and its end
  bool is_read_only_ = false;                 // as BEGIN said
  std::shared_ptr<Transaction> transaction_;  // from the first statement on
  int64_t boundaries_ = 0;
};

}  // namespace velaria::session
