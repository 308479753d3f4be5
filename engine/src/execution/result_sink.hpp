// The end of a query: chunks become record batches, in row order, behind a bounded queue that one
// reader drains.
//
// Workers bring morsels in any order; a morsel's rows go out when all before it have. The worker
// that holds the first morsel still missing may always add its rows (else nothing would ever move);
// others are parked when the buffer is full, and woken when the reader takes something. LIMIT and
// OFFSET at the top of a query are applied here, where the order is known, and stop the scan.
#pragma once

#include <arrow/record_batch.h>

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

/// Bytes the sink holds ahead of its reader.
inline constexpr int64_t kResultBufferBytes = 32 << 20;

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
  using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;
  Result<Flow> Deliver(int64_t sequence, Batches batches, bool morsel_done, TaskContext& context);
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
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
  int64_t buffered_bytes_ = 0;
  int64_t skip_;       // rows of OFFSET left
  int64_t taken_ = 0;  // rows released
  bool closed_ = false;
  Status status_;
  std::vector<Waker> writers_;
};

}  // namespace velaria::execution
