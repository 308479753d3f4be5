// GROUP BY, stars, FROM and set operations beyond the plain ones.
#include "check.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

/// What stands behind "select 1" for `text` behind SELECT 1 GROUP BY.
std::string Group(const std::string& text) {
  const std::string shown = ShowQuery("SELECT 1 GROUP BY " + text);
  return shown.starts_with("select 1 ") ? shown.substr(9) : shown;
}

std::string From(const std::string& text) {
  const std::string shown = ShowQuery("SELECT 1 FROM " + text);
  return shown.starts_with("select 1 from ") ? shown.substr(14) : shown;
}

TEST(group_by_lists_are_flattened) {
  CHECK_EQ(Group("a, (b, c), (d)"), "group a b c d");
  CHECK_EQ(Group("ROW(a, b)"), "group (row a b)");
  CHECK_EQ(Group("ALL"), "group-all");
  CHECK_EQ(Group("ALL HAVING a"), "group-all having a");
  CHECK_EQ(Group("rollup, cube"), "group rollup cube");
  CHECK_EQ(Group("a,").substr(0, 12), "VEL2001 1:21");
}

TEST(grouping_sets_are_multiplied_out) {
  CHECK_EQ(Group("()"), "sets ()");
  CHECK_EQ(Group("ROLLUP (a, b)"), "group a b sets (0 1) (0) ()");
  CHECK_EQ(Group("ROLLUP ((a, b), c)"), "group a b c sets (0 1 2) (0 1) ()");
  CHECK_EQ(Group("CUBE (a, b)"), "group a b sets (0 1) (0) (1) ()");
  CHECK_EQ(Group("GROUPING SETS ((a, b), a, ())"), "group a b sets (0 1) (0) ()");
  CHECK_EQ(Group("GROUPING SETS (ROLLUP (a), CUBE (b), GROUPING SETS (c))"),
           "group a b c sets (0) () (1) () (2)");
  CHECK_EQ(Group("a, ROLLUP (b)"), "group a b sets (0 1) (0)");
  CHECK_EQ(Group("a, ROLLUP (a, b)"), "group a b sets (0 1) (0) (0)");
  CHECK_EQ(Group("ROLLUP (a), CUBE (b)"), "group a b sets (0 1) (0) (1) ()");
  CHECK_EQ(Group("DISTINCT ROLLUP (a), ROLLUP (a)"), "group a sets (0) ()");
  CHECK_EQ(Group("DISTINCT a"), "group a");
}

TEST(equal_texts_are_one_position_of_the_grouping_sets) {
  CHECK_EQ(Group("GROUPING SETS ((A, b + 1), (a), ((b+1), a), (((b + 1))))"),
           "group a (+ b 1) sets (0 1) (0) (1 0) (1)");
  CHECK_EQ(Group("GROUPING SETS (((a, b)), (f(a, b), a))"), "group a b (f a b) sets (0 1) (2 0)");
  CHECK_EQ(Group("GROUPING SETS ((a), (\"A\"), (t.a), (1), (1))"),
           "group a \"A\" t.a 1 sets (0) (1) (2) (3) (3)");
  CHECK_EQ(Group("GROUPING SETS ((a + ?), (a + ?))"), "group (+ a $1) (+ a $2) sets (0) (1)");
  CHECK_EQ(Group("GROUPING SETS ((a + $1), (a + $1))"), "group (+ a $1) sets (0) (0)");
  CHECK_EQ(Group("GROUPING SETS (((SELECT 1)), (a, (SELECT 1)))"),
           "group (query select 1) a (query select 1) sets (0) (1 2)");
  CHECK_EQ(Group("GROUPING SETS (([a, b]), ((a), [a, b]), ((a) + (b)))"),
           "group (array a b) a (+ a b) sets (0) (1 0) (2)");
}

TEST(too_many_grouping_sets_are_a_typed_error) {
  const std::string twelve = "CUBE (a, b, c, d, e, f, g, h, i, j, k, l)";
  CHECK(Group(twelve).starts_with("group a b c d e f g h i j k l sets"));
  CHECK_EQ(Group(twelve + ", ROLLUP (m)").substr(0, 7), "VEL2002");
  CHECK_EQ(Group("CUBE (a, b, c, d, e, f, g, h, i, j, k, l, m)"),
           "VEL2002 1:19 GROUP BY has more grouping sets than the limit: 4096 | Write fewer "
           "columns into CUBE or ROLLUP, or name the sets one by one.");
  CHECK_EQ(Group("GROUPING SETS (" + twelve + ", a)").substr(0, 7), "VEL2002");
}

TEST(stars_leave_out_and_replace_columns) {
  CHECK_EQ(ShowQuery("SELECT * EXCLUDE (a, \"B\"), t.* EXCLUDE c FROM t"),
           "select * without [a \"B\"] t* without [c] from t");
  CHECK_EQ(ShowQuery("SELECT * EXCEPT (a) FROM t"), "select * without [a] from t");
  CHECK_EQ(ShowQuery("SELECT * REPLACE (a + 1 AS a, 2 b) FROM t"),
           "select * with (+ a 1) as a with 2 as b from t");
  CHECK_EQ(ShowQuery("SELECT t.* EXCEPT (a, b) REPLACE (1 AS c), d FROM t"),
           "select t* without [a b] with 1 as c d from t");
  CHECK_EQ(ShowQuery("FROM t SELECT * EXCEPT (SELECT 1)"), "(except {select * from t} {select 1})");
  CHECK_EQ(ShowQuery("FROM t SELECT * EXCEPT (VALUES (1))"),
           "(except {select * from t} {values [1]})");
  CHECK_EQ(ShowError("SELECT * EXCLUDE () FROM t").substr(0, 12), "VEL2001 1:19");
  CHECK_EQ(ShowError("SELECT * REPLACE (1) FROM t").substr(0, 12), "VEL2001 1:20");
  CHECK_EQ(ShowError("SELECT count(* EXCLUDE (a)) FROM t").substr(0, 7), "VEL2001");
}

TEST(a_query_can_start_with_from_or_table) {
  CHECK_EQ(ShowQuery("FROM t"), "select * from t");
  CHECK_EQ(ShowQuery("FROM t SELECT a WHERE b ORDER BY c LIMIT 1"),
           "select a from t where b order c limit 1");
  CHECK_EQ(ShowQuery("FROM t WHERE a UNION FROM u"),
           "(union {select * from t where a} {select * from u})");
  CHECK_EQ(ShowQuery("TABLE s.t ORDER BY 1"), "select * from s.t order 1");
  CHECK_EQ(ShowQuery("WITH a AS (FROM t) FROM a, (FROM b) c"),
           "with a {select * from t} select * from (cross a {select * from b} as c)");
  CHECK_EQ(ShowQuery("SELECT 1 UNION ALL TABLE t"), "(union-all {select 1} {select * from t})");
  CHECK_EQ(ShowError("FROM t SELECT").substr(0, 12), "VEL2001 1:14");
  CHECK_EQ(ShowError("FROM t SELECT a FROM u").substr(0, 12), "VEL2001 1:17");
}

TEST(set_operations_can_go_by_name) {
  CHECK_EQ(ShowQuery("SELECT a UNION BY NAME SELECT b UNION ALL BY NAME SELECT c"),
           "(union-all-by-name {(union-by-name {select a} {select b})} {select c})");
  CHECK_EQ(ShowQuery("SELECT a INTERSECT ALL SELECT b EXCEPT ALL SELECT c"),
           "(except-all {(intersect-all {select a} {select b})} {select c})");
}

TEST(order_by_all_has_a_direction) {
  CHECK_EQ(ShowQuery("SELECT a ORDER BY ALL"), "select a order-all");
  CHECK_EQ(ShowQuery("SELECT a ORDER BY ALL DESC NULLS FIRST LIMIT 1"),
           "select a order-all desc nulls-first limit 1");
  CHECK_EQ(ShowQuery("(SELECT a ORDER BY ALL) LIMIT 1"),
           "select * from {select a order-all} limit 1");
  CHECK_EQ(ShowError("SELECT a ORDER BY ALL, b").substr(0, 12), "VEL2001 1:22");
}

TEST(lateral_sources_see_the_tables_before_them) {
  CHECK_EQ(From("a, LATERAL (SELECT a.x) b"), "(cross a lateral {select a.x} as b)");
  CHECK_EQ(From("a CROSS JOIN LATERAL unnest(a.l) WITH ORDINALITY AS u(v, n)"),
           "(cross a lateral unnest(a.l) ordinality as u[v n])");
  CHECK_EQ(From("a LEFT JOIN LATERAL (TABLE t) b ON true"),
           "(left a lateral {select * from t} as b on true)");
  CHECK_EQ(From("LATERAL t").substr(0, 12), "VEL2001 1:15");
  CHECK_EQ(From("f(1) AS g(a int)").substr(0, 7), "VEL2002");
  CHECK_EQ(From("VALUES (1), (2) v(a)"), "{values [1] [2]} as v[a]");
}

TEST(joins_of_more_kinds) {
  CHECK_EQ(From("a SEMI JOIN b ON x LEFT ANTI JOIN c USING (k)"),
           "(anti (semi a b on x) c using [k])");
  CHECK_EQ(From("a ASOF JOIN b ON a.t >= b.t ASOF LEFT JOIN c USING (k, t)"),
           "(asof-left (asof-join a b on (>= a.t b.t)) c using [k t])");
  CHECK_EQ(From("a ASOF LEFT OUTER JOIN b ON x"), "(asof-left a b on x)");
  CHECK_EQ(From("a semi LEFT JOIN b ON x"), "(left a as semi b on x)");
  CHECK_EQ(From("a NATURAL ANTI JOIN b"), "(natural-anti a b)");
  CHECK_EQ(From("(a JOIN b ON x) AS j (c, d) JOIN e USING (c)"),
           "(join (join a b on x) as j[c d] e using [c])");
  CHECK_EQ(From("((a CROSS JOIN b) j) k").substr(0, 7), "VEL2002");
  CHECK_EQ(From("a RIGHT SEMI JOIN b ON x").substr(0, 12), "VEL2002 1:23");
  CHECK_EQ(From("a ASOF RIGHT JOIN b ON x"), "(right a as asof b on x)");
  CHECK_EQ(From("a JOIN b USING (k) AS u").substr(0, 12), "VEL2002 1:34");
  CHECK_EQ(From("a ASOF LEFT b ON x").substr(0, 12), "VEL2001 1:27");
}

TEST(samples_count_rows_or_percents) {
  CHECK_EQ(From("t TABLESAMPLE BERNOULLI (10) REPEATABLE (42) WHERE a"),
           "t sample 10 percent seed 42 where a");
  CHECK_EQ(From("t AS u TABLESAMPLE SYSTEM (0.5 PERCENT)"), "t sample 0.5 percent as u");
  CHECK_EQ(From("t TABLESAMPLE (5 ROWS) u"), "t sample 5 rows as u");
  CHECK_EQ(From("t TABLESAMPLE RESERVOIR (5)"), "t sample 5 rows");
  CHECK_EQ(From("t TABLESAMPLE 10%"), "t sample 10 percent");
  CHECK_EQ(From("t USING SAMPLE 5"), "t sample 5 rows");
  CHECK_EQ(From("t WHERE a USING SAMPLE 10 PERCENT (bernoulli, 7)"),
           "t sample 10 percent seed 7 where a");
  CHECK_EQ(From("a JOIN b USING (k) USING SAMPLE reservoir(3 ROWS) REPEATABLE (1)"),
           "(join a b using [k]) sample 3 rows seed 1");
  CHECK_EQ(ShowQuery("FROM sample USING SAMPLE 5"), "select * from sample sample 5 rows");
  CHECK_EQ(From("t TABLESAMPLE (101 PERCENT)"),
           "VEL2007 1:30 sample is no percentage from 0 to 100: 101");
  CHECK_EQ(From("t TABLESAMPLE (1.5 ROWS)").substr(0, 12), "VEL2007 1:30");
  CHECK_EQ(From("t TABLESAMPLE (1) TABLESAMPLE (1)").substr(0, 12), "VEL2001 1:33");
  CHECK_EQ(From("t TABLESAMPLE BERNOULI (1)").substr(0, 12), "VEL2001 1:29");
  CHECK_EQ(ShowError("SELECT 1 USING SAMPLE 5").substr(0, 12), "VEL2002 1:10");
}

}  // namespace
}  // namespace velaria::sql
