// Values that aggregates keep: a query that may not have the memory fails before it takes it.
#include "check.hpp"
#include "session/connection.hpp"

namespace velaria::session {
namespace {

Status RunAll(Session& session, const std::string& sql) {
  ARROW_ASSIGN_OR_RAISE(auto result, session.Execute(sql, {}, ""));
  return QueryReader(result.query).ToTable().status();
}

TEST(kept_values_count_against_the_limit_before_they_are_copied) {
  SessionOptions options;
  options.threads = 1;
  auto session = Session::Make(options).ValueOrDie();
  // 2,000 lists of 2,000 numbers each: 32 MB.
  CHECK_OK(session
               ->Execute("CREATE TABLE lists AS SELECT range(0, 2000) AS l, g FROM "
                         "generate_series(1, 2000) s(g)",
                         {}, "")
               .status());
  constexpr int64_t kLimit = 4 << 20;
  for (const char* sql :
       {"SELECT array_agg(l) FROM lists", "SELECT first(l ORDER BY g) FROM lists GROUP BY g",
        "SELECT single_value(l) FROM lists GROUP BY g", "SELECT array_agg(l) OVER () FROM lists",
        "SELECT (SELECT b.l FROM lists b WHERE b.g = a.g) FROM lists a",
        "SELECT mode(l) FROM lists"}) {
    CHECK_OK(
        session->Execute("SET memory_limit_bytes = " + std::to_string(kLimit), {}, "").status());
    const int64_t before = arrow::default_memory_pool()->total_bytes_allocated();
    const Status status = RunAll(*session, sql);
    const int64_t taken = arrow::default_memory_pool()->total_bytes_allocated() - before;
    CHECK(ErrorInfoOf(status).code == ErrorCode::kOutOfMemory);
    CHECK(taken < 4 * kLimit);
    CHECK_OK(session->Execute("RESET memory_limit_bytes", {}, "").status());
  }
  CHECK_OK(RunAll(*session, "SELECT single_value(l) FROM lists GROUP BY g"));
}

}  // namespace
}  // namespace velaria::session
