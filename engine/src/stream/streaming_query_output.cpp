// Where the rows of a streaming query go: subscribers, the target table, the late table.
#include "execution/position_sink.hpp"

#include <arrow/array/builder_primitive.h>
#include "stream/streaming_query.hpp"

namespace velaria::stream {
namespace {

/// Rows of one segment as rows of a late table: the stream's own columns, why they are late, where
/// they stood.
Result<std::shared_ptr<arrow::RecordBatch>> LateBatch(const storage::Segment& segment,
                                                      std::span<const int64_t> positions,
                                                      const SchemaPtr& schema) {
  std::vector<uint32_t> rows;
  for (const int64_t position : positions)
    rows.push_back(static_cast<uint32_t>(position - segment.first_position));
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (int c = 0; c < segment.batch->num_columns(); ++c) {
    ARROW_ASSIGN_OR_RAISE(auto column, Gather({segment.batch->column_data(c), false}, rows,
                                              arrow::default_memory_pool()));
    columns.push_back(column.data);
  }
  const auto count = static_cast<int64_t>(rows.size());
  ARROW_ASSIGN_OR_RAISE(auto reason,
                        arrow::MakeArrayFromScalar(arrow::StringScalar("the time is NULL"), count));
  arrow::Int64Builder numbers;
  ARROW_RETURN_NOT_OK(numbers.AppendValues(positions.data(), count));
  ARROW_ASSIGN_OR_RAISE(auto number_array, numbers.Finish());
  columns.push_back(reason->data());
  columns.push_back(number_array->data());
  return arrow::RecordBatch::Make(schema, count, std::move(columns));
}

}  // namespace

Status StreamingQuery::DeliverLate() {
  const int late = execution_->plan().late;
  if (late < 0 || !late_) return Status::OK();
  auto& sink =
      static_cast<execution::PositionSink&>(*execution_->states()[static_cast<size_t>(late)]);
  const auto positions = sink.TakePositions();
  {
    std::lock_guard lock(mutex_);
    rows_late_ += static_cast<int64_t>(positions.size());
  }
  const auto room = static_cast<size_t>(std::max<int64_t>(kLateRows - late_kept_, 0));
  const size_t kept = std::min(positions.size(), room);
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (size_t at = 0; at < kept;) {
    const storage::Segment* segment = trigger_version_->FindSegment(positions[at]);
    if (segment == nullptr)
      return Bug("a late row stands outside the log: " + std::to_string(positions[at]));
    size_t end = at;
    while (end < kept && positions[end] < segment->end_position()) ++end;
    ARROW_ASSIGN_OR_RAISE(auto batch,
                          LateBatch(*segment, {positions.data() + at, end - at}, late_->schema()));
    batches.push_back(std::move(batch));
    at = end;
  }
  late_kept_ += static_cast<int64_t>(kept);
  return batches.empty() ? Status::OK() : late_->Append(batches);
}

/// Hands ready rows to the subscribers, while all of them have room or, when `whole`, in any case
/// (at the end of a trigger: what the sink still holds is bounded).
void StreamingQuery::HandOut(bool whole) {
  std::lock_guard order(hand_out_mutex_);
  while (true) {
    std::shared_ptr<execution::ResultSink> sink;
    std::vector<std::shared_ptr<Subscription>> subscribers;
    bool has_target = false;
    {
      std::lock_guard lock(mutex_);
      sink = sink_;
      if (!sink || !busy_) return;
      std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber->closed(); });
      if (!whole && AnySubscriberFull()) {
        if (status_ == StreamStatus::kRunning && sink->has_ready()) {
          status_ = StreamStatus::kBackpressure;
          ++blocked_count_;
        }
        return;
      }
      if (IsLive()) status_ = StreamStatus::kRunning;
      subscribers = subscribers_;
      has_target = target_ != nullptr;
    }
    const auto batch = sink->TryPop();
    if (!batch) return;
    for (const auto& subscriber : subscribers) subscriber->Push(batch);
    if (has_target) for_target_.push_back(batch);
    std::lock_guard lock(mutex_);
    rows_out_ += batch->num_rows();
  }
}

Status StreamingQuery::Deliver() {
  const auto start = std::chrono::steady_clock::now();
  HandOut(true);
  std::vector<std::shared_ptr<arrow::RecordBatch>> typed;
  {
    std::lock_guard order(hand_out_mutex_);
    for (const auto& batch : for_target_)
      typed.push_back(
          arrow::RecordBatch::Make(target_->schema(), batch->num_rows(), batch->columns()));
    for_target_.clear();
  }
  if (!typed.empty()) ARROW_RETURN_NOT_OK(target_->Append(typed));
  ARROW_RETURN_NOT_OK(DeliverLate());
  std::lock_guard lock(mutex_);
  last_sink_ms_ = MillisecondsSince(start);
  return Status::OK();
}

}  // namespace velaria::stream
