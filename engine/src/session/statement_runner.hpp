// Carries out parsed statements. Split by what a statement does: statements_describe.cpp (what it
// is), statements_query.cpp (explain, SELECT, streams), statements_change.cpp (CREATE, INSERT,
// DELETE, DROP), statements_alter.cpp (ALTER TABLE, TRUNCATE), statements_index.cpp (CREATE INDEX),
// statements_connection.cpp (transactions, schemas), statements.cpp (the rest).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file_words.hpp"
#include "session/connection.hpp"
#include "session/session.hpp"
#include "session/table_rules.hpp"
#include "sql/parser.hpp"

namespace velaria::session {

struct ObjectName {
  std::string schema;  // empty when it is not written
  std::string name;
};

/// Schema and name of an object that is looked at; VEL2028 for an unknown schema.
Result<ObjectName> AnyNameOf(const std::vector<sql::Name>& parts, const CatalogView& catalog);
/// Schema and name of an object that a statement changes; VEL2028 for an unknown schema, VEL2025
/// for system.
Result<ObjectName> NameOf(const std::vector<sql::Name>& parts, const CatalogView& catalog);
/// VEL2028, with the nearest name.
Status UnknownSchema(const std::string& schema, const CatalogView& catalog, Place place);
/// "query", "insert", "update", "delete", "alter", "drop", "set", "show", "explain", "transaction"
/// or "create".
const char* StatementKindName(const sql::Statement& statement);
/// What PostgreSQL's clients are told of a statement that is done; empty for one that shows rows.
std::string CommandTag(const sql::Statement& statement, int64_t rows);
/// What a DROP of anything but schemas takes away.
logical::RelationKind DroppedKind(const sql::Statement& drop);
/// Whether EXPLAIN takes it.
bool HasPlan(const sql::Statement& statement);
Status UnsupportedStatement(const sql::Statement& statement, const std::string& what);
Result<std::shared_ptr<arrow::RecordBatchReader>> TextRows(
    const SchemaPtr& schema, const std::vector<std::vector<std::string>>& rows);
SchemaPtr ExplainSchema();    // section, text
SchemaPtr DescribeSchema();   // column_name, column_type, nullable
SchemaPtr SummarizeSchema();  // column_name, column_type, min, max, ...
// statements_show.cpp
SchemaPtr ShowSchema(const sql::Statement& show);
std::vector<std::vector<std::string>> ShownFunctions();  // name, signature, null_rule
/// Leaves the rows whose name fits the statement's LIKE.
Status KeepShown(const sql::Statement& show, std::vector<std::vector<std::string>>* rows);

using ConvertRows = std::function<Result<std::shared_ptr<arrow::RecordBatch>>(
    const std::shared_ptr<arrow::RecordBatch>&)>;

/// Carries out one parsed statement. One per call; holds what the parts share.
class StatementRunner {
 public:
  StatementRunner(Connection& connection, const std::string& sql, Parameters parameters,
                  std::string query_id)
      : connection_(connection),
        session_(connection.session()),
        sql_(sql),
        parameters_(std::move(parameters)),
        query_id_(std::move(query_id)),
        context_(session_.MakeContext()) {}
  /// For a statement inside another one: they are one query.
  StatementRunner(const StatementRunner& outer, const std::string& sql, Parameters parameters)
      : connection_(outer.connection_),
        session_(outer.session_),
        view_(outer.view_),
        opens_files_(outer.opens_files_),
        sql_(sql),
        parameters_(std::move(parameters)),
        query_id_(outer.query_id_),
        context_(outer.context_) {}

  const std::shared_ptr<execution::QueryContext>& context() const { return context_; }
  /// The names and tables that this statement sees; from its first look at them on, or as set.
  const std::shared_ptr<const CatalogView>& view() {
    if (view_) return view_;
    view_ = connection_.View();
    if (!opens_files_) view_ = view_->WithoutFiles();
    return view_;
  }
  void SetView(std::shared_ptr<const CatalogView> view) { view_ = std::move(view); }
  /// As CatalogView::WithoutFiles. Before the first look.
  void KeepFromFiles() { opens_files_ = false; }
  /// Instead of parameters: of what RunsOverRows.
  void SetParameterRows(logical::RelationPtr rows) { parameter_rows_ = std::move(rows); }
  /// Whether the statement may run once over its rows of parameters, and mean what it means when it
  /// runs for each. Of an UPDATE and ON CONFLICT that is known when the rows are found: they fail
  /// when two rows of parameters change one row.
  bool RunsOverRows(const sql::Statement& statement);
  Result<StatementInfo> Describe(const sql::Statement& statement, bool parameters_known);
  Result<StatementResult> Execute(const sql::Statement& statement);
  /// Whether SET, RESET and SHOW of it are about the connection's current schema.
  static bool IsSchemaSetting(const std::string& name);
  /// BEGIN, COMMIT, ROLLBACK and the savepoints.
  Result<StatementResult> Control(const sql::Statement& statement);
  Result<ExplainSections> Explain(const sql::Statement& statement);
  Result<ExplainSections> ExplainStream(const sql::Statement& statement);
  /// The streaming query that a SELECT or INSERT ... SELECT runs, not started.
  Result<std::shared_ptr<stream::StreamingQuery>> MakeStream(const sql::Statement& statement,
                                                             const StreamOptions& options);

 private:
  // statements_describe.cpp
  Status DescribeQuery(const sql::Statement& statement, const sql::BindContext& bind,
                       StatementInfo* info);
  Status DescribeInsert(const sql::Statement& statement, const sql::BindContext& bind,
                        StatementInfo* info);
  Status DescribeNames(const sql::Statement& statement, const sql::BindContext& bind,
                       StatementInfo* info);
  /// The uses of CREATE TABLE, VIEW and STREAM beside those of its query.
  Status UsesOfCreate(const sql::Statement& statement, logical::RelationUses* uses);
  Status UsesOfDrop(const sql::Statement& statement, logical::RelationUses* uses);
  Status UsesOfAlter(const sql::Statement& statement, logical::RelationUses* uses);
  Status UsesOfShow(const sql::Statement& statement, const sql::BindContext& bind,
                    logical::RelationUses* uses);
  const CatalogView& catalog() { return *view(); }
  sql::BindContext Bind() {
    auto bind = session_.MakeBindContext(catalog(), parameters_, *context_);
    bind.parameter_rows = parameter_rows_;
    return bind;
  }
  /// VEL1006 for too few or too many of them.
  Status CheckParameters(const sql::Statement& statement) const;
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
  Result<std::shared_ptr<const execution::PhysicalPlan>> PhysicalPlanOf(
      const CheckedQuery& checked) const;
  // statements_analyze.cpp
  Result<StatementResult> ExplainRows(const sql::Statement& statement);
  Result<std::string> Analyze(const sql::Statement& statement);
  // statements_set.cpp
  Result<std::string> SettingText(const sql::Statement& set, const sql::BindContext& bind);
  Result<StatementResult> Set(const sql::Statement& statement);
  Result<StatementResult> Reset(const sql::Statement& statement);
  // statements_prepare.cpp
  /// A prepared statement with what EXECUTE gives it. Its trees live as long as this.
  struct PreparedCall {
    std::string sql;
    sql::StatementPtr prepare;
    Parameters arguments;
  };
  Result<PreparedCall> CallOf(const sql::Statement& execute);
  /// The statement inside a PREPARE, bound without the values of its parameters.
  Result<StatementInfo> DescribePrepared(const sql::Statement& prepare);
  /// The same of the statement that EXECUTE names.
  Result<StatementInfo> DescribeNamed(const sql::Statement& execute);
  static Status AtExecute(const sql::Statement& execute, const Status& status);
  Result<StatementResult> Prepare(const sql::Statement& statement);
  Result<StatementResult> ExecutePrepared(const sql::Statement& statement);
  Result<StatementResult> Deallocate(const sql::Statement& statement);
  // statements_summarize.cpp
  Result<StatementResult> Summarize(const sql::Statement& statement);
  Result<SchemaPtr> DescribedSchema(const sql::Statement& statement);
  Result<std::shared_ptr<RunningQuery>> StartQuery(const logical::BoundQuery& query);
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> RunToBatches(
      const logical::BoundQuery& query);
  Result<std::shared_ptr<stream::StreamingQuery>> MakeStream(CheckedQuery checked,
                                                             const StreamOptions& options);
  Result<StatementResult> Select(const sql::Statement& statement);
  Result<StatementResult> CreateTable(const sql::Statement& statement);
  /// OPTIONS and COPY's options by word; VEL4004 for one that is given twice.
  static Result<io::GivenOptions> OptionsOf(const sql::Statement& statement);
  Result<CatalogEntry> FileTableEntry(const sql::Statement& statement, const ObjectName& name,
                                      SchemaPtr declared);
  Result<StatementResult> CreateView(const sql::Statement& statement);
  Result<StatementResult> CreateStream(const sql::Statement& statement);
  Result<StatementResult> Insert(const sql::Statement& statement);
  // statements_found_rows.cpp
  struct ChangePlan {
    std::shared_ptr<const CatalogEntry> target;
    sql::ChangedRows rows;
  };
  struct FoundRows {
    std::vector<int64_t> positions;  // ascending
    std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
  };
  /// The table as the statement sees it, with its rows' positions as a further column.
  std::shared_ptr<const execution::TableRelation> PositionsOf(const CatalogEntry& target);
  /// The rows that an UPDATE or DELETE changes, as they are found.
  Result<ChangePlan> BindChange(const sql::Statement& statement, const sql::BindContext& bind);
  /// The same, rewritten.
  Result<ChangePlan> PlanChange(const sql::Statement& statement);
  Result<FoundRows> OnceEach(const SchemaPtr& schema,
                             std::vector<std::shared_ptr<arrow::RecordBatch>> batches) const;
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
  Result<StatementResult> WithReturning(
      const sql::Statement& statement, const sql::ReturningList& list,
      const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows, int64_t count);
  /// The keys, conditions and defaults that CREATE TABLE declares; null when there are none.
  Result<std::shared_ptr<storage::TableGuard>> RulesFrom(const sql::Statement& statement,
                                                         const std::string& table,
                                                         SchemaPtr* schema);
  /// Adds the statement's keys and conditions. A primary key makes its columns NOT NULL.
  Status AddRules(const sql::Statement& statement, const std::string& table, SchemaPtr* schema,
                  RuleSet* rules);
  static sql::ColumnDefaults DefaultsOf(const CatalogEntry& entry);
  // statements_alter.cpp
  /// Outside a transaction a statement that somebody else's commit overtook is tried again.
  Result<StatementResult> Again(const std::function<Result<StatementResult>()>& attempt);
  Result<StatementResult> AlterTable(const sql::Statement& statement);
  Result<StatementResult> Truncate(const sql::Statement& statement);
  /// A table of that schema and those rules with the rows of `old`, each batch as `convert` makes
  /// it; it is not in the catalog yet.
  Result<CatalogEntry> Rebuilt(const CatalogEntry& old, const SchemaPtr& schema, RuleSet rules,
                               const ConvertRows& convert);
  Status PutInPlace(const EntryPtr& old, const CatalogEntry& next,
                    const std::function<Status(CatalogRoot&)>& then = nullptr);
  // statements_index.cpp
  Result<StatementResult> CreateIndex(const sql::Statement& statement);
  Status EnterIndex(CatalogEntry index, const EntryPtr& table, Catalog::IfExists if_exists,
                    const std::vector<int>& columns);
  /// The table without the keys of these unique indexes.
  Result<CatalogEntry> WithoutKeysOf(const EntryPtr& table, const std::vector<EntryPtr>& indexes);
  Result<StatementResult> Drop(const sql::Statement& statement);
  Result<StatementResult> DropSchemas(const sql::Statement& statement);
  Result<StatementResult> Show(const sql::Statement& statement);
  // statements_connection.cpp
  Result<StatementResult> CreateSchema(const sql::Statement& statement);
  static bool ShowsNames(const sql::Statement& statement);
  /// SHOW TABLES, VIEWS, INDEXES and SCHEMAS.
  Result<std::vector<std::vector<std::string>>> ShowNames(const sql::Statement& statement);
  /// Schema and name of what a CREATE makes, whether or not it may.
  Result<ObjectName> MadeNameOf(const sql::Statement& statement);
  Result<ObjectName> NewNameOf(const sql::Statement& statement);
  /// Puts a new entry into the catalog, or among the temporary ones.
  Status Enter(const CatalogEntry& entry, Catalog::IfExists if_exists, Place place);
  /// VEL2011, with the nearest name, when there is none.
  Result<EntryPtr> ExistingEntry(const std::vector<sql::Name>& parts);
  /// VEL2011 of what DROP does not find, with the nearest name of that kind.
  Status NothingToDrop(const std::vector<sql::Name>& parts, logical::RelationKind kind);
  /// As ExistingEntry, of what is only looked at; VEL2025 for an index.
  Result<EntryPtr> DescribedEntry(const std::vector<sql::Name>& parts);
  Result<EntryPtr> WritableEntry(const std::vector<sql::Name>& parts);
  StatementResult Done(const sql::Statement& statement,
                       std::optional<int64_t> rows = std::nullopt) const {
    StatementResult result;
    result.query_id = query_id_;
    result.kind = StatementKindName(statement);
    result.rows_affected = rows;
    result.tag = CommandTag(statement, rows.value_or(0));
    return result;
  }
  static Catalog::IfExists IfExistsOf(const sql::Statement& statement) {
    return statement.or_replace      ? Catalog::IfExists::kReplace
           : statement.if_not_exists ? Catalog::IfExists::kKeep
                                     : Catalog::IfExists::kFail;
  }

  Connection& connection_;
  Session& session_;
  std::shared_ptr<const CatalogView> view_;
  bool opens_files_ = true;
  const std::string& sql_;
  const Parameters parameters_;
  logical::RelationPtr parameter_rows_;
  const std::string query_id_;
  const std::shared_ptr<execution::QueryContext> context_;
};

}  // namespace velaria::session
