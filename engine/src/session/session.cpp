#include "session/session.hpp"

#include <chrono>
#include <random>
#include <thread>

#include "base/text.hpp"
#include "sql/parser.hpp"

namespace velaria::session {
namespace {

using logical::RelationKind;

int64_t UnixMicroseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool Holds(const logical::LogicalNode& node, logical::NodeKind kind) {
  if (node.kind == kind) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const auto& child) { return Holds(*child, kind); });
}

/// "a BIGINT, b VARCHAR"
std::string ColumnList(const arrow::Schema& schema) {
  std::vector<std::string> parts;
  for (const auto& field : schema.fields())
    parts.push_back(field->name() + " " + SqlName(*field->type()));
  return Join(parts, ", ");
}

TableSummary SummaryOf(const CatalogEntry& entry) {
  TableSummary summary{entry.schema == "main" ? entry.name : entry.schema + "." + entry.name,
                       KindName(entry.kind), entry.ArrowSchema()};
  if (entry.table) {
    const auto version = entry.table->version();
    summary.row_count = version->row_count();
    summary.byte_count = version->byte_count();
  }
  return summary;
}

}  // namespace

contract::ExecutionDecision DecideExecution(const logical::BoundQuery& query) {
  contract::ExecutionDecision decision;
  decision.source_is_bounded = query.is_bounded;
  decision.has_stateful_ops = Holds(*query.root, logical::NodeKind::kAggregate);
  decision.has_window = Holds(*query.root, logical::NodeKind::kWindowBy);
  decision.execution_reason =
      "single process: the kernel runs on this server's threads; the lane is asked for by name";
  if (query.is_bounded) {
    decision.execution_reason += "; a batch query has no checkpoint";
  } else {
    decision.execution_reason +=
        "; actor_speedup and compute_to_overhead_ratio are null because no lane was measured; "
        "tables in memory give best-effort delivery";
    decision.backpressure_max_queue_batches =
        static_cast<int64_t>(stream::Subscription::kHighWatermark);
    decision.backpressure_high_watermark =
        static_cast<int64_t>(stream::Subscription::kHighWatermark);
    decision.backpressure_low_watermark = static_cast<int64_t>(stream::Subscription::kLowWatermark);
  }
  return decision;
}

Result<int64_t> Ingest::Write(std::shared_ptr<arrow::RecordBatch> batch) {
  ARROW_ASSIGN_OR_RAISE(auto admitted, gate_->Admit(std::move(batch)));
  const int64_t rows = admitted->num_rows();
  const auto& schema = table_->schema();
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (!schema->field(i)->nullable() && admitted->column(i)->null_count() > 0) {
      return Fail(ErrorCode::kConstraint,
                  "NULL in a column that is NOT NULL: " + schema->field(i)->name());
    }
  }
  ARROW_RETURN_NOT_OK(table_->Append({admitted->ReplaceSchemaMetadata(schema->metadata())}));
  row_count_ += rows;
  return rows;
}

Session::Session(const SessionOptions& options, io::AllowedRoots roots)
    : memory_limit_bytes_(options.memory_limit_bytes),
      scheduler_(std::make_shared<execution::Scheduler>(
          options.threads > 0
              ? options.threads
              : std::max(1, static_cast<int>(std::thread::hardware_concurrency())))),
      catalog_(std::move(roots)) {}

Result<std::shared_ptr<Session>> Session::Make(const SessionOptions& options) {
  io::AllowedRoots roots;
  if (options.allowed_roots) {
    ARROW_ASSIGN_OR_RAISE(roots, io::AllowedRoots::Of(*options.allowed_roots));
  }
  return std::shared_ptr<Session>(new Session(options, std::move(roots)));
}

Session::~Session() { Close(); }

void Session::Close() {
  std::map<std::string, Tracked> queries;
  std::map<std::string, std::shared_ptr<stream::StreamingQuery>> streams;
  {
    std::lock_guard lock(mutex_);
    queries.swap(queries_);
    streams.swap(streams_);
  }
  for (auto& [id, tracked] : queries) {
    if (auto query = tracked.query.lock()) query->Cancel();
  }
  for (auto& [id, query] : streams) query->Stop(stream::StopMode::kNow, std::chrono::seconds(5));
}

std::string Session::NewQueryId() {
  static std::atomic<uint64_t> counter{0};
  std::random_device device;
  char text[40];
  std::snprintf(text, sizeof text, "q%08x%08x-%llu", device(), device(),
                static_cast<unsigned long long>(++counter));
  return text;
}

std::shared_ptr<execution::QueryContext> Session::MakeContext() {
  const int64_t own_limit = settings_.GetInteger("memory_limit_bytes");
  return std::make_shared<execution::QueryContext>(own_limit > 0 ? own_limit : memory_limit_bytes_,
                                                   UnixMicroseconds(), scheduler_->thread_count());
}

sql::BindContext Session::MakeBindContext(const Parameters& parameters,
                                          const execution::QueryContext& context) const {
  sql::BindContext bind;
  bind.catalog = &catalog_;
  bind.parameters = parameters;
  bind.functions = context.functions();
  return bind;
}

Result<logical::BoundQuery> Session::Plan(const sql::Select& select, const Parameters& parameters,
                                          const execution::QueryContext& context) {
  ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(select, MakeBindContext(parameters, context)));
  logical::RewriteOptions options;
  options.enabled = settings_.GetInteger("debug_no_rewrite") == 0;
  ARROW_ASSIGN_OR_RAISE(query.root, logical::Rewrite(query.root, context.functions(), options));
  return query;
}

// ---- tables

Result<std::unique_ptr<Ingest>> Session::OpenIngest(const std::string& name,
                                                    const SchemaPtr& schema,
                                                    const std::string& mode,
                                                    interop::Origin origin) {
  if (name.empty()) return Fail(ErrorCode::kBadRequest, "the table's name is empty");
  if (mode != "append" && mode != "create" && mode != "replace") {
    return Fail(ErrorCode::kBadParameter, "unknown ingest mode: " + mode,
                "Use append, create or replace.");
  }
  ARROW_RETURN_NOT_OK(interop::ValidateSchema(*schema));
  CatalogEntry entry;
  entry.name = name;
  entry.table = std::make_shared<storage::Table>(schema);
  const auto if_exists = mode == "append"   ? Catalog::IfExists::kKeep
                         : mode == "create" ? Catalog::IfExists::kFail
                                            : Catalog::IfExists::kReplace;
  ARROW_RETURN_NOT_OK(catalog_.Create(std::move(entry), if_exists).status());
  const auto held = catalog_.Find("main", name);
  if (!held) return Fail(ErrorCode::kUnknownTable, "the table was dropped meanwhile: " + name);
  if (held->kind == RelationKind::kSource) {
    return Fail(ErrorCode::kSourceIsReadOnly, "a SOURCE table refuses INSERT: " + name);
  }
  if (!held->table) {
    return Fail(ErrorCode::kWrongObjectKind,
                std::string("rows cannot be put into a ") + KindName(held->kind) + ": " + name);
  }
  // Opened against the table's own schema: a put whose schema differs is refused before its first
  // batch.
  if (!schema->Equals(*held->table->schema(), false)) {
    return Fail(ErrorCode::kSchemaMismatch, "the schema differs from the table's: " + name,
                "Put batches with the table's column names and types, in its order.",
                "table: " + ColumnList(*held->table->schema()) + "; batch: " + ColumnList(*schema));
  }
  ARROW_ASSIGN_OR_RAISE(auto gate, interop::IngestGate::Open(schema, origin));
  return std::make_unique<Ingest>(held->name, held->table, std::move(gate));
}

Status Session::RegisterBatches(const std::string& name, const SchemaPtr& schema,
                                const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                                bool replace) {
  ARROW_RETURN_NOT_OK(interop::ValidateSchema(*schema));
  CatalogEntry entry;
  entry.name = name;
  entry.table = std::make_shared<storage::Table>(schema);
  ARROW_ASSIGN_OR_RAISE(auto gate, interop::IngestGate::Open(schema, interop::Origin::kProcess));
  std::vector<std::shared_ptr<arrow::RecordBatch>> admitted;
  for (const auto& batch : batches) {
    ARROW_ASSIGN_OR_RAISE(auto checked, gate->Admit(batch));
    admitted.push_back(std::move(checked));
  }
  ARROW_RETURN_NOT_OK(entry.table->Append(admitted));
  return catalog_
      .Create(std::move(entry), replace ? Catalog::IfExists::kReplace : Catalog::IfExists::kFail)
      .status();
}

Status Session::CreateStream(const std::string& name, SchemaPtr schema) {
  if (name.empty()) return Fail(ErrorCode::kBadRequest, "the stream's name is empty");
  ARROW_RETURN_NOT_OK(interop::ValidateSchema(*schema));
  CatalogEntry entry;
  entry.kind = RelationKind::kStream;
  entry.name = name;
  entry.table = std::make_shared<storage::Table>(std::move(schema));
  return catalog_.Create(std::move(entry), Catalog::IfExists::kFail).status();
}

Status Session::RegisterSystemTable(const std::string& name, SchemaPtr schema,
                                    execution::ReaderFactory open) {
  CatalogEntry entry;
  entry.kind = RelationKind::kSystem;
  entry.schema = "system";
  entry.name = name;
  entry.reader_schema = std::move(schema);
  entry.open = std::move(open);
  return catalog_.Create(std::move(entry), Catalog::IfExists::kReplace).status();
}

std::vector<TableSummary> Session::Tables() const {
  std::vector<TableSummary> out;
  for (const auto& entry : catalog_.Entries()) out.push_back(SummaryOf(*entry));
  return out;
}

Result<SchemaPtr> Session::TableSchema(const std::string& name) const {
  const auto entry = catalog_.Find("main", name);
  if (entry) return entry->ArrowSchema();
  const std::string near = NearestName(name, catalog_.RelationNames());
  return Fail(ErrorCode::kUnknownTable, "no table of that name: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

Result<std::shared_ptr<const CatalogEntry>> Session::FindEntry(const std::string& name) const {
  auto entry = catalog_.Find("main", name);
  if (!entry) {
    const size_t dot = name.find('.');
    if (dot != std::string::npos && catalog_.HasSchema(name.substr(0, dot)))
      entry = catalog_.Find(name.substr(0, dot), name.substr(dot + 1));
  }
  if (entry) return entry;
  const std::string near = NearestName(name, catalog_.RelationNames());
  return Fail(ErrorCode::kUnknownTable, "no table of that name: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

Result<TableSummary> Session::Table(const std::string& name) const {
  ARROW_ASSIGN_OR_RAISE(const auto entry, FindEntry(name));
  return SummaryOf(*entry);
}

Status Session::Drop(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const auto entry, FindEntry(name));
  if (entry->kind == RelationKind::kSystem) {
    return Fail(ErrorCode::kWrongObjectKind, "a system table cannot be dropped: " + name);
  }
  return catalog_.Drop(entry->schema, entry->name, entry->kind);
}

// ---- queries

void Session::Track(const std::string& query_id, const std::string& sql,
                    const std::shared_ptr<RunningQuery>& query) {
  std::lock_guard lock(mutex_);
  std::erase_if(queries_, [](const auto& entry) { return entry.second.query.expired(); });
  queries_[query_id] = {sql, UnixMicroseconds() / 1000, query};
}

std::vector<QuerySummary> Session::Queries() const {
  std::vector<QuerySummary> out;
  std::lock_guard lock(mutex_);
  for (const auto& [id, tracked] : queries_) {
    if (auto query = tracked.query.lock()) {
      out.push_back({id, tracked.sql, StateName(query->state()), tracked.started_unix_ms,
                     query->row_count()});
    }
  }
  return out;
}

Result<std::string> Session::Cancel(const std::string& query_id) {
  std::shared_ptr<RunningQuery> query;
  std::shared_ptr<stream::StreamingQuery> stream;
  {
    std::lock_guard lock(mutex_);
    const auto it = queries_.find(query_id);
    if (it != queries_.end()) query = it->second.query.lock();
    const auto stream_it = streams_.find(query_id);
    if (stream_it != streams_.end()) stream = stream_it->second;
  }
  if (stream) {
    stream->Stop(stream::StopMode::kNow, std::chrono::seconds(5));
    return std::string(stream::StatusName(stream->status()));
  }
  if (!query) return Fail(ErrorCode::kUnknownQuery, "no running query of that id: " + query_id);
  query->Cancel();
  return std::string(StateName(query->state()));
}

// ---- streams

Result<std::shared_ptr<stream::StreamingQuery>> Session::StartStream(const std::string& sql,
                                                                     const std::string& name,
                                                                     bool start_now) {
  ARROW_ASSIGN_OR_RAISE(auto query, MakeStream(sql, name, NewQueryId()));
  if (start_now) query->Start();
  return query;
}

std::vector<std::shared_ptr<stream::StreamingQuery>> Session::StreamingQueries() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<stream::StreamingQuery>> out;
  for (const auto& [id, query] : streams_) out.push_back(query);
  return out;
}

Result<std::shared_ptr<stream::StreamingQuery>> Session::FindStreamingQuery(
    const std::string& id_or_name) const {
  std::lock_guard lock(mutex_);
  const auto it = streams_.find(id_or_name);
  if (it != streams_.end()) return it->second;
  for (const auto& [id, query] : streams_) {
    if (query->spec().name == id_or_name) return query;
  }
  return Fail(ErrorCode::kUnknownQuery, "no streaming query of that id or name: " + id_or_name);
}

Status Session::EndInput(const std::string& stream) {
  const auto entry = catalog_.Find("main", stream);
  if (!entry) return Fail(ErrorCode::kUnknownTable, "no stream of that name: " + stream);
  if (entry->kind != RelationKind::kStream) {
    return Fail(ErrorCode::kWrongObjectKind,
                std::string("not a stream but a ") + KindName(entry->kind) + ": " + stream);
  }
  entry->table->EndInput();
  return Status::OK();
}

}  // namespace velaria::session
