#include "session/lane_plan.hpp"

#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>

#include <cstring>

#include "base/text.hpp"
#include "execution/aggregate.hpp"
#include "sql/parser.hpp"

namespace velaria::session {
namespace {

using logical::JoinType;
using logical::LogicalNode;
using logical::NodeKind;

constexpr std::string_view kMagic = "VLPF";
constexpr uint32_t kVersion = 2;

// ---- the fragment's bytes: magic, version, then lengths (u32) and numbers (i64), little-endian

void PutText(std::string_view text, std::string* out) {
  const auto size = static_cast<uint32_t>(text.size());
  out->append(reinterpret_cast<const char*>(&size), sizeof size);
  out->append(text);
}

void PutNumber(int64_t value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Takes values off the front of a message; fails once and for all when it runs short.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  Result<std::string_view> Bytes(size_t count) {
    if (count > bytes_.size())
      return Fail(ErrorCode::kVersionMismatch, "the plan fragment is cut short");
    const auto out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  Result<std::string_view> Text() {
    ARROW_ASSIGN_OR_RAISE(const auto raw, Bytes(sizeof(uint32_t)));
    uint32_t size;
    std::memcpy(&size, raw.data(), sizeof size);
    return Bytes(size);
  }
  Result<int64_t> Number() {
    ARROW_ASSIGN_OR_RAISE(const auto raw, Bytes(sizeof(int64_t)));
    int64_t value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

 private:
  std::string_view bytes_;
};

// ---- which table can be partitioned

Status CannotSplit(const std::string& why) {
  return Fail(ErrorCode::kUnsupportedStatement, "the query cannot be split over workers: " + why,
              "Run it in a single process.");
}

/// Whether every row of the join's output comes from exactly one row of child `side`, so that
/// partitioning that side partitions the output.
bool Partitions(JoinType type, size_t side) {
  switch (type) {
    case JoinType::kInner:
    case JoinType::kCross: return true;
    case JoinType::kLeft:
    case JoinType::kSemi:
    case JoinType::kAnti: return side == 0;
    case JoinType::kRight: return side == 1;
    default: return false;
  }
}

struct ScanChoice {
  const execution::TableRelation* relation;
  bool partitionable;
};

Status CollectScans(const LogicalNode& node, bool partitionable, std::vector<ScanChoice>* out) {
  switch (node.kind) {
    case NodeKind::kScan: {
      const auto* table = dynamic_cast<const execution::TableRelation*>(node.relation.get());
      if (table == nullptr || !table->is_bounded())
        return CannotSplit("it reads something that is not a table: " + node.relation->name());
      out->push_back({table, partitionable});
      return Status::OK();
    }
    case NodeKind::kFilter:
    case NodeKind::kProject:
    case NodeKind::kWindowBy: return CollectScans(*node.children[0], partitionable, out);
    case NodeKind::kJoin:
      for (size_t side = 0; side < 2; ++side) {
        ARROW_RETURN_NOT_OK(
            CollectScans(*node.children[side], partitionable && Partitions(node.join, side), out));
      }
      return Status::OK();
    default:
      return CannotSplit(
          "its aggregate stands over something else than filters, projections and joins");
  }
}

Result<const LogicalNode*> FindAggregate(const LogicalNode& root) {
  const LogicalNode* at = &root;
  while (at->kind != NodeKind::kAggregate) {
    if (at->children.size() != 1) return CannotSplit("it has no aggregate at its top");
    at = at->children[0].get();
  }
  if (at->grouping_sets) return CannotSplit("GROUPING SETS have no partial result");
  for (const auto& aggregate : at->aggregates) {
    if (aggregate.binding.distinct)
      return CannotSplit("a DISTINCT aggregate has no partial result: " + aggregate.text);
  }
  return at;
}

Result<std::shared_ptr<arrow::Table>> RowsOf(const storage::TableVersion& version, int64_t begin,
                                             int64_t end) {
  arrow::RecordBatchVector batches;
  while (begin < end) {
    const storage::Segment* segment = version.NextSegment(begin);
    if (segment == nullptr || segment->first_position >= end) break;
    const int64_t offset = segment->RowFrom(begin);
    auto batch = segment->batch->Slice(offset, segment->RowFrom(end) - offset);
    if (segment->deleted) {
      Chunk chunk = FromRecordBatch(*batch);
      auto kept = std::make_shared<Selection>();
      for (int64_t i = 0; i < batch->num_rows(); ++i) {
        if (!segment->IsDeleted(offset + i)) kept->push_back(static_cast<uint32_t>(i));
      }
      chunk.selection = std::move(kept);
      ARROW_ASSIGN_OR_RAISE(batch,
                            ToRecordBatch(chunk, version.schema(), arrow::default_memory_pool()));
    }
    batches.push_back(std::move(batch));
    begin = segment->end_position();
  }
  return arrow::Table::FromRecordBatches(version.schema(), batches);
}

/// A database of its own that holds nothing but the fragment's inputs.
Result<std::shared_ptr<Session>> InputSession(
    const LaneFragment& fragment,
    const std::map<std::string, std::vector<std::shared_ptr<arrow::RecordBatch>>>& inputs,
    std::optional<int64_t> threads) {
  SessionOptions options;
  options.threads = threads;
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Make(options));
  for (const auto& input : fragment.inputs) {
    const auto it = inputs.find(input.name);
    for (const auto& batch : it == inputs.end() ? arrow::RecordBatchVector{} : it->second) {
      if (!batch->schema()->Equals(*input.schema, false)) {
        return Fail(ErrorCode::kSchemaMismatch,
                    "an input's schema is not the fragment's: " + input.name);
      }
    }
    ARROW_RETURN_NOT_OK(session->RegisterBatches(
        input.name, input.schema, it == inputs.end() ? arrow::RecordBatchVector{} : it->second,
        false));
  }
  return session;
}

struct BoundFragment {
  std::shared_ptr<execution::QueryContext> context;
  std::shared_ptr<execution::Execution> execution;
  logical::BoundQuery query;
};

Result<BoundFragment> Bind(Session& session, const LaneFragment& fragment,
                           const execution::LowerOptions& options) {
  BoundFragment bound;
  bound.context = session.MakeContext(fragment.statement_time_us);
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(fragment.sql));
  ARROW_ASSIGN_OR_RAISE(bound.query, session.Plan(*statement->select, {}, *bound.context));
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::Lower(bound.query.root, bound.query.schema, options));
  ARROW_ASSIGN_OR_RAISE(bound.execution,
                        execution::Execution::Make(plan, bound.context, session.scheduler()));
  return bound;
}

}  // namespace

std::string LaneFragment::Serialize() const {
  std::string out(kMagic);
  out.append(reinterpret_cast<const char*>(&kVersion), sizeof kVersion);
  PutText(sql, &out);
  PutNumber(statement_time_us, &out);
  PutNumber(partition, &out);
  PutNumber(partition_count, &out);
  PutNumber(static_cast<int64_t>(inputs.size()), &out);
  for (const auto& input : inputs) {
    PutText(input.name, &out);
    auto schema = arrow::ipc::SerializeSchema(*input.schema);
    PutText(schema.ok() ? std::string_view(**schema) : std::string_view(), &out);
  }
  return out;
}

Result<LaneFragment> LaneFragment::Parse(std::string_view bytes) {
  Cursor cursor(bytes);
  uint32_t version = 0;
  ARROW_ASSIGN_OR_RAISE(const auto magic, cursor.Bytes(kMagic.size()));
  ARROW_ASSIGN_OR_RAISE(const auto raw_version, cursor.Bytes(sizeof version));
  std::memcpy(&version, raw_version.data(), sizeof version);
  if (magic != kMagic) return Fail(ErrorCode::kVersionMismatch, "not a plan fragment");
  if (version != kVersion)
    return Fail(ErrorCode::kVersionMismatch,
                "plan fragment of another version: " + std::to_string(version));
  LaneFragment out;
  ARROW_ASSIGN_OR_RAISE(const auto sql, cursor.Text());
  out.sql = sql;
  ARROW_ASSIGN_OR_RAISE(out.statement_time_us, cursor.Number());
  ARROW_ASSIGN_OR_RAISE(out.partition, cursor.Number());
  ARROW_ASSIGN_OR_RAISE(out.partition_count, cursor.Number());
  ARROW_ASSIGN_OR_RAISE(const int64_t count, cursor.Number());
  for (int64_t i = 0; i < count; ++i) {
    LaneInput input;
    ARROW_ASSIGN_OR_RAISE(const auto name, cursor.Text());
    ARROW_ASSIGN_OR_RAISE(const auto schema, cursor.Text());
    input.name = name;
    auto reader =
        std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(schema));
    arrow::ipc::DictionaryMemo memo;
    ARROW_ASSIGN_OR_RAISE(input.schema, arrow::ipc::ReadSchema(reader.get(), &memo));
    out.inputs.push_back(std::move(input));
  }
  return out;
}

Result<std::shared_ptr<arrow::Table>> LaneSplit::Partition(const std::string& input,
                                                           int64_t partition) const {
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    if (plan.inputs[i].name != input) continue;
    if (i > 0) return RowsOf(*whole[i - 1], 0, whole[i - 1]->end_position());
    if (partition < 0 || partition >= plan.partition_count) {
      return Fail(ErrorCode::kBadParameter,
                  "no partition of that number: " + std::to_string(partition));
    }
    const int64_t rows = partitioned->end_position();
    return RowsOf(*partitioned, rows * partition / plan.partition_count,
                  rows * (partition + 1) / plan.partition_count);
  }
  return Fail(ErrorCode::kUnknownTable, "the split has no input of that name: " + input);
}

Result<LaneSplit> SplitForLane(Session& session, const std::string& sql, int64_t partitions) {
  if (partitions < 1 || partitions > 1024) {
    return Fail(ErrorCode::kBadParameter, "partitions out of range: " + std::to_string(partitions),
                "Use 1 to 1024.");
  }
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  if (statement->kind != sql::StatementKind::kSelect) return CannotSplit("it is not a SELECT");
  const auto context = session.MakeContext();
  ARROW_ASSIGN_OR_RAISE(auto query, session.Plan(*statement->select, {}, *context));
  ARROW_ASSIGN_OR_RAISE(const auto* aggregate, FindAggregate(*query.root));
  std::vector<ScanChoice> scans;
  ARROW_RETURN_NOT_OK(CollectScans(*aggregate->children[0], true, &scans));
  const ScanChoice* chosen = nullptr;
  for (const auto& scan : scans) {
    const auto uses = std::count_if(scans.begin(), scans.end(), [&](const auto& other) {
      return other.relation->name() == scan.relation->name();
    });
    if (!scan.partitionable || uses > 1) continue;
    if (chosen == nullptr ||
        scan.relation->version()->row_count() > chosen->relation->version()->row_count())
      chosen = &scan;
  }
  if (chosen == nullptr) return CannotSplit("no table of it can be partitioned");
  LaneSplit split;
  split.plan.sql = sql;
  split.plan.statement_time_us = context->functions().statement_time_us;
  split.plan.partition_count = partitions;
  split.schema = query.schema;
  split.partitioned = chosen->relation->version();
  split.plan.inputs.push_back({chosen->relation->name(), chosen->relation->schema()});
  for (const auto& scan : scans) {
    const bool known =
        std::any_of(split.plan.inputs.begin(), split.plan.inputs.end(),
                    [&](const auto& input) { return input.name == scan.relation->name(); });
    if (known) continue;
    split.plan.inputs.push_back({scan.relation->name(), scan.relation->schema()});
    split.whole.push_back(scan.relation->version());
  }
  split.reason = "aggregate over " + chosen->relation->name() + " in " +
                 std::to_string(partitions) + " partitions of rows" +
                 (split.whole.empty()
                      ? ""
                      : "; tables handed to every worker: " + std::to_string(split.whole.size()));
  return split;
}

void FragmentCancel::Cancel() {
  std::shared_ptr<execution::Execution> execution;
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    execution = execution_.lock();
  }
  if (execution) execution->Cancel();
}

Status FragmentCancel::Attach(const std::shared_ptr<execution::Execution>& execution) {
  std::lock_guard lock(mutex_);
  if (cancelled_) return Fail(ErrorCode::kCancelled, "the fragment was cancelled");
  execution_ = execution;
  return Status::OK();
}

Result<std::shared_ptr<arrow::Buffer>> RunFragment(
    const LaneFragment& fragment,
    const std::map<std::string, std::vector<std::shared_ptr<arrow::RecordBatch>>>& inputs,
    std::optional<int64_t> threads, FragmentCancel* cancel) {
  if (cancel != nullptr) ARROW_RETURN_NOT_OK(cancel->Attach(nullptr));
  ARROW_ASSIGN_OR_RAISE(auto session, InputSession(fragment, inputs, threads));
  execution::LowerOptions options;
  options.stop_at_aggregate = true;
  ARROW_ASSIGN_OR_RAISE(auto bound, Bind(*session, fragment, options));
  if (cancel != nullptr) ARROW_RETURN_NOT_OK(cancel->Attach(bound.execution));
  ARROW_RETURN_NOT_OK(bound.execution->RunOnce());
  const auto result = static_cast<size_t>(bound.execution->plan().result);
  return static_cast<execution::AggregateState&>(*bound.execution->states()[result]).Snapshot();
}

Result<std::shared_ptr<arrow::Table>> MergeFragments(
    const LaneFragment& plan, const std::vector<std::shared_ptr<arrow::Buffer>>& snapshots) {
  ARROW_ASSIGN_OR_RAISE(auto session, InputSession(plan, {}, std::nullopt));
  execution::LowerOptions options;
  options.from_partials = true;
  ARROW_ASSIGN_OR_RAISE(auto bound, Bind(*session, plan, options));
  auto& state = static_cast<execution::AggregateState&>(
      *bound.execution->states()[static_cast<size_t>(bound.execution->plan().merged)]);
  for (const auto& snapshot : snapshots) ARROW_RETURN_NOT_OK(state.Merge(*snapshot));
  auto running =
      std::make_shared<RunningQuery>(bound.execution, [] { return int64_t{0}; }, session);
  return QueryReader(running).ToTable();
}

}  // namespace velaria::session
