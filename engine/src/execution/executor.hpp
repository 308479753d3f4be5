// Runs a physical plan: starts pipelines in dependency order, each on as many workers as are of
// use, and carries accumulator states from trigger to trigger.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "execution/plan.hpp"
#include "execution/scheduler.hpp"

namespace velaria::execution {

class PipelineRun;
class PipelineTask;

/// Rows and time of one step of a pipeline over all its workers: source, each operator,
/// accumulator.
struct StepCounters {
  std::string name;
  int pipeline = 0;
  int64_t rows_in = 0;
  int64_t rows_out = 0;
  int64_t nanoseconds = 0;
  int64_t cpu_nanoseconds = 0;   // of an analysed query
  StepMemory* memory = nullptr;  // likewise
};

/// One run of a plan. A batch query makes one trigger; a stream makes many, one after the other.
/// The object stays alive while tasks run (they hold it).
class Execution : public std::enable_shared_from_this<Execution> {
 public:
  static Result<std::shared_ptr<Execution>> Make(std::shared_ptr<const PhysicalPlan> plan,
                                                 std::shared_ptr<QueryContext> query,
                                                 std::shared_ptr<Scheduler> scheduler);

  /// Runs every pipeline that is due at this trigger. `on_done` is called once, from a worker
  /// thread (or from here when there is nothing to run), with the first error or OK. When it throws
  /// it is called once more, with that failure, and has only to end what waits. Never called twice
  /// at the same time.
  void Start(const Trigger& trigger, std::function<void(const Status&)> on_done);
  /// The same by whoever waits for the rows anyway: the first steps are done here, on his thread,
  /// and all of them in a tiny query. So `on_done` may be called from here.
  void StartHere(const Trigger& trigger, std::function<void(const Status&)> on_done);
  /// The one trigger of a batch whose result stays in the states; waits for its end, so never from
  /// a worker thread.
  Status RunOnce();
  /// Sets the cancel flag and wakes every parked task; on_done gets VEL3010.
  void Cancel();
  /// Ends this run alone, not its query: nobody wants its rows any more.
  void Abandon() { Fail(Status::Cancelled("abandoned")); }

  /// Whether nothing that may still come at a later trigger can change the result: every pipeline
  /// that reads an unbounded input was told to take no more (a LIMIT is full).
  bool InputIsDone() const;

  const PlanStates& states() const { return states_; }
  const PhysicalPlan& plan() const { return *plan_; }
  QueryContext& query() { return *query_; }
  std::vector<StepCounters> Counters() const;

 private:
  friend class PipelineRun;
  friend class PipelineTask;
  Execution(std::shared_ptr<const PhysicalPlan> plan, std::shared_ptr<QueryContext> query,
            std::shared_ptr<Scheduler> scheduler);
  Status StartPipeline(int index);
  void PipelineDone(int index, const Status& status);
  void StartReady();
  void Fail(const Status& status);
  void WakeAll();
  void Wake(const std::shared_ptr<Task>& task);
  /// The memory of a step of an analysed query; null for others.
  StepMemory* MemoryOf(int pipeline, int step) const;
  /// Does what an accumulator does between the pipelines; measured when the query is analysed.
  template <typename Call>
  auto Measure(size_t accumulator, Call call);
  void CollectFacts(const PipelineRun& run, const std::vector<size_t>& sealed);
  void AddCounters(int pipeline, const std::vector<StepCounters>& steps);
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

  const std::shared_ptr<const PhysicalPlan> plan_;
  const std::shared_ptr<QueryContext> query_;
  const std::shared_ptr<Scheduler> scheduler_;
  const std::shared_ptr<TaskGroup> group_;
  PlanStates states_;
  std::vector<int64_t> next_sequence_;  // per accumulator

  mutable std::mutex mutex_;
  Trigger trigger_;
  std::function<void(const Status&)> on_done_;
  Status status_;
  std::atomic<bool> failed_{false};
  enum class Progress { kWaiting, kRunning, kComplete };
  std::vector<Progress> progress_;
  std::vector<bool> wants_no_more_;  // per pipeline, kept from trigger to trigger
  std::vector<int> feeders_left_;    // per accumulator, this trigger
  std::vector<std::shared_ptr<PipelineRun>> runs_;
  std::vector<std::vector<StepCounters>> counters_;
  int running_ = 0;
  bool first_trigger_ = true;
};

}  // namespace velaria::execution
