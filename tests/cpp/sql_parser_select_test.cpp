#include "check.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(a_select_keeps_all_its_clauses) {
  CHECK_EQ(ShowQuery("SELECT a, b AS x, c y FROM t WHERE a > 1 GROUP BY a, b HAVING count(*) > 2 "
                     "ORDER BY 1 DESC, b NULLS FIRST, c ASC NULLS LAST LIMIT 10 OFFSET 5"),
           "select a b as x c as y from t where (> a 1) group a b having (> (count *) 2) order 1 "
           "desc b nulls-first c nulls-last limit 10 offset 5");
  CHECK_EQ(ShowQuery("SELECT DISTINCT a"), "select distinct a");
  CHECK_EQ(ShowQuery("SELECT ALL a"), "select a");
  CHECK_EQ(ShowQuery("SELECT DISTINCT ON (a, b) c FROM t"), "select distinct on [a b] c from t");
  CHECK_EQ(ShowQuery("VALUES (1, 'a'), (2, 'b') ORDER BY 1"), "values [1 'a'] [2 'b'] order 1");
}

TEST(limit_and_offset_come_in_either_order) {
  CHECK_EQ(ShowQuery("SELECT 1 OFFSET 2 LIMIT 1"), "select 1 limit 1 offset 2");
  CHECK_EQ(ShowQuery("SELECT 1 LIMIT ALL OFFSET 2 ROWS"), "select 1 offset 2");
  CHECK_EQ(ShowQuery("SELECT 1 OFFSET 2 ROWS FETCH FIRST 3 ROWS ONLY"),
           "select 1 limit 3 offset 2");
  CHECK_EQ(ShowQuery("SELECT 1 FETCH NEXT ROW ONLY"), "select 1 limit 1");
  CHECK_EQ(ShowQuery("SELECT 1 LIMIT -1"), "select 1 limit (- 1)");
  CHECK_EQ(ShowError("SELECT 1 LIMIT 1 LIMIT 2").substr(0, 12), "VEL2001 1:18");
  CHECK_EQ(ShowError("SELECT 1 LIMIT 1 FETCH FIRST ROW ONLY").substr(0, 12), "VEL2001 1:18");
  CHECK_EQ(ShowQuery("SELECT 1 ORDER BY 1 FETCH FIRST 2 ROWS WITH TIES"),
           "select 1 order 1 limit 2 with-ties");
  CHECK_EQ(ShowError("SELECT 1 FETCH FIRST 2 ROWS OLNY"),
           "VEL2001 1:29 syntax error: expected ONLY or WITH TIES, found: OLNY | Did you mean "
           "ONLY?");
  CHECK_EQ(ShowError("SELECT 1 LIMIT 10 PERCENT").substr(0, 12), "VEL2002 1:19");
}

TEST(joins_bind_from_left_to_right) {
  CHECK_EQ(ShowQuery("SELECT 1 FROM a, b JOIN c ON x LEFT JOIN d USING (k, l)"),
           "select 1 from (cross a (left (join b c on x) d using [k l]))");
  CHECK_EQ(ShowQuery("SELECT 1 FROM a RIGHT OUTER JOIN b ON x FULL JOIN c ON y CROSS JOIN d"),
           "select 1 from (cross (full (right a b on x) c on y) d)");
  CHECK_EQ(ShowQuery("SELECT 1 FROM a NATURAL LEFT JOIN b NATURAL JOIN c"),
           "select 1 from (natural-join (natural-left a b) c)");
  CHECK_EQ(ShowQuery("SELECT 1 FROM a JOIN b JOIN c ON x ON y"),
           "select 1 from (join a (join b c on x) on y)");
  CHECK_EQ(ShowQuery("SELECT 1 FROM a JOIN (b CROSS JOIN c) ON y"),
           "select 1 from (join a (cross b c) on y)");
  CHECK_EQ(ShowError("SELECT 1 FROM a JOIN b"),
           "VEL2001 1:23 syntax error: expected ON or USING, found: end of statement | Write ON "
           "condition or USING (column) behind the join, or CROSS JOIN for all pairs.");
  CHECK_EQ(ShowError("SELECT 1 FROM a JOIN b ONN x").substr(0, 12), "VEL2001 1:28");
}

TEST(from_reads_tables_files_queries_and_functions) {
  CHECK_EQ(ShowQuery("SELECT * FROM 'dir/a.csv' AS f"), "select * from 'dir/a.csv' as f");
  CHECK_EQ(ShowQuery("SELECT * FROM s.t x (a, b)"), "select * from s.t as x[a b]");
  CHECK_EQ(ShowQuery("SELECT * FROM (SELECT 1) x"), "select * from {select 1} as x");
  CHECK_EQ(ShowQuery("SELECT * FROM (VALUES (1), (2)) AS v(a)"),
           "select * from {values [1] [2]} as v[a]");
  CHECK_EQ(ShowQuery("SELECT * FROM generate_series(1, 3) g"),
           "select * from generate_series(1 3) as g");
  CHECK_EQ(ShowQuery("SELECT * FROM ((SELECT 1) UNION (SELECT 2) LIMIT 1) x"),
           "select * from {(union {select 1} {select 2}) limit 1} as x");
  CHECK_EQ(ShowQuery("SELECT * FROM ((SELECT 1) x JOIN b ON true)"),
           "select * from (join {select 1} as x b on true)");
  CHECK_EQ(ShowQuery("SELECT * FROM (((SELECT 1))) x"), "select * from {select 1} as x");
  CHECK_EQ(ShowQuery("SELECT * FROM (((a JOIN b ON x)))"), "select * from (join a b on x)");
}

TEST(set_operations_know_their_strength) {
  CHECK_EQ(ShowQuery("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3"),
           "(union {select 1} {(intersect {select 2} {select 3})})");
  CHECK_EQ(ShowQuery("SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 3 LIMIT 1"),
           "(except {(union-all {select 1} {select 2})} {select 3}) limit 1");
  CHECK_EQ(ShowQuery("(SELECT 1 UNION DISTINCT SELECT 2) INTERSECT ALL (VALUES (3))"),
           "(intersect-all {(union {select 1} {select 2})} {values [3]})");
  CHECK_EQ(ShowQuery("(SELECT 1 LIMIT 1) UNION ALL (SELECT 2 ORDER BY 1)"),
           "(union-all {select 1 limit 1} {select 2 order 1})");
  CHECK_EQ(ShowError("SELECT 1 ORDER BY 1 UNION SELECT 2").substr(0, 12), "VEL2001 1:21");
}

TEST(a_tail_behind_parentheses_belongs_to_the_whole) {
  CHECK_EQ(ShowQuery("(SELECT 1) LIMIT 1"), "select 1 limit 1");
  CHECK_EQ(ShowQuery("((SELECT 1 LIMIT 3)) LIMIT 1"), "select * from {select 1 limit 3} limit 1");
  CHECK_EQ(ShowQuery("WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT 3)"),
           "with a {select 1} select * from {with b {select 2} select 3}");
}

TEST(common_tables_keep_names_and_columns) {
  CHECK_EQ(
      ShowQuery("WITH a AS (SELECT 1), b(x, y) AS NOT MATERIALIZED (SELECT 2) SELECT * FROM a"),
      "with a {select 1} with b[x y] inlined {select 2} select * from a");
  CHECK_EQ(ShowQuery("WITH RECURSIVE a AS (SELECT 1 UNION SELECT 2) SELECT 3"),
           "with-recursive a {(union {select 1} {select 2})} select 3");
  CHECK_EQ(ShowQuery("WITH recursive AS (SELECT 1) SELECT 3"),
           "with recursive {select 1} select 3");
  CHECK_EQ(ShowQuery("SELECT * FROM (WITH a AS (SELECT 1) SELECT 2) x"),
           "select * from {with a {select 1} select 2} as x");
  CHECK_EQ(ShowQuery("WITH a AS MATERIALIZED (SELECT 1) SELECT 2"),
           "with a kept {select 1} select 2");
  CHECK_EQ(ShowError("WITH a AS (DELETE FROM t) SELECT 1").substr(0, 12), "VEL2002 1:12");
  CHECK_EQ(ShowError("SELECT (WITH a AS (SELECT 1) DELETE FROM t)").substr(0, 12), "VEL2002 1:30");
  CHECK_EQ(ShowError("WITH a AS (SELECT 1) SEARCH DEPTH FIRST BY b SET c SELECT 1").substr(0, 12),
           "VEL2002 1:22");
}

TEST(window_by_follows_from_or_where) {
  CHECK_EQ(ShowQuery("SELECT w FROM bids WINDOW BY ts EVERY 10000 SLIDE 5000 AS w GROUP BY w"),
           "select w from bids window ts 10000 5000 w group w");
  CHECK_EQ(ShowQuery("SELECT w FROM bids b WHERE a WINDOW BY b.ts EVERY 10 AS w EMIT PER BATCH"),
           "select w from bids as b where a window b.ts 10 10 w emit per-batch");
  CHECK_EQ(ShowQuery("SELECT w FROM bids WINDOW BY ts EVERY -5 SLIDE 0 AS w"),
           "select w from bids window ts -5 0 w");
  CHECK_EQ(ShowError("SELECT w FROM bids WINDOW BY ts EVRY 10 AS w"),
           "VEL2001 1:33 syntax error: expected EVERY, found: EVRY | Did you mean EVERY?");
  CHECK_EQ(
      ShowError("SELECT 1 FROM b WINDOW BY t EVERY 1 AS w WINDOW BY t EVERY 1 AS w").substr(0, 7),
      "VEL2001");
}

TEST(emit_says_when_rows_leave) {
  CHECK_EQ(ShowQuery("SELECT 1 FROM t EMIT ON WINDOW CLOSE"),
           "select 1 from t emit on-window-close");
  CHECK_EQ(ShowQuery("SELECT 1 FROM t EMIT CHANGES;"), "select 1 from t emit changes");
  CHECK_EQ(ShowQuery("SELECT 1 FROM t ORDER BY 1 EMIT FINAL"),
           "select 1 from t order 1 emit final");
  CHECK_EQ(ShowQuery("SELECT 1 FROM a JOIN b emit ON emit.x"),
           "select 1 from (join a b as emit on emit.x)");
  CHECK_EQ(ShowError("SELECT 1 FROM t EMIT CHANGE"),
           "VEL2001 1:22 syntax error: expected end of statement, found: CHANGE | Did you mean "
           "CHANGES?");
  CHECK_EQ(ShowError("SELECT 1 FROM t EMIT CHANGES LATE INTO u").substr(0, 12), "VEL2002 1:30");
}

TEST(known_and_unsupported_clauses_say_so) {
  for (const char* text : {"SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR KEY SHARE",
                           "SELECT * FROM t HYBRID SEARCH v QUERY '[1]'",
                           "SELECT * FROM t KEYWORD SEARCH(a) QUERY 'x'", "SELECT a INTO b FROM t",
                           "SELECT a FROM t ORDER BY a USING <", "SELECT * RENAME (a AS b) FROM t",
                           "SELECT 1 INTERSECT BY NAME SELECT 2"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2002");
  }
}

}  // namespace
}  // namespace velaria::sql
