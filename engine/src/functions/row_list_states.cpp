#include "functions/row_list_states.hpp"

#include <algorithm>
#include <numeric>

namespace velaria {
namespace {

/// The vectors of a chunk in the order of the store's columns.
std::vector<Vector> ColumnsOf(const RowSpec& spec, std::span<const Vector> arguments) {
  std::vector<Vector> columns;
  for (const size_t argument : spec.arguments) columns.push_back(arguments[argument]);
  return columns;
}

std::vector<uint32_t> RowsThatCount(const RowSpec& spec, std::span<const Vector> columns,
                                    int64_t row_count) {
  std::vector<Validity> validities;
  for (const size_t column : spec.required) validities.push_back(ValidityOf(columns[column]));
  std::vector<uint32_t> rows;
  rows.reserve(static_cast<size_t>(row_count));
  for (uint32_t row = 0; row < row_count; ++row) {
    const bool counts = std::all_of(validities.begin(), validities.end(),
                                    [row](const Validity& v) { return v.IsValid(row); });
    if (counts) rows.push_back(row);
  }
  return rows;
}

}  // namespace

RowSpec RowSpec::Of(const AggregateBinding& binding, const std::vector<size_t>& kept,
                    std::vector<size_t> required) {
  RowSpec spec;
  spec.arguments = kept;
  spec.required = std::move(required);
  for (auto key : binding.order) {
    const auto known = std::find(spec.arguments.begin(), spec.arguments.end(), key.argument);
    const auto column = static_cast<size_t>(known - spec.arguments.begin());
    if (known == spec.arguments.end()) spec.arguments.push_back(key.argument);
    key.argument = column;
    spec.order.keys.push_back(key);
  }
  for (const size_t argument : spec.arguments) spec.types.push_back(binding.arguments[argument]);
  if (binding.needs_row_order) {
    spec.order.place = static_cast<int>(spec.arguments.size());
    spec.arguments.push_back(binding.arguments.size());
    spec.types.push_back(arrow::int64());
  }
  return spec;
}

void AddOrder(AggregateBinding* binding, AggregateOrder key, const TypePtr& type) {
  binding->order.push_back(key);
  if (key.argument < binding->arguments.size()) return;
  binding->arguments.push_back(type);
  const bool lists = binding->state_types.back()->id() == arrow::Type::LARGE_LIST;
  binding->state_types.insert(binding->state_types.end() - 1,  // the place stays last
                              lists ? arrow::large_list(type) : type);
}

// ---- RowListStates

Status RowListStates::Resize(int64_t group_count) {
  rows_.resize(static_cast<size_t>(group_count));
  return Status::OK();
}

Status RowListStates::Update(std::span<const Vector> arguments, const uint32_t* groups,
                             int64_t row_count) {
  const auto columns = ColumnsOf(spec_, arguments);
  const auto rows = RowsThatCount(spec_, columns, row_count);
  auto next = static_cast<uint32_t>(store_.row_count());
  ARROW_RETURN_NOT_OK(store_.Append(columns, rows));
  for (const uint32_t row : rows) Add(groups == nullptr ? 0 : groups[row], next++);
  return Status::OK();
}

Status RowListStates::Merge(std::span<const Vector> states, const uint32_t* groups,
                            int64_t row_count) {
  std::vector<Vector> columns;
  for (size_t i = 0; i < spec_.types.size(); ++i) {
    const auto& lists = *states[i].data;
    columns.push_back({lists.child_data[0], false});
  }
  const auto offsets = ViewFixed<int64_t>(states[0]);
  for (size_t i = 1; i < columns.size(); ++i) {
    // Exported together, so that all lists have the same bounds; a snapshot may be damaged.
    const auto other = ViewFixed<int64_t>(states[i]);
    for (int64_t row = 0; row <= row_count; ++row) {
      if (other.values[row] != offsets.values[row]) {
        return Fail(ErrorCode::kVersionMismatch, "aggregate states do not belong together");
      }
    }
  }
  std::vector<uint32_t> rows(static_cast<size_t>(offsets.values[row_count] - offsets.values[0]));
  std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(offsets.values[0]));
  auto next = static_cast<uint32_t>(store_.row_count());
  ARROW_RETURN_NOT_OK(store_.Append(columns, rows));
  for (int64_t i = 0; i < row_count; ++i) {
    for (int64_t at = offsets.values[i]; at < offsets.values[i + 1]; ++at) Add(groups[i], next++);
  }
  return Status::OK();
}

Result<std::vector<Vector>> RowListStates::Export(std::span<const uint32_t> groups,
                                                  arrow::MemoryPool* pool) const {
  std::vector<int64_t> all, counts;
  for (const uint32_t group : groups) {
    all.insert(all.end(), rows_[group].begin(), rows_[group].end());
    counts.push_back(static_cast<int64_t>(rows_[group].size()));
  }
  std::vector<Vector> states;
  for (size_t i = 0; i < spec_.types.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto values, store_.Gather(i, all, pool));
    ARROW_ASSIGN_OR_RAISE(auto lists,
                          MakeLists(arrow::large_list(spec_.types[i]), counts, values, pool));
    states.push_back(std::move(lists));
  }
  return states;
}

int64_t RowListStates::MemoryBytes() const {
  return store_.MemoryBytes() + store_.row_count() * static_cast<int64_t>(sizeof(uint32_t)) +
         static_cast<int64_t>(rows_.capacity() * sizeof(rows_[0]));
}

std::vector<TypePtr> RowListStates::StateTypes(const RowSpec& spec) {
  std::vector<TypePtr> types;
  for (const auto& type : spec.types) types.push_back(arrow::large_list(type));
  return types;
}

std::vector<uint32_t> RowListStates::Ordered(uint32_t group) const {
  std::vector<uint32_t> rows = rows_[group];
  if (!std::is_sorted(rows.begin(), rows.end(), Less())) {
    std::sort(rows.begin(), rows.end(), Less());
  }
  return rows;
}

void RowListStates::AppendOrdered(uint32_t group, std::vector<int64_t>* rows) const {
  const auto& held = rows_[group];
  const auto begin = static_cast<std::ptrdiff_t>(rows->size());
  rows->insert(rows->end(), held.begin(), held.end());
  if (std::is_sorted(held.begin(), held.end(), Less())) return;
  std::sort(rows->begin() + begin, rows->end(), [less = Less()](int64_t a, int64_t b) {
    return less(static_cast<uint32_t>(a), static_cast<uint32_t>(b));
  });
}

// ---- RowPickStates

Status RowPickStates::Resize(int64_t group_count) {
  held_.resize(static_cast<size_t>(group_count), RowStore::kNoRow);
  return Status::OK();
}

Status RowPickStates::Take(std::span<const Vector> columns, std::span<const uint32_t> rows,
                           const uint32_t* groups) {
  auto next = store_.row_count();
  ARROW_RETURN_NOT_OK(store_.Append(columns, rows));
  for (const uint32_t row : rows) {
    int64_t& held = held_[groups == nullptr ? 0 : groups[row]];
    const auto candidate = static_cast<uint32_t>(next++);
    const auto present = static_cast<uint32_t>(held);
    const bool better =
        held == RowStore::kNoRow || (last_ ? spec_.order.Less(store_, present, candidate)
                                           : spec_.order.Less(store_, candidate, present));
    if (better) held = candidate;
  }
  return Prune();
}

Status RowPickStates::Prune() {
  if (store_.row_count() < 2 * static_cast<int64_t>(held_.size()) + kChunkRows) {
    return Status::OK();
  }
  std::vector<uint32_t> kept;
  for (auto& held : held_) {
    if (held == RowStore::kNoRow) continue;
    kept.push_back(static_cast<uint32_t>(held));
    held = static_cast<int64_t>(kept.size()) - 1;
  }
  return store_.Keep(kept);
}

Status RowPickStates::Update(std::span<const Vector> arguments, const uint32_t* groups,
                             int64_t row_count) {
  const auto columns = ColumnsOf(spec_, arguments);
  return Take(columns, RowsThatCount(spec_, columns, row_count), groups);
}

Status RowPickStates::Merge(std::span<const Vector> states, const uint32_t* groups,
                            int64_t row_count) {
  // A group that has seen no row is exported without a place.
  const Validity place = ValidityOf(states.back());
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < row_count; ++i) {
    if (place.IsValid(i)) rows.push_back(i);
  }
  return Take(states, rows, groups);
}

Result<std::vector<Vector>> RowPickStates::Export(std::span<const uint32_t> groups,
                                                  arrow::MemoryPool* pool) const {
  std::vector<int64_t> rows;
  for (const uint32_t group : groups) rows.push_back(held_[group]);
  std::vector<Vector> states;
  for (size_t i = 0; i < store_.column_count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto values, store_.Gather(i, rows, pool));
    states.push_back(std::move(values));
  }
  return states;
}

Result<Vector> RowPickStates::Finish(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const {
  std::vector<int64_t> rows;
  for (const uint32_t group : groups) rows.push_back(held_[group]);
  return store_.Gather(0, rows, pool);
}

int64_t RowPickStates::MemoryBytes() const {
  return store_.MemoryBytes() + static_cast<int64_t>(held_.capacity() * sizeof(int64_t));
}

// ---- lists

Result<Vector> MakeLists(const TypePtr& list_type, std::span<const int64_t> counts,
                         const Vector& values, arrow::MemoryPool* pool) {
  const auto count = static_cast<int64_t>(counts.size());
  const bool large = list_type->id() == arrow::Type::LARGE_LIST;
  if (!large && values.length() > INT32_MAX) {
    return Fail(ErrorCode::kOverflow,
                "lists of one chunk hold too many values: " + std::to_string(values.length()));
  }
  const int64_t width = large ? 8 : 4;
  ARROW_ASSIGN_OR_RAISE(auto offsets, arrow::AllocateBuffer((count + 1) * width, pool));
  int64_t total = 0;
  for (int64_t i = 0; i <= count; ++i) {
    if (large) {
      offsets->mutable_data_as<int64_t>()[i] = total;
    } else {
      offsets->mutable_data_as<int32_t>()[i] = static_cast<int32_t>(total);
    }
    if (i < count) total += counts[static_cast<size_t>(i)];
  }
  auto data =
      arrow::ArrayData::Make(list_type, count, {nullptr, std::move(offsets)}, {values.data}, 0);
  return Vector{std::move(data), false};
}

}  // namespace velaria
