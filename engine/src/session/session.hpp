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
#include "session/query.hpp"
#include "session/settings.hpp"
#include "sql/planner.hpp"
#include "stream/streaming_query.hpp"

namespace velaria::session {

using Parameters = std::vector<std::shared_ptr<arrow::Scalar>>;

struct SessionOptions {
  int threads = 0;                                        // 0: one per core
  std::optional<std::vector<std::string>> allowed_roots;  // absent: no limit
  int64_t memory_limit_bytes = 0;                         // of one query; 0: none
};

/// What a statement is, known without running it.
struct StatementInfo {
  std::string
      kind;  // "query", "stream", "explain", "insert", "delete", "create", "drop", "set", "show"
  SchemaPtr schema;  // null when it returns no rows
  int parameter_count = 0;
  std::vector<std::string> reads, writes;
};

/// What became of a statement: a query to read, or a finished one.
struct StatementResult {
  std::string query_id;
  std::string kind;
  SchemaPtr schema;  // null when it returns no rows
  std::optional<int64_t> rows_affected;
  std::shared_ptr<RunningQuery> query;             // SELECT over bounded input
  std::shared_ptr<arrow::RecordBatchReader> rows;  // other statements that return rows
};

struct ExplainSections {
  std::string logical, physical, strategy;
};

struct TableSummary {
  std::string name, kind;
  SchemaPtr schema;
  int64_t row_count = -1, byte_count = -1;
};

struct QuerySummary {
  std::string query_id, sql, state;
  int64_t started_unix_ms = 0, row_count = 0;
};

/// One DoPut: an open gate into one table. Not for several threads at once.
class Ingest {
 public:
  Ingest(std::string name, storage::TablePtr table, std::unique_ptr<interop::IngestGate> gate)
      : name_(std::move(name)), table_(std::move(table)), gate_(std::move(gate)) {}
  /// Validates, then appends; the rows are visible when it returns. A failed batch leaves nothing
  /// behind.
  Result<int64_t> Write(std::shared_ptr<arrow::RecordBatch> batch);
  const std::string& table() const { return name_; }
  int64_t row_count() const { return row_count_; }

 private:
  const std::string name_;
  const storage::TablePtr table_;
  const std::unique_ptr<interop::IngestGate> gate_;
  int64_t row_count_ = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  static Result<std::shared_ptr<Session>> Make(const SessionOptions& options);
  ~Session();

  Result<StatementInfo> Describe(const std::string& sql,
                                 const std::optional<Parameters>& parameters);
  Result<StatementResult> Execute(const std::string& sql, const Parameters& parameters,
                                  std::string query_id);
  Result<ExplainSections> Explain(const std::string& sql);

  /// mode: "append" (makes the table when it is not there), "create" or "replace".
  Result<std::unique_ptr<Ingest>> OpenIngest(const std::string& name, const SchemaPtr& schema,
                                             const std::string& mode, interop::Origin origin);
  Status RegisterBatches(const std::string& name, const SchemaPtr& schema,
                         const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                         bool replace);
  /// A stream whose columns are those of the schema, to the letter; VEL2024 when the name is taken.
  Status CreateStream(const std::string& name, SchemaPtr schema);
  Status RegisterSystemTable(const std::string& name, SchemaPtr schema,
                             execution::ReaderFactory open);
  std::vector<TableSummary> Tables() const;
  Result<SchemaPtr> TableSchema(const std::string& name) const;
  /// The entry of that name, "system.x" for one of the server's own; VEL2011 when there is none.
  Result<TableSummary> Table(const std::string& name) const;
  /// Drops a table, source, sink, view or stream; VEL2025 for what is none of these.
  Status Drop(const std::string& name);

  std::vector<QuerySummary> Queries() const;
  /// The state afterwards; VEL4010 for an id that is not running.
  Result<std::string> Cancel(const std::string& query_id);

  Result<std::shared_ptr<stream::StreamingQuery>> StartStream(const std::string& sql,
                                                              const std::string& name,
                                                              bool start_now);
  std::vector<std::shared_ptr<stream::StreamingQuery>> StreamingQueries() const;
  Result<std::shared_ptr<stream::StreamingQuery>> FindStreamingQuery(
      const std::string& id_or_name) const;
  Status EndInput(const std::string& stream);

  Settings& settings() { return settings_; }
  Catalog& catalog() { return catalog_; }
  const std::shared_ptr<execution::Scheduler>& scheduler() { return scheduler_; }
  std::shared_ptr<execution::QueryContext> MakeContext();
  sql::BindContext MakeBindContext(const Parameters& parameters,
                                   const execution::QueryContext& context) const;
  /// Binds and rewrites.
  Result<logical::BoundQuery> Plan(const sql::Select& select, const Parameters& parameters,
                                   const execution::QueryContext& context);
  /// Stops everything; the session answers no further call.
  void Close();
  static std::string NewQueryId();

 private:
  friend class StatementRunner;
  Session(const SessionOptions& options, io::AllowedRoots roots);
  Result<std::shared_ptr<const CatalogEntry>> FindEntry(const std::string& name) const;
  void Track(const std::string& query_id, const std::string& sql,
             const std::shared_ptr<RunningQuery>& query);
  Result<std::shared_ptr<stream::StreamingQuery>> MakeStream(const std::string& sql,
                                                             const std::string& name,
                                                             std::string query_id);

  const int64_t memory_limit_bytes_;
  const std::shared_ptr<execution::Scheduler> scheduler_;
  Catalog catalog_;
  Settings settings_;

  struct Tracked {
    std::string sql;
    int64_t started_unix_ms;
    std::weak_ptr<RunningQuery> query;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Tracked> queries_;
  std::map<std::string, std::shared_ptr<stream::StreamingQuery>> streams_;  // by id
};

/// The decision about a bound query, as explain and progress tell it.
contract::ExecutionDecision DecideExecution(const logical::BoundQuery& query);

}  // namespace velaria::session
