// The streaming queries of a session: their names, their late tables, what they feed, and how long
// they are remembered.
#include "base/text.hpp"
#include "session/session.hpp"

namespace velaria::session {
namespace {

using logical::RelationKind;

/// Queries that are over and can still be asked for; past that, those that started first go.
constexpr size_t kEndedQueriesKept = 256;

std::string LateName(const std::string& query_name) { return query_name + "$late"; }

/// The stream's own columns, then why a row is late and where it stood in the log.
SchemaPtr LateSchema(const arrow::Schema& stream) {
  auto fields = stream.fields();
  fields.push_back(arrow::field("_late_reason", arrow::utf8()));
  fields.push_back(arrow::field("_seq", arrow::int64()));
  return arrow::schema(std::move(fields));
}

}  // namespace

std::vector<std::shared_ptr<stream::StreamingQuery>> Session::StreamingQueries() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<stream::StreamingQuery>> out;
  for (const auto& [id, stream] : streams_) out.push_back(stream.query);
  return out;
}

Result<std::shared_ptr<stream::StreamingQuery>> Session::FindStreamingQuery(
    const std::string& id_or_name) const {
  std::lock_guard lock(mutex_);
  const auto it = streams_.find(id_or_name);
  if (it != streams_.end()) return it->second.query;
  const Stream* newest = nullptr;  // a name may have been used before
  for (const auto& [id, stream] : streams_) {
    if (stream.query->spec().name != id_or_name) continue;
    if (newest == nullptr || stream.number > newest->number) newest = &stream;
  }
  if (newest != nullptr) return newest->query;
  return Fail(ErrorCode::kUnknownQuery, "no streaming query of that id or name: " + id_or_name);
}

Status Session::CheckFeeds(const StreamEnds& ends) const {
  std::lock_guard lock(mutex_);
  return CheckFeedsLocked(ends);
}

Status Session::CheckFeedsLocked(const StreamEnds& ends) const {
  if (!ends.target) return Status::OK();
  // Everything that rows put into the target come to.
  std::vector<storage::TablePtr> reached = {ends.target};
  for (size_t i = 0; i < reached.size(); ++i) {
    if (reached[i] == ends.source) {
      return Fail(ErrorCode::kUnsupportedStatement,
                  "the stream would feed itself without end: " + ends.source_name,
                  "Write into a table or stream whose rows do not come back to it.");
    }
    for (const auto& [id, stream] : streams_) {
      const auto next = stream.query->target();
      if (!next || stream.query->source() != reached[i]) continue;
      if (std::find(reached.begin(), reached.end(), next) == reached.end()) reached.push_back(next);
    }
  }
  return Status::OK();
}

Status Session::CheckEnds(const StreamEnds& ends) const {
  const auto root = catalog_->root();
  if (!root->FindTable(ends.source.get())) {
    return Fail(ErrorCode::kUnknownTable,
                "the stream was dropped or replaced meanwhile: " + ends.source_name);
  }
  if (ends.target && !root->FindTable(ends.target.get())) {
    return Fail(ErrorCode::kUnknownTable,
                "the table was dropped or replaced meanwhile: " + ends.target_name);
  }
  return Status::OK();
}

Status Session::CheckNames(const stream::StreamSpec& spec,
                           const std::shared_ptr<execution::QueryContext>& statement) const {
  const auto tracked = queries_.find(spec.query_id);
  const bool by_another = tracked != queries_.end() && tracked->second.context.lock() != statement;
  if (streams_.contains(spec.query_id) || by_another) return IdIsTaken(spec.query_id);
  for (const auto& [id, stream] : streams_) {
    if (stream.query->is_over() || (stream.query->spec().name != spec.name && id != spec.name))
      continue;
    return Fail(ErrorCode::kTableExists, "a streaming query of that name is running: " + spec.name,
                "Stop it first, or choose another name.");
  }
  return Status::OK();
}

Status Session::CheckUnusedLocked(const CatalogEntry& entry) const {
  if (!entry.table) return Status::OK();
  for (const auto& [id, stream] : streams_) {
    if (stream.query->source() != entry.table && stream.query->target() != entry.table) continue;
    return Fail(ErrorCode::kQueryState,
                std::string("a streaming query uses the ") + KindName(entry.kind) + " " +
                    entry.ShownName() + ": " + stream.query->spec().name,
                "Stop the query first.");
  }
  return Status::OK();
}

Status Session::CheckUnused(const CatalogEntry& entry) const {
  std::lock_guard lock(mutex_);
  return CheckUnusedLocked(entry);
}

Status Session::CheckUnused(const CatalogRoot& before, const CatalogRoot& after) const {
  std::lock_guard lock(mutex_);
  return CheckUnusedLocked(before, after);
}

Status Session::CheckUnusedLocked(const CatalogRoot& before, const CatalogRoot& after) const {
  for (const auto& [key, entry] : before.entries()) {
    if (!entry->table) continue;
    const auto held = after.entries().find(key);
    const bool stands = held != after.entries().end() && held->second->table == entry->table;
    if (!stands) ARROW_RETURN_NOT_OK(CheckUnusedLocked(*entry));
  }
  return Status::OK();
}

/// The late table of a query that is about to have the name: the rows of an earlier query of that
/// name stay in it. VEL2024 when the name belongs to anything else.
Result<storage::TablePtr> Session::TakeLateTable(const std::string& query_name,
                                                 const SchemaPtr& stream) {
  const auto schema = LateSchema(*stream);
  const auto held = catalog_->Find("main", LateName(query_name));
  if (!held) return std::make_shared<storage::Table>(schema);
  for (const auto& [id, earlier] : streams_) {
    if (earlier.late != held->table || !earlier.query->is_over()) continue;
    if (held->table->schema()->Equals(*schema, false)) return held->table;
    return Fail(
        ErrorCode::kTableExists,
        "an earlier query of that name left late rows with other columns: " + LateName(query_name),
        "Drop that table, or choose another name for the query.");
  }
  return Fail(ErrorCode::kTableExists,
              "the name of the query's late table belongs to " + OneOfKind(held->kind) + ": " +
                  LateName(query_name),
              "Choose another name for the query, or drop it.");
}

void Session::EvictStreams() {
  std::vector<std::pair<int64_t, std::string>> over;
  for (const auto& [id, stream] : streams_) {
    if (stream.query->is_over()) over.emplace_back(stream.number, id);
  }
  if (over.size() <= kEndedQueriesKept) return;
  std::sort(over.begin(), over.end());
  over.resize(over.size() - kEndedQueriesKept);
  for (const auto& [number, id] : over) {
    const auto it = streams_.find(id);
    const auto& name = it->second.query->spec().name;
    if (it->second.late) catalog_->DropTable(LateName(name), it->second.late);
    streams_.erase(it);
  }
}

Result<std::shared_ptr<stream::StreamingQuery>> Session::AddStream(
    stream::StreamSpec spec, stream::StreamParts parts, const StreamEnds& ends,
    const std::shared_ptr<execution::QueryContext>& statement) {
  // A context of its own: the statement has committed when its query runs, and can no longer be
  // cancelled; the query can.
  auto context = MakeContext(statement->functions().statement_time_us);
  std::lock_guard lock(mutex_);
  EvictStreams();
  ARROW_RETURN_NOT_OK(CheckNames(spec, statement));
  ARROW_RETURN_NOT_OK(CheckEnds(ends));
  ARROW_RETURN_NOT_OK(CheckFeedsLocked(ends));
  const bool is_named = spec.name != spec.query_id;
  CatalogEntry late;
  late.name = LateName(spec.name);
  if (spec.decision.has_window) {
    ARROW_ASSIGN_OR_RAISE(late.table, TakeLateTable(spec.name, ends.source->schema()));
    parts.late = late.table;
    // The late rows of a query without a name of its own can be read while it runs.
    if (!is_named) {
      parts.on_end = [catalog = std::weak_ptr<Catalog>(catalog_), name = late.name,
                      table = std::weak_ptr<storage::Table>(late.table)] {
        const auto held = catalog.lock();
        const auto own = table.lock();
        if (held && own) held->DropTable(name, own);
      };
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto query, stream::StreamingQuery::Make(std::move(spec), std::move(parts),
                                                                 std::move(context), scheduler_));
  Stream added{query, next_stream_++, nullptr};
  if (late.table) {
    for (auto& [id, earlier] : streams_) {
      if (earlier.late == late.table) earlier.late = nullptr;
    }
    if (is_named) added.late = late.table;
    ARROW_RETURN_NOT_OK(catalog_->Edit([&](CatalogRoot& names) {
      return names.Create(std::move(late), Catalog::IfExists::kKeep).status();
    }));
  }
  streams_[query->spec().query_id] = std::move(added);
  return query;
}

Status Session::EndInput(const std::string& stream) {
  const auto named = Named(stream);
  const auto entry = catalog_->Find(named.schema, named.name);
  if (!entry) return Fail(ErrorCode::kUnknownTable, "no stream of that name: " + stream);
  if (entry->kind != RelationKind::kStream) {
    return Fail(ErrorCode::kWrongObjectKind,
                "not a stream but " + OneOfKind(entry->kind) + ": " + stream);
  }
  entry->table->EndInput();
  return Status::OK();
}

}  // namespace velaria::session
