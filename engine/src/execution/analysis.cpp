#include "execution/analysis.hpp"

#include <ctime>

namespace velaria::execution {
namespace {

double Milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

int64_t MeasuredStep::ThreadNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Analysis::PlanFigures& Analysis::Of(const PlanPtr& plan) {
  auto& figures = plans_[plan.get()];
  if (!figures.plan) figures.plan = plan;
  return figures;
}

const Analysis::PlanFigures* Analysis::Find(const PhysicalPlan& plan) const {
  const auto found = plans_.find(&plan);
  return found == plans_.end() ? nullptr : &found->second;
}

StepMemory* Analysis::MemoryOf(const PlanPtr& plan, StepId step) {
  std::lock_guard lock(mutex_);
  auto& memory = Of(plan).memory[step];
  if (!memory) memory = owners_->MakeStep();
  return memory;
}

void Analysis::Add(const PlanPtr& plan, StepId step, const StepCounters& counters) {
  std::lock_guard lock(mutex_);
  auto& figures = Of(plan).steps[step];
  figures.rows_in += counters.rows_in;
  figures.rows_out += counters.rows_out;
  figures.nanoseconds += counters.nanoseconds;
  figures.cpu_nanoseconds += counters.cpu_nanoseconds;
}

void Analysis::Add(const PlanPtr& plan, StepId step, const std::vector<StepFact>& facts) {
  std::lock_guard lock(mutex_);
  auto& figures = Of(plan).steps[step];
  for (const auto& fact : facts) figures.facts[fact.name] += fact.value;
}

void Analysis::CountTrigger(const PlanPtr& plan) {
  std::lock_guard lock(mutex_);
  if (!root_) {
    root_ = plan;
    started_ = Clock::now();
  }
  ++Of(plan).triggers;
}

PlanPtr Analysis::root() const {
  std::lock_guard lock(mutex_);
  return root_;
}

StepFigures Analysis::FiguresOf(const PhysicalPlan& plan, StepId step) const {
  std::lock_guard lock(mutex_);
  const auto* figures = Find(plan);
  if (!figures) return {};
  const auto found = figures->steps.find(step);
  return found == figures->steps.end() ? StepFigures{} : found->second;
}

int64_t Analysis::PeakBytesOf(const PhysicalPlan& plan, StepId step) const {
  std::lock_guard lock(mutex_);
  const auto* figures = Find(plan);
  if (!figures) return 0;
  const auto found = figures->memory.find(step);
  return found == figures->memory.end() ? 0 : found->second->peak_bytes();
}

int64_t Analysis::TriggersOf(const PhysicalPlan& plan) const {
  std::lock_guard lock(mutex_);
  const auto* figures = Find(plan);
  return figures ? figures->triggers : 0;
}

double Analysis::planning_ms() const {
  std::lock_guard lock(mutex_);
  return Milliseconds((root_ ? started_ : Clock::now()) - begun_);
}

double Analysis::execution_ms() const {
  std::lock_guard lock(mutex_);
  return root_ ? Milliseconds(Clock::now() - started_) : 0;
}

}  // namespace velaria::execution
