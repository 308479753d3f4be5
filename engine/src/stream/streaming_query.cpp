#include "stream/streaming_query.hpp"

#include "execution/physical_planner.hpp"

namespace velaria::stream {
namespace {

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

}  // namespace

Result<const execution::TableRelation*> SourceOf(const logical::LogicalNode& root) {
  const execution::TableRelation* stream = nullptr;
  ARROW_RETURN_NOT_OK(FindStream(root, &stream));
  if (stream != nullptr) return stream;
  return Fail(ErrorCode::kNeedsBoundedInput, "the query reads no stream",
              "Run it as a plain query.");
}

Result<std::shared_ptr<StreamingQuery>> StreamingQuery::Make(
    StreamSpec spec, StreamParts parts, std::shared_ptr<execution::QueryContext> context,
    std::shared_ptr<execution::Scheduler> scheduler) {
  ARROW_ASSIGN_OR_RAISE(const auto* stream, SourceOf(*parts.root));
  std::shared_ptr<StreamingQuery> query(new StreamingQuery(std::move(spec)));
  query->source_ = stream->table();
  query->target_ = std::move(parts.target);
  query->late_ = std::move(parts.late);
  if (query->late_) query->late_kept_ = query->late_->version()->row_count();
  query->on_end_ = std::move(parts.on_end);
  query->stateful_ = logical::Contains(*parts.root, logical::NodeKind::kAggregate);
  query->parallelism_ = context->parallelism();
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
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::Lower(parts.root, query->spec_.schema, options));
  ARROW_ASSIGN_OR_RAISE(query->execution_,
                        execution::Execution::Make(plan, std::move(context), std::move(scheduler)));
  query->sink_ = std::static_pointer_cast<execution::ResultSink>(
      query->execution_->states()[static_cast<size_t>(plan->result)]);
  query->sink_->SetOnReady([weak] {
    if (auto self = weak.lock()) self->HandOut(false);
  });
  query->satisfied_ = query->sink_->is_full();  // LIMIT 0
  return query;
}

StreamingQuery::~StreamingQuery() {
  if (listener_ >= 0 && source_) source_->StopListening(listener_);
  if (execution_) execution_->Cancel();
}

void StreamingQuery::Start() {
  {
    std::lock_guard lock(mutex_);
    if (status_ != StreamStatus::kCreated || cancelled_) return;
    status_ = StreamStatus::kRunning;
    std::weak_ptr<StreamingQuery> weak = weak_from_this();
    listener_ = source_->Listen([weak] {
      if (auto self = weak.lock()) self->Poke();
    });
  }
  Poke();
}

bool StreamingQuery::IsLive() const {
  return status_ == StreamStatus::kRunning || status_ == StreamStatus::kBackpressure;
}

bool StreamingQuery::IsOver() const { return !IsLive() && status_ != StreamStatus::kCreated; }

bool StreamingQuery::AnySubscriberFull() const {
  return std::any_of(subscribers_.begin(), subscribers_.end(),
                     [](const auto& subscriber) { return subscriber->full(); });
}

void StreamingQuery::Poke() {
  std::optional<Step> step;
  std::shared_ptr<execution::Execution> execution;
  {
    std::lock_guard lock(mutex_);
    step = NextStep();
    execution = execution_;  // the query may be over before Start returns
  }
  if (!step) return;
  auto self = shared_from_this();
  execution->Start(step->trigger,
                   [self, step](const Status& status) { self->TriggerDone(status, *step); });
}

/// Takes the next trigger on, when there is one to run now. The caller holds mutex_.
std::optional<StreamingQuery::Step> StreamingQuery::NextStep() {
  if (!IsLive() || busy_ || cancelled_ || ending_) return std::nullopt;
  // The end is read before the version: rows that came before the end are then surely in the
  // version.
  const bool ended = source_->input_ended();
  auto version = source_->version();
  const int64_t written = version->end_position();
  const int64_t available = satisfied_  ? position_
                            : draining_ ? std::min(drain_until_, written)
                                        : written;
  const bool closing = ended || draining_ || satisfied_;
  if (available == position_ && !closing) return std::nullopt;
  std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber->closed(); });
  if (AnySubscriberFull()) {
    if (status_ != StreamStatus::kBackpressure) ++blocked_count_;
    status_ = StreamStatus::kBackpressure;
    return std::nullopt;
  }
  status_ = StreamStatus::kRunning;
  Step step;
  step.end = std::min(available, position_ + spec_.trigger_rows);
  step.trigger = {triggers_++, false};
  if (closing && step.end == available) {
    // A query that is stopped emits no more than what its rows gave: only the end of the input, or
    // a full LIMIT, is an end of input for its operators.
    step.trigger.end_of_input = satisfied_ || (ended && available == written);
    step.ends_as = step.trigger.end_of_input ? StreamStatus::kFinished : StreamStatus::kStopped;
  }
  const int64_t backlog = (available - position_ + spec_.trigger_rows - 1) / spec_.trigger_rows;
  max_backlog_ = std::max(max_backlog_, backlog);
  trigger_begin_ = position_;
  trigger_end_ = step.end;
  trigger_version_ = std::move(version);
  trigger_started_ = std::chrono::steady_clock::now();
  batches_pulled_ += step.end > position_;
  busy_ = true;
  return step;
}

void StreamingQuery::TriggerDone(const Status& trigger_status, const Step& step) {
  {
    std::unique_lock lock(mutex_);
    if (!trigger_version_) {  // told again after an exception: all but the end is done
      lock.unlock();
      Finish(StreamStatus::kFailed, trigger_status);
      return;
    }
  }
  Status status = trigger_status;
  if (status.ok()) status = Deliver();
  AccountTrigger(step);
  bool cancelled = false;
  {
    std::lock_guard lock(mutex_);
    position_ = step.end;
    trigger_version_ = nullptr;
    satisfied_ = satisfied_ || sink_->is_full() || execution_->InputIsDone();
    cancelled = cancelled_;
    // A query that ends stays busy, so that nobody starts another trigger meanwhile.
    busy_ = !status.ok() || step.ends_as || cancelled;
  }
  if (!status.ok()) {
    const bool stopped = ErrorInfoOf(status).code == ErrorCode::kCancelled;
    Finish(stopped ? StreamStatus::kStopped : StreamStatus::kFailed,
           stopped ? Status::OK() : status);
  } else if (step.ends_as) {
    Finish(*step.ends_as, Status::OK());
  } else if (cancelled) {  // asked for when the trigger was past its last look at the flag
    Finish(StreamStatus::kStopped, Status::OK());
  } else {
    Poke();
  }
}

void StreamingQuery::Finish(StreamStatus status, const Status& reason) {
  std::function<void()> on_end;
  {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = true;
    on_end = std::move(on_end_);
  }
  // Before anybody can see that the query is over; it is over whatever becomes of this.
  if (on_end) {
    (void)Contained([&] {
      on_end();
      return Status::OK();
    });
  }
  {
    std::lock_guard order(hand_out_mutex_);
    for_target_.clear();  // of a trigger that failed
  }
  storage::TablePtr source, target, late;
  std::shared_ptr<execution::Execution> execution;
  std::shared_ptr<execution::ResultSink> sink;
  std::vector<std::shared_ptr<Subscription>> subscribers;
  {
    std::lock_guard lock(mutex_);
    last_state_bytes_ = StateBytes();
    source = std::move(source_);
    target = std::move(target_);
    late = std::move(late_);
    execution = std::move(execution_);
    sink = std::move(sink_);
    subscribers = std::move(subscribers_);
    subscribers_.clear();
    busy_ = false;
    status_ = status;
    failure_ = reason;
  }
  if (listener_ >= 0) source->StopListening(listener_);
  changed_.notify_all();
  for (const auto& subscriber : subscribers) subscriber->End(reason);
}

void StreamingQuery::RequestStop(StopMode mode) {
  bool idle = false;
  std::shared_ptr<execution::Execution> execution;
  {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    if (IsLive() && mode == StopMode::kDrain && !draining_) {
      draining_ = true;
      drain_until_ = source_->version()->end_position();
    }
    if (mode == StopMode::kNow || status_ == StreamStatus::kCreated) cancelled_ = true;
    idle = cancelled_ && !busy_;
    execution = execution_;
  }
  if (idle) {
    Finish(StreamStatus::kStopped, Status::OK());
  } else if (mode == StopMode::kNow) {
    execution->Cancel();
  } else {
    Poke();
  }
}

contract::Progress StreamingQuery::Stop(StopMode mode, std::chrono::milliseconds timeout) {
  RequestStop(mode);
  AwaitTermination(timeout);
  return progress();
}

bool StreamingQuery::AwaitTermination(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return IsOver(); };
  if (timeout.count() < 0) {
    changed_.wait(lock, over);
    return true;
  }
  return changed_.wait_for(lock, timeout, over);
}

std::shared_ptr<Subscription> StreamingQuery::Subscribe() {
  std::weak_ptr<StreamingQuery> weak = weak_from_this();
  auto subscription = std::make_shared<Subscription>(spec_.schema, [weak] {
    auto self = weak.lock();
    if (!self) return;
    self->HandOut(false);  // what the trigger under way could not hand out
    self->Poke();
  });
  std::lock_guard lock(mutex_);
  if (IsOver()) {
    subscription->End(failure_);
  } else {
    subscribers_.push_back(subscription);
  }
  return subscription;
}

StreamStatus StreamingQuery::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

bool StreamingQuery::is_over() const {
  std::lock_guard lock(mutex_);
  return IsOver();
}

storage::TablePtr StreamingQuery::source() const {
  std::lock_guard lock(mutex_);
  return source_;
}

storage::TablePtr StreamingQuery::target() const {
  std::lock_guard lock(mutex_);
  return target_;
}

Status StreamingQuery::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace velaria::stream
