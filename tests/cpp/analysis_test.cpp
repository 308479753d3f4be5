// What an analysed query measures, and that no other one does.
#include "execution/analysis.hpp"

#include <thread>

#include "check.hpp"
#include "session/session.hpp"

namespace velaria::execution {
namespace {

std::shared_ptr<session::Session> Open() {
  return session::Session::Make({.threads = 2}).ValueOrDie();
}

TEST(a_buffer_is_charged_to_the_step_that_runs_and_let_go_of_by_whomever) {
  const auto query = std::make_shared<QueryContext>(0, 0, 1);
  Analysis& analysis = query->Analyze();
  const auto plan = std::make_shared<const PhysicalPlan>();
  StepMemory* first = analysis.MemoryOf(plan, {0, 1});
  StepMemory* second = analysis.MemoryOf(plan, {0, 2});
  CHECK(first != second);
  CHECK(first == analysis.MemoryOf(plan, {0, 1}));
  std::unique_ptr<arrow::ResizableBuffer> buffer;
  {
    const StepScope scope(first);
    buffer = arrow::AllocateResizableBuffer(1000, query->pool()).ValueOrDie();
  }
  const int64_t small = first->peak_bytes();
  CHECK(small >= 1000);
  {
    const StepScope scope(second);
    CHECK_OK(buffer->Resize(100000));
    buffer.reset();
  }
  CHECK(first->peak_bytes() >= 100000);
  CHECK_EQ(second->peak_bytes(), 0);
  {
    const StepScope scope(first);
    Reservation reservation(query->pool());
    CHECK_OK(reservation.Set(5000000));
  }
  CHECK_EQ(first->peak_bytes(), 5000000);
  CHECK(StepMemory::Current() == nullptr);
}

TEST(a_buffer_may_outlive_its_analysed_query) {
  std::shared_ptr<arrow::Buffer> buffer;
  {
    const auto query = std::make_shared<QueryContext>(0, 0, 1);
    Analysis& analysis = query->Analyze();
    const StepScope scope(analysis.MemoryOf(std::make_shared<const PhysicalPlan>(), {0, 0}));
    buffer = arrow::AllocateBuffer(64, query->pool()).ValueOrDie();
  }
  CHECK_EQ(buffer->size(), 64);
}

TEST(a_query_that_is_not_analysed_measures_no_thread_time) {
  auto session = Open();
  auto result = session->Execute("SELECT count(*) FROM generate_series(1, 100000)", {}, "");
  REQUIRE(result.ok());
  CHECK(session::QueryReader(result->query).ToTable().ok());
  int64_t wall = 0;
  for (const auto& step : result->query->execution().Counters()) {
    CHECK_EQ(step.cpu_nanoseconds, 0);
    CHECK(step.memory == nullptr);
    wall += step.nanoseconds;
  }
  CHECK(wall > 0);
}

TEST(a_statement_that_is_being_analysed_can_be_cancelled) {
  auto session = Open();
  std::thread canceller([&] {
    while (!session->Cancel("slow").ok()) std::this_thread::yield();
  });
  const auto result = session->Execute(
      "EXPLAIN ANALYZE SELECT count(*) FROM generate_series(1, 100000) AS a(x), "
      "generate_series(1, 100000) AS b(y) WHERE x + y < 0",
      {}, "slow");
  canceller.join();
  REQUIRE(!result.ok());
  CHECK(ErrorInfoOf(result.status()).code == ErrorCode::kCancelled);
}

}  // namespace
}  // namespace velaria::execution
