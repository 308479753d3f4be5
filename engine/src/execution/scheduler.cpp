#include "execution/scheduler.hpp"

namespace velaria::execution {

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

void Scheduler::Enqueue(Shared& shared, const std::shared_ptr<TaskGroup>& group,
                        std::shared_ptr<Task> task) {
  {
    std::lock_guard lock(shared.mutex);
    group->ready.push_back(std::move(task));
    if (!group->queued) {
      group->queued = true;
      shared.turns.push_back(group);
    }
  }
  shared.ready.notify_one();
}

void Scheduler::Submit(const std::shared_ptr<TaskGroup>& group, std::shared_ptr<Task> task) {
  StartThreads();
  Enqueue(*shared_, group, std::move(task));
}

void Scheduler::Wake(const std::shared_ptr<TaskGroup>& group, const std::shared_ptr<Task>& task) {
  auto state = task->state_.load();
  while (true) {
    if (state == Task::State::kParked) {
      if (task->state_.compare_exchange_weak(state, Task::State::kReady)) {
        Enqueue(*shared_, group, task);
        return;
      }
    } else if (state == Task::State::kRunning) {
      if (task->state_.compare_exchange_weak(state, Task::State::kRunningWoken)) return;
    } else {
      return;
    }
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

    task->state_.store(Task::State::kRunning);
    const TaskResult result = task->Run();
    if (result == TaskResult::kDone) {
      task->state_.store(Task::State::kDone);
    } else {
      auto expected = Task::State::kRunning;
      const bool parked = result == TaskResult::kBlocked &&
                          task->state_.compare_exchange_strong(expected, Task::State::kParked);
      if (!parked) {  // Wake enqueues a parked one again
        task->state_.store(Task::State::kReady);
        Enqueue(*shared, group, std::move(task));
      }
    }
    task.reset();
    group.reset();
    lock.lock();
  }
}

}  // namespace velaria::execution
