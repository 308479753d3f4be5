#include "stream/subscription.hpp"

namespace velaria::stream {

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
    *batch = std::move(batches_.front());
    batches_.pop_front();
    const bool room = batches_.size() == kLowWatermark;
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
  }
  changed_.notify_all();
  on_room_();
}

void Subscription::Push(std::shared_ptr<arrow::RecordBatch> batch) {
  {
    std::lock_guard lock(mutex_);
    if (closed_ || ended_) return;
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
  return !closed_ && batches_.size() >= kHighWatermark;
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
