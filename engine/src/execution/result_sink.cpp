#include "execution/result_sink.hpp"

#include "columnar/join_arrays.hpp"
#include "execution/batch_cut.hpp"
#include "execution/chunk_batches.hpp"

namespace velaria::execution {
namespace {

class SinkLocal final : public LocalState {
 public:
  std::vector<Chunk> chunks;  // of the present morsel, small ones waiting to be joined
  int64_t rows = 0;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;  // made, not yet delivered
};

Result<std::shared_ptr<arrow::RecordBatch>> JoinBatches(const arrow::RecordBatchVector& parts,
                                                        const SchemaPtr& schema,
                                                        arrow::MemoryPool* pool) {
  int64_t rows = 0;
  for (const auto& part : parts) rows += part->num_rows();
  arrow::ArrayVector columns;
  for (int c = 0; c < schema->num_fields(); ++c) {
    arrow::ArrayVector arrays;
    for (const auto& part : parts) arrays.push_back(part->column(c));
    ARROW_ASSIGN_OR_RAISE(auto column, JoinArrays(arrays, pool));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(schema, rows, std::move(columns));
}

Status Flush(SinkLocal& local, const SchemaPtr& schema, arrow::MemoryPool* pool) {
  if (local.chunks.empty()) return Status::OK();
  arrow::RecordBatchVector parts;
  for (const auto& chunk : local.chunks)
    ARROW_RETURN_NOT_OK(ToBatches(chunk, schema, pool, &parts));
  auto joined = JoinBatches(parts, schema, pool);
  if (DoesNotFit(joined.status())) {  // they go out apart
    for (auto& part : parts) {
      ARROW_RETURN_NOT_OK(CutBatch(std::move(part), pool, &local.batches));
    }
  } else {
    ARROW_RETURN_NOT_OK(joined.status());
    ARROW_RETURN_NOT_OK(CutBatch(*std::move(joined), pool, &local.batches));
  }
  local.chunks.clear();
  local.rows = 0;
  return Status::OK();
}

}  // namespace

Result<std::shared_ptr<AccumulatorState>> ResultSinkNode::Open(QueryContext&) const {
  return std::make_shared<ResultSink>(schema_, limit_, offset_);
}

std::string ResultSinkNode::Text() const {
  std::string text = "result";
  if (limit_ >= 0) text += ": limit=" + std::to_string(limit_);
  if (offset_ > 0) text += (limit_ >= 0 ? ", offset=" : ": offset=") + std::to_string(offset_);
  return text;
}

ResultSink::ResultSink(SchemaPtr schema, int64_t limit, int64_t offset)
    : schema_(std::move(schema)), limit_(limit), skip_(offset) {}

Result<std::unique_ptr<LocalState>> ResultSink::MakeLocal() {
  return std::make_unique<SinkLocal>();
}

Result<Flow> ResultSink::Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                                 TaskContext& context) {
  auto& local = static_cast<SinkLocal&>(local_state);
  if (limit_ == 0) return Flow::kFinished;
  if (!local.batches.empty()) {  // an earlier delivery was refused: this chunk waits with it
    ARROW_ASSIGN_OR_RAISE(const Flow flow, Deliver(morsel.sequence, local.batches, false, context));
    if (flow != Flow::kMore) return flow;
    local.batches.clear();
  }
  local.chunks.push_back(chunk);
  local.rows += chunk.selected_count();
  if (local.rows >= kMorselRows) ARROW_RETURN_NOT_OK(Flush(local, schema_, context.pool()));
  return Flow::kMore;
}

Result<Flow> ResultSink::FinishMorsel(const Morsel& morsel, LocalState& local_state,
                                      TaskContext& context) {
  auto& local = static_cast<SinkLocal&>(local_state);
  ARROW_RETURN_NOT_OK(Flush(local, schema_, context.pool()));
  ARROW_ASSIGN_OR_RAISE(const Flow flow, Deliver(morsel.sequence, local.batches, true, context));
  if (flow != Flow::kBlocked) local.batches.clear();
  return flow;
}

Result<Flow> ResultSink::Deliver(int64_t sequence,
                                 const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                                 bool morsel_done, TaskContext& context) {
  std::unique_lock lock(mutex_);
  if (limit_ >= 0 && taken_ >= limit_) return Flow::kFinished;
  const bool is_head = sequence == head_;
  if (!batches.empty() && buffer_.is_full() && !(is_head && ready_.empty())) {
    writers_.push_back(context.waker);
    return Flow::kBlocked;
  }
  Batches sized;
  for (const auto& batch : batches) {
    sized.push_back({batch, ReferencedBytes(*batch)});
    buffer_.Add(sized.back().bytes);
  }
  if (!is_head) {
    auto& pending = pending_[sequence];
    pending.batches.insert(pending.batches.end(), sized.begin(), sized.end());
    pending.done = morsel_done;
    return Flow::kMore;
  }
  Release(std::move(sized));
  if (morsel_done) {
    ++head_;
    for (auto it = pending_.find(head_); it != pending_.end(); it = pending_.find(head_)) {
      Release(std::move(it->second.batches));
      const bool done = it->second.done;
      pending_.erase(it);
      if (!done) break;  // its worker goes on as the head
      ++head_;
    }
    WakeWriters(lock);  // a new head may be among the parked
  }
  changed_.notify_one();
  const bool tells = on_ready_ && !ready_.empty();
  const Flow flow = limit_ >= 0 && taken_ >= limit_ ? Flow::kFinished : Flow::kMore;
  lock.unlock();
  if (tells) on_ready_();
  return flow;
}

void ResultSink::Release(Batches batches) {
  for (auto& [batch, bytes] : batches) {
    const int64_t held = bytes;
    const int64_t rows = batch->num_rows();
    const int64_t skipped = std::min(skip_, rows);
    skip_ -= skipped;
    const int64_t kept = limit_ >= 0 ? std::min(rows - skipped, limit_ - taken_) : rows - skipped;
    if (kept < rows) {
      batch = batch->Slice(skipped, kept);
      bytes = kept > 0 ? ReferencedBytes(*batch) : 0;
      buffer_.Add(bytes - held);
    }
    taken_ += kept;
    if (kept > 0) ready_.push_back({std::move(batch), bytes});
  }
}

void ResultSink::WakeWriters(std::unique_lock<std::mutex>& lock) {
  if (writers_.empty()) return;
  auto writers = std::move(writers_);
  writers_.clear();
  lock.unlock();
  for (const auto& wake : writers) wake();
  lock.lock();
}

Status ResultSink::Combine(LocalState&) { return Status::OK(); }

Status ResultSink::Seal() { return Status::OK(); }

Result<std::unique_ptr<SourceState>> ResultSink::Emit(const Trigger&) {
  return Bug("a result sink has no source");
}

Status ResultSink::Pop(std::shared_ptr<arrow::RecordBatch>* batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || closed_; });
  if (!status_.ok()) return status_;
  if (ready_.empty()) {
    *batch = nullptr;
    return Status::OK();
  }
  *batch = TakeReady(lock);
  return Status::OK();
}

std::shared_ptr<arrow::RecordBatch> ResultSink::TryPop() {
  std::unique_lock lock(mutex_);
  return ready_.empty() ? nullptr : TakeReady(lock);
}

std::shared_ptr<arrow::RecordBatch> ResultSink::TakeReady(std::unique_lock<std::mutex>& lock) {
  auto [batch, bytes] = std::move(ready_.front());
  ready_.pop_front();
  buffer_.Add(-bytes);
  // Morsels before their turn may fill the buffer alone: then the head is let in when nothing is
  // ready.
  if (buffer_.has_room() || ready_.empty()) WakeWriters(lock);
  return batch;
}

bool ResultSink::has_ready() const {
  std::lock_guard lock(mutex_);
  return !ready_.empty();
}

bool ResultSink::is_full() const {
  std::lock_guard lock(mutex_);
  return limit_ >= 0 && taken_ >= limit_;
}

void ResultSink::Close(const Status& status) {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    if (status_.ok()) status_ = status;
  }
  changed_.notify_all();
}

int64_t ResultSink::rows_out() const {
  std::lock_guard lock(mutex_);
  return taken_;
}

}  // namespace velaria::execution
