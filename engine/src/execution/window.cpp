#include "execution/window.hpp"

#include <array>
#include <mutex>

#include "base/text.hpp"
#include "execution/window_run.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

constexpr size_t kBuckets = 64;

using Buckets = std::array<std::vector<RowPart>, kBuckets>;

class WindowLocal final : public LocalState {
 public:
  std::vector<RowPart> pending;  // of the present morsel
  Buckets buckets;
};

/// A run with its results, and the memory of its order outside the query's pool.
class ComputedRun {
 public:
  static Result<std::unique_ptr<ComputedRun>> Make(const WindowSpec& spec,
                                                   std::vector<RowPart>* parts,
                                                   QueryContext& query) {
    auto computed = std::make_unique<ComputedRun>(query);
    int64_t rows = 0;
    for (const auto& part : *parts) rows += part.chunk.row_count;
    if (rows == 0) return computed;
    // The order, and the sorting's words beside it, which are soon gone.
    ARROW_RETURN_NOT_OK(computed->memory_.Set(SortBytes(spec.order, rows)));
    ARROW_ASSIGN_OR_RAISE(computed->run_, MakeRun(spec, parts, query));
    ARROW_ASSIGN_OR_RAISE(computed->results_, ComputeCalls(spec, computed->run_, query));
    ARROW_RETURN_NOT_OK(computed->memory_.Set(rows * static_cast<int64_t>(sizeof(uint32_t))));
    return computed;
  }
  explicit ComputedRun(QueryContext& query) : memory_(query.pool()) {}

  int64_t row_count() const { return run_.row_count(); }
  Status Fill(int64_t begin, int64_t count, Chunk* chunk, arrow::MemoryPool* pool) const {
    chunk->row_count = count;
    const auto at = static_cast<size_t>(begin);
    for (const auto& column : run_.rows.columns) {
      if (run_.in_place) {
        chunk->columns.push_back(Slice(column, begin, count));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(
          auto gathered,
          Gather(column, {run_.order.data() + at, static_cast<size_t>(count)}, pool));
      chunk->columns.push_back(std::move(gathered));
    }
    for (const auto& result : results_) chunk->columns.push_back(Slice(result, begin, count));
    return Status::OK();
  }

 private:
  Reservation memory_;
  WindowRun run_;
  std::vector<Vector> results_;
};

/// Computes each bucket when a worker takes it, and forgets it when its rows are out.
class BucketSource final : public SourceState {
 public:
  BucketSource(const WindowSpec& spec, std::vector<std::vector<RowPart>> buckets)
      : spec_(spec), buckets_(std::move(buckets)), computed_(buckets_.size()) {}

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext&) override {
    if (next_ >= buckets_.size()) return Flow::kFinished;
    morsel->part = static_cast<int64_t>(next_++);
    return Flow::kMore;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    const auto part = static_cast<size_t>(morsel.part);
    auto& computed = computed_[part];
    if (!computed) {
      ARROW_ASSIGN_OR_RAISE(computed, ComputedRun::Make(spec_, &buckets_[part], context.query));
    }
    const int64_t count = std::min(kChunkRows, computed->row_count() - *position);
    if (count <= 0) {
      computed.reset();
      return Flow::kFinished;
    }
    ARROW_RETURN_NOT_OK(computed->Fill(*position, count, chunk, context.pool()));
    chunk->ordinal =
        (static_cast<uint64_t>(morsel.sequence) << 32) + static_cast<uint64_t>(*position);
    *position += count;
    return Flow::kMore;
  }

  int64_t MaxWorkers() const override { return static_cast<int64_t>(buckets_.size()); }

 private:
  const WindowSpec& spec_;
  std::vector<std::vector<RowPart>> buckets_;
  std::vector<std::unique_ptr<ComputedRun>> computed_;  // each touched by its morsel's worker alone
  size_t next_ = 0;
};

/// Hands out the one run there is, in morsels.
class RunSource final : public SourceState {
 public:
  explicit RunSource(std::shared_ptr<const ComputedRun> run) : run_(std::move(run)) {}

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext&) override {
    if (next_ >= run_->row_count()) return Flow::kFinished;
    morsel->begin = next_;
    morsel->end = next_ = std::min(run_->row_count(), next_ + kMorselRows);
    return Flow::kMore;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    const int64_t begin = morsel.begin + *position;
    const int64_t count = std::min(kChunkRows, morsel.end - begin);
    if (count <= 0) return Flow::kFinished;
    ARROW_RETURN_NOT_OK(run_->Fill(begin, count, chunk, context.pool()));
    chunk->ordinal = static_cast<uint64_t>(begin);
    *position += count;
    return Flow::kMore;
  }

  int64_t MaxWorkers() const override { return run_->row_count() > kMorselRows ? 64 : 1; }

 private:
  const std::shared_ptr<const ComputedRun> run_;
  int64_t next_ = 0;
};

class WindowState final : public AccumulatorState {
 public:
  WindowState(const WindowSpec& spec, QueryContext& query) : spec_(spec), query_(query) {}

  Result<std::unique_ptr<LocalState>> MakeLocal() override {
    return std::make_unique<WindowLocal>();
  }

  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                       TaskContext& context) override {
    auto& local = static_cast<WindowLocal&>(local_state);
    ARROW_ASSIGN_OR_RAISE(auto dense, Compact(chunk, context.pool()));
    local.pending.push_back({morsel.sequence, std::move(dense)});
    return Flow::kMore;
  }

  Result<Flow> FinishMorsel(const Morsel& morsel, LocalState& local_state, TaskContext&) override {
    auto& local = static_cast<WindowLocal&>(local_state);
    if (local.pending.empty()) return Flow::kMore;
    // The first morsel waits for others: alone it is not worth dealing.
    if (spec_.partition.empty() || morsel.sequence == 0) {
      std::lock_guard lock(mutex_);
      for (auto& part : local.pending) whole_.push_back(std::move(part));
      local.pending.clear();
    } else {
      ARROW_RETURN_NOT_OK(Deal(&local.pending, morsel.sequence, &local.buckets));
    }
    return Flow::kMore;
  }

  Status Combine(LocalState& local_state) override {
    auto& local = static_cast<WindowLocal&>(local_state);
    std::lock_guard lock(mutex_);
    for (auto& part : local.pending) whole_.push_back(std::move(part));  // of a morsel cut short
    for (size_t b = 0; b < kBuckets; ++b) {
      for (auto& part : local.buckets[b]) buckets_[b].push_back(std::move(part));
    }
    return Status::OK();
  }

  Status Seal() override {
    const bool dealt = std::any_of(buckets_.begin(), buckets_.end(),
                                   [](const auto& bucket) { return !bucket.empty(); });
    if (dealt) {
      if (!whole_.empty()) ARROW_RETURN_NOT_OK(Deal(&whole_, 0, &buckets_));
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(run_, ComputedRun::Make(spec_, &whole_, query_));
    return Status::OK();
  }

  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    if (run_) return std::make_unique<RunSource>(std::move(run_));
    std::vector<std::vector<RowPart>> filled;
    for (auto& bucket : buckets_) {
      if (!bucket.empty()) filled.push_back(std::move(bucket));
    }
    return std::make_unique<BucketSource>(spec_, std::move(filled));
  }

 private:
  /// Cuts the rows of one morsel into a part for each bucket.
  Status Deal(std::vector<RowPart>* parts, int64_t sequence, Buckets* buckets) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, ConcatenateParts(parts, spec_.types, query_.pool()));
    std::vector<Vector> keys;
    for (const auto& expr : spec_.partition) {
      ARROW_ASSIGN_OR_RAISE(auto key, logical::Evaluate(*expr, rows, query_.functions()));
      keys.push_back(std::move(key));
    }
    ARROW_ASSIGN_OR_RAISE(const auto hashes, HashRows(keys, rows.row_count, query_.pool()));
    std::array<std::vector<uint32_t>, kBuckets> lists;
    for (uint32_t row = 0; row < hashes.size(); ++row) {
      lists[hashes[row] * 0xD6E8FEB86659FD93ull >> 58].push_back(row);
    }
    for (size_t b = 0; b < kBuckets; ++b) {
      if (lists[b].empty()) continue;
      Chunk part;
      part.row_count = static_cast<int64_t>(lists[b].size());
      for (const auto& column : rows.columns) {
        ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(column, lists[b], query_.pool()));
        part.columns.push_back(std::move(gathered));
      }
      (*buckets)[b].push_back({sequence, std::move(part)});
    }
    return Status::OK();
  }

  const WindowSpec& spec_;
  QueryContext& query_;
  std::mutex mutex_;
  std::vector<RowPart> whole_;  // undealt: all rows without PARTITION BY, else the first morsel
  Buckets buckets_;
  std::shared_ptr<const ComputedRun> run_;
};

}  // namespace

Result<std::shared_ptr<AccumulatorState>> WindowNode::Open(QueryContext& query) const {
  return std::make_shared<WindowState>(spec_, query);
}

std::string WindowNode::Text() const {
  std::vector<std::string> calls, partition, order;
  for (const auto& call : spec_.calls) calls.push_back(call.text);
  for (const auto& expr : spec_.partition) partition.push_back(logical::ToText(*expr));
  for (const auto& key : spec_.order) {
    order.push_back(logical::ToText(*key.expr) + (key.descending ? " DESC" : "") +
                    (key.nulls_first ? " NULLS FIRST" : ""));
  }
  std::string text = "window " + Join(calls, ", ");
  if (!partition.empty()) text += " partition by " + Join(partition, ", ");
  if (!order.empty()) text += " order by " + Join(order, ", ");
  return text;
}

}  // namespace velaria::execution
