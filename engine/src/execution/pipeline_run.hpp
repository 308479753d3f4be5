// One pipeline under way and the tasks (workers) that drive it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "execution/executor.hpp"

namespace velaria::execution {

class PipelineRun : public std::enable_shared_from_this<PipelineRun> {
 public:
  PipelineRun(std::shared_ptr<Execution> execution, int index, std::unique_ptr<SourceState> source,
              int64_t sequence);

  /// Makes the tasks.
  Status Prepare(const OpenContext& context);
  /// Submits them.
  void Launch();
  /// Takes the next morsel in order and numbers it.
  Result<Flow> TakeMorsel(Morsel* morsel, TaskContext& context);
  SourceState& source() { return *source_; }
  const SourceState& source() const { return *source_; }
  Execution& execution() { return *execution_; }
  const Pipeline& pipeline() const {
    return execution_->plan().pipelines[static_cast<size_t>(index_)];
  }
  int index() const { return index_; }
  bool finished() const { return finished_.load(std::memory_order_relaxed); }
  void SetFinished() { finished_.store(true, std::memory_order_relaxed); }
  void ChainFinished(size_t chain);
  bool chain_finished(size_t chain) const {
    return chain_finished_[chain].load(std::memory_order_relaxed);
  }
  void TaskDone(const Status& status);
  void WakeAll();
  int64_t next_sequence() const { return next_sequence_; }

 private:
  const std::shared_ptr<Execution> execution_;
  const int index_;
  const std::unique_ptr<SourceState> source_;
  std::mutex source_mutex_;
  int64_t next_sequence_;
  std::vector<std::shared_ptr<Task>> tasks_;
  std::vector<std::atomic<bool>> chain_finished_;
  std::atomic<bool> finished_{false};
  std::atomic<int> tasks_left_{0};
  std::mutex status_mutex_;
  Status status_;
};

/// One worker of one pipeline: a resumable walk over morsels, chunks and chain levels.
class PipelineTask final : public Task {
 public:
  static Result<std::shared_ptr<PipelineTask>> Make(std::shared_ptr<PipelineRun> run,
                                                    const OpenContext& context);
  TaskResult Run(TurnClock::time_point turn_ends) override;

 private:
  struct ChainState {
    std::vector<std::unique_ptr<OperatorState>> operators;
    std::unique_ptr<LocalState> local;
    AccumulatorState* accumulator = nullptr;
    std::vector<Chunk>
        inputs;              // inputs[i] goes into operator i; the last goes into the accumulator
    std::vector<bool> more;  // operator i has more output for its present input
    std::vector<bool> last;  // operator i said kFinished
    std::vector<StepCounters> counters;
    size_t level = 0;
    bool active = false;  // a walk was interrupted
  };
  enum class Phase { kMorsel, kChunk, kChains, kEndMorsel, kCombine };

  explicit PipelineTask(std::shared_ptr<PipelineRun> run) : run_(std::move(run)) {}
  Result<TaskResult> Step();
  Result<Flow> WalkChain(ChainState& chain, TaskContext& context);
  Result<Flow> RunChains(TaskContext& context);
  Result<Flow> EndMorsel(TaskContext& context);
  Status CombineAll();
  /// The memory each step is charged for, when the query is analysed.
  void AssignMemory();
  void FlushCounters();

  std::shared_ptr<PipelineRun> run_;
  std::vector<ChainState> chains_;
  std::unique_ptr<TaskContext> context_;
  StepCounters source_counters_;
  Phase phase_ = Phase::kMorsel;
  Morsel morsel_;
  Chunk chunk_;
  int64_t position_ = 0;
  size_t chain_ = 0;
  TurnClock::time_point turn_ends_;
  bool turn_is_over_ = false;  // a walk stopped for it, and not because it was blocked
};

}  // namespace velaria::execution
