// What the plans of one query did, step by step: the figures of EXPLAIN ANALYZE. They come from the
// counters of the executions; only a query that is analysed has an Analysis, and only for it are
// thread time and memory measured.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "execution/executor.hpp"
#include "execution/step_facts.hpp"

namespace velaria::execution {

using PlanPtr = std::shared_ptr<const PhysicalPlan>;

/// A step of a plan: the source (0), the operators and accumulators of a pipeline in the order of
/// its chains; or an accumulator, for what it does between the pipelines (pipeline is -1).
struct StepId {
  int pipeline = -1;
  int step = 0;
  auto operator<=>(const StepId&) const = default;
};
inline StepId AccumulatorId(int accumulator) { return {-1, accumulator}; }

struct StepFigures {
  int64_t rows_in = 0, rows_out = 0;
  int64_t nanoseconds = 0, cpu_nanoseconds = 0;  // over all threads
  std::map<std::string, int64_t> facts;
};

class Analysis {
 public:
  explicit Analysis(BufferOwners* owners) : owners_(owners) {}

  // Called by executions, from any thread.
  StepMemory* MemoryOf(const PlanPtr& plan, StepId step);
  void Add(const PlanPtr& plan, StepId step, const StepCounters& counters);
  void Add(const PlanPtr& plan, StepId step, const std::vector<StepFact>& facts);
  void CountTrigger(const PlanPtr& plan);

  // Read when the query is over.
  /// The plan that ran first: the statement's own, not one inside a step. Null when none ran.
  PlanPtr root() const;
  StepFigures FiguresOf(const PhysicalPlan& plan, StepId step) const;
  int64_t PeakBytesOf(const PhysicalPlan& plan, StepId step) const;
  int64_t TriggersOf(const PhysicalPlan& plan) const;
  double planning_ms() const;   // from the analysis' begin to the first trigger
  double execution_ms() const;  // from the first trigger to now

 private:
  using Clock = std::chrono::steady_clock;
  struct PlanFigures {
    PlanPtr plan;  // kept: figures are found by its address
    int64_t triggers = 0;
    std::map<StepId, StepFigures> steps;
    std::map<StepId, StepMemory*> memory;
  };
  const PlanFigures* Find(const PhysicalPlan& plan) const;
  PlanFigures& Of(const PlanPtr& plan);

  BufferOwners* const owners_;
  const Clock::time_point begun_ = Clock::now();
  mutable std::mutex mutex_;
  Clock::time_point started_{};
  std::map<const PhysicalPlan*, PlanFigures> plans_;
  PlanPtr root_;
};

/// Adds the wall time of a scope to a step's counters, and for an analysed query its thread time
/// and the memory that is allocated in it.
class MeasuredStep {
 public:
  explicit MeasuredStep(StepCounters* step)
      : step_(step), scope_(step->memory), start_(std::chrono::steady_clock::now()) {
    if (step_->memory) cpu_start_ = ThreadNanoseconds();
  }
  ~MeasuredStep() {
    step_->nanoseconds +=
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - start_).count();
    if (step_->memory) step_->cpu_nanoseconds += ThreadNanoseconds() - cpu_start_;
  }

 private:
  static int64_t ThreadNanoseconds();

  StepCounters* const step_;
  const StepScope scope_;
  const std::chrono::steady_clock::time_point start_;
  int64_t cpu_start_ = 0;
};

}  // namespace velaria::execution
