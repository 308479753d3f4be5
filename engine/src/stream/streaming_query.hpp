// A continuous query over one stream: a plan whose states live on, run again (a trigger) whenever
// the stream's log has rows it has not seen. It owns no thread: appends, readers that make room,
// and the end of a trigger poke it, and whoever pokes it first starts the next trigger.
//
// Emission is PER BATCH: after each trigger, the current values of the groups touched in it. Rows
// are handed to subscribers while a trigger runs, as far as they have room; the target table gets
// those of one trigger in one commit.
//
// When a query is over it lets go of its states, its log and its listener; what progress tells and
// why it failed stay.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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
double MillisecondsSince(std::chrono::steady_clock::time_point start);
enum class StopMode { kDrain, kNow };

/// What a query is, for as long as it is remembered.
struct StreamSpec {
  std::string query_id;
  std::string name;
  std::string sql;
  SchemaPtr schema;
  contract::ExecutionDecision decision;
  int64_t trigger_rows = 1 << 18;  // most rows of one trigger
};

/// What a query works with until it is over.
struct StreamParts {
  logical::LogicalPtr root;
  storage::TablePtr target;      // INSERT INTO t SELECT ...: where emissions go; may be null
  storage::TablePtr late;        // rows without a time; null when the query has no window
  std::function<void()> on_end;  // called once, from any thread, just before the query is over
};

/// The one stream that a plan reads; VEL2101 for none or several.
Result<const execution::TableRelation*> SourceOf(const logical::LogicalNode& root);

class StreamingQuery : public std::enable_shared_from_this<StreamingQuery> {
 public:
  /// Late rows kept at most; those past it are counted in progress only.
  static constexpr int64_t kLateRows = 100000;

  /// Plans the query and reads the stream from its earliest row. VEL2101 when the plan cannot run
  /// on an unbounded log.
  static Result<std::shared_ptr<StreamingQuery>> Make(
      StreamSpec spec, StreamParts parts, std::shared_ptr<execution::QueryContext> context,
      std::shared_ptr<execution::Scheduler> scheduler);
  ~StreamingQuery();

  void Start();
  /// kDrain: handles the rows that are in the log now, then ends. kNow: cancels the trigger under
  /// way. Does not wait for the end.
  void RequestStop(StopMode mode);
  /// The same, and waits for the end, at most `timeout`.
  contract::Progress Stop(StopMode mode, std::chrono::milliseconds timeout);
  bool AwaitTermination(std::chrono::milliseconds timeout);
  /// Emissions from now on; for a query that has not started, all of them.
  std::shared_ptr<Subscription> Subscribe();
  contract::Progress progress() const;
  StreamStatus status() const;
  bool is_over() const;
  /// The log it reads and the table it writes; null for none and when it is over.
  storage::TablePtr source() const;
  storage::TablePtr target() const;
  const StreamSpec& spec() const { return spec_; }
  Status failure() const;

 private:
  explicit StreamingQuery(StreamSpec spec) : spec_(std::move(spec)) {}
  /// One trigger: the rows up to `end`; `ends_as` when it is the last one.
  struct Step {
    execution::Trigger trigger;
    int64_t end = 0;
    std::optional<StreamStatus> ends_as;
  };
  void Poke();
  std::optional<Step> NextStep();
  void TriggerDone(const Status& status, const Step& step);
  void AccountTrigger(const Step& step);
  void HandOut(bool whole);
  Status Deliver();
  Status DeliverLate();
  void Finish(StreamStatus status, const Status& reason);
  bool IsLive() const;
  bool IsOver() const;
  bool AnySubscriberFull() const;
  int64_t StateBytes() const;

  const StreamSpec spec_;
  bool stateful_ = false;
  int64_t parallelism_ = 0;

  // Let go of at the end, under mutex_. A trigger under way may use them without it: only the
  // trigger itself ends a busy query.
  storage::TablePtr source_, target_, late_;
  std::shared_ptr<execution::Execution> execution_;
  std::shared_ptr<execution::ResultSink> sink_;
  std::function<void()> on_end_;
  int listener_ = -1;

  std::mutex hand_out_mutex_;  // one at a time, so that rows keep their order; before mutex_
  std::vector<std::shared_ptr<arrow::RecordBatch>> for_target_;  // of this trigger

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  StreamStatus status_ = StreamStatus::kCreated;
  Status failure_;
  bool busy_ = false;  // a trigger is under way
  bool draining_ = false, cancelled_ = false, ending_ = false;
  bool satisfied_ = false;  // a LIMIT has its rows: no later row can matter
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
  int64_t last_state_bytes_ = 0;
};

}  // namespace velaria::stream
