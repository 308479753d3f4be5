// What a streaming query tells about itself.
#include <arrow/util/byte_size.h>

#include "execution/aggregate.hpp"
#include "stream/streaming_query.hpp"

namespace velaria::stream {

const char* StatusName(StreamStatus status) {
  switch (status) {
    case StreamStatus::kCreated: return "created";
    case StreamStatus::kRunning: return "running";
    case StreamStatus::kBackpressure: return "backpressure";
    case StreamStatus::kFinished: return "finished";
    case StreamStatus::kStopped: return "stopped";
    case StreamStatus::kFailed: return "failed";
  }
  return "unknown";
}

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Progress after a trigger.
void StreamingQuery::AccountTrigger(const Step& step) {
  int64_t bytes = 0;
  if (const auto* segment = trigger_version_->FindSegment(trigger_begin_)) {
    auto size = arrow::util::ReferencedBufferSize(*segment->batch);
    if (size.ok() && segment->row_count() > 0)
      bytes = *size * (step.end - trigger_begin_) / segment->row_count();
  }
  double state_ms = 0;
  for (const auto& counters : execution_->Counters()) {
    if (counters.name.rfind("hash aggregate", 0) == 0)
      state_ms += static_cast<double>(counters.nanoseconds) / 1e6;
  }
  std::lock_guard lock(mutex_);
  const double took = MillisecondsSince(trigger_started_);
  last_batch_ms_ = took;
  total_batch_ms_ += took;
  if (stateful_) last_state_ms_ = state_ms - total_state_ms_;
  total_state_ms_ = state_ms;
  const int64_t rows = step.end - trigger_begin_;
  rows_in_ += rows;
  if (rows > 0) {
    ++sampled_batches_;
    sampled_rows_ += rows;
    sampled_bytes_ += bytes;
  }
}

int64_t StreamingQuery::StateBytes() const {
  if (!execution_) return last_state_bytes_;
  int64_t bytes = 0;
  for (const auto& state : execution_->states()) {
    if (const auto* aggregate = dynamic_cast<const execution::AggregateState*>(state.get()))
      bytes += aggregate->MemoryBytes();
  }
  return bytes;
}

contract::Progress StreamingQuery::progress() const {
  contract::Progress out;
  contract::Apply(spec_.decision, &out);
  std::lock_guard lock(mutex_);
  out.query_id = spec_.query_id;
  out.status = StatusName(status_);
  out.batches_pulled = batches_pulled_;
  out.batches_processed = sampled_batches_;
  out.blocked_count = blocked_count_;
  out.max_backlog_batches = max_backlog_;
  out.inflight_batches = busy_ ? 1 : 0;
  out.inflight_partitions =
      busy_ ? std::min<int64_t>(parallelism_,
                                (trigger_end_ - trigger_begin_ + kMorselRows - 1) / kMorselRows)
            : 0;
  out.last_batch_latency_ms = last_batch_ms_;
  out.last_sink_latency_ms = last_sink_ms_;
  if (stateful_) out.last_state_latency_ms = last_state_ms_;
  out.last_source_offset = std::to_string(position_);
  out.backpressure_active = status_ == StreamStatus::kBackpressure;
  out.estimated_partitions = parallelism_;
  out.sampled_batches = sampled_batches_;
  if (sampled_batches_ > 0) {
    out.sampled_rows_per_batch = sampled_rows_ / sampled_batches_;
    out.average_projected_payload_bytes = sampled_bytes_ / sampled_batches_;
    out.projected_payload_bytes = sampled_bytes_;
    out.estimated_batch_cost = total_batch_ms_ / static_cast<double>(sampled_batches_);
  }
  if (stateful_) {
    const int64_t bytes = StateBytes();
    out.estimated_state_size_bytes = bytes;
    out.state_bytes = bytes;
  }
  out.rows_in = rows_in_;
  out.rows_out = rows_out_;
  if (spec_.decision.has_window) out.rows_late = rows_late_;
  out.subscribers = std::count_if(subscribers_.begin(), subscribers_.end(),
                                  [](const auto& s) { return !s->closed(); });
  return out;
}

}  // namespace velaria::stream
