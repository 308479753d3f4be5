#include "execution/aggregate.hpp"

#include <numeric>

#include "base/text.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

class AggregateLocal final : public LocalState {
 public:
  AggregateLocal(const AggregateSpec& spec, QueryContext& query)
      : grouped(spec, query.pool()), memory(query.pool()) {}

  /// The place of the chunk's first row in row order: the number of its morsel, then its own within
  /// the morsel.
  int64_t NextPlace(int64_t sequence, int64_t row_count) {
    if (sequence + 1 != sequences) next_row_ = 0;
    sequences = sequence + 1;
    return (sequence << AggregateState::kPlaceBits) +
           std::exchange(next_row_, next_row_ + row_count);
  }

  GroupedStates grouped;
  std::vector<uint32_t> groups;  // scratch: the group of each row of a chunk
  int64_t sequences = 0;         // morsels up to the present one
  int64_t rows = 0;              // since the groups were last handed over
  int64_t new_groups = 0;        // of those handed over last
  bool appends = false;
  bool has_rows = false;  // without keys the one group is there before its first row
  Reservation memory;

 private:
  int64_t next_row_ = 0;
};

/// Hands out the touched groups partition by partition.
class AggregateEmit final : public SourceState {
 public:
  struct Part {
    const GroupedStates* groups;
    std::vector<uint32_t> rows;
  };
  explicit AggregateEmit(std::vector<Part> parts) : parts_(std::move(parts)) {}

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext&) override {
    while (part_ < parts_.size()) {
      const auto rows = static_cast<int64_t>(parts_[part_].rows.size());
      if (next_ < rows) {
        morsel->part = static_cast<int64_t>(part_);
        morsel->begin = next_;
        morsel->end = std::min(rows, next_ + kMorselRows);
        next_ = morsel->end;
        return Flow::kMore;
      }
      ++part_;
      next_ = 0;
    }
    return Flow::kFinished;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    const int64_t begin = morsel.begin + *position;
    if (begin >= morsel.end) return Flow::kFinished;
    const int64_t count = std::min(kChunkRows, morsel.end - begin);
    const auto& part = parts_[static_cast<size_t>(morsel.part)];
    ARROW_ASSIGN_OR_RAISE(
        *chunk, part.groups->Finish({part.rows.data() + begin, static_cast<size_t>(count)},
                                    context.pool()));
    chunk->ordinal =
        (static_cast<uint64_t>(morsel.sequence) << 32) + static_cast<uint64_t>(*position);
    *position += count;
    return Flow::kMore;
  }

  int64_t MaxWorkers() const override {
    size_t rows = 0;
    for (const auto& part : parts_) rows += part.rows.size();
    return rows > 2 * kChunkRows ? static_cast<int64_t>(parts_.size()) : 1;
  }

 private:
  const std::vector<Part> parts_;
  size_t part_ = 0;
  int64_t next_ = 0;
};

}  // namespace

// ---- AggregateNode

Result<std::shared_ptr<AccumulatorState>> AggregateNode::Open(QueryContext& query) const {
  return std::make_shared<AggregateState>(spec_, query);
}

std::string AggregateNode::Text() const {
  std::vector<std::string> groups, aggregates;
  for (const auto& group : spec_.groups) groups.push_back(logical::ToText(*group));
  for (const auto& aggregate : spec_.aggregates) aggregates.push_back(aggregate.text);
  std::string text = "hash aggregate";
  if (!groups.empty()) text += " by " + Join(groups, ", ");
  if (!aggregates.empty()) text += ": " + Join(aggregates, ", ");
  return text;
}

// ---- AggregateState

AggregateState::AggregateState(const AggregateSpec& spec, QueryContext& query)
    : spec_(spec), query_(query) {
  for (auto& partition : partitions_) {
    partition.groups = std::make_unique<GroupedStates>(spec_, query_.pool());
    partition.memory = std::make_unique<Reservation>(query_.pool());
  }
}

Result<std::unique_ptr<LocalState>> AggregateState::MakeLocal() {
  return std::make_unique<AggregateLocal>(spec_, query_);
}

Result<Flow> AggregateState::Consume(const Chunk& chunk, const Morsel& morsel,
                                     LocalState& local_state, TaskContext& context) {
  auto& local = static_cast<AggregateLocal&>(local_state);
  local.has_rows = true;
  const int64_t place = local.NextPlace(first_sequence_ + morsel.sequence, chunk.selected_count());
  ARROW_RETURN_NOT_OK(local.memory.Set(local.grouped.MemoryBytes() +
                                       local.grouped.GrowthBytes(chunk.selected_count())));
  ARROW_RETURN_NOT_OK(local.grouped.Consume(chunk, place, local.appends, &local.groups, context));
  local.rows += chunk.selected_count();
  if (local.grouped.LiveBytes() > (local.appends ? kLotBytes : kNearBytes) &&
      local.rows < kRowsPerGroupMin * local.grouped.group_count()) {
    ARROW_RETURN_NOT_OK(Combine(local));
    local.grouped.Clear();
    local.appends = CanAppend() && static_cast<double>(local.new_groups) >=
                                       kNewPerRowMin * static_cast<double>(local.rows);
    local.rows = 0;
  }
  ARROW_RETURN_NOT_OK(local.memory.Set(local.grouped.MemoryBytes()));
  return Flow::kMore;
}

bool AggregateState::CanAppend() const {
  return !spec_.groups.empty() &&
         std::none_of(spec_.aggregates.begin(), spec_.aggregates.end(),
                      [](const auto& aggregate) { return aggregate.binding.distinct; });
}

Status AggregateState::Combine(LocalState& local_state) {
  if (!static_cast<AggregateLocal&>(local_state).has_rows) return Status::OK();
  const int64_t sequences = static_cast<AggregateLocal&>(local_state).sequences;
  int64_t known = sequences_.load();
  while (known < sequences && !sequences_.compare_exchange_weak(known, sequences)) {
  }
  auto& local = static_cast<AggregateLocal&>(local_state).grouped;
  int64_t& new_groups = static_cast<AggregateLocal&>(local_state).new_groups;
  new_groups = 0;
  ARROW_RETURN_NOT_OK(local.ResizeStates());
  const auto count = static_cast<size_t>(local.group_count());
  Reservation scratch(query_.pool());  // lists, partition_of, group_map, targets
  ARROW_RETURN_NOT_OK(scratch.Set(static_cast<int64_t>(count * (3 * sizeof(uint32_t) + 1))));
  std::array<std::vector<uint32_t>, kPartitions> lists;
  std::vector<uint8_t> partition_of(count, 0);
  for (uint32_t group = 0; group < count; ++group) {
    const size_t partition = local.keyless() ? 0 : local.keys().PortableHash(group) >> 28;
    partition_of[group] = static_cast<uint8_t>(partition);
    lists[partition].push_back(group);
  }
  std::vector<uint32_t> group_map(count, 0);
  const size_t start = reinterpret_cast<uintptr_t>(&local) / 64 %
                       kPartitions;  // workers begin at different partitions
  for (size_t i = 0; i < kPartitions; ++i) {
    const size_t p = (start + i) % kPartitions;
    if (lists[p].empty()) continue;
    std::lock_guard lock(partitions_[p].mutex);
    const int64_t known = partitions_[p].groups->group_count();
    ARROW_RETURN_NOT_OK(CombineInto(partitions_[p], local, lists[p], &group_map));
    new_groups += partitions_[p].groups->group_count() - known;
  }
  return CombineDistinct(local, partition_of, group_map);
}

Status AggregateState::CombineInto(Partition& partition, GroupedStates& from,
                                   std::span<const uint32_t> groups,
                                   std::vector<uint32_t>* group_map) {
  auto& into = *partition.groups;
  std::vector<uint32_t> targets(groups.size(), 0);
  if (!from.keyless()) {
    const auto count = static_cast<int64_t>(groups.size());
    ARROW_RETURN_NOT_OK(partition.memory->Set(into.MemoryBytes() + into.keys().GrowthBytes(count)));
    ARROW_RETURN_NOT_OK(into.keys().Absorb(from.keys(), groups, query_.pool(), targets.data()));
  }
  ARROW_RETURN_NOT_OK(into.ResizeStates());
  for (size_t a = 0; a < spec_.aggregates.size(); ++a) {
    if (spec_.aggregates[a].binding.distinct) continue;
    const Place place = spec_.aggregates[a].place;
    ARROW_ASSIGN_OR_RAISE(auto states,
                          WithPlaceIfFailed(from.states(a).Export(groups, query_.pool()), place));
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
        into.states(a).Merge(states, targets.data(), static_cast<int64_t>(groups.size())), place));
  }
  partition.is_dirty.resize(static_cast<size_t>(into.group_count()), 0);
  for (size_t i = 0; i < groups.size(); ++i) {
    (*group_map)[groups[i]] = targets[i];
    if (partition.is_dirty[targets[i]]) continue;
    partition.is_dirty[targets[i]] = 1;
    partition.dirty.push_back(targets[i]);
  }
  return partition.memory->Set(into.MemoryBytes());
}

Status AggregateState::CombineDistinct(GroupedStates& from,
                                       const std::vector<uint8_t>& partition_of,
                                       const std::vector<uint32_t>& group_map) {
  for (size_t a = 0; a < spec_.aggregates.size(); ++a) {
    KeyTable* pairs = from.distinct(a);
    if (pairs == nullptr || pairs->group_count() == 0) continue;
    Reservation scratch(query_.pool());  // all, rows, targets, ids, fresh and its groups
    ARROW_RETURN_NOT_OK(scratch.Set(pairs->group_count() * 6 * int64_t{sizeof(uint32_t)}));
    std::vector<uint32_t> all(static_cast<size_t>(pairs->group_count()));
    std::iota(all.begin(), all.end(), 0);
    ARROW_ASSIGN_OR_RAISE(auto columns, pairs->Export(all, query_.pool()));
    const auto local_groups = ViewFixed<uint32_t>(columns[0]);
    std::array<std::vector<uint32_t>, kPartitions> rows;
    for (uint32_t row = 0; row < all.size(); ++row)
      rows[partition_of[local_groups[row]]].push_back(row);
    for (size_t p = 0; p < kPartitions; ++p) {
      if (rows[p].empty()) continue;
      std::vector<uint32_t> targets;
      for (uint32_t row : rows[p]) targets.push_back(group_map[local_groups[row]]);
      const auto count = static_cast<int64_t>(targets.size());
      std::vector<Vector> keys = {
          Vector{arrow::ArrayData::Make(arrow::uint32(), count,
                                        {nullptr, arrow::Buffer::Wrap(targets)}, 0),
                 false}};
      for (size_t c = 1; c < columns.size(); ++c) {
        ARROW_ASSIGN_OR_RAISE(auto column, Gather(columns[c], rows[p], query_.pool()));
        keys.push_back(std::move(column));
      }
      std::lock_guard lock(partitions_[p].mutex);
      auto& into = *partitions_[p].groups;
      const int64_t known = into.distinct(a)->group_count();
      std::vector<uint32_t> ids(targets.size());
      ARROW_RETURN_NOT_OK(
          partitions_[p].memory->Set(into.MemoryBytes() + into.distinct(a)->GrowthBytes(count)));
      ARROW_RETURN_NOT_OK(into.distinct(a)->FindOrAdd(keys, count, ids.data()));
      std::vector<uint32_t> fresh, fresh_groups;
      for (uint32_t i = 0; i < ids.size(); ++i) {
        // The pairs of one local are distinct, so a new pair shows up once.
        if (ids[i] < known) continue;
        fresh.push_back(i);
        fresh_groups.push_back(targets[i]);
      }
      std::vector<Vector> values;
      for (size_t c = 1; c < keys.size(); ++c) {
        ARROW_ASSIGN_OR_RAISE(auto value, Gather(keys[c], fresh, query_.pool()));
        values.push_back(std::move(value));
      }
      ARROW_ASSIGN_OR_RAISE(const auto arguments,
                            ArgumentsOfDistinct(spec_.aggregates[a], std::move(values)));
      ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
          into.states(a).Update(arguments, fresh_groups.data(), static_cast<int64_t>(fresh.size())),
          spec_.aggregates[a].place));
      ARROW_RETURN_NOT_OK(partitions_[p].memory->Set(into.MemoryBytes()));
    }
  }
  return Status::OK();
}

Result<std::unique_ptr<SourceState>> AggregateState::Emit(const Trigger& trigger) {
  std::vector<AggregateEmit::Part> parts;
  for (auto& partition : partitions_) {
    std::lock_guard lock(partition.mutex);
    if (partition.dirty.empty()) continue;
    for (uint32_t group : partition.dirty) partition.is_dirty[group] = 0;
    parts.push_back({partition.groups.get(), std::move(partition.dirty)});
    partition.dirty.clear();
  }
  if (spec_.groups.empty() && parts.empty() && trigger.end_of_input && !emitted_) {
    ARROW_RETURN_NOT_OK(
        partitions_[0].groups->ResizeStates());  // aggregates of no rows: one row all the same
    parts.push_back({partitions_[0].groups.get(), {0}});
  }
  emitted_ = emitted_ || !parts.empty();
  return std::make_unique<AggregateEmit>(std::move(parts));
}

GroupedStates& AggregateState::GroupsToMerge(LocalState& local_state) {
  auto& local = static_cast<AggregateLocal&>(local_state);
  local.has_rows = true;
  return local.grouped;
}

int64_t AggregateState::MemoryBytes() const {
  int64_t bytes = 0;
  for (const auto& partition : partitions_) {
    std::lock_guard lock(partition.mutex);
    bytes += partition.memory->bytes();
  }
  return bytes;
}

int64_t AggregateState::group_count() const {
  int64_t count = 0;
  for (const auto& partition : partitions_) count += partition.groups->group_count();
  return count;
}

}  // namespace velaria::execution
