// Frame arithmetic by itself, and what windows promise at a size that no readable record has.
#include <arrow/api.h>

#include "check.hpp"
#include "execution/window_frame.hpp"
#include "execution/window_states.hpp"
#include "session/session.hpp"

namespace velaria::execution {
namespace {

using logical::FrameEdge;
using logical::FrameUnit;

Vector Integers(const std::vector<int64_t>& values) {
  arrow::Int64Builder builder;
  (void)builder.AppendValues(values);
  return MakeVector(builder.Finish().ValueOrDie());
}

logical::BoundExprPtr Offset(int64_t value) {
  return logical::MakeLiteral(
      MakeConstant(std::make_shared<arrow::Int64Scalar>(value), arrow::default_memory_pool())
          .ValueOrDie());
}

/// Partition by column 0, order by column 1: partitions of 4 and 3 rows, the first with one tie.
struct Fixture {
  std::shared_ptr<QueryContext> query = std::make_shared<QueryContext>(0, 0, 1);
  WindowSpec spec;
  WindowRun run;

  explicit Fixture(FrameUnit unit) {
    spec.types = {arrow::int64(), arrow::int64()};
    spec.partition = {logical::MakeColumn(0, arrow::int64(), "p")};
    spec.order = {{logical::MakeColumn(1, arrow::int64(), "k"), false, false}};
    logical::BoundWindow call;
    call.frame.unit = unit;
    call.frame.exclusion = logical::FrameExclusion::kTies;  // peers are wanted
    spec.calls = {call};
    Chunk chunk;
    chunk.row_count = 7;
    chunk.columns = {Integers({1, 2, 1, 1, 2, 1, 2}), Integers({5, 3, 2, 2, 1, 9, 2})};
    std::vector<RowPart> parts = {{0, chunk}};
    run = MakeRun(spec, &parts, *query).ValueOrDie();
  }

  /// "start-end" of each place.
  std::string Bounds(FrameEdge start, int64_t n, FrameEdge end, int64_t m) {
    logical::WindowFrame frame = spec.calls[0].frame;
    frame.start = start;
    frame.end = end;
    frame.start_offset = Offset(n);
    frame.end_offset = Offset(m);
    const auto bounds = BoundsOf(spec, frame, run, *query).ValueOrDie();
    std::string text;
    for (int64_t i = 0; i < run.row_count(); ++i) {
      text +=
          (i ? " " : "") + std::to_string(bounds.start[i]) + "-" + std::to_string(bounds.end[i]);
    }
    return text;
  }
};

TEST(a_run_is_ordered_by_partition_then_key_then_row) {
  Fixture f(FrameUnit::kRows);
  CHECK(f.run.order == (std::vector<uint32_t>{2, 3, 0, 5, 4, 6, 1}));
  CHECK(f.run.partition_starts == (std::vector<uint32_t>{0, 4, 7}));
  CHECK(f.run.group_starts == (std::vector<uint32_t>{0, 2, 3, 4, 5, 6, 7}));
}

TEST(frames_in_rows_stay_inside_their_partition) {
  Fixture f(FrameUnit::kRows);
  CHECK_EQ(f.Bounds(FrameEdge::kPreceding, 1, FrameEdge::kFollowing, 1),
           "0-2 0-3 1-4 2-4 4-6 4-7 5-7");
  CHECK_EQ(f.Bounds(FrameEdge::kUnbounded, 0, FrameEdge::kCurrentRow, 0),
           "0-1 0-2 0-3 0-4 4-5 4-6 4-7");
  CHECK_EQ(f.Bounds(FrameEdge::kFollowing, 2, FrameEdge::kUnbounded, 0),
           "2-4 3-4 4-4 4-4 6-7 7-7 7-7");
  CHECK_EQ(f.Bounds(FrameEdge::kPreceding, 3, FrameEdge::kPreceding, 2),
           "0-0 0-0 0-1 0-2 4-4 4-4 4-5");
  const int64_t most = std::numeric_limits<int64_t>::max();
  CHECK_EQ(f.Bounds(FrameEdge::kPreceding, most, FrameEdge::kFollowing, most),
           "0-4 0-4 0-4 0-4 4-7 4-7 4-7");
}

TEST(frames_in_groups_count_peers_as_one) {
  Fixture f(FrameUnit::kGroups);
  CHECK_EQ(f.Bounds(FrameEdge::kCurrentRow, 0, FrameEdge::kCurrentRow, 0),
           "0-2 0-2 2-3 3-4 4-5 5-6 6-7");
  CHECK_EQ(f.Bounds(FrameEdge::kPreceding, 1, FrameEdge::kCurrentRow, 0),
           "0-2 0-2 0-3 2-4 4-5 4-6 5-7");
  CHECK_EQ(f.Bounds(FrameEdge::kFollowing, 1, FrameEdge::kFollowing, 2),
           "2-4 2-4 3-4 4-4 5-7 6-7 7-7");
  CHECK_EQ(f.Bounds(FrameEdge::kUnbounded, 0, FrameEdge::kPreceding, 1),
           "0-0 0-0 0-2 0-3 4-4 4-5 4-6");
}

TEST(what_a_frame_excludes_cuts_it_in_ranges) {
  const std::vector<uint32_t> start = {0, 0, 0, 0}, end = {4, 4, 4, 2};
  const std::vector<uint32_t> peer_start = {0, 1, 1, 3}, peer_end = {1, 3, 3, 4};
  WindowRows rows;
  rows.row_count = 4;
  rows.frame_start = start;
  rows.frame_end = end;
  rows.peer_start = peer_start;
  rows.peer_end = peer_end;
  const auto ranges = [&](int64_t row) {
    std::string text;
    rows.ForEachRange(row, [&](uint32_t b, uint32_t e) {
      text += std::to_string(b) + "-" + std::to_string(e) + " ";
    });
    return text;
  };
  CHECK_EQ(ranges(1), "0-4 ");
  rows.exclusion = WindowExclusion::kCurrentRow;
  CHECK_EQ(ranges(0), "1-4 ");
  CHECK_EQ(ranges(1), "0-1 2-4 ");
  CHECK_EQ(ranges(3), "0-2 ");
  rows.exclusion = WindowExclusion::kGroup;
  CHECK_EQ(ranges(2), "0-1 3-4 ");
  rows.exclusion = WindowExclusion::kTies;
  CHECK_EQ(ranges(2), "0-1 2-3 3-4 ");
  CHECK_EQ(ranges(3), "0-2 ");
}

/// sum over frames by merged states, against its kernel.
void CompareWithKernel(int64_t row_count, int64_t back, int64_t ahead, int64_t partition_rows) {
  QueryContext query(0, 0, 1);
  std::vector<int64_t> values;
  std::vector<uint32_t> partition_start, partition_end, frame_start, frame_end;
  for (int64_t i = 0; i < row_count; ++i) {
    values.push_back(i * 2654435761 % 1000 - 500);
    const int64_t first = i / partition_rows * partition_rows;
    const int64_t last = std::min(row_count, first + partition_rows);
    partition_start.push_back(static_cast<uint32_t>(first));
    partition_end.push_back(static_cast<uint32_t>(last));
    frame_start.push_back(static_cast<uint32_t>(std::max(first, i - back)));
    frame_end.push_back(static_cast<uint32_t>(std::min(last, i + 1 + ahead)));
  }
  const auto* sum = FunctionRegistry::Instance().FindAggregate("sum");
  BindArguments described;
  described.types = {arrow::int64()};
  described.constants = {nullptr};
  const auto binding = BindAggregate(*sum, described).ValueOrDie();
  AggregateInput input;
  input.values = {Integers(values)};
  input.value_count = row_count;
  WindowRows rows;
  rows.row_count = row_count;
  rows.arguments = input.values;
  rows.partition_start = partition_start;
  rows.partition_end = partition_end;
  rows.frame_start = frame_start;
  rows.frame_end = frame_end;
  const auto merged = MergeOverFrames(binding, input, rows, query).ValueOrDie();
  const auto direct = binding.over_frames(query.functions(), binding, rows).ValueOrDie();
  CHECK(merged.array()->Equals(*direct.array()));
}

TEST(merged_states_give_what_the_kernels_give) {
  CompareWithKernel(1, 0, 0, 1);
  CompareWithKernel(5000, 5000, 0, 5000);  // growing, over many blocks
  CompareWithKernel(5000, 5000, 0, 700);   // growing, partitions across blocks
  CompareWithKernel(5000, 5000, 3, 1300);  // growing, ahead of the row
  CompareWithKernel(5000, 100, 41, 5000);  // moving
  CompareWithKernel(70000, 6000, 6000, 70000);
  CompareWithKernel(3000, 2, 2, 3);  // many small partitions
}

}  // namespace
}  // namespace velaria::execution

namespace velaria::session {
namespace {

TEST(windows_over_many_rows_are_the_same_for_any_number_of_workers) {
  std::vector<std::shared_ptr<arrow::Table>> answers;
  for (const int threads : {1, 3}) {
    SessionOptions options;
    options.threads = threads;
    auto session = Session::Make(options).ValueOrDie();
    auto schema = arrow::schema({arrow::field("a", arrow::int64())});
    arrow::RecordBatchVector batches;
    for (int64_t begin = 0; begin < 400000; begin += 50000) {
      arrow::Int64Builder builder;
      for (int64_t i = begin; i < begin + 50000; ++i) CHECK_OK(builder.Append(i));
      batches.push_back(arrow::RecordBatch::Make(schema, 50000, {builder.Finish().ValueOrDie()}));
    }
    CHECK_OK(session->RegisterBatches("t", schema, batches, false));
    auto result = session->Execute(
        "SELECT a, row_number() OVER (PARTITION BY a % 1000 ORDER BY a % 7) AS n, sum(a) OVER "
        "(PARTITION BY a % 1000 ORDER BY a ROWS 2 PRECEDING) AS s, count(*) OVER () AS c FROM t",
        {}, "");
    REQUIRE(result.ok());
    auto table = QueryReader(result->query).ToTable();
    REQUIRE(table.ok());
    CHECK_EQ((*table)->num_rows(), 400000);
    answers.push_back((*table)->CombineChunks().ValueOrDie());
  }
  CHECK(answers[0]->Equals(*answers[1]));
}

}  // namespace
}  // namespace velaria::session
