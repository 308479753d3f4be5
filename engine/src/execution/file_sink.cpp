#include "execution/file_sink.hpp"

#include "execution/chunk_batches.hpp"

namespace velaria::execution {
namespace {

/// Bytes that wait for their turn; past them, only the head may go on.
constexpr int64_t kPendingBytesMax = 64 << 20;
/// Rows of one piece of text: small chunks are put together, so that formats of batches get no tiny
/// ones.
constexpr int64_t kPieceRows = 16'384;

class FileSinkLocal final : public LocalState {
 public:
  std::vector<Chunk> chunks;
  int64_t rows = 0;
  std::vector<io::EncodedRows> parts;  // made, not yet delivered
};

int64_t BytesOf(const std::vector<io::EncodedRows>& parts) {
  int64_t bytes = 0;
  for (const auto& part : parts) bytes += part.byte_count();
  return bytes;
}

}  // namespace

Result<std::shared_ptr<AccumulatorState>> FileSinkNode::Open(QueryContext& query) const {
  ARROW_ASSIGN_OR_RAISE(
      auto writer,
      WithPlaceIfFailed(io::OpenWriter(path_, roots_, options_, schema_, query.pool()), place_));
  return std::make_shared<FileSink>(std::move(writer), place_, schema_);
}

Result<std::unique_ptr<LocalState>> FileSink::MakeLocal() {
  return std::make_unique<FileSinkLocal>();
}

Status FileSink::Flush(LocalState& local_state, TaskContext& context) const {
  auto& local = static_cast<FileSinkLocal&>(local_state);
  if (local.chunks.empty()) return Status::OK();
  arrow::RecordBatchVector batches;
  for (const auto& chunk : local.chunks)
    ARROW_RETURN_NOT_OK(ToBatches(chunk, schema_, context.pool(), &batches));
  local.chunks.clear();
  local.rows = 0;
  for (auto& batch : batches) {
    if (batch->num_rows() == 0) continue;
    ARROW_ASSIGN_OR_RAISE(
        auto part,
        WithPlaceIfFailed(writer_->Encode(std::move(batch), context.query.functions()), place_));
    local.parts.push_back(std::move(part));
  }
  return Status::OK();
}

Result<Flow> FileSink::Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                               TaskContext& context) {
  auto& local = static_cast<FileSinkLocal&>(local_state);
  if (!local.parts.empty()) {  // an earlier delivery was refused: this chunk waits with it
    ARROW_ASSIGN_OR_RAISE(const Flow flow, Deliver(morsel.sequence, &local.parts, false, context));
    if (flow != Flow::kMore) return flow;
  }
  local.chunks.push_back(chunk);
  local.rows += chunk.selected_count();
  if (local.rows >= kPieceRows) ARROW_RETURN_NOT_OK(Flush(local, context));
  return Flow::kMore;
}

Result<Flow> FileSink::FinishMorsel(const Morsel& morsel, LocalState& local_state,
                                    TaskContext& context) {
  auto& local = static_cast<FileSinkLocal&>(local_state);
  ARROW_RETURN_NOT_OK(Flush(local, context));
  return Deliver(morsel.sequence, &local.parts, true, context);
}

Result<Flow> FileSink::Deliver(int64_t sequence, Parts* parts, bool morsel_done,
                               TaskContext& context) {
  std::unique_lock lock(mutex_);
  if (sequence != head_) {
    if (!parts->empty() && pending_bytes_ >= kPendingBytesMax) {
      waiting_.push_back(context.waker);
      return Flow::kBlocked;
    }
    pending_bytes_ += BytesOf(*parts);
    auto& pending = pending_[sequence];
    std::move(parts->begin(), parts->end(), std::back_inserter(pending.parts));
    pending.done = morsel_done;
    parts->clear();
    return Flow::kMore;
  }
  ARROW_RETURN_NOT_OK(WriteParts(*parts));
  parts->clear();
  if (!morsel_done) return Flow::kMore;
  ++head_;
  for (auto it = pending_.find(head_); it != pending_.end(); it = pending_.find(head_)) {
    pending_bytes_ -= BytesOf(it->second.parts);
    ARROW_RETURN_NOT_OK(WriteParts(it->second.parts));
    const bool done = it->second.done;
    pending_.erase(it);
    if (!done) break;  // its worker goes on as the head
    ++head_;
  }
  auto waiting = std::move(waiting_);
  waiting_.clear();
  lock.unlock();
  for (const auto& wake : waiting) wake();
  return Flow::kMore;
}

Status FileSink::WriteParts(const Parts& parts) {
  for (const auto& part : parts) {
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(writer_->Write(part), place_));
    row_count_ += part.row_count;
  }
  return Status::OK();
}

Status FileSink::Seal() {
  std::lock_guard lock(mutex_);
  if (!pending_.empty()) return Bug("rows of a file sink are left over");
  return WithPlaceIfFailed(writer_->Finish(), place_);
}

}  // namespace velaria::execution
