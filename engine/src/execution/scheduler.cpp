#include "execution/scheduler.hpp"

namespace velaria::execution {
namespace {

constexpr auto kQuantum = std::chrono::milliseconds(4);

}  // namespace

Scheduler::Scheduler(int thread_count) : thread_count_(thread_count) {}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->ready.notify_all();
  for (auto& thread : threads_) {
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void Scheduler::StartThreads() {
  std::call_once(started_, [this] {
    for (int i = 0; i < thread_count_; ++i)
      threads_.emplace_back([shared = shared_] { Work(shared); });
  });
}

bool Scheduler::Enqueue(Shared& shared, const std::shared_ptr<TaskGroup>& group,
                        std::shared_ptr<Task> task) {
  {
    std::lock_guard lock(shared.mutex);
    group->ready.push_back(std::move(task));
    if (group->held) return false;
    if (!group->queued) {
      group->queued = true;
      shared.turns.push_back(group);
    }
  }
  shared.ready.notify_one();
  return true;
}

void Scheduler::Submit(const std::shared_ptr<TaskGroup>& group, std::shared_ptr<Task> task) {
  if (Enqueue(*shared_, group, std::move(task))) StartThreads();
}

void Scheduler::Wake(const std::shared_ptr<TaskGroup>& group, const std::shared_ptr<Task>& task) {
  auto state = task->state_.load();
  while (true) {
    if (state == Task::State::kParked) {
      if (task->state_.compare_exchange_weak(state, Task::State::kReady)) {
        if (Enqueue(*shared_, group, task)) StartThreads();
        return;
      }
    } else if (state == Task::State::kRunning) {
      if (task->state_.compare_exchange_weak(state, Task::State::kRunningWoken)) return;
    } else {
      return;
    }
  }
}

void Scheduler::Hold(const std::shared_ptr<TaskGroup>& group) {
  std::lock_guard lock(shared_->mutex);
  group->held = !group->queued && group->ready.empty();
}

void Scheduler::LetGo(const std::shared_ptr<TaskGroup>& group) {
  bool is_queued = false;
  {
    std::lock_guard lock(shared_->mutex);
    group->held = false;
    if (!group->queued && !group->ready.empty()) {
      group->queued = true;
      shared_->turns.push_back(group);
    }
    is_queued = group->queued;
  }
  if (!is_queued) return;
  StartThreads();
  shared_->ready.notify_all();
}

void Scheduler::RunHeld(const std::shared_ptr<TaskGroup>& group, TurnClock::time_point ends) {
  do {
    std::shared_ptr<Task> task;
    {
      std::lock_guard lock(shared_->mutex);
      if (!group->held || group->ready.empty()) break;
      task = std::move(group->ready.front());
      group->ready.pop_front();
    }
    RunTurn(*shared_, group, std::move(task), ends);
  } while (TurnClock::now() < ends);
  LetGo(group);
}

void Scheduler::RunTurn(Shared& shared, const std::shared_ptr<TaskGroup>& group,
                        std::shared_ptr<Task> task, TurnClock::time_point turn_ends) {
  task->state_.store(Task::State::kRunning);
  const TaskResult result = task->Run(turn_ends);
  if (result == TaskResult::kDone) {
    task->state_.store(Task::State::kDone);
    return;
  }
  auto expected = Task::State::kRunning;
  const bool parked = result == TaskResult::kBlocked &&
                      task->state_.compare_exchange_strong(expected, Task::State::kParked);
  if (!parked) {  // Wake enqueues a parked one again
    task->state_.store(Task::State::kReady);
    Enqueue(shared, group, std::move(task));
  }
}

void Scheduler::Work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->ready.wait(lock, [&] { return shared->stopping || !shared->turns.empty(); });
    if (shared->stopping) return;
    auto group = shared->turns.front();
    shared->turns.pop_front();
    auto task = std::move(group->ready.front());
    group->ready.pop_front();
    if (group->ready.empty()) {
      group->queued = false;
    } else {
      shared->turns.push_back(group);
    }
    lock.unlock();

    RunTurn(*shared, group, std::move(task), TurnClock::now() + kQuantum);
    group.reset();
    lock.lock();
  }
}

}  // namespace velaria::execution
