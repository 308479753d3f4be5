#include "execution/sort.hpp"

#include <map>
#include <numeric>

#include "base/text.hpp"
#include "execution/sort_keys.hpp"

namespace velaria::execution {
namespace {

/// The first `limit` rows (all when negative) of `rows`, sorted.
Result<std::vector<uint32_t>> SortRows(const Chunk& rows,
                                       const std::vector<logical::SortKey>& sort_keys,
                                       int64_t limit, QueryContext& query) {
  Reservation memory(query.pool());
  ARROW_RETURN_NOT_OK(memory.Set(SortBytes(sort_keys, rows.row_count)));
  ARROW_ASSIGN_OR_RAISE(const auto keys, MakeKeys(rows, sort_keys, query));
  if (limit < 0 || limit >= rows.row_count) return OrderRows(keys, {}, rows.row_count);
  std::vector<uint32_t> order(static_cast<size_t>(rows.row_count));
  std::iota(order.begin(), order.end(), 0);
  const RowOrder less(keys);
  std::nth_element(order.begin(), order.begin() + limit, order.end(), less);
  order.resize(static_cast<size_t>(limit));
  std::sort(order.begin(), order.end(), less);
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
