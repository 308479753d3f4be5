#include "execution/sort.hpp"

#include <atomic>
#include <cmath>
#include <cstring>
#include <map>

#include "base/text.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// A key of one row: `null_rank` decides first, then the words, then (for long strings) the text
/// itself.
struct KeyColumn {
  bool descending = false;
  bool is_text = false;
  int words = 1;                   // 2 for decimals and strings
  std::vector<uint64_t> values;    // words per row
  std::vector<uint8_t> null_rank;  // 0 before values, 1 value, 2 after values
  std::vector<std::string_view> texts;
  Vector held;  // keeps the texts alive
};

/// What sorting takes beside the rows themselves: the keys, the order, and the items of the fast
/// path.
int64_t SortBytes(const std::vector<logical::SortKey>& sort_keys, int64_t row_count) {
  int64_t bytes_per_row = sizeof(uint32_t) + 2 * sizeof(uint64_t);
  for (const auto& key : sort_keys) {
    const Physical physical = PhysicalOf(*LogicalType(key.expr->type));
    const bool is_text = physical == Physical::kString || physical == Physical::kBinary;
    bytes_per_row += sizeof(uint64_t) + 1;
    if (is_text || physical == Physical::kDecimal) bytes_per_row += sizeof(uint64_t);
    if (is_text) bytes_per_row += 2 * sizeof(std::string_view);
  }
  return bytes_per_row * row_count;
}

uint64_t Ordered(double value) {
  if (std::isnan(value)) return ~uint64_t{0};  // NaN is the greatest
  if (value == 0) value = 0;
  uint64_t bits;
  std::memcpy(&bits, &value, 8);
  return bits >> 63 ? ~bits : bits | (uint64_t{1} << 63);
}

template <typename T>
void FillFixed(const Vector& vector, int64_t count, KeyColumn* key) {
  const auto view = ViewFixed<T>(vector);
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      key->values[i] = Ordered(static_cast<double>(view[i]));
    } else if constexpr (std::is_signed_v<T>) {
      key->values[i] = static_cast<uint64_t>(static_cast<int64_t>(view[i])) ^ (uint64_t{1} << 63);
    } else {
      key->values[i] = view[i];
    }
  }
}

void FillText(const Vector& vector, int64_t count, KeyColumn* key) {
  const StringView view(vector);
  key->texts.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const std::string_view text = view[i];
    key->texts[i] = text;
    uint8_t bytes[16] = {};
    std::memcpy(bytes, text.data(), std::min<size_t>(16, text.size()));
    for (int w = 0; w < 2; ++w) {
      uint64_t word = 0;
      for (int b = 0; b < 8; ++b) word = word << 8 | bytes[w * 8 + b];
      key->values[i * 2 + w] = word;
    }
  }
}

struct Words128 {
  uint64_t low;
  int64_t high;
};

Result<KeyColumn> MakeKey(const logical::SortKey& sort_key, const Vector& vector, int64_t count,
                          arrow::MemoryPool* pool) {
  KeyColumn key;
  key.descending = sort_key.descending;
  ARROW_ASSIGN_OR_RAISE(key.held, Expand(vector, count, pool));
  const Vector& values = key.held;
  const Physical physical = PhysicalOf(*LogicalType(values.type()));
  key.is_text = physical == Physical::kString || physical == Physical::kBinary;
  key.words = key.is_text || physical == Physical::kDecimal ? 2 : 1;
  key.values.assign(static_cast<size_t>(count * key.words), 0);
  key.null_rank.assign(static_cast<size_t>(count), 1);
  switch (physical) {
    case Physical::kNull: break;
    case Physical::kBool: {
      const BoolView view = ViewBool(values);
      for (int64_t i = 0; i < count; ++i) key.values[i] = view[i];
      break;
    }
    case Physical::kInt8: FillFixed<int8_t>(values, count, &key); break;
    case Physical::kInt16: FillFixed<int16_t>(values, count, &key); break;
    case Physical::kInt32: FillFixed<int32_t>(values, count, &key); break;
    case Physical::kInt64: FillFixed<int64_t>(values, count, &key); break;
    case Physical::kUInt8: FillFixed<uint8_t>(values, count, &key); break;
    case Physical::kUInt16: FillFixed<uint16_t>(values, count, &key); break;
    case Physical::kUInt32: FillFixed<uint32_t>(values, count, &key); break;
    case Physical::kUInt64: FillFixed<uint64_t>(values, count, &key); break;
    case Physical::kFloat: FillFixed<float>(values, count, &key); break;
    case Physical::kDouble: FillFixed<double>(values, count, &key); break;
    case Physical::kDecimal: {
      const auto view = ViewFixed<Words128>(values);
      for (int64_t i = 0; i < count; ++i) {
        key.values[i * 2] = static_cast<uint64_t>(view[i].high) ^ (uint64_t{1} << 63);
        key.values[i * 2 + 1] = view[i].low;
      }
      break;
    }
    case Physical::kString:
    case Physical::kBinary: FillText(values, count, &key); break;
    case Physical::kNested: return Bug("sort key of a nested type");
  }
  const Validity validity = ValidityOf(values);
  if (!validity.all_valid()) {
    for (int64_t i = 0; i < count; ++i) {
      if (validity.IsValid(i)) continue;
      key.null_rank[i] = sort_key.nulls_first ? 0 : 2;
      for (int w = 0; w < key.words; ++w) key.values[i * key.words + w] = 0;
      if (key.is_text) key.texts[i] = {};
    }
  }
  return key;
}

/// Strict order of rows by their keys, then by position.
class RowOrder {
 public:
  explicit RowOrder(const std::vector<KeyColumn>& keys) : keys_(keys) {}

  bool operator()(uint32_t a, uint32_t b) const {
    for (const auto& key : keys_) {
      if (key.null_rank[a] != key.null_rank[b]) return key.null_rank[a] < key.null_rank[b];
      for (int w = 0; w < key.words; ++w) {
        const uint64_t x = key.values[a * key.words + w], y = key.values[b * key.words + w];
        if (x != y) return (x < y) != key.descending;
      }
      if (key.is_text) {
        const int order = key.texts[a].compare(key.texts[b]);
        if (order != 0) return (order < 0) != key.descending;
      }
    }
    return a < b;
  }

 private:
  const std::vector<KeyColumn>& keys_;
};

/// The first `limit` rows (all when negative) of `rows`, sorted.
Result<std::vector<uint32_t>> SortRows(const Chunk& rows,
                                       const std::vector<logical::SortKey>& sort_keys,
                                       int64_t limit, QueryContext& query) {
  Reservation memory(query.pool());
  ARROW_RETURN_NOT_OK(memory.Set(SortBytes(sort_keys, rows.row_count)));
  std::vector<KeyColumn> keys;
  for (const auto& sort_key : sort_keys) {
    ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*sort_key.expr, rows, query.functions()));
    ARROW_ASSIGN_OR_RAISE(auto key, MakeKey(sort_key, vector, rows.row_count, query.pool()));
    keys.push_back(std::move(key));
  }
  std::vector<uint32_t> order(static_cast<size_t>(rows.row_count));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  const RowOrder less(keys);
  if (limit >= 0 && limit < rows.row_count) {
    std::nth_element(order.begin(), order.begin() + limit, order.end(), less);
    order.resize(static_cast<size_t>(limit));
  }
  if (keys.size() == 1 && !keys[0].is_text && keys[0].words == 1) {
    // One word per row: sort the words with their rows beside them.
    struct Item {
      uint64_t word;
      uint32_t row;
      uint8_t rank;
    };
    std::vector<Item> items(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      items[i] = {keys[0].descending ? ~keys[0].values[order[i]] : keys[0].values[order[i]],
                  order[i], keys[0].null_rank[order[i]]};
      if (items[i].rank != 1) items[i].word = 0;
    }
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
      if (a.rank != b.rank) return a.rank < b.rank;
      return a.word != b.word ? a.word < b.word : a.row < b.row;
    });
    for (size_t i = 0; i < order.size(); ++i) order[i] = items[i].row;
  } else {
    std::sort(order.begin(), order.end(), less);
  }
  return order;
}

class SortState final : public AccumulatorState {
 public:
  SortState(const std::vector<logical::SortKey>& keys, const std::vector<TypePtr>& types,
            int64_t limit, QueryContext& query)
      : keys_(keys), types_(types), limit_(limit), query_(query) {}

  Result<std::unique_ptr<LocalState>> MakeLocal() override { return std::make_unique<RowLocal>(); }

  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                       TaskContext& context) override {
    if (limit_ == 0) return Flow::kFinished;
    auto& local = static_cast<RowLocal&>(local_state);
    ARROW_ASSIGN_OR_RAISE(auto dense, Compact(chunk, context.pool()));
    local.rows += dense.row_count;
    local.parts.push_back({morsel.sequence, std::move(dense)});
    if (limit_ >= 0 && local.rows > std::max<int64_t>(4 * limit_, 16 * kChunkRows))
      ARROW_RETURN_NOT_OK(Prune(local));
    return Flow::kMore;
  }

  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    return Flow::kMore;
  }

  Status Combine(LocalState& local_state) override {
    auto& local = static_cast<RowLocal&>(local_state);
    if (limit_ >= 0 && local.rows > limit_) ARROW_RETURN_NOT_OK(Prune(local));
    std::lock_guard lock(mutex_);
    for (auto& part : local.parts) parts_.push_back(std::move(part));
    return Status::OK();
  }

  Status Seal() override {
    ARROW_ASSIGN_OR_RAISE(auto rows, ConcatenateParts(&parts_, types_, query_.pool()));
    ARROW_ASSIGN_OR_RAISE(auto order, SortRows(rows, keys_, limit_, query_));
    order_ = std::make_shared<const std::vector<uint32_t>>(std::move(order));
    rows_ = std::make_shared<const Chunk>(std::move(rows));
    return Status::OK();
  }

  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    return std::make_unique<OrderedRows>(std::move(rows_), order_, 0,
                                         static_cast<int64_t>(order_->size()));
  }

 private:
  /// Top-N: drops what cannot be among the first rows. Row order is kept by keeping (sequence,
  /// position) order.
  Status Prune(RowLocal& local) {
    std::stable_sort(local.parts.begin(), local.parts.end(),
                     [](const RowPart& a, const RowPart& b) { return a.sequence < b.sequence; });
    std::vector<std::pair<int64_t, int64_t>> origins;  // sequence, end row
    int64_t end = 0;
    for (const auto& part : local.parts)
      origins.emplace_back(part.sequence, end += part.chunk.row_count);
    ARROW_ASSIGN_OR_RAISE(auto rows, ConcatenateParts(&local.parts, types_, query_.pool()));
    ARROW_ASSIGN_OR_RAISE(auto order, SortRows(rows, keys_, limit_, query_));
    std::sort(order.begin(), order.end());
    size_t at = 0;
    for (const auto& [sequence, part_end] : origins) {
      const size_t from = at;
      while (at < order.size() && order[at] < part_end) ++at;
      if (at == from) continue;
      Chunk kept;
      kept.row_count = static_cast<int64_t>(at - from);
      for (const auto& column : rows.columns) {
        ARROW_ASSIGN_OR_RAISE(auto gathered,
                              Gather(column, {order.data() + from, at - from}, query_.pool()));
        kept.columns.push_back(std::move(gathered));
      }
      local.parts.push_back({sequence, std::move(kept)});
    }
    local.rows = static_cast<int64_t>(order.size());
    return Status::OK();
  }

  const std::vector<logical::SortKey>& keys_;
  const std::vector<TypePtr>& types_;
  const int64_t limit_;
  QueryContext& query_;
  std::mutex mutex_;
  std::vector<RowPart> parts_;
  std::shared_ptr<const Chunk> rows_;
  std::shared_ptr<const std::vector<uint32_t>> order_;
};

class LimitState final : public AccumulatorState {
 public:
  LimitState(const std::vector<TypePtr>& types, int64_t limit, int64_t offset, QueryContext& query)
      : types_(types), limit_(limit), offset_(offset), query_(query) {}

  Result<std::unique_ptr<LocalState>> MakeLocal() override { return std::make_unique<RowLocal>(); }

  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                       TaskContext& context) override {
    auto& local = static_cast<RowLocal&>(local_state);
    if (limit_ == 0 || enough_.load(std::memory_order_relaxed)) return Flow::kFinished;
    if (local.parts.empty() || local.parts.back().sequence != morsel.sequence)
      local.rows = 0;  // rows of this morsel
    if (limit_ >= 0 && local.rows >= Needed()) return Flow::kMore;
    ARROW_ASSIGN_OR_RAISE(auto dense, Compact(chunk, context.pool()));
    local.rows += dense.row_count;
    local.parts.push_back({morsel.sequence, std::move(dense)});
    return Flow::kMore;
  }

  Result<Flow> FinishMorsel(const Morsel& morsel, LocalState& local_state, TaskContext&) override {
    auto& local = static_cast<RowLocal&>(local_state);
    std::lock_guard lock(mutex_);
    const bool any = !local.parts.empty() && local.parts.back().sequence == morsel.sequence;
    morsel_rows_[morsel.sequence] = any ? local.rows : 0;
    // Once the morsels without a gap from the start hold enough rows, no later morsel can matter.
    while (!morsel_rows_.empty() && morsel_rows_.begin()->first == complete_) {
      complete_rows_ += morsel_rows_.begin()->second;
      morsel_rows_.erase(morsel_rows_.begin());
      ++complete_;
    }
    if (limit_ < 0 || complete_rows_ < Needed()) return Flow::kMore;
    enough_.store(true, std::memory_order_relaxed);
    return Flow::kFinished;
  }

  Status Combine(LocalState& local_state) override {
    std::lock_guard lock(mutex_);
    for (auto& part : static_cast<RowLocal&>(local_state).parts) parts_.push_back(std::move(part));
    return Status::OK();
  }

  Status Seal() override { return Status::OK(); }

  /// Those of the first rows that came since the last Emit: a stream hands them on trigger by
  /// trigger.
  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    ARROW_ASSIGN_OR_RAISE(auto rows, ConcatenateParts(&parts_, types_, query_.pool()));
    const int64_t count = rows.row_count;
    const int64_t begin = std::clamp<int64_t>(offset_ - seen_, 0, count);
    const int64_t end = limit_ < 0 ? count : std::clamp<int64_t>(Needed() - seen_, begin, count);
    seen_ += count;
    return std::make_unique<OrderedRows>(std::make_shared<const Chunk>(std::move(rows)), nullptr,
                                         begin, end);
  }

 private:
  int64_t Needed() const { return limit_ + offset_; }

  const std::vector<TypePtr>& types_;
  const int64_t limit_, offset_;
  QueryContext& query_;
  std::mutex mutex_;
  std::vector<RowPart> parts_;
  std::map<int64_t, int64_t> morsel_rows_;
  int64_t complete_ = 0, complete_rows_ = 0;
  std::atomic<bool> enough_{false};
  int64_t seen_ = 0;  // rows of earlier emissions, those skipped or cut included
};

}  // namespace

Result<std::shared_ptr<AccumulatorState>> SortNode::Open(QueryContext& query) const {
  return std::make_shared<SortState>(keys_, types_, limit_, query);
}

std::string SortNode::Text() const {
  std::vector<std::string> parts;
  for (const auto& key : keys_) {
    parts.push_back(logical::ToText(*key.expr) + (key.descending ? " DESC" : "") +
                    (key.nulls_first ? " NULLS FIRST" : ""));
  }
  return (limit_ >= 0 ? "top " + std::to_string(limit_) + " by " : std::string("sort by ")) +
         Join(parts, ", ");
}

Result<std::shared_ptr<AccumulatorState>> LimitNode::Open(QueryContext& query) const {
  return std::make_shared<LimitState>(types_, limit_, offset_, query);
}

std::string LimitNode::Text() const {
  std::string text = "limit";
  if (limit_ >= 0) text += " " + std::to_string(limit_);
  if (offset_ > 0) text += " offset " + std::to_string(offset_);
  return text;
}

}  // namespace velaria::execution
