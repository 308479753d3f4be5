#include "execution/scheduler.hpp"

namespace velaria::execution {

Scheduler::Scheduler(int thread_count) : thread_count_(thread_count) {}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Scheduler::Start() {
  while (static_cast<int>(threads_.size()) < thread_count_) threads_.emplace_back([this] { Work(); });
}

void Scheduler::Enqueue(const std::shared_ptr<TaskGroup>& group, std::shared_ptr<Task> task) {
  {
    std::lock_guard lock(mutex_);
    if (threads_.empty()) Start();
    group->ready.push_back(std::move(task));
    if (!group->queued) {
      group->queued = true;
      turns_.push_back(group);
    }
  }
  ready_.notify_one();
}

void Scheduler::Submit(const std::shared_ptr<TaskGroup>& group, std::shared_ptr<Task> task) {
  Enqueue(group, std::move(task));
}

void Scheduler::Wake(const std::shared_ptr<TaskGroup>& group, const std::shared_ptr<Task>& task) {
  auto state = task->state_.load();
  while (true) {
    if (state == Task::State::kParked) {
      if (task->state_.compare_exchange_weak(state, Task::State::kReady)) {
        Enqueue(group, task);
        return;
      }
    } else if (state == Task::State::kRunning) {
      if (task->state_.compare_exchange_weak(state, Task::State::kRunningWoken)) return;
    } else {
      return;
    }
  }
}

void Scheduler::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopping_ || !turns_.empty(); });
    if (stopping_) return;
    auto group = turns_.front();
    turns_.pop_front();
    auto task = std::move(group->ready.front());
    group->ready.pop_front();
    if (group->ready.empty()) {
      group->queued = false;
    } else {
      turns_.push_back(group);
    }
    lock.unlock();

    task->state_.store(Task::State::kRunning);
    const TaskResult result = task->Run();
    if (result == TaskResult::kDone) {
      task->state_.store(Task::State::kDone);
    } else {
      auto expected = Task::State::kRunning;
      if (result == TaskResult::kBlocked && task->state_.compare_exchange_strong(expected, Task::State::kParked)) {
        // Parked: Wake enqueues it again.
      } else {
        task->state_.store(Task::State::kReady);
        Enqueue(group, std::move(task));
      }
    }
    task.reset();
    group.reset();
    lock.lock();
  }
}

}  // namespace velaria::execution
