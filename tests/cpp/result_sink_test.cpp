// The buffer between a query's workers and its reader: how far they go ahead, and when they go on.
#include "execution/result_sink.hpp"

#include <arrow/array/util.h>

#include "check.hpp"
#include "execution/query_context.hpp"

namespace velaria::execution {
namespace {

constexpr int64_t kRows = 1 << 17;
constexpr int64_t kBatchBytes = kRows * 8;

/// One worker's morsels into a sink that nobody reads yet.
class Writer {
 public:
  Writer() {
    column_ = *arrow::MakeArrayFromScalar(arrow::Int64Scalar(1), kRows);
    const auto schema = arrow::schema({arrow::field("a", arrow::int64())});
    state_ = *ResultSinkNode(schema, -1, 0).Open(*query_);
    local_ = *sink().MakeLocal();
  }
  ResultSink& sink() { return static_cast<ResultSink&>(*state_); }

  /// Bytes delivered until the sink takes no more.
  int64_t Fill() {
    TaskContext context{*query_, [this] { ++wakes; }};
    int64_t bytes = 0;
    while (true) {
      if (!waits_) {
        Chunk chunk;
        chunk.columns.push_back(MakeVector(column_));
        chunk.row_count = kRows;
        CHECK_OK(sink().Consume(chunk, morsel_, *local_, context).status());
      }
      const auto flow = sink().FinishMorsel(morsel_, *local_, context);
      CHECK_OK(flow.status());
      waits_ = *flow == Flow::kBlocked;
      if (waits_) return bytes;
      bytes += kBatchBytes;
      ++morsel_.sequence;
    }
  }

  int wakes = 0;

 private:
  std::shared_ptr<arrow::Array> column_;
  std::shared_ptr<QueryContext> query_ = std::make_shared<QueryContext>(0, 0, 1);
  std::shared_ptr<AccumulatorState> state_;
  std::unique_ptr<LocalState> local_;
  Morsel morsel_;
  bool waits_ = false;
};

TEST(a_writer_goes_on_when_half_of_its_buffer_is_read) {
  Writer writer;
  CHECK_EQ(writer.Fill(), kResultBufferBytes);
  const int64_t half = kResultBufferBytes / kBatchBytes / 2;
  for (int64_t i = 0; i < half; ++i) CHECK(writer.sink().TryPop() != nullptr);
  CHECK_EQ(writer.wakes, 0);
  CHECK(writer.sink().TryPop() != nullptr);
  CHECK_EQ(writer.wakes, 1);
  CHECK_EQ(writer.Fill(), kResultBufferBytes / 2 + kBatchBytes);
}

TEST(unread_results_hold_little_however_many_they_are) {
  constexpr int64_t kEarly = kResultBuffersBytes / kResultBufferBytes;
  std::vector<std::unique_ptr<Writer>> writers;
  for (int64_t i = 0; i < kEarly; ++i) {
    writers.push_back(std::make_unique<Writer>());
    CHECK_EQ(writers.back()->Fill(), kResultBufferBytes);
  }
  for (int i = 0; i < 20; ++i) {
    writers.push_back(std::make_unique<Writer>());
    CHECK_EQ(writers.back()->Fill(), kResultBufferLeastBytes);
  }
  // One that is read goes on, within its few bytes.
  Writer& read = *writers.back();
  for (int i = 0; i < 3; ++i) CHECK(read.sink().TryPop() != nullptr);
  CHECK_EQ(read.wakes, 1);
  CHECK_EQ(read.Fill(), 3 * kBatchBytes);
  writers.clear();
  Writer alone;
  CHECK_EQ(alone.Fill(), kResultBufferBytes);
}

}  // namespace
}  // namespace velaria::execution
