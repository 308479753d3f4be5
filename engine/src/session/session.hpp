// One database: its catalog, settings, worker threads, running and streaming queries. Never
// process-wide: two sessions share nothing. All calls are safe from many threads at once.
#pragma once

#include <arrow/scalar.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "execution/physical_planner.hpp"
#include "execution/scheduler.hpp"
#include "interop/ingest_gate.hpp"
#include "session/catalog.hpp"
#include "session/catalog_view.hpp"
#include "session/query.hpp"
#include "session/settings.hpp"
#include "sql/planner.hpp"
#include "stream/streaming_query.hpp"

namespace velaria::session {

using Parameters = std::vector<std::shared_ptr<arrow::Scalar>>;
/// Batches of one schema, a column for each parameter in their order, a row for each execution.
struct ParameterRows {
  SchemaPtr schema;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
};

inline constexpr int64_t kThreadsMax = 1024;
inline constexpr int64_t kMemoryLimitBytesMax = int64_t{1} << 50;

struct SessionOptions {
  std::optional<int64_t> threads;                         // 1 to kThreadsMax; absent: one per core
  std::optional<std::vector<std::string>> allowed_roots;  // absent: no limit
  std::vector<std::string> closed_paths;                  // inside of them
  std::optional<int64_t> memory_limit_bytes;              // of one query; absent: none
};

/// What a statement is, known without running it.
struct StatementInfo {
  std::string
      kind;  // "query", "stream", "explain", "insert", "delete", "create", "drop", "set", "show"
  SchemaPtr schema;  // null when it returns no rows
  int parameter_count = 0;
  std::vector<TypePtr>
      parameter_types;  // of what was given, or as inferred; NULL where nothing says
  /// All that it reads and writes, with the parameters' values where they were given: a schema that
  /// SET takes from a parameter is told only then.
  logical::RelationUses uses;
  bool needs_connection = false;  // what it does is seen by later calls of a connection only
  /// What a query was bound to, outside of a transaction: Execute reads it again.
  std::shared_ptr<const CatalogView> view;
};

/// "table", "view", "stream", "system", "temporary", "file" or "schema".
const char* UseKindName(const logical::RelationUse& use);
/// What is read, or what is written, as people are told of it: "t", "x.t", "'data/a.csv'". A view
/// that is read is left out: what it reads stands there.
std::vector<std::string> ShownUses(const logical::RelationUses& uses, bool written);

/// What became of a statement: a query to read, or a finished one.
struct StatementResult {
  std::string query_id;
  std::string kind;
  SchemaPtr schema;  // null when it returns no rows
  std::optional<int64_t> rows_affected;
  std::string tag;  // what was done, as psql says it: "CREATE TABLE", "INSERT 0 3"
  std::shared_ptr<RunningQuery> query;             // SELECT over bounded input
  std::shared_ptr<arrow::RecordBatchReader> rows;  // other statements that return rows
};

/// How a streaming query is started, beside its statement.
struct StreamOptions {
  std::string name;      // empty: the query's id
  std::string query_id;  // empty: a new one
  Parameters parameters;
  std::string delivery_mode;  // "at-least-once" (also when empty) or "best-effort"
  bool start = true;          // false: the query waits for its Start()
};

struct ExplainSections {
  std::string logical, physical, strategy;
};

struct TableSummary {
  std::string name, kind;  // name: "x.t" outside of main
  SchemaPtr schema;
  std::string catalog_schema, bare_name;  // "x", "t"
  int64_t row_count = -1, byte_count = -1;
};

struct IndexSummary {
  std::string name, table, columns;  // columns: "a, b DESC"
};

struct QuerySummary {
  std::string query_id, sql, state;
  int64_t started_unix_ms = 0, row_count = 0;
};

class Connection;
class Ingest;
struct IngestTarget;

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// VEL1007 for options out of their range, VEL4001 for roots that are not there.
  static Result<std::shared_ptr<Session>> Make(const SessionOptions& options);
  ~Session();

  /// A client's own view of the database, for as long as it is held.
  /// As Connection's constructor says.
  std::shared_ptr<Connection> Connect(const std::string& user = kOnlyUser, bool lasts = true);

  // The same calls as a connection's, each as a connection of its own.
  Result<StatementInfo> Describe(const std::string& sql,
                                 const std::optional<Parameters>& parameters,
                                 NamedRelations* named = nullptr, bool spares = false,
                                 bool opens_files = true);
  Result<StatementResult> Execute(const std::string& sql, const Parameters& parameters,
                                  std::string query_id, const CatalogView* view = nullptr);
  Result<StatementResult> ExecuteMany(const std::string& sql, const ParameterRows& rows,
                                      std::string query_id);
  Result<ExplainSections> Explain(const std::string& sql);
  /// The same for what StartStream takes; anything else is refused as there.
  Result<ExplainSections> ExplainStream(const std::string& sql);

  Result<std::shared_ptr<Ingest>> OpenIngest(const IngestTarget& target, const SchemaPtr& schema);
  Status RegisterBatches(const std::string& name, const SchemaPtr& schema,
                         const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                         bool replace);
  /// A stream whose columns are those of the schema, to the letter; VEL2024 when the name is taken.
  Status CreateStream(const std::string& name, SchemaPtr schema);
  Status RegisterSystemTable(const std::string& name, SchemaPtr schema,
                             execution::ReaderFactory open);
  std::vector<TableSummary> Tables() const;
  std::vector<IndexSummary> Indexes() const;
  /// The entry of that name, "system.x" for one of the server's own; VEL2011 when there is none,
  /// VEL2025 for an index.
  Result<TableSummary> Table(const std::string& name) const;
  /// Drops a table, source, sink, view or stream; VEL2025 for what is none of these.
  Status Drop(const std::string& name);

  std::vector<QuerySummary> Queries() const;
  /// The state afterwards; VEL4010 for an id that is not running. "cancelled" is a promise: the
  /// statement ends with VEL3010 and changes nothing. One that has begun to commit goes on, and is
  /// "running".
  Result<std::string> Cancel(const std::string& query_id);

  Result<std::shared_ptr<stream::StreamingQuery>> StartStream(const std::string& sql,
                                                              const StreamOptions& options);
  std::vector<std::shared_ptr<stream::StreamingQuery>> StreamingQueries() const;
  Result<std::shared_ptr<stream::StreamingQuery>> FindStreamingQuery(
      const std::string& id_or_name) const;
  Status EndInput(const std::string& stream);

  Settings& settings() { return settings_; }
  Catalog& catalog() { return *catalog_; }
  /// As CatalogRoot::Create, in one commit; VEL4011 when it replaces a stream or table that a
  /// streaming query reads or writes.
  Result<bool> CreateEntry(CatalogEntry entry, Catalog::IfExists if_exists);
  /// One commit of changed names and of the tables in `parts`, which are released. VEL4011 when a
  /// table that a streaming query uses would go.
  Status EditNames(const std::function<Status(CatalogRoot&)>& edit,
                   std::vector<storage::TableCommit>* parts = nullptr);
  /// VEL4011 when a streaming query uses a table that stands before and not after.
  Status CheckUnused(const CatalogRoot& before, const CatalogRoot& after) const;
  /// VEL4011 when a streaming query uses it.
  Status CheckUnused(const CatalogEntry& entry) const;
  const std::shared_ptr<execution::Scheduler>& scheduler() { return scheduler_; }
  /// Of one statement; its time is now when none is given.
  std::shared_ptr<execution::QueryContext> MakeContext(
      std::optional<int64_t> statement_time_us = std::nullopt);
  /// `catalog` must live as long as what is made.
  sql::BindContext MakeBindContext(const logical::CatalogReader& catalog,
                                   const Parameters& parameters,
                                   const execution::QueryContext& context) const;
  /// Binds, outside of any connection, and rewrites.
  Result<logical::BoundQuery> Plan(const sql::Select& select, const Parameters& parameters,
                                   const execution::QueryContext& context);
  /// Rewrites what was bound, as the settings say.
  Status Rewrite(logical::BoundQuery* query, const execution::QueryContext& context) const;
  /// Stops everything; the session answers no further call.
  void Close();
  static std::string NewQueryId();

 private:
  friend class Connection;
  friend class StatementRunner;
  Session(const SessionOptions& options, io::AllowedRoots roots);
  /// As Table finds it.
  Result<EntryPtr> FindEntry(const std::string& name) const;
  /// "t", or "x.t" where x is a schema and main has nothing of the whole name.
  CatalogEntry Named(const std::string& name) const;
  // A statement can be cancelled from its first moment on. A cancel is noted in its context; what
  // it runs is attached when there is something to wake, and finds the note when it came earlier.
  // VEL1006 when another query of that id is under way.
  Status Track(const std::string& query_id, const std::string& sql,
               const std::shared_ptr<execution::QueryContext>& context);
  static Status IdIsTaken(const std::string& query_id);
  void Attach(const std::string& query_id, const std::shared_ptr<RunningQuery>& query);
  void Attach(const std::string& query_id, const std::shared_ptr<execution::Execution>& execution);
  /// Execute has returned: only a query whose rows are still to be read stays.
  void ExecuteEnded(const std::string& query_id, bool stays);
  /// What a streaming query reads and writes, by name: both must still be what they were when the
  /// query is added.
  struct StreamEnds {
    std::string source_name, target_name;
    storage::TablePtr source, target;
  };
  /// A streaming query under its id and name, with its late table. VEL2024 for a name that is
  /// taken, VEL1006 for an id that is known; `statement`, which makes it, may have that id itself.
  Result<std::shared_ptr<stream::StreamingQuery>> AddStream(
      stream::StreamSpec spec, stream::StreamParts parts, const StreamEnds& ends,
      const std::shared_ptr<execution::QueryContext>& statement);
  /// VEL2002 when rows of `target` would come back to `source`, at once or through running queries.
  Status CheckFeeds(const StreamEnds& ends) const;

  // The caller of these holds mutex_.
  Status CheckFeedsLocked(const StreamEnds& ends) const;
  Status CheckEnds(const StreamEnds& ends) const;
  Status CheckNames(const stream::StreamSpec& spec,
                    const std::shared_ptr<execution::QueryContext>& statement) const;
  Status CheckUnusedLocked(const CatalogEntry& entry) const;
  Status CheckUnusedLocked(const CatalogRoot& before, const CatalogRoot& after) const;
  Result<storage::TablePtr> TakeLateTable(const std::string& query_name, const SchemaPtr& stream);
  void EvictStreams();

  const int64_t memory_limit_bytes_;
  const std::shared_ptr<execution::Scheduler> scheduler_;
  const std::shared_ptr<Catalog> catalog_;
  Settings settings_;

  struct Tracked {
    std::string sql;
    int64_t started_unix_ms = 0;
    bool in_execute = true;
    std::weak_ptr<execution::QueryContext> context;
    std::weak_ptr<execution::Execution> execution;
    std::weak_ptr<RunningQuery> query;
  };
  std::optional<Tracked> FindTracked(const std::string& query_id) const;
  mutable std::mutex mutex_;
  std::map<std::string, Tracked> queries_;
  struct Stream {
    std::shared_ptr<stream::StreamingQuery> query;
    int64_t number = 0;      // in the order of their starts
    storage::TablePtr late;  // <name>$late, while this query has the name
  };
  std::map<std::string, Stream> streams_;  // by id
  int64_t next_stream_ = 0;
};

/// The decision about a bound query, as explain and progress tell it.
contract::ExecutionDecision DecideExecution(const logical::BoundQuery& query);

}  // namespace velaria::session
