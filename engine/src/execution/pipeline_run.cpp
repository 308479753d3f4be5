#include "execution/pipeline_run.hpp"

#include "execution/analysis.hpp"

namespace velaria::execution {

PipelineRun::PipelineRun(std::shared_ptr<Execution> execution, int index,
                         std::unique_ptr<SourceState> source, int64_t sequence)
    : execution_(std::move(execution)),
      index_(index),
      source_(std::move(source)),
      next_sequence_(sequence),
      chain_finished_(execution_->plan().pipelines[static_cast<size_t>(index)].chains.size()) {}

Status PipelineRun::Prepare(const OpenContext& context) {
  const int64_t workers =
      std::clamp<int64_t>(source_->MaxWorkers(), 1, context.query.parallelism());
  for (int64_t i = 0; i < workers; ++i) {
    ARROW_ASSIGN_OR_RAISE(auto task, PipelineTask::Make(shared_from_this(), context));
    tasks_.push_back(std::move(task));
  }
  tasks_left_ = static_cast<int>(tasks_.size());
  return Status::OK();
}

void PipelineRun::Launch() {
  // Held back on one thread, many workers would lose what they are for.
  if (tasks_.size() > 1 || dynamic_cast<const ReadsFiles*>(source_.get())) {
    execution_->scheduler_->LetGo(execution_->group_);
  }
  for (const auto& task : tasks_) execution_->scheduler_->Submit(execution_->group_, task);
}

Result<Flow> PipelineRun::TakeMorsel(Morsel* morsel, TaskContext& context) {
  std::lock_guard lock(source_mutex_);
  ARROW_ASSIGN_OR_RAISE(const Flow flow, source_->NextMorsel(morsel, context));
  if (flow == Flow::kMore) morsel->sequence = next_sequence_++;
  return flow;
}

void PipelineRun::ChainFinished(size_t chain) {
  chain_finished_[chain].store(true, std::memory_order_relaxed);
  if (chain != 0) return;  // a fork sees what the first chain sees and asks for nothing itself
  SetFinished();
  WakeAll();
}

void PipelineRun::WakeAll() {
  for (const auto& task : tasks_) execution_->scheduler_->Wake(execution_->group_, task);
}

void PipelineRun::TaskDone(const Status& status) {
  {
    std::lock_guard lock(status_mutex_);
    if (status_.ok()) status_ = status;
  }
  if (!status.ok()) execution_->Fail(status);
  if (tasks_left_.fetch_sub(1) == 1) execution_->PipelineDone(index_, status_);
}

Result<std::shared_ptr<PipelineTask>> PipelineTask::Make(std::shared_ptr<PipelineRun> run,
                                                         const OpenContext& context) {
  std::shared_ptr<PipelineTask> task(new PipelineTask(run));
  const auto& pipeline = run->pipeline();
  for (const auto& chain : pipeline.chains) {
    ChainState state;
    for (const auto& op : chain.operators) {
      ARROW_ASSIGN_OR_RAISE(auto op_state, op->MakeState(context));
      state.operators.push_back(std::move(op_state));
      state.counters.push_back({op->Text(), run->index()});
    }
    state.accumulator = context.states[static_cast<size_t>(chain.accumulator)].get();
    ARROW_ASSIGN_OR_RAISE(state.local, state.accumulator->MakeLocal());
    state.counters.push_back(
        {run->execution().plan().accumulators[static_cast<size_t>(chain.accumulator)]->Text(),
         run->index()});
    state.inputs.resize(chain.operators.size() + 1);
    state.more.assign(chain.operators.size(), false);
    state.last.assign(chain.operators.size(), false);
    task->chains_.push_back(std::move(state));
  }
  task->source_counters_ = {pipeline.source ? pipeline.source->Text() : "emit", run->index()};
  task->AssignMemory();
  std::weak_ptr<PipelineTask> weak = task;
  std::weak_ptr<PipelineRun> weak_run = run;
  task->context_ = std::make_unique<TaskContext>(TaskContext{context.query, [weak, weak_run] {
                                                               auto self = weak.lock();
                                                               auto owner = weak_run.lock();
                                                               if (self && owner)
                                                                 owner->execution().Wake(self);
                                                             }});
  return task;
}

TaskResult PipelineTask::Run(TurnClock::time_point turn_ends) {
  auto run = run_;
  if (!run) return TaskResult::kDone;
  turn_ends_ = turn_ends;
  const auto result = Contained([&] { return Step(); });
  if (result.ok() && *result != TaskResult::kDone) return *result;
  Status status = result.status();
  status &= Contained([&] {
    FlushCounters();
    return Status::OK();
  });
  chains_.clear();
  chunk_ = Chunk();
  run_.reset();
  run->TaskDone(status);
  return TaskResult::kDone;
}

Result<TaskResult> PipelineTask::Step() {
  TaskContext& context = *context_;
  while (true) {
    ARROW_RETURN_NOT_OK(context.query.CheckCancelled());
    if (run_->execution().failed()) return TaskResult::kDone;
    if (run_->finished() && phase_ != Phase::kCombine) phase_ = Phase::kCombine;
    switch (phase_) {
      case Phase::kMorsel: {
        Flow flow;
        {
          const MeasuredStep measured(&source_counters_);
          ARROW_ASSIGN_OR_RAISE(flow, run_->TakeMorsel(&morsel_, context));
        }
        if (flow == Flow::kBlocked) return TaskResult::kBlocked;
        position_ = 0;
        phase_ = flow == Flow::kMore ? Phase::kChunk : Phase::kCombine;
        break;
      }
      case Phase::kChunk: {
        Flow flow;
        {
          const MeasuredStep measured(&source_counters_);
          chunk_ = Chunk();
          ARROW_ASSIGN_OR_RAISE(flow,
                                run_->source().NextChunk(morsel_, &position_, &chunk_, context));
        }
        if (flow == Flow::kBlocked) return TaskResult::kBlocked;
        chain_ = 0;
        if (flow == Flow::kFinished) {
          phase_ = Phase::kEndMorsel;
        } else if (!chunk_.empty()) {
          source_counters_.rows_out += chunk_.selected_count();
          phase_ = Phase::kChains;
        }
        break;
      }
      case Phase::kChains: {
        turn_is_over_ = false;
        ARROW_ASSIGN_OR_RAISE(const Flow flow, RunChains(context));
        if (turn_is_over_) return TaskResult::kYield;
        if (flow == Flow::kBlocked) return TaskResult::kBlocked;
        phase_ = Phase::kChunk;
        break;
      }
      case Phase::kEndMorsel: {
        ARROW_ASSIGN_OR_RAISE(const Flow flow, EndMorsel(context));
        if (flow == Flow::kBlocked) return TaskResult::kBlocked;
        phase_ = Phase::kMorsel;
        break;
      }
      case Phase::kCombine: ARROW_RETURN_NOT_OK(CombineAll()); return TaskResult::kDone;
    }
    if (TurnClock::now() >= turn_ends_) return TaskResult::kYield;
  }
}

Result<Flow> PipelineTask::RunChains(TaskContext& context) {
  for (; chain_ < chains_.size(); ++chain_) {
    if (run_->chain_finished(chain_)) continue;
    auto& chain = chains_[chain_];
    if (!chain.active) {
      chain.inputs[0] = chunk_;
      chain.level = 0;
      chain.active = true;
    }
    ARROW_ASSIGN_OR_RAISE(const Flow flow, WalkChain(chain, context));
    if (flow == Flow::kBlocked) return Flow::kBlocked;
    chain.active = false;
    if (flow == Flow::kFinished) run_->ChainFinished(chain_);
  }
  return Flow::kMore;
}

Result<Flow> PipelineTask::WalkChain(ChainState& chain, TaskContext& context) {
  const auto& operators = run_->pipeline().chains[chain_].operators;
  const size_t depth = operators.size();
  while (true) {
    bool produced = false;
    auto& counters = chain.counters[chain.level];
    if (chain.level == depth) {
      const MeasuredStep measured(&counters);
      ARROW_ASSIGN_OR_RAISE(
          const Flow flow,
          chain.accumulator->Consume(chain.inputs[depth], morsel_, *chain.local, context));
      if (flow == Flow::kBlocked) return Flow::kBlocked;
      counters.rows_in += chain.inputs[depth].selected_count();
      if (flow == Flow::kFinished) return Flow::kFinished;
      chain.inputs[depth] = Chunk();
    } else {
      const MeasuredStep measured(&counters);
      Chunk out;
      ARROW_ASSIGN_OR_RAISE(const OperatorFlow flow, operators[chain.level]->Process(
                                                         chain.inputs[chain.level], &out,
                                                         *chain.operators[chain.level], context));
      if (flow == OperatorFlow::kBlocked) return Flow::kBlocked;
      if (!chain.more[chain.level]) counters.rows_in += chain.inputs[chain.level].selected_count();
      counters.rows_out += out.selected_count();
      chain.more[chain.level] = flow == OperatorFlow::kMoreOutput;
      if (flow == OperatorFlow::kFinished) chain.last[chain.level] = true;
      produced = !out.empty();
      if (produced) chain.inputs[chain.level + 1] = std::move(out);
    }
    if (produced) {
      ++chain.level;
      continue;
    }
    // Back to the deepest operator that has more to give for its input.
    size_t level = std::min(chain.level + 1, depth);
    while (level > 0 && !chain.more[level - 1]) --level;
    if (level > 0) {
      chain.level = level - 1;
      if (context.query.cancelled()) return context.query.CheckCancelled();
      // One chunk may join with any number of rows: it goes on from here at the next turn.
      turn_is_over_ = TurnClock::now() >= turn_ends_;
      if (turn_is_over_) return Flow::kBlocked;
      continue;
    }
    const bool over = std::find(chain.last.begin(), chain.last.end(), true) != chain.last.end();
    return over ? Flow::kFinished : Flow::kMore;
  }
}

Result<Flow> PipelineTask::EndMorsel(TaskContext& context) {
  for (; chain_ < chains_.size(); ++chain_) {
    if (run_->chain_finished(chain_)) continue;
    auto& chain = chains_[chain_];
    const MeasuredStep measured(&chain.counters.back());
    ARROW_ASSIGN_OR_RAISE(const Flow flow,
                          chain.accumulator->FinishMorsel(morsel_, *chain.local, context));
    if (flow == Flow::kBlocked) return Flow::kBlocked;
    if (flow == Flow::kFinished) run_->ChainFinished(chain_);
  }
  return Flow::kMore;
}

Status PipelineTask::CombineAll() {
  for (auto& chain : chains_) {
    const MeasuredStep measured(&chain.counters.back());
    ARROW_RETURN_NOT_OK(chain.accumulator->Combine(*chain.local));
  }
  return Status::OK();
}

void PipelineTask::AssignMemory() {
  const auto& execution = run_->execution();
  if (!execution.query_->analysis()) return;
  const auto& pipeline = run_->pipeline();
  int step = 0;
  source_counters_.memory = pipeline.source ? execution.MemoryOf(run_->index(), step)
                                            : execution.MemoryOf(-1, pipeline.source_accumulator);
  for (size_t i = 0; i < chains_.size(); ++i) {
    auto& counters = chains_[i].counters;
    for (size_t j = 0; j + 1 < counters.size(); ++j) {
      counters[j].memory = execution.MemoryOf(run_->index(), ++step);
    }
    ++step;
    counters.back().memory = execution.MemoryOf(-1, pipeline.chains[i].accumulator);
  }
}

void PipelineTask::FlushCounters() {
  std::vector<StepCounters> steps = {source_counters_};
  for (auto& chain : chains_)
    steps.insert(steps.end(), chain.counters.begin(), chain.counters.end());
  run_->execution().AddCounters(run_->index(), steps);
}

}  // namespace velaria::execution
