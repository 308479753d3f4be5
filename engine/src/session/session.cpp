#include "session/session.hpp"

#include <chrono>
#include <random>
#include <thread>

#include "base/text.hpp"
#include "interop/schema_rules.hpp"
#include "session/builtin_tables.hpp"
#include "session/connection.hpp"
#include "session/ingest.hpp"
#include "sql/parser.hpp"

namespace velaria::session {
namespace {

using logical::RelationKind;

int64_t UnixMicroseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

TableSummary SummaryOf(const CatalogEntry& entry) {
  TableSummary summary{entry.ShownName(), KindName(entry.kind), entry.ArrowSchema(), entry.schema,
                       entry.name};
  if (entry.table) {
    const auto version = entry.table->version();
    summary.row_count = version->row_count();
    summary.byte_count = version->byte_count();
  }
  return summary;
}

Status CheckRange(const char* name, const std::optional<int64_t>& value, int64_t most) {
  if (!value || (*value >= 1 && *value <= most)) return Status::OK();
  return Fail(ErrorCode::kBadSetting,
              std::string("value out of range for ") + name + ": " + std::to_string(*value),
              "Use a number from 1 to " + std::to_string(most) + ", or leave it out.");
}

}  // namespace

contract::ExecutionDecision DecideExecution(const logical::BoundQuery& query) {
  contract::ExecutionDecision decision;
  decision.source_is_bounded = query.is_bounded;
  decision.has_stateful_ops = logical::Contains(*query.root, logical::NodeKind::kAggregate);
  decision.has_window = logical::Contains(*query.root, logical::NodeKind::kWindowBy);
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

Session::Session(const SessionOptions& options, io::AllowedRoots roots)
    : memory_limit_bytes_(options.memory_limit_bytes.value_or(0)),
      scheduler_(std::make_shared<execution::Scheduler>(static_cast<int>(
          options.threads.value_or(std::max<int64_t>(1, std::thread::hardware_concurrency()))))),
      catalog_(std::make_shared<Catalog>(std::move(roots))) {}

Result<std::shared_ptr<Session>> Session::Make(const SessionOptions& options) {
  ARROW_RETURN_NOT_OK(CheckRange("threads", options.threads, kThreadsMax));
  ARROW_RETURN_NOT_OK(
      CheckRange("memory_limit_bytes", options.memory_limit_bytes, kMemoryLimitBytesMax));
  io::AllowedRoots roots;
  if (options.allowed_roots) {
    ARROW_ASSIGN_OR_RAISE(roots,
                          io::AllowedRoots::Of(*options.allowed_roots, options.closed_paths));
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
    if (const auto context = tracked.context.lock()) (void)context->Cancel();
    if (const auto execution = tracked.execution.lock()) execution->Cancel();
    if (const auto query = tracked.query.lock()) query->Cancel();
  }
  for (auto& [id, stream] : streams)
    stream.query->Stop(stream::StopMode::kNow, std::chrono::seconds(5));
}

std::string Session::NewQueryId() {
  static std::atomic<uint64_t> counter{0};
  thread_local std::random_device device;  // in a virtual machine opening one takes 10 us
  char text[40];
  std::snprintf(text, sizeof text, "q%08x%08x-%llu", device(), device(),
                static_cast<unsigned long long>(++counter));
  return text;
}

std::shared_ptr<execution::QueryContext> Session::MakeContext(
    std::optional<int64_t> statement_time_us) {
  const int64_t own_limit = settings_.GetInteger("memory_limit_bytes");
  return std::make_shared<execution::QueryContext>(own_limit > 0 ? own_limit : memory_limit_bytes_,
                                                   statement_time_us.value_or(UnixMicroseconds()),
                                                   scheduler_->thread_count());
}

sql::BindContext Session::MakeBindContext(const logical::CatalogReader& catalog,
                                          const Parameters& parameters,
                                          const execution::QueryContext& context) const {
  sql::BindContext bind;
  bind.catalog = &catalog;
  bind.parameters = parameters;
  bind.functions = context.functions();
  return bind;
}

Result<logical::BoundQuery> Session::Plan(const sql::Select& select, const Parameters& parameters,
                                          const execution::QueryContext& context) {
  const auto snapshot = catalog_->snapshot();
  const CatalogView view(snapshot, snapshot->root, nullptr, Viewpoint{}, {}, *this);
  ARROW_ASSIGN_OR_RAISE(auto query,
                        sql::PlanSelect(select, MakeBindContext(view, parameters, context)));
  ARROW_RETURN_NOT_OK(Rewrite(&query, context));
  return query;
}

Status Session::Rewrite(logical::BoundQuery* query, const execution::QueryContext& context) const {
  logical::RewriteOptions options;
  options.enabled = settings_.GetInteger("debug_no_rewrite") == 0;
  ARROW_ASSIGN_OR_RAISE(query->root, logical::Rewrite(query->root, context.functions(), options));
  return Status::OK();
}

// ---- calls without a connection

std::shared_ptr<Connection> Session::Connect(const std::string& user, bool lasts) {
  return std::make_shared<Connection>(shared_from_this(), lasts, user);
}

Result<StatementInfo> Session::Describe(const std::string& sql,
                                        const std::optional<Parameters>& parameters,
                                        NamedRelations* named, bool spares, bool opens_files) {
  return Connection(shared_from_this(), false)
      .Describe(sql, parameters, named, spares, opens_files);
}

Result<StatementResult> Session::Execute(const std::string& sql, const Parameters& parameters,
                                         std::string query_id, const CatalogView* view) {
  return Connection(shared_from_this(), false).Execute(sql, parameters, std::move(query_id), view);
}

Result<StatementResult> Session::ExecuteMany(const std::string& sql, const ParameterRows& rows,
                                             std::string query_id) {
  return Connection(shared_from_this(), false).ExecuteMany(sql, rows, std::move(query_id));
}

Result<ExplainSections> Session::Explain(const std::string& sql) {
  return Connection(shared_from_this(), false).Explain(sql);
}

Result<ExplainSections> Session::ExplainStream(const std::string& sql) {
  return Connection(shared_from_this(), false).ExplainStream(sql);
}

Result<std::shared_ptr<stream::StreamingQuery>> Session::StartStream(const std::string& sql,
                                                                     const StreamOptions& options) {
  return Connection(shared_from_this(), false).StartStream(sql, options);
}

// ---- tables

Result<std::shared_ptr<Ingest>> Session::OpenIngest(const IngestTarget& target,
                                                    const SchemaPtr& schema) {
  return Ingest::Open(std::make_shared<Connection>(shared_from_this(), false), target, schema);
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

Status Session::CreateStream(const std::string& name, SchemaPtr schema) {
  if (name.empty()) return Fail(ErrorCode::kBadRequest, "the stream's name is empty");
  ARROW_RETURN_NOT_OK(interop::ValidateSchema(*schema));
  CatalogEntry entry;
  entry.kind = RelationKind::kStream;
  entry.name = name;
  entry.table = std::make_shared<storage::Table>(std::move(schema));
  return CreateEntry(std::move(entry), Catalog::IfExists::kFail).status();
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
  for (const auto& [key, entry] : catalog_->root()->entries()) {
    if (entry->kind != RelationKind::kIndex) out.push_back(SummaryOf(*entry));
  }
  return out;
}

std::vector<IndexSummary> Session::Indexes() const {
  std::vector<IndexSummary> out;
  for (const auto& [key, entry] : catalog_->root()->entries()) {
    if (entry->kind != RelationKind::kIndex) continue;
    out.push_back({entry->name, entry->index_table, entry->index_columns});
  }
  return out;
}

CatalogEntry Session::Named(const std::string& name) const {
  CatalogEntry entry;
  entry.name = name;
  const auto root = catalog_->root();
  const size_t dot = name.find('.');
  if (dot == std::string::npos || root->Find(kMainSchema, name)) return entry;
  if (!root->HasSchema(name.substr(0, dot))) return entry;
  entry.schema = ToLower(name.substr(0, dot));
  entry.name = name.substr(dot + 1);
  return entry;
}

Result<EntryPtr> Session::FindEntry(const std::string& name) const {
  const auto named = Named(name);
  auto entry = catalog_->Find(named.schema, named.name);
  if (!entry) entry = BuiltinEntry(named.schema, named.name);
  if (entry && entry->kind == RelationKind::kIndex)
    return Fail(ErrorCode::kWrongObjectKind, "an index is no table: " + name);
  if (entry) return entry;
  std::vector<std::string> names;
  for (const auto& table : Tables()) names.push_back(table.name);
  const std::string near = NearestName(name, names);
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
  return EditNames(
      [&](CatalogRoot& names) { return names.Drop(entry->schema, entry->name, entry->kind); });
}

Result<bool> Session::CreateEntry(CatalogEntry entry, Catalog::IfExists if_exists) {
  bool is_new = false;
  ARROW_RETURN_NOT_OK(EditNames([&](CatalogRoot& names) {
    return names.Create(std::move(entry), if_exists).Value(&is_new);
  }));
  return is_new;
}

Status Session::EditNames(const std::function<Status(CatalogRoot&)>& edit,
                          std::vector<storage::TableCommit>* parts) {
  RootPtr before;  // ends after the lock: it may hold the last of a Python object
  {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(catalog_->Edit(
        [&](CatalogRoot& names) -> Status {
          before = catalog_->root();
          ARROW_RETURN_NOT_OK(edit(names));
          return CheckUnusedLocked(*before, names);
        },
        [&] {
          if (parts == nullptr) return;
          for (auto& part : *parts) part.Publish();
        }));
  }
  if (parts == nullptr) return Status::OK();
  for (auto& part : *parts) part.Release();
  return Status::OK();
}

// ---- queries

Status Session::Track(const std::string& query_id, const std::string& sql,
                      const std::shared_ptr<execution::QueryContext>& context) {
  Tracked tracked;
  tracked.sql = sql;
  tracked.started_unix_ms = UnixMicroseconds() / 1000;
  tracked.context = context;
  std::lock_guard lock(mutex_);
  std::erase_if(queries_, [](const auto& entry) {
    return !entry.second.in_execute && entry.second.query.expired();
  });
  const auto held = queries_.find(query_id);
  if (held != queries_.end()) {
    const auto query = held->second.query.lock();
    const bool is_read =
        query && (query->state() == QueryState::kCreated || query->state() == QueryState::kRunning);
    if (held->second.in_execute || is_read) return IdIsTaken(query_id);
  }
  if (streams_.contains(query_id)) return IdIsTaken(query_id);
  queries_[query_id] = std::move(tracked);
  return Status::OK();
}

Status Session::IdIsTaken(const std::string& query_id) {
  return Fail(ErrorCode::kBadParameter, "a query of that id is known: " + query_id,
              "Choose another id, or leave it out.");
}

void Session::Attach(const std::string& query_id, const std::shared_ptr<RunningQuery>& query) {
  bool closed = false;
  {
    std::lock_guard lock(mutex_);
    const auto it = queries_.find(query_id);
    closed = it == queries_.end();
    if (!closed) it->second.query = query;
  }
  if (closed || query->execution().query().cancelled()) query->Cancel();
}

void Session::Attach(const std::string& query_id,
                     const std::shared_ptr<execution::Execution>& execution) {
  std::lock_guard lock(mutex_);
  const auto it = queries_.find(query_id);
  if (it != queries_.end()) it->second.execution = execution;
}

void Session::ExecuteEnded(const std::string& query_id, bool stays) {
  std::lock_guard lock(mutex_);
  const auto it = queries_.find(query_id);
  if (it == queries_.end()) return;
  it->second.in_execute = false;
  if (!stays) queries_.erase(it);
}

std::vector<QuerySummary> Session::Queries() const {
  std::vector<QuerySummary> out;
  std::lock_guard lock(mutex_);
  for (const auto& [id, tracked] : queries_) {
    const auto query = tracked.query.lock();
    const auto context = tracked.context.lock();
    if (!query && !(context && tracked.in_execute)) continue;
    const QueryState state = !tracked.in_execute    ? query->state()
                             : context->cancelled() ? QueryState::kCancelled
                                                    : QueryState::kRunning;
    out.push_back({id, tracked.sql, StateName(state), tracked.started_unix_ms,
                   query ? query->row_count() : 0});
  }
  return out;
}

std::optional<Session::Tracked> Session::FindTracked(const std::string& query_id) const {
  std::lock_guard lock(mutex_);
  const auto it = queries_.find(query_id);
  return it == queries_.end() ? std::nullopt : std::optional(it->second);
}

Result<std::string> Session::Cancel(const std::string& query_id) {
  std::shared_ptr<stream::StreamingQuery> stream;
  {
    std::lock_guard lock(mutex_);
    const auto it = streams_.find(query_id);
    if (it != streams_.end()) stream = it->second.query;
  }
  if (stream) {
    stream->Stop(stream::StopMode::kNow, std::chrono::seconds(5));
    return std::string(stream::StatusName(stream->status()));
  }
  const auto unknown = [&] {
    return Fail(ErrorCode::kUnknownQuery, "no running query of that id: " + query_id);
  };
  const auto before = FindTracked(query_id);
  const auto context = before ? before->context.lock() : nullptr;
  if (!context) return unknown();
  const bool in_time = context->Cancel();
  // Looked up again after the cancel is noted: what is attached from now on finds the note.
  const auto tracked = FindTracked(query_id);
  const auto query = tracked ? tracked->query.lock() : nullptr;
  const auto execution = tracked ? tracked->execution.lock() : nullptr;
  if (execution && in_time) execution->Cancel();
  if (query) query->Cancel();
  if (tracked && !tracked->in_execute) {
    return query ? Result<std::string>(StateName(query->state())) : unknown();
  }
  if (in_time) return std::string(StateName(QueryState::kCancelled));
  return tracked ? Result<std::string>(StateName(QueryState::kRunning)) : unknown();
}

}  // namespace velaria::session
