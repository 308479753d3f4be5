#include "execution/aggregate.hpp"
#include "functions/pooled_states.hpp"
#include "logical/evaluate.hpp"

// One worker's groups: rows to group numbers, and each aggregate's arguments to its states.

namespace velaria::execution {
namespace {

std::vector<TypePtr> TypesOf(const std::vector<logical::BoundExprPtr>& expressions) {
  std::vector<TypePtr> types;
  for (const auto& expr : expressions) types.push_back(expr->type);
  return types;
}

bool IsLiteral(const logical::BoundExprPtr& expr) {
  return expr->kind == logical::BoundKind::kLiteral;
}

/// The distinct pairs of group and values; the partitions fold each pair once, when locals are
/// combined.
Status KeepPairs(KeyTable* distinct, const std::vector<Vector>& values, const uint32_t* group_of,
                 int64_t row_count) {
  const std::vector<uint32_t> one_group(group_of == nullptr ? static_cast<size_t>(row_count) : 0);
  auto groups = arrow::ArrayData::Make(
      arrow::uint32(), row_count,
      {nullptr, arrow::Buffer::Wrap(group_of != nullptr ? group_of : one_group.data(),
                                    static_cast<size_t>(row_count))},
      0);
  std::vector<Vector> pairs = {Vector{std::move(groups), false}};
  pairs.insert(pairs.end(), values.begin(), values.end());
  std::vector<uint32_t> ids(static_cast<size_t>(row_count));
  return distinct->FindOrAdd(pairs, row_count, ids.data());
}

/// The places of the chunk's rows that `selection` holds (all when null).
Result<Vector> PlacesOf(int64_t first, int64_t count, const Selection* selection,
                        arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(arrow::int64(), count, pool));
  auto* places = data->GetMutableValues<int64_t>(1);
  for (int64_t i = 0; i < count; ++i) {
    places[i] = first + (selection ? (*selection)[static_cast<size_t>(i)] : i);
  }
  return Vector{std::move(data), false};
}

}  // namespace

Result<std::vector<Vector>> ArgumentsOfDistinct(const logical::BoundAggregate& aggregate,
                                                std::vector<Vector> values) {
  std::vector<Vector> arguments;
  size_t next = 0;
  for (const auto& expr : aggregate.arguments) {
    arguments.push_back(IsLiteral(expr) ? expr->literal : std::move(values[next++]));
  }
  if (aggregate.binding.needs_row_order) {
    // Which of equal rows came first says nothing: the order is that of the values.
    ARROW_ASSIGN_OR_RAISE(auto place, MakeConstant(std::make_shared<arrow::Int64Scalar>(0),
                                                   arrow::default_memory_pool()));
    arguments.push_back(std::move(place));
  }
  return arguments;
}

GroupedStates::GroupedStates(const AggregateSpec& spec, arrow::MemoryPool* pool)
    : spec_(spec), pool_(pool), keyless_(spec.groups.empty()), keys_(TypesOf(spec.groups)) {
  for (const auto& aggregate : spec.aggregates) {
    states_.push_back(MakeStates(aggregate.binding, pool_));
    std::unique_ptr<KeyTable> distinct;
    if (aggregate.binding.distinct) {
      std::vector<TypePtr> types = {arrow::uint32()};
      for (const auto& expr : aggregate.arguments) {
        if (!IsLiteral(expr)) types.push_back(expr->type);
      }
      distinct = std::make_unique<KeyTable>(std::move(types));
    }
    distinct_.push_back(std::move(distinct));
    has_filter_ = has_filter_ || aggregate.filter != nullptr;
  }
}

void GroupedStates::Clear() {
  keys_.Clear();
  for (size_t a = 0; a < states_.size(); ++a) {
    states_[a] = MakeStates(spec_.aggregates[a].binding, pool_);
    if (distinct_[a]) distinct_[a]->Clear();
  }
}

Status GroupedStates::ResizeStates() {
  for (auto& states : states_) ARROW_RETURN_NOT_OK(states->Resize(group_count()));
  return Status::OK();
}

Status GroupedStates::Consume(const Chunk& input, int64_t first_place, bool appends,
                              std::vector<uint32_t>* groups, TaskContext& context) {
  const auto& functions = context.query.functions();
  Chunk compacted;
  if (has_filter_) {
    ARROW_ASSIGN_OR_RAISE(compacted, Compact(input, context.pool()));
  }
  const Chunk& chunk = has_filter_ ? compacted : input;
  const int64_t row_count = chunk.selected_count();
  const uint32_t* group_of = nullptr;
  if (!keyless_) {
    std::vector<Vector> keys;
    for (const auto& expr : spec_.groups) {
      ARROW_ASSIGN_OR_RAISE(auto key, logical::Evaluate(*expr, chunk, functions));
      keys.push_back(std::move(key));
    }
    groups->resize(static_cast<size_t>(row_count));
    ARROW_RETURN_NOT_OK(appends ? keys_.Append(keys, row_count, groups->data())
                                : keys_.FindOrAdd(keys, row_count, groups->data()));
    group_of = groups->data();
  }
  ARROW_RETURN_NOT_OK(ResizeStates());
  for (size_t a = 0; a < spec_.aggregates.size(); ++a) {
    ARROW_RETURN_NOT_OK(ConsumeOne(a, chunk, first_place, group_of, context));
  }
  return Status::OK();
}

Status GroupedStates::ConsumeOne(size_t number, const Chunk& chunk, int64_t first_place,
                                 const uint32_t* group_of, TaskContext& context) {
  const auto& functions = context.query.functions();
  const auto& aggregate = spec_.aggregates[number];
  Chunk part = chunk;
  std::vector<uint32_t> part_groups;
  if (aggregate.filter) {
    ARROW_ASSIGN_OR_RAISE(part.selection, logical::SelectRows(*aggregate.filter, chunk, functions));
    if (part.selection && group_of != nullptr) {
      for (const uint32_t row : *part.selection) part_groups.push_back(group_of[row]);
      group_of = part_groups.data();
    }
  }
  const int64_t row_count = part.selected_count();
  if (row_count == 0) return Status::OK();
  const bool distinct = distinct_[number] != nullptr;
  std::vector<Vector> arguments;
  for (const auto& expr : aggregate.arguments) {
    if (distinct && IsLiteral(expr)) continue;
    ARROW_ASSIGN_OR_RAISE(auto argument, logical::Evaluate(*expr, part, functions));
    arguments.push_back(std::move(argument));
  }
  if (distinct) return KeepPairs(distinct_[number].get(), arguments, group_of, row_count);
  if (aggregate.binding.needs_row_order) {
    // Without a filter the chunk may be a selection already, whose rows are numbered as selected.
    const Selection* selection = aggregate.filter ? part.selection.get() : nullptr;
    ARROW_ASSIGN_OR_RAISE(auto places, PlacesOf(first_place, row_count, selection, context.pool()));
    arguments.push_back(std::move(places));
  }
  return WithPlaceIfFailed(states_[number]->Update(arguments, group_of, row_count),
                           aggregate.place);
}

Result<Chunk> GroupedStates::Finish(std::span<const uint32_t> groups,
                                    arrow::MemoryPool* pool) const {
  Chunk chunk;
  chunk.row_count = static_cast<int64_t>(groups.size());
  if (!keyless_) {
    ARROW_ASSIGN_OR_RAISE(chunk.columns, keys_.Export(groups, pool));
  }
  for (size_t a = 0; a < states_.size(); ++a) {
    ARROW_ASSIGN_OR_RAISE(auto result, WithPlaceIfFailed(states_[a]->Finish(groups, pool),
                                                         spec_.aggregates[a].place));
    chunk.columns.push_back(std::move(result));
  }
  return chunk;
}

int64_t GroupedStates::MemoryBytes() const {
  int64_t bytes = keys_.MemoryBytes();
  for (const auto& states : states_) bytes += states->MemoryBytes();
  for (const auto& distinct : distinct_) bytes += distinct ? distinct->MemoryBytes() : 0;
  return bytes;
}

int64_t GroupedStates::LiveBytes() const {
  int64_t bytes = keys_.LiveBytes();
  for (const auto& states : states_) bytes += states->MemoryBytes();
  for (const auto& distinct : distinct_) bytes += distinct ? distinct->LiveBytes() : 0;
  return bytes;
}

int64_t GroupedStates::GrowthBytes(int64_t row_count) const {
  int64_t bytes = keyless_ ? 0 : keys_.GrowthBytes(row_count);
  for (const auto& distinct : distinct_) bytes += distinct ? distinct->GrowthBytes(row_count) : 0;
  return bytes;
}

}  // namespace velaria::execution
