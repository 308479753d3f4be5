// Carries out parsed statements. Split by what a statement does: statements_query.cpp (describe,
// explain, SELECT, streams), statements_change.cpp (CREATE, INSERT, DELETE, DROP),
// statements_index.cpp (CREATE INDEX), statements.cpp (the rest, and the session's calls).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.hpp"
#include "sql/parser.hpp"

namespace velaria::session {

struct ObjectName {
  std::string schema = "main";
  std::string name;
};

/// Schema and name of an object that is looked at; VEL2028 for an unknown schema.
Result<ObjectName> AnyNameOf(const std::vector<sql::Name>& parts, const Catalog& catalog);
/// Schema and name of an object that a statement makes or changes; VEL2028 for an unknown schema,
/// VEL2025 for system.
Result<ObjectName> NameOf(const std::vector<sql::Name>& parts, const Catalog& catalog);
/// "query", "insert", "delete", "drop", "set", "show", "explain" or "create".
const char* StatementKindName(const sql::Statement& statement);
Status UnsupportedStatement(const sql::Statement& statement, const std::string& what);
Result<std::shared_ptr<arrow::RecordBatchReader>> TextRows(
    const SchemaPtr& schema, const std::vector<std::vector<std::string>>& rows);
SchemaPtr ExplainSchema();    // section, text
SchemaPtr NameValueSchema();  // name, value
SchemaPtr DescribeSchema();   // column_name, column_type, nullable

/// Carries out one parsed statement. One per call; holds what the parts share.
class StatementRunner {
 public:
  StatementRunner(Session& session, const std::string& sql, Parameters parameters,
                  std::string query_id)
      : session_(session),
        sql_(sql),
        parameters_(std::move(parameters)),
        query_id_(std::move(query_id)),
        context_(session.MakeContext()) {}

  const std::shared_ptr<execution::QueryContext>& context() const { return context_; }
  Result<StatementInfo> Describe(const sql::Statement& statement, bool parameters_known);
  Result<StatementResult> Execute(const sql::Statement& statement);
  Result<ExplainSections> Explain(const sql::Statement& statement);
  Result<ExplainSections> ExplainStream(const sql::Statement& statement);
  /// The streaming query that a SELECT or INSERT ... SELECT runs, not started.
  Result<std::shared_ptr<stream::StreamingQuery>> MakeStream(const sql::Statement& statement,
                                                             const StreamOptions& options);

 private:
  Status CheckParameters(const sql::Statement& statement) const {
    const auto needed = static_cast<size_t>(statement.parameter_count);
    if (parameters_.size() == needed) return Status::OK();
    return Fail(ErrorCode::kBadParameter,
                "the statement takes " + std::to_string(needed) +
                    " parameters, given: " + std::to_string(parameters_.size()));
  }
  /// A query as it is explained and started: bound, rewritten, found possible, and decided about.
  struct CheckedQuery {
    logical::BoundQuery query;
    Session::StreamEnds ends;  // what INSERT writes; what a continuous query reads
    contract::ExecutionDecision decision;
  };
  /// The query inside a statement that has one.
  Result<CheckedQuery> Check(const sql::Statement& statement);
  /// The same for what can be started as a streaming query.
  Result<CheckedQuery> CheckStream(const sql::Statement& statement);
  Result<ExplainSections> Sections(const CheckedQuery& checked) const;
  Result<std::shared_ptr<RunningQuery>> StartQuery(const logical::BoundQuery& query);
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> RunToBatches(
      const logical::BoundQuery& query);
  Result<std::shared_ptr<stream::StreamingQuery>> MakeStream(CheckedQuery checked,
                                                             const StreamOptions& options);
  Result<StatementResult> Select(const sql::Statement& statement);
  Result<StatementResult> CreateTable(const sql::Statement& statement);
  Result<CatalogEntry> FileTableEntry(const sql::Statement& statement, const ObjectName& name,
                                      SchemaPtr declared);
  Result<StatementResult> CreateView(const sql::Statement& statement);
  Result<StatementResult> CreateStream(const sql::Statement& statement);
  Result<StatementResult> Insert(const sql::Statement& statement);
  // statements_copy.cpp
  Result<StatementResult> Copy(const sql::Statement& statement);
  Result<StatementResult> CopyTo(const sql::Statement& statement);
  Result<StatementResult> CopyFrom(const sql::Statement& statement);
  Result<logical::BoundQuery> PlanCopy(const sql::Statement& statement,
                                       const sql::BindContext& bind);
  // statements_modify.cpp
  Result<StatementResult> Modify(const sql::Statement& statement);
  Result<StatementResult> InsertRows(const sql::Statement& statement,
                                     const storage::TablePtr& table,
                                     std::vector<std::shared_ptr<arrow::RecordBatch>> batches);
  /// How many rows were changed, and what RETURNING makes of them.
  Result<StatementResult> WithReturning(
      const sql::Statement& statement, const SchemaPtr& schema,
      const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows, int64_t count);
  Result<std::shared_ptr<storage::TableGuard>> RulesFrom(const sql::Statement& statement,
                                                         const std::string& table,
                                                         SchemaPtr* schema);
  static sql::ColumnDefaults DefaultsOf(const CatalogEntry& entry);
  Result<StatementResult> CreateIndex(const sql::Statement& statement);
  Result<StatementResult> Drop(const sql::Statement& statement);
  Result<StatementResult> Show(const sql::Statement& statement);
  /// VEL2011, with the nearest name, when there is none.
  Result<std::shared_ptr<const CatalogEntry>> ExistingEntry(const std::vector<sql::Name>& parts);
  Result<std::shared_ptr<const CatalogEntry>> WritableEntry(const std::vector<sql::Name>& parts);
  StatementResult Done(const sql::Statement& statement,
                       std::optional<int64_t> rows = std::nullopt) const {
    StatementResult result;
    result.query_id = query_id_;
    result.kind = StatementKindName(statement);
    result.rows_affected = rows;
    return result;
  }
  static Catalog::IfExists IfExistsOf(const sql::Statement& statement) {
    return statement.or_replace      ? Catalog::IfExists::kReplace
           : statement.if_not_exists ? Catalog::IfExists::kKeep
                                     : Catalog::IfExists::kFail;
  }

  Session& session_;
  const std::string& sql_;
  const Parameters parameters_;
  const std::string query_id_;
  const std::shared_ptr<execution::QueryContext> context_;
};

}  // namespace velaria::session
