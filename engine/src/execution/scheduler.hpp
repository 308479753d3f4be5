// Runs tasks of many queries on a fixed set of threads. Fair among queries, not among tasks:
// queries take turns, and a turn is one quantum of one task, so a small query waits at most one
// quantum of each other query.
//
// Handing a task to a thread and waiting for it costs more than a tiny query does. So whoever waits
// for a query anyway may hold its group and run the first of its tasks himself.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace velaria::execution {

enum class TaskResult { kYield, kBlocked, kDone };
using TurnClock = std::chrono::steady_clock;

class Task : public std::enable_shared_from_this<Task> {
 public:
  virtual ~Task() = default;
  /// Works until then, or a step longer.
  virtual TaskResult Run(TurnClock::time_point turn_ends) = 0;

 private:
  friend class Scheduler;
  enum class State { kReady, kRunning, kRunningWoken, kParked, kDone };
  std::atomic<State> state_{State::kReady};
};

/// The turn-taking unit: the ready tasks of one query.
struct TaskGroup {
  std::deque<std::shared_ptr<Task>> ready;  // guarded by the scheduler
  bool queued = false;
  bool held = false;  // by a thread that runs them itself; then never queued
};

class Scheduler {
 public:
  /// Threads start with the first task that is theirs.
  explicit Scheduler(int thread_count);
  ~Scheduler();

  int thread_count() const { return thread_count_; }
  void Submit(const std::shared_ptr<TaskGroup>& group, std::shared_ptr<Task> task);
  /// Makes a parked task ready; remembered when the task is running; nothing for others.
  void Wake(const std::shared_ptr<TaskGroup>& group, const std::shared_ptr<Task>& task);
  /// Keeps the tasks of a group that has none from the threads, until LetGo.
  void Hold(const std::shared_ptr<TaskGroup>& group);
  /// Runs tasks of a held group on the calling thread, until none is ready, the time is over or the
  /// group is let go of; and lets go of it.
  void RunHeld(const std::shared_ptr<TaskGroup>& group, TurnClock::time_point ends);
  /// From here on the group's tasks are for the threads. Nothing for one that is not held.
  void LetGo(const std::shared_ptr<TaskGroup>& group);

 private:
  /// Owned by the scheduler and by each of its threads: the last owner of a scheduler may let go of
  /// it on one of its own threads, which then ends after its present task.
  struct Shared {
    std::mutex mutex;
    std::condition_variable ready;
    std::list<std::shared_ptr<TaskGroup>> turns;
    bool stopping = false;
  };
  static void Work(const std::shared_ptr<Shared>& shared);
  /// One turn of the task, and what becomes of it then.
  static void RunTurn(Shared& shared, const std::shared_ptr<TaskGroup>& group,
                      std::shared_ptr<Task> task, TurnClock::time_point turn_ends);
  /// Whether the task is the threads' to run.
  static bool Enqueue(Shared& shared, const std::shared_ptr<TaskGroup>& group,
                      std::shared_ptr<Task> task);
  void StartThreads();

  const int thread_count_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::once_flag started_;
  std::vector<std::thread> threads_;
};

}  // namespace velaria::execution
