#include "execution/window_run.hpp"

#include <cmath>
#include <cstring>

#include "execution/key_table.hpp"
#include "execution/window_frame.hpp"
#include "functions/order_key.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

constexpr uint64_t kNullHash = 0x9AE16A3B2F90404Full;

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
  return hash ^ (hash >> 32);
}

uint64_t HashText(std::string_view text) {
  uint64_t hash = text.size();
  while (text.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = Mix(hash, word);
    text.remove_prefix(8);
  }
  uint64_t tail = 0;
  std::memcpy(&tail, text.data(), text.size());
  return Mix(hash, tail);
}

template <typename T>
uint64_t WordOf(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    double wide = static_cast<double>(value);
    if (wide == 0) wide = 0;  // -0 is 0
    if (std::isnan(wide)) return kNullHash + 1;
    uint64_t bits;
    std::memcpy(&bits, &wide, 8);
    return bits;
  } else {
    return static_cast<uint64_t>(value);
  }
}

template <typename WordAt>
void HashColumn(const Validity& validity, std::vector<uint64_t>* hashes, WordAt word_at) {
  for (size_t i = 0; i < hashes->size(); ++i) {
    const bool valid = validity.IsValid(static_cast<int64_t>(i));
    (*hashes)[i] = Mix((*hashes)[i], valid ? word_at(static_cast<int64_t>(i)) : kNullHash);
  }
}

template <typename T>
void HashFixed(const Vector& vector, std::vector<uint64_t>* hashes) {
  const auto view = ViewFixed<T>(vector);
  HashColumn(view.validity, hashes, [&](int64_t row) { return WordOf(view[row]); });
}

struct HashedWords {
  uint64_t low, high;
};

Status HashOne(const Vector& vector, std::vector<uint64_t>* hashes) {
  switch (PhysicalOf(*vector.type())) {
    case Physical::kNull: return Status::OK();
    case Physical::kBool: {
      const auto view = ViewBool(vector);
      HashColumn(view.validity, hashes, [&](int64_t row) { return uint64_t{view[row]}; });
      return Status::OK();
    }
    case Physical::kInt8: HashFixed<int8_t>(vector, hashes); return Status::OK();
    case Physical::kInt16: HashFixed<int16_t>(vector, hashes); return Status::OK();
    case Physical::kInt32: HashFixed<int32_t>(vector, hashes); return Status::OK();
    case Physical::kInt64: HashFixed<int64_t>(vector, hashes); return Status::OK();
    case Physical::kUInt8: HashFixed<uint8_t>(vector, hashes); return Status::OK();
    case Physical::kUInt16: HashFixed<uint16_t>(vector, hashes); return Status::OK();
    case Physical::kUInt32: HashFixed<uint32_t>(vector, hashes); return Status::OK();
    case Physical::kUInt64: HashFixed<uint64_t>(vector, hashes); return Status::OK();
    case Physical::kFloat: HashFixed<float>(vector, hashes); return Status::OK();
    case Physical::kDouble: HashFixed<double>(vector, hashes); return Status::OK();
    case Physical::kDecimal: {
      const auto view = ViewFixed<HashedWords>(vector);
      HashColumn(view.validity, hashes,
                 [&](int64_t row) { return Mix(view[row].low, view[row].high); });
      return Status::OK();
    }
    case Physical::kString:
    case Physical::kBinary: {
      const StringView view(vector);
      HashColumn(view.validity(), hashes, [&](int64_t row) { return HashText(view[row]); });
      return Status::OK();
    }
    case Physical::kNested: {
      ARROW_ASSIGN_OR_RAISE(const Vector keys, MakeOrderKeys(vector, arrow::default_memory_pool()));
      const StringView view(keys);
      HashColumn(view.validity(), hashes, [&](int64_t row) { return HashText(view[row]); });
      return Status::OK();
    }
  }
  return Bug("a partition key of an unknown physical type");
}

/// The number of each row's partition, in order of their first rows.
Result<Places> NumberPartitions(const WindowSpec& spec, const Chunk& rows, QueryContext& query) {
  ARROW_ASSIGN_OR_RAISE(auto numbers, Places::Make(rows.row_count, query.pool()));
  std::vector<TypePtr> types;
  std::vector<Vector> keys;
  for (const auto& expr : spec.partition) {
    types.push_back(LogicalType(expr->type));
    ARROW_ASSIGN_OR_RAISE(auto key, logical::Evaluate(*expr, rows, query.functions()));
    keys.push_back(std::move(key));
  }
  KeyTable table(std::move(types));
  for (int64_t begin = 0; begin < rows.row_count; begin += kChunkRows) {
    const int64_t count = std::min(kChunkRows, rows.row_count - begin);
    std::vector<Vector> part;
    for (const auto& key : keys) part.push_back(Slice(key, begin, count));
    ARROW_RETURN_NOT_OK(table.FindOrAdd(part, count, numbers.data() + begin));
  }
  return numbers;
}

/// Writes to `start` and `end`, for each place, the bounds of its part of `starts`.
Status SpreadBounds(const std::vector<uint32_t>& starts, Places* start, Places* end,
                    arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(*start, Places::Make(starts.back(), pool));
  ARROW_ASSIGN_OR_RAISE(*end, Places::Make(starts.back(), pool));
  for (size_t part = 0; part + 1 < starts.size(); ++part) {
    std::fill(start->data() + starts[part], start->data() + starts[part + 1], starts[part]);
    std::fill(end->data() + starts[part], end->data() + starts[part + 1], starts[part + 1]);
  }
  return Status::OK();
}

/// Peer groups never reach over the end of a partition.
Status FindPeers(const std::vector<KeyColumn>& keys, WindowRun* run, arrow::MemoryPool* pool) {
  const auto count = static_cast<uint32_t>(run->row_count());
  ARROW_ASSIGN_OR_RAISE(run->peer_number, Places::Make(count, pool));
  uint32_t number = 0;
  for (uint32_t place = 0; place < count; ++place) {
    const bool first = place == run->partition_start[place];
    if (first || !SameKeys(keys, run->order[place - 1], run->order[place])) {
      run->group_starts.push_back(place);
      number = first ? 0 : number + 1;
    }
    run->peer_number[place] = number;
  }
  run->group_starts.push_back(count);
  return SpreadBounds(run->group_starts, &run->peer_start, &run->peer_end, pool);
}

}  // namespace

Result<std::vector<uint64_t>> HashRows(std::span<const Vector> keys, int64_t row_count,
                                       arrow::MemoryPool* pool) {
  std::vector<uint64_t> hashes(static_cast<size_t>(row_count), 0);
  for (const auto& key : keys) {
    // A code means nothing outside its own dictionary, and a NULL may hide in there.
    ARROW_ASSIGN_OR_RAISE(const auto plain, Decode(key, pool));
    ARROW_ASSIGN_OR_RAISE(const auto dense, Expand(plain, row_count, pool));
    ARROW_RETURN_NOT_OK(HashOne(dense, &hashes));
  }
  return hashes;
}

Result<Vector> WindowRun::InOrder(const Vector& vector, arrow::MemoryPool* pool) const {
  return in_place ? vector : Gather(vector, order, pool);
}

Result<WindowRun> MakeRun(const WindowSpec& spec, std::vector<RowPart>* parts,
                          QueryContext& query) {
  WindowRun run;
  ARROW_ASSIGN_OR_RAISE(run.rows, ConcatenateParts(parts, spec.types, query.pool()));
  const auto count = static_cast<uint32_t>(run.row_count());
  Places numbers;
  if (!spec.partition.empty()) {
    ARROW_ASSIGN_OR_RAISE(numbers, NumberPartitions(spec, run.rows, query));
  }
  ARROW_RETURN_NOT_OK(query.CheckCancelled());
  ARROW_ASSIGN_OR_RAISE(const auto keys, MakeKeys(run.rows, spec.order, query));
  run.order = OrderRows(keys, numbers.span(), count);
  ARROW_RETURN_NOT_OK(query.CheckCancelled());
  run.in_place = true;
  for (uint32_t place = 0; place < count; ++place) {
    run.in_place = run.in_place && run.order[place] == place;
    const bool first = place == 0 || (!spec.partition.empty() &&
                                      numbers[run.order[place]] != numbers[run.order[place - 1]]);
    if (first) run.partition_starts.push_back(place);
  }
  run.partition_starts.push_back(count);
  ARROW_RETURN_NOT_OK(
      SpreadBounds(run.partition_starts, &run.partition_start, &run.partition_end, query.pool()));
  const bool reads_peers = std::any_of(spec.calls.begin(), spec.calls.end(), [&](const auto& call) {
    if (!call.function && IsWholePartition(spec, call.frame)) return false;
    const bool reads_frame = !call.function || call.binding.reads_frame;
    const bool by_rows = call.frame.unit == logical::FrameUnit::kRows &&
                         call.frame.exclusion == logical::FrameExclusion::kNoOthers;
    return reads_frame ? !by_rows : call.binding.reads_peers;
  });
  if (reads_peers) ARROW_RETURN_NOT_OK(FindPeers(keys, &run, query.pool()));
  return run;
}

}  // namespace velaria::execution
