// Whose thread a task runs on, and when it changes hands.
#include "execution/scheduler.hpp"

#include "check.hpp"

namespace velaria::execution {
namespace {

constexpr auto kLong = std::chrono::hours(1);

/// Yields or blocks after each turn but the last, and notes on whose thread each one was.
class Turns final : public Task {
 public:
  Turns(int turns, TaskResult between) : left_(turns), between_(between) {}

  TaskResult Run(TurnClock::time_point) override {
    std::lock_guard lock(mutex_);
    threads_.push_back(std::this_thread::get_id());
    changed_.notify_all();
    return --left_ == 0 ? TaskResult::kDone : between_;
  }

  /// Of the turns up to the one of that number; waits for it.
  std::vector<std::thread::id> Threads(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return threads_.size() >= count; });
    return threads_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread::id> threads_;
  int left_;
  const TaskResult between_;
};

const auto kHere = std::this_thread::get_id();

TEST(tasks_of_a_held_group_run_on_the_thread_that_holds_it) {
  Scheduler scheduler(2);
  auto group = std::make_shared<TaskGroup>();
  auto first = std::make_shared<Turns>(3, TaskResult::kYield);
  auto second = std::make_shared<Turns>(1, TaskResult::kYield);
  scheduler.Hold(group);
  scheduler.Submit(group, first);
  scheduler.Submit(group, second);
  scheduler.RunHeld(group, TurnClock::now() + kLong);
  CHECK(first->Threads(3) == std::vector(3, kHere));
  CHECK(second->Threads(1) == std::vector(1, kHere));
}

TEST(what_is_left_when_the_time_is_over_is_for_the_threads) {
  Scheduler scheduler(2);
  auto group = std::make_shared<TaskGroup>();
  auto task = std::make_shared<Turns>(3, TaskResult::kYield);
  scheduler.Hold(group);
  scheduler.Submit(group, task);
  scheduler.RunHeld(group, TurnClock::now());
  const auto threads = task->Threads(3);
  CHECK(threads[0] == kHere);
  CHECK(threads[1] != kHere);
  CHECK(threads[2] != kHere);
}

TEST(a_task_that_blocks_here_goes_on_with_the_threads) {
  Scheduler scheduler(1);
  auto group = std::make_shared<TaskGroup>();
  auto task = std::make_shared<Turns>(2, TaskResult::kBlocked);
  scheduler.Hold(group);
  scheduler.Submit(group, task);
  scheduler.RunHeld(group, TurnClock::now() + kLong);
  CHECK_EQ(task->Threads(1).size(), 1);
  scheduler.Wake(group, task);
  CHECK(task->Threads(2)[1] != kHere);
}

TEST(a_group_that_is_let_go_of_is_for_the_threads_alone) {
  Scheduler scheduler(2);
  auto group = std::make_shared<TaskGroup>();
  auto task = std::make_shared<Turns>(1, TaskResult::kYield);
  scheduler.Hold(group);
  scheduler.LetGo(group);
  scheduler.Submit(group, task);
  scheduler.RunHeld(group, TurnClock::now() + kLong);
  CHECK(task->Threads(1)[0] != kHere);
}

}  // namespace
}  // namespace velaria::execution
