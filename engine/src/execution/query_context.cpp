#include "execution/query_context.hpp"

#include "execution/analysis.hpp"

namespace velaria::execution {

AccountedPool::Owner AccountedPool::Make(int64_t limit_bytes) {
  return Owner(new AccountedPool(limit_bytes));
}

void AccountedPool::Unref() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

Status AccountedPool::Grow(int64_t bytes) {
  const int64_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (limit_ > 0 && bytes > 0 && now > limit_) {
    Shrink(bytes);
    return Fail(ErrorCode::kOutOfMemory,
                "query memory limit exceeded: limit_bytes=" + std::to_string(limit_),
                "Read less at once, or raise the query's memory limit.");
  }
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  total_.fetch_add(bytes > 0 ? bytes : 0, std::memory_order_relaxed);
  return Status::OK();
}

Status AccountedPool::Allocate(int64_t size, int64_t alignment, uint8_t** out) {
  ARROW_RETURN_NOT_OK(Grow(size));
  Status status = base_->Allocate(size, alignment, out);
  if (!status.ok()) {
    Shrink(size);
    return status;
  }
  if (owners_) owners_->Put(*out, size, StepMemory::Current());
  references_.fetch_add(1, std::memory_order_relaxed);
  allocations_.fetch_add(1, std::memory_order_relaxed);
  return status;
}

Status AccountedPool::Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                                 uint8_t** pointer) {
  ARROW_RETURN_NOT_OK(Grow(new_size - old_size));
  // Taken out before: once the old buffer is freed, its address may be another thread's.
  StepMemory* owner = owners_ ? owners_->Take(*pointer, old_size) : nullptr;
  Status status = base_->Reallocate(old_size, new_size, alignment, pointer);
  if (!status.ok()) Shrink(new_size - old_size);
  if (owners_) {
    owners_->Put(*pointer, status.ok() ? new_size : old_size,
                 owner ? owner : StepMemory::Current());
  }
  return status;
}

void AccountedPool::Free(uint8_t* buffer, int64_t size, int64_t alignment) {
  if (owners_) owners_->Take(buffer, size);
  base_->Free(buffer, size, alignment);
  Shrink(size);
  Unref();
}

BufferOwners* AccountedPool::TrackOwners() {
  owners_ = std::make_unique<BufferOwners>();
  return owners_.get();
}

QueryContext::QueryContext(int64_t memory_limit_bytes, int64_t statement_time_us, int parallelism)
    : pool_(AccountedPool::Make(memory_limit_bytes)), parallelism_(parallelism) {
  functions_.pool = pool_.get();
  functions_.statement_time_us = statement_time_us;
}

QueryContext::~QueryContext() = default;

Analysis& QueryContext::Analyze() {
  analysis_ = std::make_unique<Analysis>(pool_->TrackOwners());
  return *analysis_;
}

bool QueryContext::Cancel() {
  auto fate = Fate::kOpen;
  return fate_.compare_exchange_strong(fate, Fate::kCancelled) || fate == Fate::kCancelled;
}

Status QueryContext::CheckCancelled() const {
  return cancelled() ? Fail(ErrorCode::kCancelled, "the query was cancelled") : Status::OK();
}

Status QueryContext::BeginCommit() {
  auto fate = Fate::kOpen;
  fate_.compare_exchange_strong(fate, Fate::kCommitting);
  return CheckCancelled();
}

}  // namespace velaria::execution
