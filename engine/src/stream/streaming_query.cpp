#include "stream/streaming_query.hpp"

#include <arrow/util/byte_size.h>

#include "execution/aggregate.hpp"
#include "execution/physical_planner.hpp"
#include "execution/position_sink.hpp"

namespace velaria::stream {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// The one stream that a plan reads; VEL2101 for none or several.
Status FindStream(const logical::LogicalNode& node, const execution::TableRelation** found) {
  if (node.kind == logical::NodeKind::kScan && !node.relation->is_bounded()) {
    if (*found != nullptr) {
      return Fail(ErrorCode::kNeedsBoundedInput,
                  "a continuous query reads one stream: " + node.relation->name(),
                  "Join the stream with tables, or write one query per stream.");
    }
    *found = dynamic_cast<const execution::TableRelation*>(node.relation.get());
  }
  for (const auto& child : node.children) ARROW_RETURN_NOT_OK(FindStream(*child, found));
  return Status::OK();
}

bool Holds(const logical::LogicalNode& node, logical::NodeKind kind) {
  if (node.kind == kind) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const auto& child) { return Holds(*child, kind); });
}

}  // namespace

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

Result<std::shared_ptr<StreamingQuery>> StreamingQuery::Make(
    StreamSpec spec, std::shared_ptr<execution::QueryContext> context,
    std::shared_ptr<execution::Scheduler> scheduler) {
  const execution::TableRelation* stream = nullptr;
  ARROW_RETURN_NOT_OK(FindStream(*spec.root, &stream));
  if (stream == nullptr)
    return Fail(ErrorCode::kNeedsBoundedInput, "the query reads no stream",
                "Run it as a plain query.");
  std::shared_ptr<StreamingQuery> query(new StreamingQuery(std::move(spec)));
  query->source_ = stream->table();
  query->stateful_ = Holds(*query->spec_.root, logical::NodeKind::kAggregate);
  execution::LowerOptions options;
  // The plan asks for its rows when a trigger starts; the query outlives its execution's triggers.
  std::weak_ptr<StreamingQuery> weak = query;
  options.stream_range = [weak](const execution::TableRelation&) {
    return [weak]() -> execution::TableRange {
      auto self = weak.lock();
      if (!self) return {};
      std::lock_guard lock(self->mutex_);
      return {self->trigger_version_, self->trigger_begin_, self->trigger_end_};
    };
  };
  ARROW_ASSIGN_OR_RAISE(auto plan,
                        execution::Lower(query->spec_.root, query->spec_.schema, options));
  ARROW_ASSIGN_OR_RAISE(query->execution_,
                        execution::Execution::Make(plan, std::move(context), std::move(scheduler)));
  query->sink_ = std::static_pointer_cast<execution::ResultSink>(
      query->execution_->states()[static_cast<size_t>(plan->result)]);
  return query;
}

StreamingQuery::~StreamingQuery() {
  if (listener_ >= 0) source_->StopListening(listener_);
  execution_->Cancel();
}

void StreamingQuery::Start() {
  {
    std::lock_guard lock(mutex_);
    if (status_ != StreamStatus::kCreated) return;
    status_ = StreamStatus::kRunning;
    std::weak_ptr<StreamingQuery> weak = weak_from_this();
    listener_ = source_->Listen([weak] {
      if (auto self = weak.lock()) self->Poke();
    });
  }
  Poke();
}

bool StreamingQuery::AnySubscriberFull() const {
  return std::any_of(subscribers_.begin(), subscribers_.end(),
                     [](const auto& subscriber) { return subscriber->full(); });
}

void StreamingQuery::Poke() {
  int64_t end = 0;
  bool last = false;
  int64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    const bool live = status_ == StreamStatus::kRunning || status_ == StreamStatus::kBackpressure;
    if (!live || busy_ || cancelled_) return;
    // The end is read before the version: rows that came before the end are then surely in the
    // version.
    const bool ended = source_->input_ended();
    auto version = source_->version();
    const int64_t available =
        draining_ ? std::min(drain_until_, version->end_position()) : version->end_position();
    const bool closing = ended || draining_;
    if (available == position_ && !closing) return;
    std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber->closed(); });
    if (AnySubscriberFull()) {
      if (status_ != StreamStatus::kBackpressure) ++blocked_count_;
      status_ = StreamStatus::kBackpressure;
      return;
    }
    status_ = StreamStatus::kRunning;
    end = std::min(available, position_ + spec_.trigger_rows);
    last = closing && end == available;
    const int64_t backlog = (available - position_ + spec_.trigger_rows - 1) / spec_.trigger_rows;
    max_backlog_ = std::max(max_backlog_, backlog);
    trigger_begin_ = position_;
    trigger_end_ = end;
    trigger_version_ = std::move(version);
    trigger_started_ = Clock::now();
    batches_pulled_ += end > position_;
    number = triggers_++;
    busy_ = true;
  }
  // A trigger over no rows is run only at the end, so that what waits for the end comes out. A
  // stopped query emits no more than what its rows gave: only the end of the input makes aggregates
  // of no rows appear.
  auto self = shared_from_this();
  execution_->Start({number, last}, [self, end, last](const Status& status) {
    self->TriggerDone(status, end, last);
  });
}

Status StreamingQuery::DeliverLate() {
  const int late = execution_->plan().late;
  if (late < 0 || !spec_.late) return Status::OK();
  auto& sink =
      static_cast<execution::PositionSink&>(*execution_->states()[static_cast<size_t>(late)]);
  const auto positions = sink.TakePositions();
  rows_late_ += static_cast<int64_t>(positions.size());
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  size_t at = 0;
  while (at < positions.size() && late_kept_ < kLateRows) {
    const storage::Segment* segment = trigger_version_->FindSegment(positions[at]);
    std::vector<uint32_t> rows;
    std::vector<int64_t> sequence;
    for (;
         at < positions.size() && positions[at] < segment->end_position() && late_kept_ < kLateRows;
         ++at, ++late_kept_) {
      rows.push_back(static_cast<uint32_t>(positions[at] - segment->first_position));
      sequence.push_back(positions[at]);
    }
    std::vector<std::shared_ptr<arrow::ArrayData>> columns;
    for (int c = 0; c < segment->batch->num_columns(); ++c) {
      ARROW_ASSIGN_OR_RAISE(auto column, Gather({segment->batch->column_data(c), false}, rows,
                                                arrow::default_memory_pool()));
      columns.push_back(column.data);
    }
    const auto count = static_cast<int64_t>(rows.size());
    ARROW_ASSIGN_OR_RAISE(
        auto reason, arrow::MakeArrayFromScalar(arrow::StringScalar("the time is NULL"), count));
    arrow::Int64Builder numbers;
    ARROW_RETURN_NOT_OK(numbers.AppendValues(sequence));
    ARROW_ASSIGN_OR_RAISE(auto number_array, numbers.Finish());
    columns.push_back(reason->data());
    columns.push_back(number_array->data());
    batches.push_back(arrow::RecordBatch::Make(spec_.late->schema(), count, std::move(columns)));
  }
  return batches.empty() ? Status::OK() : spec_.late->Append(batches);
}

Status StreamingQuery::Deliver() {
  const auto start = Clock::now();
  auto batches = sink_->PopAll();
  std::vector<std::shared_ptr<Subscription>> subscribers;
  {
    std::lock_guard lock(mutex_);
    subscribers = subscribers_;
    for (const auto& batch : batches) rows_out_ += batch->num_rows();
  }
  for (const auto& batch : batches) {
    for (const auto& subscriber : subscribers) subscriber->Push(batch);
  }
  if (spec_.sink && !batches.empty()) {
    std::vector<std::shared_ptr<arrow::RecordBatch>> typed;
    for (const auto& batch : batches)
      typed.push_back(
          arrow::RecordBatch::Make(spec_.sink->schema(), batch->num_rows(), batch->columns()));
    ARROW_RETURN_NOT_OK(spec_.sink->Append(typed));
  }
  ARROW_RETURN_NOT_OK(DeliverLate());
  std::lock_guard lock(mutex_);
  last_sink_ms_ = MillisecondsSince(start);
  return Status::OK();
}

void StreamingQuery::TriggerDone(const Status& trigger_status, int64_t end, bool last) {
  Status status = trigger_status;
  if (status.ok()) status = Deliver();
  int64_t bytes = 0;
  if (const auto* segment = trigger_version_->FindSegment(trigger_begin_)) {
    auto size = arrow::util::ReferencedBufferSize(*segment->batch);
    if (size.ok() && segment->row_count() > 0)
      bytes = *size * (end - trigger_begin_) / segment->row_count();
  }
  double state_ms = 0;
  for (const auto& step : execution_->Counters()) {
    if (step.name.rfind("hash aggregate", 0) == 0)
      state_ms += static_cast<double>(step.nanoseconds) / 1e6;
  }
  {
    std::lock_guard lock(mutex_);
    busy_ = false;
    const double took = MillisecondsSince(trigger_started_);
    last_batch_ms_ = took;
    total_batch_ms_ += took;
    if (stateful_) last_state_ms_ = state_ms - total_state_ms_;
    total_state_ms_ = state_ms;
    const int64_t rows = end - trigger_begin_;
    rows_in_ += rows;
    if (rows > 0) {
      ++sampled_batches_;
      sampled_rows_ += rows;
      sampled_bytes_ += bytes;
    }
    position_ = end;
    trigger_version_ = nullptr;
  }
  if (!status.ok()) {
    const bool stopped = ErrorInfoOf(status).code == ErrorCode::kCancelled;
    Finish(stopped ? StreamStatus::kStopped : StreamStatus::kFailed,
           stopped ? Status::OK() : status);
    return;
  }
  if (last) {
    Finish(source_->input_ended() ? StreamStatus::kFinished : StreamStatus::kStopped, Status::OK());
    return;
  }
  Poke();
}

void StreamingQuery::Finish(StreamStatus status, const Status& reason) {
  std::vector<std::shared_ptr<Subscription>> subscribers;
  {
    std::lock_guard lock(mutex_);
    status_ = status;
    failure_ = reason;
    subscribers = subscribers_;
  }
  changed_.notify_all();
  for (const auto& subscriber : subscribers) subscriber->End(reason);
}

contract::Progress StreamingQuery::Stop(StopMode mode, std::chrono::milliseconds timeout) {
  bool idle = false;
  {
    std::lock_guard lock(mutex_);
    const bool live = status_ == StreamStatus::kRunning || status_ == StreamStatus::kBackpressure;
    if (live && mode == StopMode::kDrain && !draining_) {
      draining_ = true;
      drain_until_ = source_->version()->end_position();
    }
    if (live && mode == StopMode::kNow) cancelled_ = true;
    idle = (live && mode == StopMode::kNow && !busy_) || status_ == StreamStatus::kCreated;
  }
  if (idle) {
    Finish(StreamStatus::kStopped, Status::OK());
  } else if (mode == StopMode::kNow) {
    execution_->Cancel();
  } else {
    Poke();
  }
  AwaitTermination(timeout);
  return progress();
}

bool StreamingQuery::AwaitTermination(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto over = [this] {
    return status_ == StreamStatus::kFinished || status_ == StreamStatus::kStopped ||
           status_ == StreamStatus::kFailed;
  };
  if (timeout.count() < 0) {
    changed_.wait(lock, over);
    return true;
  }
  return changed_.wait_for(lock, timeout, over);
}

std::shared_ptr<Subscription> StreamingQuery::Subscribe() {
  std::weak_ptr<StreamingQuery> weak = weak_from_this();
  auto subscription = std::make_shared<Subscription>(spec_.schema, [weak] {
    if (auto self = weak.lock()) self->Poke();
  });
  std::lock_guard lock(mutex_);
  if (status_ == StreamStatus::kFinished || status_ == StreamStatus::kStopped ||
      status_ == StreamStatus::kFailed) {
    subscription->End(failure_);
  }
  subscribers_.push_back(subscription);
  return subscription;
}

StreamStatus StreamingQuery::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

Status StreamingQuery::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
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
      busy_ ? std::min<int64_t>(execution_->query().parallelism(),
                                (trigger_end_ - trigger_begin_ + kMorselRows - 1) / kMorselRows)
            : 0;
  out.last_batch_latency_ms = last_batch_ms_;
  out.last_sink_latency_ms = last_sink_ms_;
  if (stateful_) out.last_state_latency_ms = last_state_ms_;
  out.last_source_offset = std::to_string(position_);
  out.backpressure_active = status_ == StreamStatus::kBackpressure;
  out.estimated_partitions = execution_->query().parallelism();
  out.sampled_batches = sampled_batches_;
  if (sampled_batches_ > 0) {
    out.sampled_rows_per_batch = sampled_rows_ / sampled_batches_;
    out.average_projected_payload_bytes = sampled_bytes_ / sampled_batches_;
    out.projected_payload_bytes = sampled_bytes_;
    out.estimated_batch_cost = total_batch_ms_ / static_cast<double>(sampled_batches_);
  }
  if (stateful_) {
    int64_t bytes = 0;
    for (const auto& state : execution_->states()) {
      if (const auto* aggregate = dynamic_cast<const execution::AggregateState*>(state.get()))
        bytes += aggregate->MemoryBytes();
    }
    out.estimated_state_size_bytes = bytes;
    out.state_bytes = bytes;
  }
  out.rows_in = rows_in_;
  out.rows_out = rows_out_;
  if (spec_.late) out.rows_late = rows_late_;
  out.subscribers = std::count_if(subscribers_.begin(), subscribers_.end(),
                                  [](const auto& s) { return !s->closed(); });
  return out;
}

}  // namespace velaria::stream
