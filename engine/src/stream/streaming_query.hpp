// A continuous query over one stream: a plan whose states live on, run again (a trigger) whenever
// the stream's log has rows it has not seen. It owns no thread: appends, readers that make room,
// and the end of a trigger poke it, and whoever pokes it first starts the next trigger.
//
// Emission is PER BATCH: after each trigger, the current values of the groups touched in it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "contract/progress.hpp"
#include "execution/executor.hpp"
#include "execution/relations.hpp"
#include "execution/result_sink.hpp"
#include "logical/plan.hpp"
#include "stream/subscription.hpp"

namespace velaria::stream {

/// created -> running <-> backpressure -> finished | stopped | failed
enum class StreamStatus { kCreated, kRunning, kBackpressure, kFinished, kStopped, kFailed };
const char* StatusName(StreamStatus status);
enum class StopMode { kDrain, kNow };

struct StreamSpec {
  std::string query_id;
  std::string name;
  std::string sql;
  logical::LogicalPtr root;
  SchemaPtr schema;
  contract::ExecutionDecision decision;
  int64_t trigger_rows = 1 << 18;  // most rows of one trigger
  storage::TablePtr sink;          // INSERT INTO t SELECT ...: where emissions go; may be null
  storage::TablePtr late;          // rows without a time; null when the query has no window
};

class StreamingQuery : public std::enable_shared_from_this<StreamingQuery> {
 public:
  /// Late rows kept at most; the oldest count goes on in progress.
  static constexpr int64_t kLateRows = 100000;

  /// Plans the query and reads the stream from its earliest row. VEL2101 when the plan cannot run
  /// on an unbounded log.
  static Result<std::shared_ptr<StreamingQuery>> Make(
      StreamSpec spec, std::shared_ptr<execution::QueryContext> context,
      std::shared_ptr<execution::Scheduler> scheduler);
  ~StreamingQuery();

  void Start();
  /// kDrain: handles the rows that are in the log now, then ends. kNow: cancels the trigger under
  /// way. Waits for the end, at most `timeout`.
  contract::Progress Stop(StopMode mode, std::chrono::milliseconds timeout);
  bool AwaitTermination(std::chrono::milliseconds timeout);
  /// Emissions from now on; for a query that has not started, all of them.
  std::shared_ptr<Subscription> Subscribe();
  contract::Progress progress() const;
  StreamStatus status() const;
  const StreamSpec& spec() const { return spec_; }
  Status failure() const;

 private:
  explicit StreamingQuery(StreamSpec spec) : spec_(std::move(spec)) {}
  void Poke();
  void TriggerDone(const Status& status, int64_t end, bool last);
  Status Deliver();
  Status DeliverLate();
  void Finish(StreamStatus status, const Status& reason);
  bool AnySubscriberFull() const;

  const StreamSpec spec_;
  storage::TablePtr source_;
  int listener_ = -1;
  std::shared_ptr<execution::Execution> execution_;
  std::shared_ptr<execution::ResultSink> sink_;
  bool stateful_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  StreamStatus status_ = StreamStatus::kCreated;
  Status failure_;
  bool busy_ = false;  // a trigger is under way
  bool draining_ = false, cancelled_ = false;
  int64_t drain_until_ = 0;
  int64_t position_ = 0;  // rows before it have been handled
  int64_t trigger_begin_ = 0, trigger_end_ = 0;
  storage::VersionPtr trigger_version_;
  std::chrono::steady_clock::time_point trigger_started_, pulled_;
  std::vector<std::shared_ptr<Subscription>> subscribers_;

  // progress
  int64_t triggers_ = 0, batches_pulled_ = 0, blocked_count_ = 0, max_backlog_ = 0;
  int64_t rows_in_ = 0, rows_out_ = 0, rows_late_ = 0, late_kept_ = 0;
  int64_t sampled_batches_ = 0, sampled_rows_ = 0, sampled_bytes_ = 0;
  std::optional<double> last_batch_ms_, last_sink_ms_, last_state_ms_;
  double total_batch_ms_ = 0, total_state_ms_ = 0;
};

}  // namespace velaria::stream
