// The snapshot of an aggregation: magic, version, then an Arrow IPC stream of one batch whose
// columns are the group keys and the exported states. DISTINCT aggregates have no snapshot: the
// planner keeps them out of the lane.
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>

#include <cstring>
#include <numeric>

#include "execution/aggregate.hpp"

namespace velaria::execution {
namespace {

constexpr char kMagic[4] = {'V', 'L', 'A', 'S'};
constexpr uint32_t kVersion = 1;

}  // namespace

SchemaPtr AggregateState::SnapshotSchema() const {
  arrow::FieldVector fields;
  for (size_t i = 0; i < spec_.groups.size(); ++i)
    fields.push_back(arrow::field("key" + std::to_string(i), spec_.groups[i]->type));
  for (size_t a = 0; a < spec_.aggregates.size(); ++a) {
    const auto& types = spec_.aggregates[a].binding.state_types;
    for (size_t s = 0; s < types.size(); ++s) {
      fields.push_back(
          arrow::field("state" + std::to_string(a) + "_" + std::to_string(s), types[s]));
    }
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::Buffer>> AggregateState::Snapshot() const {
  auto schema = SnapshotSchema();
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  ARROW_RETURN_NOT_OK(sink->Write(kMagic, sizeof kMagic));
  ARROW_RETURN_NOT_OK(sink->Write(&kVersion, sizeof kVersion));
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(sink, schema));
  for (const auto& partition : partitions_) {
    auto& groups = *partition.groups;
    if (groups.keyless() && &partition != &partitions_[0]) continue;
    const auto count = groups.group_count();
    if (count == 0) continue;
    ARROW_RETURN_NOT_OK(groups.ResizeStates());
    std::vector<uint32_t> all(static_cast<size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    Chunk chunk;
    chunk.row_count = count;
    if (!groups.keyless()) {
      ARROW_ASSIGN_OR_RAISE(chunk.columns, groups.keys().Export(all, arrow::default_memory_pool()));
    }
    for (size_t a = 0; a < spec_.aggregates.size(); ++a) {
      if (spec_.aggregates[a].binding.distinct) return Bug("snapshot of a DISTINCT aggregate");
      ARROW_ASSIGN_OR_RAISE(auto states,
                            groups.states(a).Export(all, arrow::default_memory_pool()));
      chunk.columns.insert(chunk.columns.end(), states.begin(), states.end());
    }
    ARROW_ASSIGN_OR_RAISE(auto batch, ToRecordBatch(chunk, schema, arrow::default_memory_pool()));
    ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*batch));
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  return sink->Finish();
}

Status AggregateState::Merge(const arrow::Buffer& snapshot) {
  uint32_t version = 0;
  constexpr int64_t kHeader = sizeof kMagic + sizeof version;
  if (snapshot.size() < kHeader || std::memcmp(snapshot.data(), kMagic, sizeof kMagic) != 0) {
    return Fail(ErrorCode::kVersionMismatch, "not an aggregation snapshot");
  }
  std::memcpy(&version, snapshot.data() + sizeof kMagic, sizeof version);
  if (version != kVersion) {
    return Fail(ErrorCode::kVersionMismatch,
                "aggregation snapshot of another version: " + std::to_string(version));
  }
  auto input = std::make_shared<arrow::io::BufferReader>(
      std::make_shared<arrow::Buffer>(snapshot.data() + kHeader, snapshot.size() - kHeader));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchStreamReader::Open(input));
  if (!reader->schema()->Equals(*SnapshotSchema(), false)) {
    return Fail(ErrorCode::kVersionMismatch, "aggregation snapshot of another query");
  }
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
    if (!batch) return Status::OK();
    ARROW_RETURN_NOT_OK(batch->ValidateFull());
    ARROW_ASSIGN_OR_RAISE(auto local, MakeLocal());
    auto& grouped = GroupsToMerge(*local);
    const Chunk chunk = FromRecordBatch(*batch);
    std::vector<uint32_t> groups(static_cast<size_t>(chunk.row_count), 0);
    const std::span<const Vector> columns(chunk.columns);
    if (!grouped.keyless()) {
      ARROW_RETURN_NOT_OK(grouped.keys().FindOrAdd(columns.first(spec_.groups.size()),
                                                   chunk.row_count, groups.data()));
    }
    ARROW_RETURN_NOT_OK(grouped.ResizeStates());
    size_t column = spec_.groups.size();
    for (size_t a = 0; a < spec_.aggregates.size(); ++a) {
      const size_t width = spec_.aggregates[a].binding.state_types.size();
      ARROW_RETURN_NOT_OK(
          grouped.states(a).Merge(columns.subspan(column, width), groups.data(), chunk.row_count));
      column += width;
    }
    ARROW_RETURN_NOT_OK(Combine(*local));
  }
}

}  // namespace velaria::execution
