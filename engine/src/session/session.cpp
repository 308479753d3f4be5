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
        "; actor_speedup and compute_to_overhead_ratio are null because no lane was measured; a "
        "query reads its stream from the first row with empty state, and streams end with their "
        "server";
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
  ARROW_RETURN_NOT_OK(
      table_->Append({admitted->ReplaceSchemaMetadata(table_->schema()->metadata())}));
  row_count_ += rows;
  return rows;
}

Session::Session(const SessionOptions& options, io::AllowedRoots roots)
    : memory_limit_bytes_(options.memory_limit_bytes),
      scheduler_(std::make_shared<execution::Scheduler>(
          options.threads > 0
              ? options.threads
              : std::max(1, static_cast<int>(std::thread::hardware_concurrency())))),
      catalog_(std::make_shared<Catalog>(std::move(roots))) {}

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
  std::map<std::string, Stream> streams;
  {
    std::lock_guard lock(mutex_);
    queries.swap(queries_);
    streams.swap(streams_);
  }
  for (auto& [id, tracked] : queries) {
    if (auto query = tracked.query.lock()) query->Cancel();
  }
  for (auto& [id, stream] : streams)
    stream.query->Stop(stream::StopMode::kNow, std::chrono::seconds(5));
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
  bind.catalog = catalog_.get();
  bind.parameters = parameters;
  bind.functions = context.functions();
  return bind;
}

Result<logical::BoundQuery> Session::Plan(const sql::Select& select, const Parameters& parameters,
                                          const execution::QueryContext& context) {
  ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(select, MakeBindContext(parameters, context)));
  ARROW_RETURN_NOT_OK(Rewrite(&query, context));
  return query;
}

Status Session::Rewrite(logical::BoundQuery* query, const execution::QueryContext& context) const {
  logical::RewriteOptions options;
  options.enabled = settings_.GetInteger("debug_no_rewrite") == 0;
  ARROW_ASSIGN_OR_RAISE(query->root, logical::Rewrite(query->root, context.functions(), options));
  return Status::OK();
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
  ARROW_RETURN_NOT_OK(CreateEntry(std::move(entry), if_exists).status());
  const auto held = catalog_->Find("main", name);
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
  return CreateEntry(std::move(entry),
                     replace ? Catalog::IfExists::kReplace : Catalog::IfExists::kFail)
      .status();
}

Status Session::RegisterSystemTable(const std::string& name, SchemaPtr schema,
                                    execution::ReaderFactory open) {
  CatalogEntry entry;
  entry.kind = RelationKind::kSystem;
  entry.schema = "system";
  entry.name = name;
  entry.reader_schema = std::move(schema);
  entry.open = std::move(open);
  return CreateEntry(std::move(entry), Catalog::IfExists::kReplace).status();
}

std::vector<TableSummary> Session::Tables() const {
  std::vector<TableSummary> out;
  for (const auto& entry : catalog_->Entries()) {
    TableSummary summary{entry->schema == "main" ? entry->name : entry->schema + "." + entry->name,
                         KindName(entry->kind), entry->ArrowSchema()};
    if (entry->table) {
      const auto version = entry->table->version();
      summary.row_count = version->row_count();
      summary.byte_count = version->byte_count();
    }
    out.push_back(std::move(summary));
  }
  return out;
}

Result<SchemaPtr> Session::TableSchema(const std::string& name) const {
  const auto entry = catalog_->Find("main", name);
  if (entry) return entry->ArrowSchema();
  const std::string near = NearestName(name, catalog_->RelationNames());
  return Fail(ErrorCode::kUnknownTable, "no table of that name: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

Status Session::DropTable(const std::string& name) {
  return DropEntry("main", name, RelationKind::kTable);
}

Result<bool> Session::CreateEntry(CatalogEntry entry, Catalog::IfExists if_exists) {
  std::lock_guard lock(mutex_);
  if (if_exists == Catalog::IfExists::kReplace)
    ARROW_RETURN_NOT_OK(CheckUnused(entry.schema, entry.name, entry.kind));
  return catalog_->Create(std::move(entry), if_exists);
}

Status Session::DropEntry(const std::string& schema, const std::string& name, RelationKind kind) {
  std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(CheckUnused(schema, name, kind));
  return catalog_->Drop(schema, name, kind);
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
    if (stream_it != streams_.end()) stream = stream_it->second.query;
  }
  if (stream) {
    stream->Stop(stream::StopMode::kNow, std::chrono::seconds(5));
    return std::string(stream::StatusName(stream->status()));
  }
  if (!query) return Fail(ErrorCode::kUnknownQuery, "no running query of that id: " + query_id);
  query->Cancel();
  return std::string(StateName(query->state()));
}

}  // namespace velaria::session
