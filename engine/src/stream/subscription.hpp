// One reader of a streaming query's emissions: a bounded queue. A full queue holds the query back
// (its triggers wait), so a slow reader slows the query and never makes it grow.
#pragma once

#include <arrow/record_batch.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/status.hpp"
#include "columnar/types.hpp"

namespace velaria::stream {

class Subscription {
 public:
  static constexpr size_t kHighWatermark = 64;     // batches; the query waits above
  static constexpr size_t kLowWatermark = 16;      // and goes on below
  static constexpr int64_t kHighBytes = 64 << 20;  // the same in bytes: whichever is met first
  static constexpr int64_t kLowBytes = 16 << 20;

  /// `on_room`: called when the queue falls to the low watermarks, from the reader's thread.
  Subscription(SchemaPtr schema, std::function<void()> on_room)
      : schema_(std::move(schema)), on_room_(std::move(on_room)) {}

  const SchemaPtr& schema() const { return schema_; }
  enum class Got { kBatch, kTimeout, kEnd };
  /// Waits up to `timeout` (negative: for ever). The query's error comes here.
  Result<Got> Next(std::chrono::milliseconds timeout, std::shared_ptr<arrow::RecordBatch>* batch);
  /// The reader goes away.
  void Close();

  // The query's side.
  void Push(std::shared_ptr<arrow::RecordBatch> batch);
  void End(const Status& status);
  bool full() const;
  bool closed() const;
  size_t queued() const;

 private:
  bool IsLow() const { return batches_.size() <= kLowWatermark && bytes_ <= kLowBytes; }

  const SchemaPtr schema_;
  const std::function<void()> on_room_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<arrow::RecordBatch>> batches_;
  int64_t bytes_ = 0;
  Status status_;
  bool ended_ = false, closed_ = false;
};

}  // namespace velaria::stream
