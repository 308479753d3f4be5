// Statements: what each kind does when it is executed, described or explained.
#include <arrow/table.h>

#include "base/text.hpp"
#include "execution/position_sink.hpp"
#include "io/open_file.hpp"
#include "logical/evaluate.hpp"
#include "session/session.hpp"
#include "sql/parser.hpp"

namespace velaria::session {
namespace {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

struct ObjectName {
  std::string schema = "main";
  std::string name;
};

Result<ObjectName> NameOf(const std::vector<sql::Name>& parts, const Catalog& catalog) {
  ObjectName out;
  if (parts.empty() || parts.size() > 2) {
    return FailAt(parts.empty() ? Place{} : parts[0].place, ErrorCode::kUnknownSchema, "a name has at most a schema and a table");
  }
  out.name = parts.back().text;
  if (parts.size() == 2) {
    out.schema = ToLower(parts[0].text);
    if (!catalog.HasSchema(out.schema)) {
      return FailAt(parts[0].place, ErrorCode::kUnknownSchema, "no schema of that name: " + parts[0].text, "Schemas are main and system.");
    }
  }
  if (out.schema == "system") {
    return FailAt(parts[0].place, ErrorCode::kWrongObjectKind, "the schema system is read-only: " + out.name);
  }
  return out;
}

SchemaPtr ExplainSchema() {
  return arrow::schema({arrow::field("section", arrow::utf8(), false), arrow::field("text", arrow::utf8(), false)});
}

SchemaPtr NameValueSchema() {
  return arrow::schema({arrow::field("name", arrow::utf8(), false), arrow::field("value", arrow::utf8(), false)});
}

Result<std::shared_ptr<arrow::RecordBatchReader>> TextRows(const SchemaPtr& schema, const std::vector<std::vector<std::string>>& rows) {
  std::vector<arrow::StringBuilder> builders(static_cast<size_t>(schema->num_fields()));
  for (const auto& row : rows) {
    for (size_t c = 0; c < builders.size(); ++c) ARROW_RETURN_NOT_OK(builders[c].Append(row[c]));
  }
  arrow::ArrayVector columns;
  for (auto& builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatchReader::Make({arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), std::move(columns))}, schema);
}

const char* KindOf(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kSelect: return "query";
    case StatementKind::kExplain: return "explain";
    case StatementKind::kInsert: return "insert";
    case StatementKind::kDelete: return "delete";
    case StatementKind::kDrop: return "drop";
    case StatementKind::kSet:
    case StatementKind::kReset: return "set";
    case StatementKind::kShow:
    case StatementKind::kDescribe: return "show";
    default: return "create";
  }
}

Status Unsupported(const Statement& statement, const std::string& what) {
  return FailAt(statement.place, ErrorCode::kUnsupportedStatement, "the statement is not supported: " + what);
}

}  // namespace

/// Carries out one parsed statement. One per call; holds what the parts share.
class StatementRunner {
 public:
  StatementRunner(Session& session, const std::string& sql, Parameters parameters, std::string query_id)
      : session_(session), sql_(sql), parameters_(std::move(parameters)), query_id_(std::move(query_id)),
        context_(session.MakeContext()) {}

  Result<StatementInfo> Describe(const Statement& statement, bool parameters_known);
  Result<StatementResult> Execute(const Statement& statement);
  Result<ExplainSections> Explain(const Statement& statement);
  /// The query a stream statement runs, and the table it writes (null for a SELECT).
  Result<std::shared_ptr<stream::StreamingQuery>> MakeStream(const Statement& statement, const std::string& name);

 private:
  Status CheckParameters(const Statement& statement) const {
    const auto needed = static_cast<size_t>(statement.parameter_count);
    if (parameters_.size() == needed) return Status::OK();
    return Fail(ErrorCode::kBadParameter, "the statement takes " + std::to_string(needed) + " parameters, given: " + std::to_string(parameters_.size()));
  }
  Result<logical::BoundQuery> PlanSelect(const sql::Select& select) { return session_.Plan(select, parameters_, *context_); }
  Result<std::shared_ptr<RunningQuery>> StartQuery(const logical::BoundQuery& query);
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> RunToBatches(const logical::BoundQuery& query);
  Result<StatementResult> Select(const Statement& statement);
  Result<StatementResult> CreateTable(const Statement& statement);
  Result<CatalogEntry> FileTableEntry(const Statement& statement, const ObjectName& name, SchemaPtr declared);
  Result<StatementResult> CreateView(const Statement& statement);
  Result<StatementResult> CreateStream(const Statement& statement);
  Result<StatementResult> Insert(const Statement& statement);
  Result<StatementResult> Delete(const Statement& statement);
  Result<StatementResult> Drop(const Statement& statement);
  Result<StatementResult> Show(const Statement& statement);
  Result<std::shared_ptr<const CatalogEntry>> WritableEntry(const std::vector<sql::Name>& parts);
  StatementResult Done(const Statement& statement, std::optional<int64_t> rows = std::nullopt) const {
    StatementResult result;
    result.query_id = query_id_;
    result.kind = KindOf(statement);
    result.rows_affected = rows;
    return result;
  }
  static Catalog::IfExists IfExistsOf(const Statement& statement) {
    return statement.or_replace ? Catalog::IfExists::kReplace
           : statement.if_not_exists ? Catalog::IfExists::kKeep : Catalog::IfExists::kFail;
  }

  Session& session_;
  const std::string& sql_;
  const Parameters parameters_;
  const std::string query_id_;
  const std::shared_ptr<execution::QueryContext> context_;
};

// ---- describe and explain

Result<StatementInfo> StatementRunner::Describe(const Statement& statement, bool parameters_known) {
  StatementInfo info;
  info.kind = KindOf(statement);
  info.parameter_count = statement.parameter_count;
  auto bind = session_.MakeBindContext(parameters_, *context_);
  bind.parameters_known = parameters_known;
  if (parameters_known) ARROW_RETURN_NOT_OK(CheckParameters(statement));
  switch (statement.kind) {
    case StatementKind::kSelect: {
      ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
      info.schema = query.schema;
      info.reads = query.reads;
      if (!query.is_bounded) info.kind = "stream";
      return info;
    }
    case StatementKind::kExplain:
      info.schema = ExplainSchema();
      return info;
    case StatementKind::kShow:
      info.schema = NameValueSchema();
      return info;
    case StatementKind::kDescribe:
      info.schema = arrow::schema({arrow::field("column_name", arrow::utf8(), false), arrow::field("column_type", arrow::utf8(), false),
                                   arrow::field("nullable", arrow::utf8(), false)});
      return info;
    case StatementKind::kInsert: {
      ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
      ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanInsertSource(statement, *target->ArrowSchema(), bind));
      info.reads = query.reads;
      info.writes = {target->name};
      if (!query.is_bounded) info.kind = "insert_stream";
      return info;
    }
    default:
      if (statement.select) {
        ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
        info.reads = query.reads;
      }
      if (!statement.name.empty()) info.writes = {statement.name.back().text};
      return info;
  }
}

Result<ExplainSections> StatementRunner::Explain(const Statement& statement) {
  const Statement* inner = statement.kind == StatementKind::kExplain ? statement.inner.get() : &statement;
  logical::BoundQuery query;
  if (inner->kind == StatementKind::kInsert) {
    ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(inner->name));
    ARROW_ASSIGN_OR_RAISE(query, sql::PlanInsertSource(*inner, *target->ArrowSchema(), session_.MakeBindContext(parameters_, *context_)));
    ARROW_ASSIGN_OR_RAISE(query.root, logical::Rewrite(query.root, context_->functions()));
  } else if (inner->select) {
    ARROW_ASSIGN_OR_RAISE(query, PlanSelect(*inner->select));
  } else {
    return FailAt(inner->place, ErrorCode::kUnsupportedStatement, "there is no plan to explain for a statement of kind: " + std::string(KindOf(*inner)),
                  "EXPLAIN takes SELECT, INSERT ... SELECT and CREATE TABLE ... AS.");
  }
  execution::LowerOptions options;
  if (!query.is_bounded) options.stream_range = [](const execution::TableRelation&) { return [] { return execution::TableRange{}; }; };
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::Lower(query.root, query.schema, options));
  return ExplainSections{logical::ToText(*query.root), plan->ToText(), contract::StrategyText(DecideExecution(query))};
}

// ---- queries

Result<std::shared_ptr<RunningQuery>> StatementRunner::StartQuery(const logical::BoundQuery& query) {
  const int64_t trigger_rows = session_.settings().GetInteger("debug_trigger_rows");
  execution::LowerOptions options;
  std::function<int64_t()> triggers_left = [] { return int64_t{0}; };
  if (trigger_rows > 0) {
    // The slices of the one table that is cut; the plan asks for the range of a trigger when it starts it.
    struct Slices {
      storage::VersionPtr version;
      int64_t begin = 0, end = 0;
      bool used = false;
    };
    auto slices = std::make_shared<Slices>();
    options.slice_tables = true;
    options.stream_range = [slices](const execution::TableRelation& table) {
      slices->version = table.version();
      slices->used = true;
      return [slices] { return execution::TableRange{slices->version, slices->begin, slices->end}; };
    };
    triggers_left = [slices, trigger_rows]() -> int64_t {
      if (!slices->used) return 0;
      const int64_t total = slices->version->end_position();
      slices->begin = slices->end;
      slices->end = std::min(total, slices->begin + trigger_rows);
      return (total - slices->end + trigger_rows - 1) / trigger_rows;
    };
  }
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::Lower(query.root, query.schema, options));
  ARROW_ASSIGN_OR_RAISE(auto execution, execution::Execution::Make(plan, context_, session_.scheduler_.get()));
  auto running = std::make_shared<RunningQuery>(std::move(execution), std::move(triggers_left));
  session_.Track(query_id_, sql_, running);
  return running;
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> StatementRunner::RunToBatches(const logical::BoundQuery& query) {
  ARROW_ASSIGN_OR_RAISE(auto running, StartQuery(query));
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(running->Next(&batch));
    if (!batch) return batches;
    batches.push_back(std::move(batch));
  }
}

Result<StatementResult> StatementRunner::Select(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto query, PlanSelect(*statement.select));
  if (!query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput, "the query reads a stream and never ends",
                  "Start it as a streaming query, or read it as a subscription.");
  }
  StatementResult result = Done(statement);
  result.schema = query.schema;
  ARROW_ASSIGN_OR_RAISE(result.query, StartQuery(query));
  return result;
}

Result<std::shared_ptr<stream::StreamingQuery>> StatementRunner::MakeStream(const Statement& statement, const std::string& name) {
  ARROW_RETURN_NOT_OK(CheckParameters(statement));
  stream::StreamSpec spec;
  logical::BoundQuery query;
  if (statement.kind == StatementKind::kInsert) {
    ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
    ARROW_ASSIGN_OR_RAISE(query, sql::PlanInsertSource(statement, *target->ArrowSchema(), session_.MakeBindContext(parameters_, *context_)));
    spec.sink = target->table;
  } else if (statement.kind == StatementKind::kSelect) {
    ARROW_ASSIGN_OR_RAISE(query, sql::PlanSelect(*statement.select, session_.MakeBindContext(parameters_, *context_)));
  } else {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement, std::string("a streaming query is a SELECT or INSERT ... SELECT, not: ") + KindOf(statement));
  }
  if (query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput, "the query reads no stream", "Run it as a plain query.");
  }
  if (query.emit != logical::Emit::kDefault && query.emit != logical::Emit::kPerBatch) {
    return FailAt(statement.place, ErrorCode::kBadEmit, "only EMIT PER BATCH is supported", "Leave EMIT out, or write EMIT PER BATCH.");
  }
  ARROW_ASSIGN_OR_RAISE(query.root, logical::Rewrite(query.root, context_->functions()));
  spec.query_id = query_id_;
  spec.name = name.empty() ? query_id_ : name;
  spec.sql = sql_;
  spec.root = query.root;
  spec.schema = query.schema;
  spec.decision = DecideExecution(query);
  spec.decision.sink_is_blocking = spec.sink != nullptr;
  spec.trigger_rows = session_.settings().GetInteger("stream_trigger_rows");
  if (spec.decision.has_window) {
    // The stream's own columns, then why a row is late and where it stood in the log.
    for (const auto& entry : session_.catalog_.Entries()) {
      if (entry->kind != RelationKind::kStream || std::find(query.reads.begin(), query.reads.end(), entry->name) == query.reads.end()) continue;
      auto fields = entry->table->schema()->fields();
      fields.push_back(arrow::field("_late_reason", arrow::utf8()));
      fields.push_back(arrow::field("_seq", arrow::int64()));
      CatalogEntry late;
      late.name = spec.name + "$late";
      late.table = std::make_shared<storage::Table>(arrow::schema(std::move(fields)));
      spec.late = late.table;
      ARROW_RETURN_NOT_OK(session_.catalog_.Create(std::move(late), Catalog::IfExists::kReplace).status());
    }
  }
  return stream::StreamingQuery::Make(std::move(spec), context_, session_.scheduler_.get());
}

// ---- DDL and DML

Result<CatalogEntry> StatementRunner::FileTableEntry(const Statement& statement, const ObjectName& name, SchemaPtr declared) {
  std::map<std::string, std::string> options;
  std::string path;
  for (const auto& option : statement.options) {
    if (EqualsIgnoreCase(option.key.text, "path")) {
      path = option.value;
    } else {
      options[option.key.text] = option.value;
    }
  }
  if (path.empty()) {
    return FailAt(statement.place, ErrorCode::kBadOption, "OPTIONS needs a path", "Write OPTIONS(path: 'file.csv').");
  }
  ARROW_ASSIGN_OR_RAISE(auto file_options, io::ParseFileOptions(statement.using_format, options, std::move(declared)));
  CatalogEntry entry;
  entry.kind = RelationKind::kSource;
  entry.name = name.name;
  ARROW_ASSIGN_OR_RAISE(entry.file, io::OpenFile(path, session_.catalog_.roots(), file_options));
  return entry;
}

Result<StatementResult> StatementRunner::CreateTable(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog_));
  if (statement.temporary) return Unsupported(statement, "CREATE TEMPORARY TABLE");
  if (statement.flavour == sql::TableFlavour::kSink) return Unsupported(statement, "CREATE SINK TABLE");
  for (const auto& column : statement.columns) {
    if (column.primary_key || column.unique || column.default_value) {
      return FailAt(column.name.place, ErrorCode::kUnsupportedStatement,
                    "PRIMARY KEY, UNIQUE and DEFAULT are not supported, column: " + column.name.text);
    }
  }
  const auto existing = session_.catalog_.Find(name.schema, name.name);
  if (existing && statement.if_not_exists) return Done(statement, 0);
  SchemaPtr declared;
  if (!statement.columns.empty()) {
    ARROW_ASSIGN_OR_RAISE(declared, sql::SchemaFromColumns(statement.columns));
  }
  CatalogEntry entry;
  int64_t rows = 0;
  if (statement.has_options || !statement.using_format.empty()) {
    ARROW_ASSIGN_OR_RAISE(entry, FileTableEntry(statement, name, declared));
  } else if (statement.select) {
    ARROW_ASSIGN_OR_RAISE(auto query, PlanSelect(*statement.select));
    if (!query.is_bounded) {
      return FailAt(statement.place, ErrorCode::kNeedsBoundedInput, "CREATE TABLE AS reads a stream, which never ends",
                    "Create the table, then start INSERT INTO ... SELECT as a streaming query.");
    }
    std::vector<std::string> seen;
    arrow::FieldVector fields;
    for (const auto& field : query.schema->fields()) {
      const auto lower = ToLower(field->name());
      if (std::find(seen.begin(), seen.end(), lower) != seen.end()) {
        return FailAt(statement.place, ErrorCode::kDuplicateColumn, "a column name appears twice: " + field->name(), "Give one of them an alias.");
      }
      seen.push_back(lower);
      fields.push_back(field->WithNullable(true));
    }
    ARROW_ASSIGN_OR_RAISE(auto batches, RunToBatches(query));
    entry.name = name.name;
    const auto schema = arrow::schema(std::move(fields));
    entry.table = std::make_shared<storage::Table>(schema);
    for (auto& batch : batches) {
      rows += batch->num_rows();
      batch = arrow::RecordBatch::Make(schema, batch->num_rows(), batch->columns());
    }
    ARROW_RETURN_NOT_OK(entry.table->Append(batches));
  } else {
    if (!declared) return FailAt(statement.place, ErrorCode::kSyntaxError, "a table needs columns: " + name.name);
    entry.name = name.name;
    entry.table = std::make_shared<storage::Table>(declared);
  }
  ARROW_RETURN_NOT_OK(session_.catalog_.Create(std::move(entry), IfExistsOf(statement)).status());
  return Done(statement, rows);
}

Result<StatementResult> StatementRunner::CreateView(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog_));
  ARROW_ASSIGN_OR_RAISE(auto query, PlanSelect(*statement.select));
  if (std::find_if(query.reads.begin(), query.reads.end(), [&](const auto& read) { return EqualsIgnoreCase(read, name.name); }) != query.reads.end()) {
    return FailAt(statement.place, ErrorCode::kUnknownTable, "the view would read itself: " + name.name);
  }
  CatalogEntry entry;
  entry.kind = RelationKind::kView;
  entry.name = name.name;
  entry.view_schema = query.schema;
  entry.view_sql = statement.text;
  ARROW_RETURN_NOT_OK(session_.catalog_.Create(std::move(entry), IfExistsOf(statement)).status());
  return Done(statement, 0);
}

Result<StatementResult> StatementRunner::CreateStream(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog_));
  if (statement.watermark) {
    return FailAt(statement.watermark->place, ErrorCode::kUnsupportedStatement, "WATERMARK is not supported",
                  "Leave it out: emission is PER BATCH.");
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, sql::SchemaFromColumns(statement.columns));
  CatalogEntry entry;
  entry.kind = RelationKind::kStream;
  entry.name = name.name;
  entry.table = std::make_shared<storage::Table>(std::move(schema));
  ARROW_RETURN_NOT_OK(session_.catalog_.Create(std::move(entry), IfExistsOf(statement)).status());
  return Done(statement, 0);
}

Result<std::shared_ptr<const CatalogEntry>> StatementRunner::WritableEntry(const std::vector<sql::Name>& parts) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(parts, session_.catalog_));
  auto entry = session_.catalog_.Find(name.schema, name.name);
  const Place place = parts.back().place;
  if (!entry) {
    const std::string near = NearestName(name.name, session_.catalog_.RelationNames());
    return FailAt(place, ErrorCode::kUnknownTable, "no table of that name: " + name.name, near.empty() ? "" : "Did you mean " + near + "?");
  }
  if (entry->kind == RelationKind::kSource) {
    return FailAt(place, ErrorCode::kSourceIsReadOnly, "a SOURCE table refuses INSERT and DELETE: " + name.name);
  }
  if (!entry->table) {
    return FailAt(place, ErrorCode::kWrongObjectKind, std::string("rows cannot be changed in a ") + KindName(entry->kind) + ": " + name.name);
  }
  return entry;
}

Result<StatementResult> StatementRunner::Insert(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
  const auto& schema = target->table->schema();
  ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanInsertSource(statement, *schema, session_.MakeBindContext(parameters_, *context_)));
  if (!query.is_bounded) {
    ARROW_ASSIGN_OR_RAISE(auto stream, session_.MakeStream(sql_, "", query_id_));
    stream->Start();
    StatementResult result = Done(statement);
    result.kind = "insert_stream";
    return result;
  }
  ARROW_ASSIGN_OR_RAISE(query.root, logical::Rewrite(query.root, context_->functions()));
  ARROW_ASSIGN_OR_RAISE(auto batches, RunToBatches(query));
  int64_t rows = 0;
  for (auto& batch : batches) {
    rows += batch->num_rows();
    for (int i = 0; i < schema->num_fields(); ++i) {
      if (!schema->field(i)->nullable() && batch->column(i)->null_count() > 0) {
        return FailAt(statement.place, ErrorCode::kConstraint, "NULL in a column that is NOT NULL: " + schema->field(i)->name());
      }
    }
    batch = arrow::RecordBatch::Make(schema, batch->num_rows(), batch->columns());
  }
  ARROW_RETURN_NOT_OK(target->table->Append(batches));
  return Done(statement, rows);
}

Result<StatementResult> StatementRunner::Delete(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
  if (target->kind == RelationKind::kStream) {
    return FailAt(statement.place, ErrorCode::kWrongObjectKind, "rows of a stream cannot be deleted: " + target->name);
  }
  logical::BoundExprPtr predicate;
  if (statement.where) {
    ARROW_ASSIGN_OR_RAISE(predicate, sql::BindOverSchema(*statement.where, *target->table->schema(), target->name,
                                                         session_.MakeBindContext(parameters_, *context_)));
  }
  const auto writer = target->table->LockForWriting();
  auto relation = std::make_shared<execution::TableRelation>(target->kind, target->name, target->table);
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::LowerPositions(relation, predicate));
  ARROW_ASSIGN_OR_RAISE(auto execution, execution::Execution::Make(plan, context_, session_.scheduler_.get()));
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> outcome;
  execution->Start({0, true}, [&](const Status& status) {
    std::lock_guard lock(mutex);
    outcome = status;
    changed.notify_one();
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return outcome.has_value(); });
  }
  ARROW_RETURN_NOT_OK(*outcome);
  auto& sink = static_cast<execution::PositionSink&>(*execution->states()[static_cast<size_t>(plan->result)]);
  const auto positions = sink.TakePositions();
  ARROW_RETURN_NOT_OK(target->table->DeletePositions(positions, writer));
  return Done(statement, static_cast<int64_t>(positions.size()));
}

Result<StatementResult> StatementRunner::Drop(const Statement& statement) {
  RelationKind kind = RelationKind::kTable;
  switch (statement.drop) {
    case sql::DropKind::kTable: break;
    case sql::DropKind::kView: kind = RelationKind::kView; break;
    case sql::DropKind::kStream: kind = RelationKind::kStream; break;
    case sql::DropKind::kSchema: return Unsupported(statement, "DROP SCHEMA");
    case sql::DropKind::kIndex: return Unsupported(statement, "DROP INDEX");
  }
  for (const auto& parts : statement.drop_names) {
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(parts, session_.catalog_));
    if (statement.if_exists && !session_.catalog_.Find(name.schema, name.name)) continue;
    const Status dropped = session_.catalog_.Drop(name.schema, name.name, kind);
    if (!dropped.ok()) return WithPlace(dropped, parts.back().place);
  }
  return Done(statement, 0);
}

Result<StatementResult> StatementRunner::Show(const Statement& statement) {
  StatementResult result = Done(statement);
  std::vector<std::vector<std::string>> rows;
  if (statement.kind == StatementKind::kDescribe) {
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog_));
    ARROW_ASSIGN_OR_RAISE(const auto schema, session_.TableSchema(name.name));
    for (const auto& field : schema->fields()) rows.push_back({field->name(), SqlName(*field->type()), field->nullable() ? "YES" : "NO"});
    result.schema = arrow::schema({arrow::field("column_name", arrow::utf8(), false), arrow::field("column_type", arrow::utf8(), false),
                                   arrow::field("nullable", arrow::utf8(), false)});
  } else {
    result.schema = NameValueSchema();
    if (EqualsIgnoreCase(statement.text, "tables")) {
      for (const auto& table : session_.Tables()) rows.push_back({table.name, table.kind});
    } else if (EqualsIgnoreCase(statement.text, "all")) {
      for (const auto& [name, value] : session_.settings().All()) rows.push_back({name, value});
    } else {
      ARROW_ASSIGN_OR_RAISE(auto value, session_.settings().Get(statement.text));
      rows.push_back({ToLower(statement.text), value});
    }
  }
  ARROW_ASSIGN_OR_RAISE(result.rows, TextRows(result.schema, rows));
  return result;
}

Result<StatementResult> StatementRunner::Execute(const Statement& statement) {
  ARROW_RETURN_NOT_OK(CheckParameters(statement));
  switch (statement.kind) {
    case StatementKind::kSelect: return Select(statement);
    case StatementKind::kExplain: {
      if (statement.analyze) return Unsupported(statement, "EXPLAIN ANALYZE");
      ARROW_ASSIGN_OR_RAISE(const auto sections, Explain(statement));
      StatementResult result = Done(statement);
      result.schema = ExplainSchema();
      ARROW_ASSIGN_OR_RAISE(result.rows, TextRows(result.schema, {{"logical", sections.logical}, {"physical", sections.physical}, {"strategy", sections.strategy}}));
      return result;
    }
    case StatementKind::kCreateTable: return CreateTable(statement);
    case StatementKind::kCreateStream: return CreateStream(statement);
    case StatementKind::kCreateView: return CreateView(statement);
    case StatementKind::kCreateSchema: return Unsupported(statement, "CREATE SCHEMA");
    case StatementKind::kCreateIndex: return Unsupported(statement, "CREATE INDEX");
    case StatementKind::kDrop: return Drop(statement);
    case StatementKind::kInsert: return Insert(statement);
    case StatementKind::kDelete: return Delete(statement);
    case StatementKind::kUpdate: return Unsupported(statement, "UPDATE");
    case StatementKind::kSet: {
      // The value is a constant expression; its text is what the settings take.
      ARROW_ASSIGN_OR_RAISE(auto value, sql::BindOverSchema(*statement.value, *arrow::schema({}), "", session_.MakeBindContext(parameters_, *context_)));
      ARROW_ASSIGN_OR_RAISE(value, logical::Fold(value, context_->functions()));
      if (value->kind != logical::BoundKind::kLiteral) return FailAt(statement.place, ErrorCode::kBadSetting, "the value is not a constant: " + statement.text);
      ARROW_ASSIGN_OR_RAISE(auto scalar, ConstantValue(value->literal));
      ARROW_RETURN_NOT_OK(WithPlaceIfFailed(session_.settings().Set(statement.text, scalar->ToString()), statement.place));
      return Done(statement, 0);
    }
    case StatementKind::kReset:
      ARROW_RETURN_NOT_OK(WithPlaceIfFailed(session_.settings().Reset(statement.text), statement.place));
      return Done(statement, 0);
    case StatementKind::kShow:
    case StatementKind::kDescribe: return Show(statement);
    case StatementKind::kOther: return Unsupported(statement, statement.text);
  }
  return Bug("a statement of unknown kind");
}

// ---- the session's calls

Result<StatementInfo> Session::Describe(const std::string& sql, const std::optional<Parameters>& parameters) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  StatementRunner runner(*this, sql, parameters.value_or(Parameters{}), "");
  return runner.Describe(*statement, parameters.has_value() || statement->parameter_count == 0);
}

Result<StatementResult> Session::Execute(const std::string& sql, const Parameters& parameters, std::string query_id) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  return StatementRunner(*this, sql, parameters, query_id.empty() ? NewQueryId() : std::move(query_id)).Execute(*statement);
}

Result<ExplainSections> Session::Explain(const std::string& sql) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  return StatementRunner(*this, sql, {}, "").Explain(*statement);
}

Result<std::shared_ptr<stream::StreamingQuery>> Session::MakeStream(const std::string& sql, const std::string& name, std::string query_id) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  if (!name.empty()) {
    auto other = FindStreamingQuery(name);
    const bool live = other.ok() && ((*other)->status() == stream::StreamStatus::kRunning || (*other)->status() == stream::StreamStatus::kBackpressure ||
                                     (*other)->status() == stream::StreamStatus::kCreated);
    if (live) return Fail(ErrorCode::kTableExists, "a streaming query of that name is running: " + name, "Stop it first, or choose another name.");
  }
  ARROW_ASSIGN_OR_RAISE(auto query, StatementRunner(*this, sql, {}, query_id).MakeStream(*statement, name));
  std::lock_guard lock(mutex_);
  constexpr size_t kEndedQueriesKept = 256;
  for (auto it = streams_.begin(); it != streams_.end() && streams_.size() > kEndedQueriesKept;) {
    const auto status = it->second->status();
    const bool over = status == stream::StreamStatus::kFinished || status == stream::StreamStatus::kStopped || status == stream::StreamStatus::kFailed;
    it = over ? streams_.erase(it) : std::next(it);
  }
  streams_[query_id] = query;
  return query;
}

}  // namespace velaria::session
