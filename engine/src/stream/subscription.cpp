#include "stream/subscription.hpp"

#include <arrow/util/byte_size.h>

namespace velaria::stream {
namespace {

int64_t BytesOf(const arrow::RecordBatch& batch) {
  auto bytes = arrow::util::ReferencedBufferSize(batch);
  return bytes.ok() ? *bytes : 0;
}

}  // namespace

Result<Subscription::Got> Subscription::Next(std::chrono::milliseconds timeout,
                                             std::shared_ptr<arrow::RecordBatch>* batch) {
  std::unique_lock lock(mutex_);
  const auto there = [this] { return !batches_.empty() || ended_ || closed_; };
  if (timeout.count() < 0) {
    changed_.wait(lock, there);
  } else if (!changed_.wait_for(lock, timeout, there)) {
    return Got::kTimeout;
  }
  if (!batches_.empty() && !closed_) {
    const bool was_low = IsLow();
    *batch = std::move(batches_.front());
    batches_.pop_front();
    bytes_ -= BytesOf(**batch);
    const bool room = !was_low && IsLow();
    lock.unlock();
    if (room) on_room_();
    return Got::kBatch;
  }
  ARROW_RETURN_NOT_OK(status_);
  return Got::kEnd;
}

void Subscription::Close() {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    batches_.clear();
    bytes_ = 0;
  }
  changed_.notify_all();
  on_room_();
}

void Subscription::Push(std::shared_ptr<arrow::RecordBatch> batch) {
  {
    std::lock_guard lock(mutex_);
    if (closed_ || ended_) return;
    bytes_ += BytesOf(*batch);
    batches_.push_back(std::move(batch));
  }
  changed_.notify_one();
}

void Subscription::End(const Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    status_ = status;
  }
  changed_.notify_all();
}

bool Subscription::full() const {
  std::lock_guard lock(mutex_);
  return !closed_ && (batches_.size() >= kHighWatermark || bytes_ >= kHighBytes);
}

bool Subscription::closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

size_t Subscription::queued() const {
  std::lock_guard lock(mutex_);
  return batches_.size();
}

}  // namespace velaria::stream
