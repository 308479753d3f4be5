// Hash aggregation: GROUP BY, aggregates without GROUP BY, and DISTINCT (groups without
// aggregates).
//
// Each worker groups its rows in a table of its own; Combine moves the groups into 16 partitions by
// the hash of their key, each under its own lock, so that workers merge side by side. A worker that
// finds few rows of each group does so whenever its table has outgrown the processor's caches,
// and begins anew; when nearly all its groups were new to the partitions too, it no longer looks
// them up in its own table at all, and hands rows on in small lots. The partitions live on from
// trigger to trigger; Emit hands on the groups touched since the last one. A batch query is the
// case of one trigger.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "execution/key_table.hpp"
#include "execution/roles.hpp"
#include "logical/expression.hpp"

namespace velaria::execution {

struct AggregateSpec {
  std::vector<logical::BoundExprPtr> groups;
  std::vector<logical::BoundAggregate> aggregates;
};

/// Groups and their aggregate states: a worker's own table, or one partition of the combined state.
class GroupedStates {
 public:
  GroupedStates(const AggregateSpec& spec, arrow::MemoryPool* pool);

  bool keyless() const { return keyless_; }
  int64_t group_count() const { return keyless_ ? 1 : keys_.group_count(); }
  KeyTable& keys() { return keys_; }
  const KeyTable& keys() const { return keys_; }
  AggregateStates& states(size_t aggregate) { return *states_[aggregate]; }
  /// Every (group, value) pair seen by a DISTINCT aggregate; null for others.
  KeyTable* distinct(size_t aggregate) { return distinct_[aggregate].get(); }
  Status ResizeStates();
  /// Forgets all groups.
  void Clear();
  /// Folds a chunk. `first_place` is where its first row stands in row order; with `appends` rows
  /// of one key stay groups apart; `groups` is scratch.
  Status Consume(const Chunk& chunk, int64_t first_place, bool appends,
                 std::vector<uint32_t>* groups, TaskContext& context);
  /// Group keys, then results.
  Result<Chunk> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const;
  int64_t MemoryBytes() const;
  /// What its groups take, without the room that Clear kept for more.
  int64_t LiveBytes() const;
  /// What so many rows more may take beside that in the tables of keys.
  int64_t GrowthBytes(int64_t row_count) const;

 private:
  Status ConsumeOne(size_t aggregate, const Chunk& chunk, int64_t first_place,
                    const uint32_t* group_of, TaskContext& context);

  const AggregateSpec& spec_;
  arrow::MemoryPool* const pool_;  // of what the states keep in buffers
  const bool keyless_;
  bool has_filter_ = false;
  KeyTable keys_;
  std::vector<std::unique_ptr<AggregateStates>> states_;
  std::vector<std::unique_ptr<KeyTable>> distinct_;
};

/// The arguments of a DISTINCT aggregate's update, made of the values its pairs were kept by:
/// literals are the same in every row and are not kept.
Result<std::vector<Vector>> ArgumentsOfDistinct(const logical::BoundAggregate& aggregate,
                                                std::vector<Vector> values);

class AggregateState;

class AggregateNode final : public AccumulatorNode {
 public:
  explicit AggregateNode(AggregateSpec spec) : spec_(std::move(spec)) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;
  const AggregateSpec& spec() const { return spec_; }

 private:
  const AggregateSpec spec_;
};

class AggregateState final : public AccumulatorState, public Snapshottable {
 public:
  static constexpr size_t kPartitions = 16;
  /// A row's place in row order is its morsel's number, then its own number in so many bits.
  static constexpr int kPlaceBits = 32;
  /// A worker's table of so many bytes is still near at hand; a larger one is kept when its groups
  /// have so many rows each, or more.
  static constexpr int64_t kNearBytes = int64_t{16} << 20;
  static constexpr int64_t kRowsPerGroupMin = 8;
  /// A worker of whose rows so large a part had keys that nobody knew only appends them, in lots of
  /// so many bytes.
  static constexpr double kNewPerRowMin = 0.75;
  static constexpr int64_t kLotBytes = int64_t{1} << 20;

  AggregateState(const AggregateSpec& spec, QueryContext& query);
  Result<std::unique_ptr<LocalState>> MakeLocal() override;
  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                       TaskContext& context) override;
  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    return Flow::kMore;
  }
  Status Combine(LocalState& local) override;
  Status Seal() override { return Status::OK(); }
  Result<std::unique_ptr<SourceState>> Emit(const Trigger& trigger) override;
  Result<std::shared_ptr<arrow::Buffer>> Snapshot() const override;
  Status Merge(const arrow::Buffer& snapshot) override;
  int64_t MemoryBytes() const;
  int64_t group_count() const;

 private:
  struct Partition {
    mutable std::mutex mutex;
    std::unique_ptr<GroupedStates> groups;
    std::vector<uint32_t> dirty;    // groups touched since the last Emit, each once
    std::vector<uint8_t> is_dirty;  // by group
    std::unique_ptr<Reservation> memory;
  };

  Status CombineInto(Partition& partition, GroupedStates& from, std::span<const uint32_t> groups,
                     std::vector<uint32_t>* group_map);
  /// Whether rows of one key may stay apart in a worker: a DISTINCT aggregate's values may not.
  bool CanAppend() const;
  Status CombineDistinct(GroupedStates& from, const std::vector<uint8_t>& partition_of,
                         const std::vector<uint32_t>& group_map);
  SchemaPtr SnapshotSchema() const;
  Result<std::vector<Vector>> MovedBehind(std::vector<Vector> columns) const;
  /// A local's groups, to be filled from a snapshot.
  static GroupedStates& GroupsToMerge(LocalState& local);

  const AggregateSpec& spec_;
  QueryContext& query_;
  std::array<Partition, kPartitions> partitions_;
  bool emitted_ = false;
  /// Rows of a snapshot that was merged come before all rows consumed: morsels are numbered from
  /// here on.
  int64_t first_sequence_ = 0;
  std::atomic<int64_t> sequences_ = 0;  // one past the highest number so far
};

}  // namespace velaria::execution
