// What lives as long as one query: its accounted memory, its cancel flag, its statement time. Every
// operator call gets it through TaskContext.
#pragma once

#include <arrow/memory_pool.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.hpp"
#include "execution/step_memory.hpp"
#include "functions/registry.hpp"

namespace velaria::execution {

/// A memory pool that counts and bounds what one query holds. Buffers may outlive the query (a
/// client still reads the last batch, a table keeps the rows of CREATE TABLE AS), so the pool owns
/// itself: it goes when its owner has released it and the last buffer is freed.
class AccountedPool final : public arrow::MemoryPool {
 public:
  struct Releaser {
    void operator()(AccountedPool* pool) const { pool->Unref(); }
  };
  using Owner = std::unique_ptr<AccountedPool, Releaser>;
  /// `limit_bytes` <= 0: no limit of its own.
  static Owner Make(int64_t limit_bytes);

  using MemoryPool::Allocate;
  using MemoryPool::Free;
  using MemoryPool::Reallocate;
  Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override;
  Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                    uint8_t** pointer) override;
  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override;
  int64_t bytes_allocated() const override { return bytes_.load(std::memory_order_relaxed); }
  int64_t max_memory() const override { return peak_.load(std::memory_order_relaxed); }
  int64_t total_bytes_allocated() const override { return total_.load(std::memory_order_relaxed); }
  int64_t num_allocations() const override { return allocations_.load(std::memory_order_relaxed); }
  /// Accounts memory that was not allocated here (hash tables, states), by its change in bytes.
  Status Account(int64_t delta_bytes) { return Grow(delta_bytes); }
  /// From here on it is known which step each buffer was allocated by. Before the query runs.
  BufferOwners* TrackOwners();
  std::string backend_name() const override { return base_->backend_name(); }

 private:
  explicit AccountedPool(int64_t limit_bytes) : limit_(limit_bytes) {}
  Status Grow(int64_t bytes);
  void Shrink(int64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  void Unref();

  arrow::MemoryPool* base_ = arrow::default_memory_pool();
  const int64_t limit_;
  std::atomic<int64_t> bytes_{0}, peak_{0}, total_{0}, allocations_{0};
  std::atomic<int64_t> references_{1};    // the owner and every live buffer
  std::unique_ptr<BufferOwners> owners_;  // null unless the query is analysed
};

/// Memory beside the pool (hash tables, sort keys, states) accounted to a query for as long as this
/// lives. Set before the memory is asked for, so that a query over its limit fails instead of
/// taking it.
class Reservation {
 public:
  explicit Reservation(AccountedPool* pool) : pool_(pool) {}
  ~Reservation() {
    (void)pool_->Account(-bytes_);
    if (step_) step_->Add(-bytes_);
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// VEL3012 past the query's limit; then what was held before is still held.
  Status Set(int64_t bytes) {
    ARROW_RETURN_NOT_OK(pool_->Account(bytes - bytes_));
    if (!step_) step_ = StepMemory::Current();  // the first to ask for memory is charged for all
    if (step_) step_->Add(bytes - bytes_);
    bytes_ = bytes;
    return Status::OK();
  }
  Status Add(int64_t bytes) { return Set(bytes_ + bytes); }
  int64_t bytes() const { return bytes_; }

 private:
  AccountedPool* const pool_;
  StepMemory* step_ = nullptr;
  int64_t bytes_ = 0;
};

class Analysis;

class QueryContext : public std::enable_shared_from_this<QueryContext> {
 public:
  QueryContext(int64_t memory_limit_bytes, int64_t statement_time_us, int parallelism);
  ~QueryContext();

  AccountedPool* pool() const { return pool_.get(); }
  const FunctionContext& functions() const { return functions_; }
  int parallelism() const { return parallelism_; }
  int64_t peak_bytes() const { return pool_->max_memory(); }
  /// Null unless the query is analysed.
  Analysis* analysis() const { return analysis_.get(); }
  /// Called once, before anything runs.
  Analysis& Analyze();

  /// False when it comes too late: the statement has begun to commit and will take effect.
  bool Cancel();
  bool cancelled() const { return fate_.load(std::memory_order_relaxed) == Fate::kCancelled; }
  /// VEL3010 when the query was cancelled.
  Status CheckCancelled() const;
  /// Called once by a statement that changes something, before the change is made: VEL3010 when it
  /// was cancelled; from here on it cannot be.
  Status BeginCommit();

 private:
  enum class Fate { kOpen, kCancelled, kCommitting };
  AccountedPool::Owner pool_;
  std::unique_ptr<Analysis> analysis_;
  FunctionContext functions_;
  int parallelism_;
  std::atomic<Fate> fate_{Fate::kOpen};
};

}  // namespace velaria::execution
