// The end of a query: chunks become record batches, in row order, behind a bounded queue that one
// reader drains.
//
// Workers bring morsels in any order; a morsel's rows go out when all before it have. The worker
// that holds the first morsel still missing may always add its rows (else nothing would ever move);
// others are parked when the buffer is full, and woken when the reader has emptied it by half.
// LIMIT and OFFSET at the top of a query are applied here, where the order is known, and stop the
// scan.
#pragma once

#include <arrow/record_batch.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "execution/roles.hpp"

namespace velaria::execution {

/// Bytes a sink holds ahead of its reader: as many while all sinks of the process together hold
/// less than the last figure, and from there on the few that keep a reader busy. So what readers
/// leave unread does not grow with their number.
inline constexpr int64_t kResultBufferBytes = 32 << 20;
inline constexpr int64_t kResultBufferLeastBytes = 4 << 20;
inline constexpr int64_t kResultBuffersBytes = 256 << 20;

/// The bytes of one sink, counted for all as well. Guarded by the sink.
class ResultBuffer {
 public:
  ResultBuffer() = default;
  ~ResultBuffer() { Add(-bytes_); }
  ResultBuffer(const ResultBuffer&) = delete;
  ResultBuffer& operator=(const ResultBuffer&) = delete;

  void Add(int64_t delta) {
    bytes_ += delta;
    all_.fetch_add(delta, std::memory_order_relaxed);
  }
  bool is_full() const { return bytes_ >= bound(); }
  /// Whether it is worth while to wake who fills it: for one batch a time it would not be.
  bool has_room() const { return bytes_ < bound() / 2; }

 private:
  static int64_t bound() {
    const bool many = all_.load(std::memory_order_relaxed) >= kResultBuffersBytes;
    return many ? kResultBufferLeastBytes : kResultBufferBytes;
  }

  int64_t bytes_ = 0;
  static inline std::atomic<int64_t> all_{0};
};

class ResultSinkNode final : public AccumulatorNode {
 public:
  ResultSinkNode(SchemaPtr schema, int64_t limit, int64_t offset)
      : schema_(std::move(schema)), limit_(limit), offset_(offset) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;

 private:
  const SchemaPtr schema_;
  const int64_t limit_;  // -1: none
  const int64_t offset_;
};

class ResultSink final : public AccumulatorState {
 public:
  ResultSink(SchemaPtr schema, int64_t limit, int64_t offset);
  Result<std::unique_ptr<LocalState>> MakeLocal() override;
  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                       TaskContext& context) override;
  Result<Flow> FinishMorsel(const Morsel& morsel, LocalState& local, TaskContext& context) override;
  Status Combine(LocalState& local) override;
  Status Seal() override;
  Result<std::unique_ptr<SourceState>> Emit(const Trigger& trigger) override;

  /// Instead of a reader that waits: called by a worker whenever there is something to take, with
  /// no lock held; must not block. Set before the first trigger.
  void SetOnReady(std::function<void()> on_ready) { on_ready_ = std::move(on_ready); }

  // The reader's side, from any one thread.
  /// The next batch, or null at the end; waits. The error of the query comes here.
  Status Pop(std::shared_ptr<arrow::RecordBatch>* batch);
  /// The next batch without waiting; null when none is there now.
  std::shared_ptr<arrow::RecordBatch> TryPop();
  /// Whether there is something to take.
  bool has_ready() const;
  /// Whether LIMIT has its rows.
  bool is_full() const;
  /// Ends the reading with an error (or OK: end of rows). Called when the execution is
  /// done, or when nobody is to read further; the first error stays.
  void Close(const Status& status);
  int64_t rows_out() const;
  const SchemaPtr& schema() const { return schema_; }

 private:
  /// A batch with the bytes it refers to, which take a while to count.
  struct Sized {
    std::shared_ptr<arrow::RecordBatch> batch;
    int64_t bytes = 0;
  };
  using Batches = std::vector<Sized>;
  Result<Flow> Deliver(int64_t sequence,
                       const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                       bool morsel_done, TaskContext& context);
  void Release(Batches batches);
  std::shared_ptr<arrow::RecordBatch> TakeReady(std::unique_lock<std::mutex>& lock);
  void WakeWriters(std::unique_lock<std::mutex>& lock);

  const SchemaPtr schema_;
  const int64_t limit_;
  std::function<void()> on_ready_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  struct Pending {
    Batches batches;
    bool done = false;
  };
  std::map<int64_t, Pending> pending_;  // morsels that came before their turn
  int64_t head_ = 0;                    // the morsel whose rows go out now
  std::deque<Sized> ready_;
  ResultBuffer buffer_;
  int64_t skip_;       // rows of OFFSET left
  int64_t taken_ = 0;  // rows released
  bool closed_ = false;
  Status status_;
  std::vector<Waker> writers_;
};

}  // namespace velaria::execution
