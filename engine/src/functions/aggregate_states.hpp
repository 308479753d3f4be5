// What the aggregates share: walking a chunk's rows by group, with and without nulls.
#pragma once

#include "functions/registry.hpp"

namespace velaria {

/// Calls fold(row, group) for every valid row.
template <typename Fold>
inline void ForEachValid(const Validity& validity, const uint32_t* groups, int64_t row_count,
                         Fold fold) {
  if (validity.all_null) return;
  if (validity.all_valid()) {
    if (groups == nullptr) {
      for (int64_t i = 0; i < row_count; ++i) fold(i, 0);
    } else {
      for (int64_t i = 0; i < row_count; ++i) fold(i, groups[i]);
    }
    return;
  }
  for (int64_t i = 0; i < row_count; ++i) {
    if (validity.IsValid(i)) fold(i, groups == nullptr ? 0 : groups[i]);
  }
}

/// A fixed-width result column: value(group) for groups that has(group), null for the rest.
template <typename T, typename Has, typename Value>
Result<Vector> FinishFixed(const TypePtr& type, std::span<const uint32_t> groups,
                           arrow::MemoryPool* pool, Has has, Value value) {
  const int64_t count = static_cast<int64_t>(groups.size());
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(type, count, pool));
  T* out = data->template GetMutableValues<T>(1);
  int64_t nulls = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool present = has(groups[i]);
    out[i] = present ? value(groups[i]) : T{};
    nulls += !present;
  }
  if (nulls > 0) {
    ARROW_ASSIGN_OR_RAISE(auto validity, AllocateBitmap(count, false, pool));
    for (int64_t i = 0; i < count; ++i) {
      if (has(groups[i])) arrow::bit_util::SetBit(validity->mutable_data(), i);
    }
    data->buffers[0] = std::move(validity);
    data->null_count = nulls;
  }
  return Vector{std::move(data), false};
}

using Int128 = __int128;

inline std::array<uint64_t, 2> ToWords(Int128 value) {
  return {static_cast<uint64_t>(value),
          static_cast<uint64_t>(static_cast<unsigned __int128>(value) >> 64)};
}

inline Int128 FromWords(const uint64_t* words) {
  return static_cast<Int128>((static_cast<unsigned __int128>(words[1]) << 64) | words[0]);
}

void RegisterCount(FunctionRegistry& registry);
void RegisterSums(FunctionRegistry& registry);
void RegisterExtremes(FunctionRegistry& registry);
void RegisterSingle(FunctionRegistry& registry);
void RegisterVariances(FunctionRegistry& registry);
void RegisterMoments(FunctionRegistry& registry);
void RegisterQuantiles(FunctionRegistry& registry);
void RegisterPositions(FunctionRegistry& registry);
void RegisterLists(FunctionRegistry& registry);
void RegisterBits(FunctionRegistry& registry);
void RegisterApproximate(FunctionRegistry& registry);

}  // namespace velaria
