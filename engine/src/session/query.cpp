#include "session/query.hpp"

namespace velaria::session {
namespace {

Status Cancelled() { return Fail(ErrorCode::kCancelled, "the query was cancelled"); }

}  // namespace

const char* StateName(QueryState state) {
  switch (state) {
    case QueryState::kCreated: return "created";
    case QueryState::kRunning: return "running";
    case QueryState::kFinished: return "finished";
    case QueryState::kFailed: return "failed";
    case QueryState::kCancelled: return "cancelled";
  }
  return "unknown";
}

RunningQuery::RunningQuery(std::shared_ptr<execution::Execution> execution,
                           std::function<int64_t()> triggers_left, std::shared_ptr<void> owner)
    : owner_(std::move(owner)),
      execution_(std::move(execution)),
      triggers_left_(std::move(triggers_left)),
      sink_(std::static_pointer_cast<execution::ResultSink>(
          execution_->states()[static_cast<size_t>(execution_->plan().result)])) {}

RunningQuery::~RunningQuery() { Cancel(); }

void RunningQuery::Start() {
  {
    std::lock_guard lock(mutex_);
    if (state_ != QueryState::kCreated) return;
    state_ = QueryState::kRunning;
    started_ = std::chrono::steady_clock::now();
  }
  RunTrigger(0);
}

void RunningQuery::RunTrigger(int64_t number) {
  const bool last = triggers_left_() == 0;
  // The execution must not keep the query alive: dropping the query is what cancels it.
  std::weak_ptr<RunningQuery> weak = weak_from_this();
  auto sink = sink_;
  const auto on_done = [weak, sink, last, number](const Status& status) {
    if (status.ok() && !last) {
      if (auto self = weak.lock()) {
        self->RunTrigger(number + 1);
        return;
      }
    }
    if (auto self = weak.lock()) {
      std::lock_guard lock(self->mutex_);
      self->ended_ = std::chrono::steady_clock::now();
      if (!status.ok() && self->state_ != QueryState::kCancelled) {
        self->state_ = ErrorInfoOf(status).code == ErrorCode::kCancelled ? QueryState::kCancelled
                                                                         : QueryState::kFailed;
      }
    }
    sink->Close(status);
  };
  // The first trigger is started by the reader, who waits; the end of each one starts the next.
  if (number == 0 && last) {
    execution_->StartHere({number, last}, on_done);
  } else {
    execution_->Start({number, last}, on_done);
  }
}

Status RunningQuery::Next(std::shared_ptr<arrow::RecordBatch>* batch) {
  const Status told = Contained([&] { return Pop(batch); });
  if (told.ok()) return told;
  std::lock_guard lock(mutex_);
  if (failure_.ok()) failure_ = told;
  return told;
}

Status RunningQuery::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

Status RunningQuery::Pop(std::shared_ptr<arrow::RecordBatch>* batch) {
  Start();
  const Status popped = sink_->Pop(batch);
  if (!popped.ok() && on_failure_) on_failure_();
  ARROW_RETURN_NOT_OK(popped);
  if (*batch) {
    rows_.fetch_add((*batch)->num_rows(), std::memory_order_relaxed);
    return Status::OK();
  }
  std::lock_guard lock(mutex_);
  if (state_ == QueryState::kCancelled) return Cancelled();  // just now, behind the last row
  if (state_ == QueryState::kRunning) state_ = QueryState::kFinished;
  return Status::OK();
}

void RunningQuery::Cancel() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == QueryState::kFinished || state_ == QueryState::kFailed ||
        state_ == QueryState::kCancelled)
      return;
    state_ = QueryState::kCancelled;
  }
  execution_->Cancel();
  // Whoever was told "cancelled" finds no rows, even if the last of them has been made by now.
  sink_->Close(Cancelled());
}

QueryState RunningQuery::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

double RunningQuery::wall_ms() const {
  std::lock_guard lock(mutex_);
  if (started_ == std::chrono::steady_clock::time_point{}) return 0;
  const auto end =
      ended_ == std::chrono::steady_clock::time_point{} ? std::chrono::steady_clock::now() : ended_;
  return std::chrono::duration<double, std::milli>(end - started_).count();
}

}  // namespace velaria::session
