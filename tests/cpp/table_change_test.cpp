// What a table keeps of rows that are gone: nothing for long, and positions stay right all the
// while.
#include "check.hpp"

#include <arrow/array/builder_primitive.h>
#include "session/connection.hpp"
#include "session/table_rules.hpp"
#include "storage/commit.hpp"

namespace velaria::storage {
namespace {

const SchemaPtr kNumbers = arrow::schema({arrow::field("n", arrow::int64())});

/// Rows whose values are their positions in a table that is `first` long.
std::shared_ptr<arrow::RecordBatch> Counted(int64_t first, int64_t count) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < count; ++i) CHECK_OK(builder.Append(first + i));
  return arrow::RecordBatch::Make(kNumbers, count, {builder.Finish().ValueOrDie()});
}

/// The positions of the rows that are there; their values must be the same.
std::vector<int64_t> Positions(const TableVersion& version) {
  std::vector<int64_t> positions;
  const auto rows = LiveRowsOf(version, 0, arrow::default_memory_pool()).ValueOrDie();
  for (const auto& live : rows) {
    const auto& values = static_cast<const arrow::Int64Array&>(*live.batch->column(0));
    for (int64_t i = 0; i < values.length(); ++i) {
      CHECK_EQ(values.Value(i), live.positions[static_cast<size_t>(i)]);
      positions.push_back(values.Value(i));
    }
  }
  return positions;
}

TEST(segments_go_with_their_last_row_and_older_versions_keep_theirs) {
  Table table(kNumbers);
  for (int64_t at = 0; at < 60000; at += 20000) CHECK_OK(table.Append({Counted(at, 20000)}));
  const auto before = table.version();
  std::vector<int64_t> middle;
  for (int64_t at = 20000; at < 40000; ++at) middle.push_back(at);
  CHECK_EQ(table.DeletePositions(middle).ValueOrDie(), 20000);
  const auto after = table.version();
  CHECK_EQ(after->segment_count(), size_t{2});
  CHECK_EQ(after->row_count(), 40000);
  CHECK_EQ(after->end_position(), 60000);
  CHECK_EQ(after->byte_count() * 3, before->byte_count() * 2);
  CHECK(after->FindSegment(30000) == nullptr);
  CHECK_EQ(after->NextSegment(30000)->first_position, 40000);
  CHECK(!after->IsLive(39999) && after->IsLive(40000));
  CHECK(after->NextSegment(60000) == nullptr);
  CHECK(before->IsLive(30000));
  CHECK_EQ(before->row_count(), 60000);
  CHECK_EQ(table.DeletePositions(middle).ValueOrDie(), 0);  // they are gone already
}

TEST(a_segment_that_is_half_deleted_keeps_the_other_half_under_its_positions) {
  Table table(kNumbers);
  CHECK_OK(table.Append({Counted(0, 20000)}));
  const int64_t bytes = table.version()->byte_count();
  std::vector<int64_t> gone, left;
  for (int64_t at = 0; at < 20000; ++at) (at % 8 == 5 ? left : gone).push_back(at);
  CHECK_EQ(table.DeletePositions(gone).ValueOrDie(), 17500);
  const auto version = table.version();
  CHECK(Positions(*version) == left);
  CHECK_EQ(version->row_count(), 2500);
  CHECK(version->byte_count() <= bytes / 4);  // eight bytes a row, and eight for its position
  CHECK(version->IsLive(13) && !version->IsLive(12) && !version->IsLive(14));
  CHECK_EQ(table.DeletePositions({12, 13, 14, 21}).ValueOrDie(), 2);
  CHECK(!table.version()->IsLive(13));
  CHECK_EQ(table.version()->row_count(), 2498);
}

TEST(neighbours_that_shrank_become_one_segment) {
  Table table(kNumbers);
  constexpr int64_t kSegments = 400;  // more than a run
  for (int64_t at = 0; at < kSegments * 20000; at += 20000)
    CHECK_OK(table.Append({Counted(at, 20000)}));
  CHECK_EQ(table.version()->segment_count(), size_t{kSegments});
  std::vector<int64_t> gone, left;
  for (int64_t at = 0; at < kSegments * 20000; ++at) (at % 2000 == 7 ? left : gone).push_back(at);
  CHECK_OK(table.DeletePositions(gone).status());
  CHECK(Positions(*table.version()) == left);
  CHECK(table.version()->segment_count() <= 8);  // 4000 rows, a thousand at least in each two
  CHECK_OK(table.Append({Counted(kSegments * 20000, 100)}));
  CHECK_EQ(table.version()->row_count(), 4100);
  CHECK_EQ(Positions(*table.version()).back(), kSegments * 20000 + 99);
}

TEST(a_table_whose_rows_change_one_by_one_stays_as_small_as_its_rows) {
  constexpr int64_t kRows = 2000;
  Table table(kNumbers);
  CHECK_OK(table.Append({Counted(0, kRows)}));
  const int64_t bytes = table.version()->byte_count();
  std::vector<int64_t> position(kRows);  // by row
  for (int64_t i = 0; i < kRows; ++i) position[static_cast<size_t>(i)] = i;
  uint64_t random = 7;
  for (int64_t i = 0; i < 20 * kRows; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    auto& at = position[(random >> 33) % kRows];
    const int64_t end = table.version()->end_position();
    CHECK_OK(table.Change([&](const TableVersion&) -> Result<TableChange> {
      return TableChange{{at}, {Counted(end, 1)}};
    }));
    at = end;
  }
  const auto version = table.version();
  std::sort(position.begin(), position.end());
  CHECK(Positions(*version) == position);
  CHECK_EQ(version->row_count(), kRows);
  CHECK(version->segment_count() <= 100);
  CHECK(version->byte_count() <= 5 * bytes);  // positions, and up to half of the rows gone
}

}  // namespace
}  // namespace velaria::storage

namespace velaria::session {
namespace {

/// Rows then come in the same pieces in each run.
std::shared_ptr<Session> OneThread() {
  SessionOptions options;
  options.threads = 1;
  return Session::Make(options).ValueOrDie();
}

int64_t RunRows(Connection& connection, const std::string& sql) {
  auto result = connection.Execute(sql, {}, "");
  CHECK_OK(result.status());
  return result->rows_affected.value_or(-1);
}

TEST(a_table_that_is_updated_over_and_over_does_not_grow) {
  auto session = OneThread();
  auto connection = session->Connect();
  RunRows(*connection, "CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 100000) s(g)");
  const auto table = session->catalog().Find("main", "t")->table;
  RunRows(*connection, "UPDATE t SET n = n + 1");
  const int64_t bytes = table->version()->byte_count();
  const size_t segments = table->version()->segment_count();
  for (int i = 0; i < 200; ++i) {
    CHECK_EQ(RunRows(*connection, "UPDATE t SET n = n + 1"), 100000);
    CHECK_EQ(table->version()->segment_count(), segments);
    CHECK_EQ(table->version()->byte_count(), bytes);
  }
  CHECK_EQ(table->version()->row_count(), 100000);
}

TEST(keys_of_rows_that_are_gone_are_forgotten_and_the_others_are_accounted) {
  auto session = OneThread();
  auto connection = session->Connect();
  RunRows(*connection, "CREATE TABLE plain(k VARCHAR)");
  RunRows(*connection, "CREATE TABLE t(k VARCHAR PRIMARY KEY)");
  const auto insert = [&](const std::string& table, int from) {
    return RunRows(*connection, "INSERT INTO " + table +
                                    " SELECT 'a key of some length ' || g FROM " +
                                    "generate_series(" + std::to_string(from) + ", " +
                                    std::to_string(from + 4999) + ") s(g)");
  };
  insert("plain", 0);
  insert("t", 0);
  const auto table = session->catalog().Find("main", "t")->table;
  const int64_t bytes = table->version()->byte_count();
  const auto plain = session->catalog().Find("main", "plain")->table->version();
  CHECK_EQ(bytes, plain->byte_count() + table->guard()->MemoryBytes());
  CHECK(table->guard()->MemoryBytes() > 5000 * 20);
  for (int i = 1; i <= 40; ++i) {
    RunRows(*connection, "DELETE FROM t");
    insert("t", i * 10000);
  }
  CHECK_EQ(table->version()->row_count(), 5000);
  CHECK(table->version()->byte_count() < 4 * bytes);
  // What is left is known still, and what went may come again.
  CHECK(!connection->Execute("INSERT INTO t VALUES ('a key of some length 402000')", {}, "").ok());
  RunRows(*connection, "INSERT INTO t VALUES ('a key of some length 2000')");
}

}  // namespace
}  // namespace velaria::session
