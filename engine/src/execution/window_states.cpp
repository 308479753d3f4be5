#include "execution/window_states.hpp"

#include <arrow/array/concatenate.h>

#include <bit>
#include <numeric>

#include "functions/pooled_states.hpp"

namespace velaria::execution {
namespace {

constexpr int64_t kBlockLevels = 9;
constexpr uint32_t kBlockRows = uint32_t{1} << kBlockLevels;
constexpr int64_t kResultRows = 16 * kChunkRows;  // states of results that are held at once

/// Rows (level 0) or nodes (above), and the state that each is to be merged into.
struct Merges {
  std::vector<uint32_t> from, into;
  void Add(uint32_t node, uint32_t target) {
    from.push_back(node);
    into.push_back(target);
  }
  void Clear() {
    from.clear();
    into.clear();
  }
};

class StateTree {
 public:
  StateTree(const AggregateBinding& binding, const AggregateInput& input, int64_t row_count,
            QueryContext& query)
      : binding_(binding),
        input_(input),
        row_count_(row_count),
        query_(query),
        memory_(query.pool()) {}

  Status Build(int64_t width_max) {
    states_ = MakeStates(binding_, query_.pool());
    level_starts_ = {0, 0};  // level 0 is the rows themselves
    int64_t count = row_count_, total = 0;
    std::vector<int64_t> counts;
    for (int64_t width = 2; width <= width_max && count > 1; width *= 2) {
      count = (count + 1) / 2;
      counts.push_back(count);
      total += count;
      level_starts_.push_back(total);
    }
    if (counts.empty()) return Status::OK();
    ARROW_RETURN_NOT_OK(states_->Resize(total));
    for (int64_t begin = 0; begin < row_count_; begin += kResultRows) {
      ARROW_RETURN_NOT_OK(query_.CheckCancelled());
      Merges merges;
      for (int64_t place = begin; place < std::min(row_count_, begin + kResultRows); ++place)
        AddRow(place, place / 2, &merges);
      ARROW_RETURN_NOT_OK(MergeRows(merges, states_.get()));
      ARROW_RETURN_NOT_OK(memory_.Set(states_->MemoryBytes()));
    }
    for (size_t level = 1; level < counts.size(); ++level) {
      ARROW_RETURN_NOT_OK(BuildLevel(level, counts[level - 1]));
    }
    return Status::OK();
  }

  /// Merges rows [begin, end) into state `target` of what the merges are later applied to.
  void Cover(uint32_t begin, uint32_t end, uint32_t target, std::vector<Merges>* levels) const {
    for (size_t level = 0; begin < end; ++level) {
      if (begin & 1) AddNode(level, begin++, target, levels);
      if (end & 1) AddNode(level, --end, target, levels);
      begin >>= 1;
      end >>= 1;
    }
  }

  Status Apply(std::vector<Merges>* levels, AggregateStates* into) const {
    for (size_t level = 0; level < levels->size(); ++level) {
      auto& merges = (*levels)[level];
      if (level == 0) {
        ARROW_RETURN_NOT_OK(MergeRows(merges, into));
      } else if (!merges.from.empty()) {
        ARROW_RETURN_NOT_OK(MergeStates(*states_, merges, into));
      }
      merges.Clear();
    }
    return Status::OK();
  }

  Status MergeStates(const AggregateStates& from, const Merges& merges,
                     AggregateStates* into) const {
    ARROW_ASSIGN_OR_RAISE(const auto states, from.Export(merges.from, query_.pool()));
    return into->Merge(states, merges.into.data(), static_cast<int64_t>(merges.into.size()));
  }

  size_t level_count() const { return level_starts_.size(); }

 private:
  void AddRow(int64_t place, int64_t target, Merges* merges) const {
    const auto at = static_cast<size_t>(place);
    if (input_.value_of.empty()) {
      merges->Add(static_cast<uint32_t>(place), static_cast<uint32_t>(target));
    } else if (input_.value_of[at] >= 0) {
      merges->Add(static_cast<uint32_t>(input_.value_of[at]), static_cast<uint32_t>(target));
    }
  }

  void AddNode(size_t level, uint32_t node, uint32_t target, std::vector<Merges>* levels) const {
    if (level == 0) {
      AddRow(node, target, &(*levels)[0]);
    } else {
      (*levels)[level].Add(static_cast<uint32_t>(level_starts_[level]) + node, target);
    }
  }

  Status MergeRows(const Merges& merges, AggregateStates* into) const {
    if (merges.from.empty()) return Status::OK();
    std::vector<Vector> values;
    for (const auto& value : input_.values) {
      ARROW_ASSIGN_OR_RAISE(auto picked, Gather(value, merges.from, query_.pool()));
      values.push_back(std::move(picked));
    }
    return into->Update(values, merges.into.data(), static_cast<int64_t>(merges.from.size()));
  }

  Status BuildLevel(size_t level, int64_t below_count) {
    const auto below = level_starts_[level], here = level_starts_[level + 1];
    for (int64_t begin = 0; begin < below_count; begin += kResultRows) {
      ARROW_RETURN_NOT_OK(query_.CheckCancelled());
      Merges merges;
      for (int64_t i = begin; i < std::min(below_count, begin + kResultRows); ++i) {
        merges.Add(static_cast<uint32_t>(below + i), static_cast<uint32_t>(here + i / 2));
      }
      ARROW_RETURN_NOT_OK(MergeStates(*states_, merges, states_.get()));
      ARROW_RETURN_NOT_OK(memory_.Set(states_->MemoryBytes()));
    }
    return Status::OK();
  }

  const AggregateBinding& binding_;
  const AggregateInput& input_;
  const int64_t row_count_;
  QueryContext& query_;
  std::unique_ptr<AggregateStates> states_;
  std::vector<int64_t> level_starts_;  // first state of each level; level 1 begins at 0
  Reservation memory_;
};

/// For each block, the state of the rows before it that belong to the partition of its first row.
Result<std::unique_ptr<AggregateStates>> CarryOver(const AggregateBinding& binding,
                                                   const WindowRows& rows, const StateTree& tree,
                                                   QueryContext& query, Reservation* memory) {
  auto carried = MakeStates(binding, query.pool());
  const auto blocks = static_cast<uint32_t>((rows.row_count + kBlockRows - 1) / kBlockRows);
  ARROW_RETURN_NOT_OK(carried->Resize(blocks));
  std::vector<Merges> levels(tree.level_count());
  Merges one;
  for (uint32_t block = 1; block < blocks; ++block) {
    const uint32_t first = block * kBlockRows, before = first - kBlockRows;
    const uint32_t partition = rows.partition_start[first];
    if (partition >= first) continue;
    if (partition < before) {
      one.Clear();
      one.Add(block - 1, block);
      ARROW_RETURN_NOT_OK(tree.MergeStates(*carried, one, carried.get()));
    }
    tree.Cover(std::max(partition, before), first, block, &levels);
    ARROW_RETURN_NOT_OK(tree.Apply(&levels, carried.get()));
    ARROW_RETURN_NOT_OK(memory->Set(carried->MemoryBytes()));
    ARROW_RETURN_NOT_OK(query.CheckCancelled());
  }
  return carried;
}

Result<Vector> Joined(const std::vector<Vector>& parts, arrow::MemoryPool* pool) {
  arrow::ArrayVector arrays;
  for (const auto& part : parts) arrays.push_back(part.array());
  ARROW_ASSIGN_OR_RAISE(const auto joined, arrow::Concatenate(arrays, pool));
  return MakeVector(joined);
}

std::vector<uint32_t> FirstNumbers(int64_t count) {
  std::vector<uint32_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

Result<Vector> MergeOverFrames(const AggregateBinding& binding, const AggregateInput& input,
                               const WindowRows& rows, QueryContext& query) {
  const bool grows = FramesOnlyGrow(rows);
  StateTree tree(binding, input, rows.row_count, query);
  ARROW_RETURN_NOT_OK(tree.Build(grows ? kBlockRows : WidestFrame(rows)));
  std::unique_ptr<AggregateStates> carried;
  Reservation carried_memory(query.pool()), memory(query.pool());
  if (grows) {
    ARROW_ASSIGN_OR_RAISE(carried, CarryOver(binding, rows, tree, query, &carried_memory));
  }
  std::vector<Vector> parts;
  std::vector<Merges> levels(tree.level_count());
  Merges from_carried;
  for (int64_t begin = 0; begin < rows.row_count; begin += kResultRows) {
    ARROW_RETURN_NOT_OK(query.CheckCancelled());
    const int64_t count = std::min(kResultRows, rows.row_count - begin);
    auto states = MakeStates(binding, query.pool());
    ARROW_RETURN_NOT_OK(states->Resize(count));
    from_carried.Clear();
    for (int64_t i = 0; i < count; ++i) {
      const auto target = static_cast<uint32_t>(i);
      rows.ForEachRange(begin + i, [&](uint32_t from, uint32_t to) {
        const uint32_t block = (to - 1) / kBlockRows;
        if (grows && from < block * kBlockRows) {
          from_carried.Add(block, target);
          from = block * kBlockRows;
        }
        tree.Cover(from, to, target, &levels);
      });
    }
    if (!from_carried.from.empty()) {
      ARROW_RETURN_NOT_OK(tree.MergeStates(*carried, from_carried, states.get()));
      ARROW_RETURN_NOT_OK(memory.Set(states->MemoryBytes()));
    }
    ARROW_RETURN_NOT_OK(tree.Apply(&levels, states.get()));
    ARROW_RETURN_NOT_OK(memory.Set(states->MemoryBytes()));
    ARROW_ASSIGN_OR_RAISE(auto part, states->Finish(FirstNumbers(count), query.pool()));
    parts.push_back(std::move(part));
  }
  if (parts.size() == 1) return parts[0];
  return Joined(parts, query.pool());
}

Result<Vector> WholePartitions(const AggregateBinding& binding, const AggregateInput& input,
                               const WindowRun& run, QueryContext& query) {
  const auto partitions = static_cast<int64_t>(run.partition_count());
  ARROW_ASSIGN_OR_RAISE(auto partition_of, Places::Make(run.row_count(), query.pool()));
  for (size_t p = 0; p < run.partition_count(); ++p) {
    std::fill(partition_of.data() + run.partition_starts[p],
              partition_of.data() + run.partition_starts[p + 1], static_cast<uint32_t>(p));
  }
  Places chosen;
  if (!input.value_of.empty()) {
    ARROW_ASSIGN_OR_RAISE(chosen, Places::Make(input.value_count, query.pool()));
    for (int64_t i = 0; i < run.row_count(); ++i) {
      const int32_t value = input.value_of[static_cast<size_t>(i)];
      if (value >= 0) chosen[value] = partition_of[i];
    }
  }
  auto states = MakeStates(binding, query.pool());
  ARROW_RETURN_NOT_OK(states->Resize(partitions));
  Reservation memory(query.pool());
  const uint32_t* groups = input.value_of.empty() ? partition_of.data() : chosen.data();
  for (int64_t begin = 0; begin < input.value_count; begin += kResultRows) {
    ARROW_RETURN_NOT_OK(query.CheckCancelled());
    const int64_t count = std::min(kResultRows, input.value_count - begin);
    std::vector<Vector> values;
    for (const auto& value : input.values) values.push_back(Slice(value, begin, count));
    ARROW_RETURN_NOT_OK(states->Update(values, partitions == 1 ? nullptr : groups + begin, count));
    ARROW_RETURN_NOT_OK(memory.Set(states->MemoryBytes()));
  }
  ARROW_ASSIGN_OR_RAISE(const auto results, states->Finish(FirstNumbers(partitions), query.pool()));
  return Gather(results, partition_of.span(), query.pool());
}

}  // namespace velaria::execution
