// Planning that is given up: at every point at which it is asked, and not only before and after.
#include "base/cancel_scope.hpp"
#include "catalog_for_tests.hpp"
#include "check.hpp"
#include "logical/plan.hpp"
#include "session/connection.hpp"
#include "sql/parser.hpp"
#include "sql/planner.hpp"

namespace velaria {
namespace {

Status Cancelled() { return Fail(ErrorCode::kCancelled, "the query was cancelled"); }

Status Plan(const sql::Statement& statement) {
  sql::BindContext context;
  context.catalog = &check::TestCatalog();
  VELARIA_ASSIGN_OR_RETURN(auto query, sql::PlanSelect(*statement.select, context));
  return logical::Rewrite(query.root, FunctionContext()).status();
}

/// How often planning asks whether it may go on; a cancel at each of these times must end it.
int TimesAsked(const std::string& text) {
  const auto statement = sql::ParseStatement(text).ValueOrDie();
  int asked = 0;
  {
    const CancelScope scope([&] {
      ++asked;
      return Status::OK();
    });
    CHECK_OK(Plan(*statement));
  }
  for (int allowed = 0; allowed < asked; ++allowed) {
    int left = allowed;
    const CancelScope scope([&] { return left-- > 0 ? Status::OK() : Cancelled(); });
    CHECK(ErrorInfoOf(Plan(*statement)).code == ErrorCode::kCancelled);
    CHECK_EQ(left, -1);  // and is asked no more
  }
  CHECK_OK(Plan(*statement));  // nobody asks outside of a scope
  return asked;
}

}  // namespace

TEST(planning_asks_at_each_relation_and_each_round_whether_it_may_go_on) {
  const std::string one = "(SELECT 1 AS x)";
  const int single = TimesAsked("SELECT * FROM " + one + " a");
  std::string joined = "SELECT * FROM " + one + " t0";
  for (int i = 1; i < 10; ++i) {
    const auto name = "t" + std::to_string(i);
    joined += " JOIN " + one + " " + name + " ON t0.x = " + name + ".x";
  }
  CHECK(TimesAsked(joined) >= single + 9 * 2);
  std::string nested = "SELECT 1 AS x";
  for (int i = 0; i < 10; ++i) {
    nested = "SELECT x FROM (" + nested + ") a WHERE x IN (SELECT b.x FROM " + one +
             " b WHERE b.x = a.x)";
  }
  CHECK(TimesAsked(nested) >= single + 10 * 3);
}

TEST(a_statement_that_was_cancelled_is_planned_no_further) {
  session::SessionOptions options;
  options.threads = 1;
  auto session = session::Session::Make(options).ValueOrDie();
  auto context = session->MakeContext();
  context->Cancel();
  const CancelScope scope([&] { return context->CheckCancelled(); });
  const auto statement = sql::ParseStatement("SELECT 1 FROM (SELECT 2) a").ValueOrDie();
  const auto planned = session->Plan(*statement->select, {}, *context);
  CHECK(ErrorInfoOf(planned.status()).code == ErrorCode::kCancelled);
}

}  // namespace velaria
