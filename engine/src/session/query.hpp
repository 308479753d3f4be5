// One statement under way.
#pragma once

#include <arrow/record_batch.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "execution/executor.hpp"
#include "execution/result_sink.hpp"

namespace velaria::session {

enum class QueryState { kCreated, kRunning, kFinished, kFailed, kCancelled };
const char* StateName(QueryState state);

/// A SELECT: runs from the first row asked for. Letting go of it, or of its reader, cancels it.
class RunningQuery : public std::enable_shared_from_this<RunningQuery> {
 public:
  /// `triggers_left` is called before each trigger: how many come after it (0: it is the last; a
  /// plain batch has one). `owner` is kept until the query is let go of: the session whose tables
  /// and threads it uses.
  RunningQuery(std::shared_ptr<execution::Execution> execution,
               std::function<int64_t()> triggers_left, std::shared_ptr<void> owner);
  ~RunningQuery();

  const SchemaPtr& schema() const { return sink_->schema(); }
  /// The next batch or null at the end; waits. One caller at a time.
  Status Next(std::shared_ptr<arrow::RecordBatch>* batch);
  /// With what Next has failed; OK when it has not.
  Status failure() const;
  void Cancel();
  /// Called when a reader is told that the query failed. Set before the first row is asked for.
  void OnFailure(std::function<void()> action) { on_failure_ = std::move(action); }
  QueryState state() const;
  int64_t row_count() const { return rows_.load(std::memory_order_relaxed); }
  execution::Execution& execution() { return *execution_; }
  double wall_ms() const;

 private:
  void Start();
  void RunTrigger(int64_t number);
  Status Pop(std::shared_ptr<arrow::RecordBatch>* batch);

  const std::shared_ptr<void> owner_;
  const std::shared_ptr<execution::Execution> execution_;
  const std::function<int64_t()> triggers_left_;  // 0 at the last one
  const std::shared_ptr<execution::ResultSink> sink_;
  std::function<void()> on_failure_;
  std::atomic<int64_t> rows_{0};
  mutable std::mutex mutex_;
  QueryState state_ = QueryState::kCreated;
  Status failure_;
  std::chrono::steady_clock::time_point started_{}, ended_{};
};

/// A RecordBatchReader over a query, for as long as the reader lives.
class QueryReader final : public arrow::RecordBatchReader {
 public:
  explicit QueryReader(std::shared_ptr<RunningQuery> query) : query_(std::move(query)) {}
  ~QueryReader() override { query_->Cancel(); }
  SchemaPtr schema() const override { return query_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    return query_->Next(batch);
  }
  Status Close() override {
    query_->Cancel();
    return Status::OK();
  }

 private:
  const std::shared_ptr<RunningQuery> query_;
};

}  // namespace velaria::session
