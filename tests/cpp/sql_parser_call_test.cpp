// Aggregates, window functions and named arguments.
#include "check.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(aggregates_take_order_distinct_and_filter) {
  CHECK_EQ(ShowExpr("string_agg(DISTINCT a, ',' ORDER BY a DESC, b) FILTER (WHERE c)"),
           "(string_agg distinct a ',' order a desc b filter c)");
  CHECK_EQ(ShowExpr("percentile_cont(0.5) WITHIN GROUP (ORDER BY a DESC) FILTER (WHERE b)"),
           "(percentile_cont 0.5 within a desc filter b)");
  CHECK_EQ(ShowExpr("mode() WITHIN GROUP (ORDER BY a)"), "(mode within a)");
  CHECK_EQ(ShowExpr("first(a IGNORE NULLS)"), "(first a ignore-nulls)");
  CHECK_EQ(ShowExpr("first(a ORDER BY b RESPECT NULLS)"), "(first a order b respect-nulls)");
  CHECK_EQ(ShowExpr("grouping(a, b)"), "(grouping a b)");
  CHECK_EQ(ShowError("SELECT f(a ORDER BY b) WITHIN GROUP (ORDER BY c)").substr(0, 12),
           "VEL2001 1:24");
  CHECK_EQ(ShowError("SELECT f(a) WITHIN GROUP (a)").substr(0, 12), "VEL2001 1:27");
  CHECK_EQ(ShowError("SELECT f(a IGNORE NULLS) IGNORE NULLS OVER ()").substr(0, 12),
           "VEL2001 1:26");
  CHECK_EQ(ShowError("SELECT f(a) FILTER (b)"),
           "VEL2001 1:21 syntax error: expected WHERE, found: b");
  CHECK_EQ(ShowError("SELECT f(a ODRER BY b)").substr(0, 12), "VEL2001 1:12");
}

TEST(arguments_have_names) {
  CHECK_EQ(ShowExpr("f(1, b => 2, \"C\" := 3)"), "(f 1 b=2 C=3)");
  CHECK_EQ(ShowQuery("SELECT 1 FROM read_csv('x', header => true, delim := ';') t"),
           "select 1 from read_csv('x' header=true delim=';') as t");
  CHECK_EQ(ShowError("SELECT f(a => 1, 2)"),
           "VEL2001 1:18 syntax error: argument without a name behind one with a name, found: 2 | "
           "Write arguments by position first, then those by name.");
}

TEST(windows_keep_their_parts) {
  CHECK_EQ(ShowExpr("f() OVER ()"), "(over f [])");
  CHECK_EQ(ShowExpr("f(a) OVER (w ORDER BY b)"), "(over f a [w order b])");
  CHECK_EQ(ShowExpr("f(a) IGNORE NULLS OVER w"), "(over f a ignore-nulls w)");
  CHECK_EQ(ShowExpr("f(a) FILTER (WHERE b) RESPECT NULLS OVER w"),
           "(over f a respect-nulls filter b w)");
  CHECK_EQ(ShowExpr("f(a IGNORE NULLS) OVER ()"), "(over f a ignore-nulls [])");
  CHECK_EQ(ShowExpr("f() OVER (PARTITION BY a, b ORDER BY c)"), "(over f [ by a b order c])");
  CHECK_EQ(ShowExpr("f() OVER (ROWS 1 PRECEDING)"), "(over f [ rows -1..current])");
  CHECK_EQ(ShowExpr("f() OVER (RANGE UNBOUNDED PRECEDING EXCLUDE CURRENT ROW)"),
           "(over f [ range first..current without-current])");
  CHECK_EQ(ShowExpr("f() OVER (GROUPS BETWEEN CURRENT ROW AND a + 1 FOLLOWING EXCLUDE TIES)"),
           "(over f [ groups current..+(+ a 1) without-ties])");
  CHECK_EQ(ShowExpr("f() OVER (RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND INTERVAL '2 days' "
                    "FOLLOWING EXCLUDE GROUP)"),
           "(over f [ range -(interval '1' day)..+(interval '2 days' ) without-group])");
  CHECK_EQ(ShowExpr("f() OVER (rows ORDER BY a)").substr(0, 7), "VEL2001");
}

TEST(frames_that_hold_nothing_are_refused) {
  CHECK_EQ(ShowError("SELECT f() OVER (ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW)"),
           "VEL2001 1:18 syntax error: window frame is not possible: it starts at UNBOUNDED "
           "FOLLOWING | A frame starts at or before its end.");
  for (const char* frame :
       {"BETWEEN 1 PRECEDING AND UNBOUNDED PRECEDING", "BETWEEN CURRENT ROW AND 1 PRECEDING",
        "BETWEEN 1 FOLLOWING AND CURRENT ROW", "BETWEEN 1 FOLLOWING AND 1 PRECEDING",
        "1 FOLLOWING"}) {
    CHECK_EQ(ShowError("SELECT f() OVER (ROWS " + std::string(frame) + ")").substr(0, 12),
             "VEL2001 1:18");
  }
  CHECK_EQ(ShowError("SELECT f() OVER (ROWS 1 PRECEEDING)"),
           "VEL2001 1:25 syntax error: expected PRECEDING or FOLLOWING, found: PRECEEDING | Did "
           "you mean PRECEDING?");
  CHECK_EQ(ShowError("SELECT f() OVER (ORDER BY a ROWS 1 PRECEDING EXCLUDE TEIS)"),
           "VEL2001 1:54 syntax error: expected CURRENT ROW, GROUP, TIES or NO OTHERS, found: "
           "TEIS | Did you mean TIES?");
  CHECK_EQ(ShowError("SELECT f() OVER (PARTITON BY a)"),
           "VEL2001 1:18 syntax error: expected a clause, found: partiton | Did you mean "
           "PARTITION?");
}

TEST(window_and_qualify_follow_having) {
  CHECK_EQ(ShowQuery("SELECT f() OVER w FROM t HAVING a WINDOW w AS (ORDER BY b), v AS (w) "
                     "QUALIFY f() OVER v > 1 ORDER BY 1"),
           "select (over f w) from t having a where-w [ order b] where-v [w] qualify (> (over f v) "
           "1) order 1");
  CHECK_EQ(ShowQuery("SELECT 1 FROM t QUALIFY a WINDOW w AS ()"),
           "select 1 from t where-w [] qualify a");
  CHECK_EQ(ShowQuery("SELECT 1 FROM t WINDOW by AS ()"), "select 1 from t where-by []");
  CHECK_EQ(ShowError("SELECT 1 FROM t QUALIFY a QUALIFY b").substr(0, 12), "VEL2001 1:27");
  CHECK_EQ(ShowError("SELECT 1 FROM t WINDOW w AS ORDER BY a").substr(0, 12), "VEL2001 1:29");
}

}  // namespace
}  // namespace velaria::sql
