// Who of a query's steps holds how much memory: kept for a query that is analysed, and for no
// other. A step is charged for what is allocated while it runs, until that is freed, by whomever.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace velaria::execution {

class StepMemory {
 public:
  void Add(int64_t bytes) {
    const int64_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    int64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }
  int64_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }

  /// The step that this thread runs; null outside of an analysed query.
  static StepMemory*& Current() {
    static thread_local StepMemory* current = nullptr;
    return current;
  }

 private:
  std::atomic<int64_t> bytes_{0}, peak_{0};
};

/// Makes a step the one that this thread runs. A null step changes nothing.
class StepScope {
 public:
  explicit StepScope(StepMemory* step) : step_(step) {
    if (step_) before_ = std::exchange(StepMemory::Current(), step_);
  }
  ~StepScope() {
    if (step_) StepMemory::Current() = before_;
  }
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

 private:
  StepMemory* const step_;
  StepMemory* before_ = nullptr;
};

/// The step that each buffer of one query was allocated by. Owns the steps' counts, and lives as
/// long as the query's pool: a buffer may be freed when the query has gone.
class BufferOwners {
 public:
  StepMemory* MakeStep() {
    std::lock_guard lock(mutex_);
    return &steps_.emplace_back();
  }
  void Put(const void* buffer, int64_t bytes, StepMemory* step) {
    if (!step || bytes == 0) return;  // all buffers without bytes have one address
    step->Add(bytes);
    std::lock_guard lock(mutex_);
    owners_[buffer] = step;
  }
  /// The owner of a buffer that is about to be freed or moved; null when nobody is charged for it.
  StepMemory* Take(const void* buffer, int64_t bytes) {
    if (bytes == 0) return nullptr;
    StepMemory* step = nullptr;
    {
      std::lock_guard lock(mutex_);
      const auto found = owners_.find(buffer);
      if (found == owners_.end()) return nullptr;
      step = found->second;
      owners_.erase(found);
    }
    step->Add(-bytes);
    return step;
  }

 private:
  std::mutex mutex_;
  std::deque<StepMemory> steps_;
  std::unordered_map<const void*, StepMemory*> owners_;
};

}  // namespace velaria::execution
