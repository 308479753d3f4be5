// The snapshot of an aggregation: magic, version, then an Arrow IPC stream of one batch whose
// columns are the group keys and the exported states. DISTINCT aggregates have no snapshot: the
// planner keeps them out of the lane.
//
// States that depend on the order of the rows hold each row's place in their last column (BIGINT,
// or a list of it). The schema's metadata says how many morsels the places count, so that the rows
// of a snapshot that is merged come behind those of the ones before it.
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>
#include <arrow/util/key_value_metadata.h>

#include <cstring>
#include <numeric>

#include "execution/aggregate.hpp"

namespace velaria::execution {
namespace {

constexpr char kMagic[4] = {'V', 'L', 'A', 'S'};
constexpr uint32_t kVersion = 1;
constexpr char kSequences[] = "sequences";

int64_t SequencesOf(const arrow::Schema& schema) {
  if (!schema.metadata()) return 0;
  const auto text = schema.metadata()->Get(kSequences);
  return text.ok() ? std::atoll(text->c_str()) : 0;
}

Result<Vector> AddToAll(const Vector& vector, int64_t distance) {
  if (vector.type()->id() == arrow::Type::LARGE_LIST) {
    auto lists = vector.data->Copy();
    ARROW_ASSIGN_OR_RAISE(auto places, AddToAll({lists->child_data[0], false}, distance));
    lists->child_data[0] = places.data;
    return Vector{std::move(lists), false};
  }
  const auto& from = *vector.data;
  ARROW_ASSIGN_OR_RAISE(auto values, arrow::AllocateBuffer((from.offset + from.length) * 8));
  for (int64_t i = 0; i < from.length; ++i) {
    values->mutable_data_as<int64_t>()[from.offset + i] = from.GetValues<int64_t>(1)[i] + distance;
  }
  auto moved = from.Copy();
  moved->buffers[1] = std::move(values);
  return Vector{std::move(moved), false};
}

}  // namespace

/// The columns of a snapshot with the places of its rows behind those that are here.
Result<std::vector<Vector>> AggregateState::MovedBehind(std::vector<Vector> columns) const {
  size_t column = spec_.groups.size();
  for (const auto& aggregate : spec_.aggregates) {
    column += aggregate.binding.state_types.size();
    if (!aggregate.binding.needs_row_order || first_sequence_ == 0) continue;
    ARROW_ASSIGN_OR_RAISE(columns[column - 1],
                          AddToAll(columns[column - 1], first_sequence_ << kPlaceBits));
  }
  return columns;
}

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
  const auto counted = schema->WithMetadata(
      arrow::key_value_metadata({kSequences}, {std::to_string(sequences_.load())}));
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(sink, counted));
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
      ARROW_ASSIGN_OR_RAISE(
          auto states, WithPlaceIfFailed(groups.states(a).Export(all, arrow::default_memory_pool()),
                                         spec_.aggregates[a].place));
      chunk.columns.insert(chunk.columns.end(), states.begin(), states.end());
    }
    ARROW_ASSIGN_OR_RAISE(auto batch, ToRecordBatch(chunk, counted, arrow::default_memory_pool()));
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
    if (!batch) break;
    ARROW_RETURN_NOT_OK(batch->ValidateFull());
    ARROW_ASSIGN_OR_RAISE(auto local, MakeLocal());
    auto& grouped = GroupsToMerge(*local);
    Chunk chunk = FromRecordBatch(*batch);
    ARROW_ASSIGN_OR_RAISE(chunk.columns, MovedBehind(std::move(chunk.columns)));
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
      ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
          grouped.states(a).Merge(columns.subspan(column, width), groups.data(), chunk.row_count),
          spec_.aggregates[a].place));
      column += width;
    }
    ARROW_RETURN_NOT_OK(Combine(*local));
  }
  first_sequence_ += SequencesOf(*reader->schema());
  sequences_ = std::max<int64_t>(sequences_, first_sequence_);
  return Status::OK();
}

}  // namespace velaria::execution
