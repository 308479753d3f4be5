// The execution core by its protocol: what a FULL JOIN, a LIMIT, a cancel and a reader that stops
// reading ask of it.
#include <arrow/array/builder_primitive.h>
#include <arrow/table.h>

#include <thread>

#include "check.hpp"
#include "session/lane_plan.hpp"
#include "session/session.hpp"

namespace velaria::session {
namespace {

std::shared_ptr<Session> Open(int threads) {
  SessionOptions options;
  options.threads = threads;
  return Session::Make(options).ValueOrDie();
}

Result<std::shared_ptr<arrow::Table>> Rows(Session& session, const std::string& sql) {
  ARROW_ASSIGN_OR_RAISE(auto result, session.Execute(sql, {}, ""));
  if (result.rows) return result.rows->ToTable();
  if (!result.query) return std::shared_ptr<arrow::Table>();
  return QueryReader(result.query).ToTable();
}

/// A table `name` of one BIGINT column 0 .. row_count - 1, put in batches of 50,000 rows.
Status FillNumbers(Session& session, const std::string& name, int64_t row_count) {
  auto schema = arrow::schema({arrow::field("a", arrow::int64())});
  arrow::RecordBatchVector batches;
  for (int64_t begin = 0; begin < row_count; begin += 50000) {
    arrow::Int64Builder builder;
    const int64_t end = std::min(row_count, begin + 50000);
    for (int64_t i = begin; i < end; ++i) ARROW_RETURN_NOT_OK(builder.Append(i));
    ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
    batches.push_back(arrow::RecordBatch::Make(schema, end - begin, {column}));
  }
  return session.RegisterBatches(name, schema, batches, false);
}

int64_t ValueAt(const arrow::Table& table, int column, int64_t row) {
  auto scalar = table.column(column)->GetScalar(row).ValueOrDie();
  return scalar->is_valid ? static_cast<const arrow::Int64Scalar&>(*scalar).value : -1;
}

TEST(a_full_join_emits_matches_then_the_unmatched_rows_of_both_sides) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "l", 100000));
  CHECK_OK(FillNumbers(*session, "r", 150000));
  auto rows = Rows(*session,
                   "SELECT count(*), count(l.a), count(r.a), sum(l.a + 0)::BIGINT FROM l FULL JOIN "
                   "r ON l.a = r.a - 50000");
  REQUIRE(rows.ok());
  CHECK_EQ(ValueAt(**rows, 0, 0), 150000);  // 100,000 pairs and 50,000 rows of r alone
  CHECK_EQ(ValueAt(**rows, 1, 0), 100000);
  CHECK_EQ(ValueAt(**rows, 2, 0), 150000);
  CHECK_EQ(ValueAt(**rows, 3, 0), int64_t{100000} * 99999 / 2);
  auto none =
      Rows(*session,
           "SELECT count(*), count(l.a), count(r.a) FROM l FULL JOIN r ON l.a = r.a AND l.a < 0");
  REQUIRE(none.ok());
  CHECK_EQ(ValueAt(**none, 0, 0), 250000);
}

TEST(a_limit_stops_its_scan) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 5000000));
  auto result = session->Execute("SELECT a + 1 FROM t LIMIT 10", {}, "");
  REQUIRE(result.ok());
  auto table = QueryReader(result->query).ToTable();
  REQUIRE(table.ok());
  CHECK_EQ((*table)->num_rows(), 10);
  CHECK_EQ(ValueAt(**table, 0, 9), 10);
  int64_t scanned = 0;
  for (const auto& step : result->query->execution().Counters()) {
    if (step.name.rfind("scan", 0) == 0) scanned += step.rows_out;
  }
  CHECK(scanned < 1000000);
}

TEST(a_limit_below_other_operators_keeps_the_first_rows_in_row_order) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 1000000));
  auto rows = Rows(*session,
                   "SELECT sum(a)::BIGINT, count(*) FROM (SELECT a FROM t WHERE a % 3 = 0 LIMIT "
                   "1000 OFFSET 5) q");
  REQUIRE(rows.ok());
  CHECK_EQ(ValueAt(**rows, 1, 0), 1000);
  CHECK_EQ(ValueAt(**rows, 0, 0), int64_t{3} * (5 + 1004) * 1000 / 2);
}

TEST(a_cancelled_query_ends_with_its_code_and_the_session_goes_on) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 300000));
  auto result = session->Execute("SELECT count(*) FROM t x, t y WHERE x.a + y.a = -1", {}, "slow");
  REQUIRE(result.ok());
  std::thread canceller([&] { CHECK_OK(session->Cancel("slow").status()); });
  std::shared_ptr<arrow::RecordBatch> batch;
  const Status status = result->query->Next(&batch);
  canceller.join();
  CHECK(!status.ok());
  CHECK(ErrorInfoOf(status).code == ErrorCode::kCancelled);
  auto after = Rows(*session, "SELECT count(*) FROM t");
  REQUIRE(after.ok());
  CHECK_EQ(ValueAt(**after, 0, 0), 300000);
}

TEST(a_reader_that_stops_reading_frees_the_only_worker_thread) {
  auto session = Open(1);
  CHECK_OK(FillNumbers(*session, "t", 20000000));  // five times what a result sink buffers
  auto result = session->Execute("SELECT a, a + 1 FROM t", {}, "");
  REQUIRE(result.ok());
  std::shared_ptr<arrow::RecordBatch> batch;
  CHECK_OK(result->query->Next(&batch));
  // The sink fills up and parks its worker; the one thread must be free for this:
  auto other = Rows(*session, "SELECT max(a) FROM t");
  REQUIRE(other.ok());
  CHECK_EQ(ValueAt(**other, 0, 0), 19999999);
  int64_t rows = batch->num_rows();
  while (true) {
    CHECK_OK(result->query->Next(&batch));
    if (!batch) break;
    rows += batch->num_rows();
  }
  CHECK_EQ(rows, 20000000);
}

TEST(an_error_in_mid_stream_reaches_the_reader_after_the_rows_before_it_or_instead_of_them) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 500000));
  auto rows = Rows(*session, "SELECT 1000 / (a - 400000) FROM t");
  CHECK(!rows.ok());
  CHECK(ErrorInfoOf(rows.status()).code == ErrorCode::kDivisionByZero);
}

TEST(a_query_over_its_memory_limit_fails_alone) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 1000000));
  CHECK_OK(session->Execute("SET memory_limit_bytes = 4000000", {}, "").status());
  auto rows = Rows(*session, "SELECT a, count(*) FROM t GROUP BY a");
  CHECK(!rows.ok());
  CHECK(ErrorInfoOf(rows.status()).code == ErrorCode::kOutOfMemory);
  CHECK_OK(session->Execute("RESET memory_limit_bytes", {}, "").status());
  CHECK(Rows(*session, "SELECT a, count(*) FROM t GROUP BY a").ok());
}

TEST(what_a_query_takes_beside_its_arrays_counts_against_its_limit) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 1000000));
  // The rows alone, 8 MB, would fit; keys, order and tables beside them do not.
  const std::pair<const char*, int64_t> queries[] = {
      {"SELECT a FROM t ORDER BY a DESC", 24000000},
      {"SELECT a, count(*) FROM t GROUP BY a", 24000000},
      {"SELECT count(DISTINCT a) FROM t", 24000000},
      {"SELECT count(*) FROM (SELECT DISTINCT a FROM t) q", 24000000},
      {"SELECT count(*) FROM t x JOIN t y ON x.a = y.a", 24000000},
  };
  for (const auto& [sql, limit] : queries) {
    CHECK_OK(
        session->Execute("SET memory_limit_bytes = " + std::to_string(limit), {}, "").status());
    auto result = session->Execute(sql, {}, "");
    REQUIRE(result.ok());
    const auto rows = QueryReader(result->query).ToTable();
    CHECK(!rows.ok());
    CHECK(ErrorInfoOf(rows.status()).code == ErrorCode::kOutOfMemory);
    CHECK(result->query->execution().query().peak_bytes() <= limit);
    CHECK_OK(session->Execute("RESET memory_limit_bytes", {}, "").status());
    CHECK(Rows(*session, sql).ok());
  }
}

TEST(fragments_merged_in_any_number_of_partitions_give_the_single_process_answer) {
  auto session = Open(2);
  CHECK_OK(FillNumbers(*session, "t", 100000));
  const std::string sql =
      "SELECT a % 7 AS g, count(*) AS n, sum(a) AS s, min(a), max(a) FROM t WHERE a % 2 = 0 GROUP "
      "BY a % 7 ORDER BY g";
  auto expected = Rows(*session, sql);
  REQUIRE(expected.ok());
  for (const int64_t partitions : {1, 2, 5}) {
    auto split = SplitForLane(*session, sql, partitions);
    REQUIRE(split.ok());
    std::vector<std::shared_ptr<arrow::Buffer>> snapshots;
    for (int64_t p = 0; p < partitions; ++p) {
      auto part = split->Partition("t", p);
      REQUIRE(part.ok());
      auto batches = arrow::TableBatchReader(**part).ToRecordBatches();
      LaneFragment fragment = split->plan;
      fragment.partition = p;
      auto parsed = LaneFragment::Parse(fragment.Serialize());
      REQUIRE(parsed.ok());
      auto snapshot = RunFragment(*parsed, {{"t", *batches}}, 1);
      REQUIRE(snapshot.ok());
      snapshots.push_back(*snapshot);
    }
    auto merged = MergeFragments(split->plan, snapshots);
    REQUIRE(merged.ok());
    CHECK((*merged)->Equals(**expected));
  }
}

TEST(damaged_or_foreign_fragments_are_refused_by_code) {
  LaneFragment fragment;
  fragment.sql = "SELECT 1";
  const std::string bytes = fragment.Serialize();
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK(ErrorInfoOf(LaneFragment::Parse(bytes.substr(0, cut)).status()).code ==
          ErrorCode::kVersionMismatch);
  }
  std::string newer = bytes;
  newer[4] = 9;
  CHECK(ErrorInfoOf(LaneFragment::Parse(newer).status()).code == ErrorCode::kVersionMismatch);
}

}  // namespace
}  // namespace velaria::session
