#include "execution/executor.hpp"

#include <condition_variable>

#include "execution/analysis.hpp"
#include "execution/pipeline_run.hpp"

namespace velaria::execution {
namespace {

/// What a hand-over to a thread and back costs a few times over: a query that is done by then is
/// told sooner, and of one that goes on others have waited little for a turn.
constexpr auto kStepsHereMax = std::chrono::microseconds(200);

}  // namespace

Execution::Execution(std::shared_ptr<const PhysicalPlan> plan, std::shared_ptr<QueryContext> query,
                     std::shared_ptr<Scheduler> scheduler)
    : plan_(std::move(plan)),
      query_(std::move(query)),
      scheduler_(std::move(scheduler)),
      group_(std::make_shared<TaskGroup>()),
      next_sequence_(plan_->accumulators.size(), 0),
      wants_no_more_(plan_->pipelines.size(), false),
      counters_(plan_->pipelines.size()) {}

Result<std::shared_ptr<Execution>> Execution::Make(std::shared_ptr<const PhysicalPlan> plan,
                                                   std::shared_ptr<QueryContext> query,
                                                   std::shared_ptr<Scheduler> scheduler) {
  std::shared_ptr<Execution> execution(
      new Execution(std::move(plan), std::move(query), std::move(scheduler)));
  for (const auto& node : execution->plan_->accumulators) {
    ARROW_ASSIGN_OR_RAISE(auto state, node->Open(*execution->query_));
    execution->states_.push_back(std::move(state));
  }
  return execution;
}

void Execution::Start(const Trigger& trigger, std::function<void(const Status&)> on_done) {
  if (query_->analysis()) query_->analysis()->CountTrigger(plan_);
  {
    std::lock_guard lock(mutex_);
    trigger_ = trigger;
    on_done_ = std::move(on_done);
    const size_t count = plan_->pipelines.size();
    progress_.assign(count, Progress::kWaiting);
    runs_.assign(count, nullptr);
    feeders_left_.assign(plan_->accumulators.size(), 0);
    for (size_t i = 0; i < count; ++i) {
      const When when = plan_->pipelines[i].when;
      const bool due =
          when == When::kEvery || (when == When::kFirst ? first_trigger_ : trigger.end_of_input);
      if (!due) progress_[i] = Progress::kComplete;
      for (const auto& chain : plan_->pipelines[i].chains) {
        if (due) ++feeders_left_[static_cast<size_t>(chain.accumulator)];
      }
    }
    first_trigger_ = false;
  }
  StartReady();
}

void Execution::StartHere(const Trigger& trigger, std::function<void(const Status&)> on_done) {
  scheduler_->Hold(group_);
  Start(trigger, std::move(on_done));
  scheduler_->RunHeld(group_, TurnClock::now() + kStepsHereMax);
}

void Execution::StartReady() {
  while (true) {
    int next = -1;
    std::function<void(const Status&)> done;
    Status status;
    {
      std::lock_guard lock(mutex_);
      if (!failed()) {
        for (size_t i = 0; i < progress_.size() && next < 0; ++i) {
          if (progress_[i] != Progress::kWaiting) continue;
          bool ready = true;
          for (int dependency : plan_->pipelines[i].dependencies) {
            ready = ready && progress_[static_cast<size_t>(dependency)] == Progress::kComplete;
          }
          if (ready) next = static_cast<int>(i);
        }
      }
      if (next >= 0) {
        progress_[static_cast<size_t>(next)] = Progress::kRunning;
        ++running_;
      } else if (running_ == 0 && on_done_) {
        done = std::move(on_done_);
        on_done_ = nullptr;
        runs_.clear();
        status = status_;
      }
    }
    if (done) {
      const auto call = [&done](const Status& outcome) {
        return Contained([&] {
          done(outcome);
          return Status::OK();
        });
      };
      if (const Status thrown = call(status); !thrown.ok()) (void)call(thrown);
      return;
    }
    if (next < 0) return;
    const Status started = Contained([&] { return StartPipeline(next); });
    if (!started.ok()) {
      Fail(started);
      std::lock_guard lock(mutex_);
      --running_;
    }
  }
}

StepMemory* Execution::MemoryOf(int pipeline, int step) const {
  Analysis* analysis = query_->analysis();
  return analysis ? analysis->MemoryOf(plan_, {pipeline, step}) : nullptr;
}

template <typename Call>
auto Execution::Measure(size_t accumulator, Call call) {
  const auto contained = [&] { return Contained(call); };
  Analysis* analysis = query_->analysis();
  if (!analysis) return contained();
  const StepId step = AccumulatorId(static_cast<int>(accumulator));
  StepCounters counters;
  counters.memory = analysis->MemoryOf(plan_, step);
  auto result = [&] {
    const MeasuredStep measured(&counters);
    return contained();
  }();
  analysis->Add(plan_, step, counters);
  return result;
}

/// What the source of a finished pipeline and the accumulators that it completed tell of
/// themselves.
void Execution::CollectFacts(const PipelineRun& run, const std::vector<size_t>& sealed) {
  Analysis* analysis = query_->analysis();
  if (!analysis) return;
  if (const auto* source = dynamic_cast<const TellsFacts*>(&run.source())) {
    analysis->Add(plan_, StepId{run.index(), 0}, source->Facts());
  }
  for (const size_t accumulator : sealed) {
    const auto* state = dynamic_cast<const TellsFacts*>(states_[accumulator].get());
    if (state) analysis->Add(plan_, AccumulatorId(static_cast<int>(accumulator)), state->Facts());
  }
}

Status Execution::StartPipeline(int index) {
  const auto& pipeline = plan_->pipelines[static_cast<size_t>(index)];
  const OpenContext context{*query_, states_, trigger_, scheduler_};
  std::unique_ptr<SourceState> source;
  if (pipeline.source) {
    ARROW_ASSIGN_OR_RAISE(source, pipeline.source->Open(context));
  } else {
    // What runs once has all its input, whenever the rest of the query comes to an end.
    Trigger trigger = trigger_;
    trigger.end_of_input = trigger.end_of_input || pipeline.when == When::kFirst;
    const auto from = static_cast<size_t>(pipeline.source_accumulator);
    ARROW_ASSIGN_OR_RAISE(source, Measure(from, [&] { return states_[from]->Emit(trigger); }));
  }
  const size_t first_accumulator = static_cast<size_t>(pipeline.chains[0].accumulator);
  auto run = std::make_shared<PipelineRun>(shared_from_this(), index, std::move(source),
                                           next_sequence_[first_accumulator]);
  ARROW_RETURN_NOT_OK(run->Prepare(context));
  {
    std::lock_guard lock(mutex_);
    runs_[static_cast<size_t>(index)] = run;  // from here on Cancel and Fail reach its tasks
  }
  run->Launch();
  return Status::OK();
}

void Execution::PipelineDone(int index, const Status& status) {
  const auto& pipeline = plan_->pipelines[static_cast<size_t>(index)];
  std::vector<size_t> to_seal;
  std::shared_ptr<PipelineRun> run;
  {
    std::lock_guard lock(mutex_);
    run = std::move(runs_[static_cast<size_t>(index)]);
    if (run->finished()) wants_no_more_[static_cast<size_t>(index)] = true;
    for (const auto& chain : pipeline.chains) {
      const auto accumulator = static_cast<size_t>(chain.accumulator);
      next_sequence_[accumulator] = run->next_sequence();
      // Rows of later triggers may still come to an accumulator that is fed at every one.
      const bool complete = pipeline.when == When::kFirst || trigger_.end_of_input;
      if (--feeders_left_[accumulator] == 0 && complete) to_seal.push_back(accumulator);
    }
  }
  if (status.ok() && !failed()) {
    for (size_t accumulator : to_seal) {
      const Status sealed = Measure(accumulator, [&] { return states_[accumulator]->Seal(); });
      if (!sealed.ok()) {
        Fail(sealed);
        break;
      }
    }
    CollectFacts(*run, to_seal);
  }
  {
    std::lock_guard lock(mutex_);
    progress_[static_cast<size_t>(index)] = Progress::kComplete;
    --running_;
  }
  StartReady();
}

void Execution::Fail(const Status& status) {
  {
    std::lock_guard lock(mutex_);
    failed_.store(true, std::memory_order_relaxed);
    if (status_.ok()) status_ = status;
  }
  WakeAll();
}

void Execution::Cancel() {
  query_->Cancel();
  WakeAll();
}

void Execution::WakeAll() {
  // One run at a time, not a copy of the list: memory may be what ran out.
  for (size_t i = 0; i < plan_->pipelines.size(); ++i) {
    std::shared_ptr<PipelineRun> run;
    {
      std::lock_guard lock(mutex_);
      if (i < runs_.size()) run = runs_[i];
    }
    if (run) run->WakeAll();
  }
}

Status Execution::RunOnce() {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> outcome;
  Start({0, true}, [&](const Status& status) {
    std::lock_guard lock(mutex);
    outcome = status;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return outcome.has_value(); });
  return *outcome;
}

bool Execution::InputIsDone() const {
  std::lock_guard lock(mutex_);
  bool reads = false;
  for (size_t i = 0; i < wants_no_more_.size(); ++i) {
    const auto& pipeline = plan_->pipelines[i];
    if (pipeline.when != When::kEvery || !pipeline.source) continue;
    reads = true;
    if (!wants_no_more_[i]) return false;
  }
  return reads;
}

void Execution::Wake(const std::shared_ptr<Task>& task) { scheduler_->Wake(group_, task); }

void Execution::AddCounters(int pipeline, const std::vector<StepCounters>& steps) {
  if (Analysis* analysis = query_->analysis()) {
    for (size_t i = 0; i < steps.size(); ++i) {
      analysis->Add(plan_, StepId{pipeline, static_cast<int>(i)}, steps[i]);
    }
  }
  std::lock_guard lock(mutex_);
  auto& totals = counters_[static_cast<size_t>(pipeline)];
  if (totals.empty()) {
    totals = steps;
    return;
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    totals[i].rows_in += steps[i].rows_in;
    totals[i].rows_out += steps[i].rows_out;
    totals[i].nanoseconds += steps[i].nanoseconds;
  }
}

std::vector<StepCounters> Execution::Counters() const {
  std::lock_guard lock(mutex_);
  std::vector<StepCounters> out;
  for (const auto& steps : counters_) out.insert(out.end(), steps.begin(), steps.end());
  return out;
}

}  // namespace velaria::execution
