// Operators, comparisons with queries, and values with parts.
#include "check.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(other_operators_bind_between_comparison_and_sum) {
  CHECK_EQ(ShowExpr("a & b | c # d << e >> f"), "(>> (<< (# (| (& a b) c) d) e) f)");
  CHECK_EQ(ShowExpr("a + b & c = d"), "(= (& (+ a b) c) d)");
  CHECK_EQ(ShowExpr("a -> 'b' ->> 0 = 'x'"), "(= (->> (-> a 'b') 0) 'x')");
  CHECK_EQ(ShowExpr("2 * a ^ 2 ^ 3"), "(* 2 (^ (^ a 2) 3))");
  CHECK_EQ(ShowExpr("- 2 ^ 2"), "(^ (- 2) 2)");
  CHECK_EQ(ShowExpr("a ^ - b"), "(^ a (- b))");
  CHECK_EQ(ShowExpr("~ a + b"), "(~ (+ a b))");
  CHECK_EQ(ShowExpr("~ a & b"), "(& (~ a) b)");
  CHECK_EQ(ShowExpr("~ ~ a"), "(~ (~ a))");
  CHECK_EQ(ShowExpr("- ~ a"), "(- (~ a))");
  CHECK_EQ(ShowExpr("a ~ 'x' AND b !~* 'y'"), "(AND (~ a 'x') (!~* b 'y'))");
  CHECK_EQ(ShowExpr("a ~* b || c"), "(|| (~* a b) c)");
  CHECK_EQ(ShowExpr("a ~~ 'x%'"), "(LIKE a 'x%')");
  CHECK_EQ(ShowExpr("a !~~* b || c"), "(|| (not-ILIKE a b) c)");
  CHECK_EQ(ShowExpr("a SIMILAR TO 'x' ESCAPE '!'"), "(SIMILAR a 'x' '!')");
  CHECK_EQ(ShowExpr("a NOT SIMILAR TO b"), "(not-SIMILAR a b)");
  CHECK_EQ(ShowError("SELECT a SIMILAR b").substr(0, 12), "VEL2001 1:18");
}

TEST(the_one_collation_changes_nothing) {
  CHECK_EQ(ShowExpr("a || b COLLATE \"C\" = c"), "(= (|| a b) c)");
  CHECK_EQ(ShowExpr("- a COLLATE binary"), "(- a)");
  CHECK_EQ(ShowExpr("a COLLATE pg_catalog.\"C\" IS NULL"), "(is-null a)");
}

TEST(comparisons_take_any_and_all) {
  CHECK_EQ(ShowExpr("a = ANY (SELECT 1)"), "(=-any a {select 1})");
  CHECK_EQ(ShowExpr("a <> ALL (VALUES (1))"), "(<>-all a {values [1]})");
  CHECK_EQ(ShowExpr("a + 1 <= SOME (b)"), "(<=-any (+ a 1) b)");
  CHECK_EQ(ShowExpr("a = ANY (ARRAY[1, 2]) AND c"), "(AND (=-any a (array 1 2)) c)");
  CHECK_EQ(ShowExpr("a = ANY ((SELECT b))"), "(=-any a {select b})");
  CHECK_EQ(ShowExpr("a = ANY ((SELECT 1) UNION SELECT 2)"),
           "(=-any a {(union {select 1} {select 2})})");
  CHECK_EQ(ShowExpr("a = ANY ((SELECT b) || c)"), "(=-any a (|| (query select b) c))");
  CHECK_EQ(ShowExpr("(a, b) = ANY (SELECT 1, 2)"), "(=-any (row a b) {select 1 2})");
  CHECK_EQ(ShowExpr("a LIKE ANY (b)"), "(LIKE-any a b)");
  CHECK_EQ(ShowExpr("a NOT ILIKE ALL (b)"), "(NOT ILIKE-all a b)");
  CHECK_EQ(ShowExpr("a ~ ANY (b)"), "(~-any a b)");
  CHECK_EQ(ShowExpr("a = ANY (b) = c"), "(= (=-any a b) c)");
  CHECK_EQ(ShowError("SELECT a + ANY (b)").substr(0, 12), "VEL2001 1:12");
  CHECK_EQ(ShowError("SELECT a = ANY ()").substr(0, 12), "VEL2001 1:17");
  CHECK_EQ(ShowError("SELECT a = ANY (1, 2)").substr(0, 12), "VEL2001 1:18");
  CHECK_EQ(ShowError("SELECT a = ANY b").substr(0, 12), "VEL2001 1:12");
}

TEST(rows_are_compared_whole) {
  CHECK_EQ(ShowExpr("(a, b) < (1, 2)"), "(< (row a b) (row 1 2))");
  CHECK_EQ(ShowExpr("(a, b) NOT IN (SELECT 1, 2)"), "(not-in-query (row a b) select 1 2)");
  CHECK_EQ(ShowExpr("ROW(a) = (SELECT 1)"), "(= (row a) (query select 1))");
  CHECK_EQ(ShowExpr("(a, b) IS NOT NULL"), "(is-not-null (row a b))");
}

TEST(queries_stand_wherever_values_do) {
  CHECK_EQ(ShowExpr("(TABLE t)"), "(query select * from t)");
  CHECK_EQ(ShowExpr("(FROM t)"), "(query select * from t)");
  CHECK_EQ(ShowExpr("a IN (TABLE t)"), "(in-query a select * from t)");
  CHECK_EQ(ShowExpr("EXISTS (FROM t WHERE b)"), "(exists select * from t where b)");
  CHECK_EQ(ShowExpr("ARRAY(SELECT 1)"), "(array-query select 1)");
  CHECK_EQ(ShowExpr("f((SELECT 1), 2)"), "(f (query select 1) 2)");
}

TEST(arrays_and_structs_keep_their_parts) {
  CHECK_EQ(ShowExpr("ARRAY[1, a + 2]"), "(array 1 (+ a 2))");
  CHECK_EQ(ShowExpr("[]"), "(array)");
  CHECK_EQ(ShowExpr("ARRAY[]::int[]"), "(cast (array) INT[])");
  CHECK_EQ(ShowExpr("[[1], [2, 3]]"), "(array (array 1) (array 2 3))");
  CHECK_EQ(ShowExpr("ARRAY[[1], [2]]"), "(array (array 1) (array 2))");
  CHECK_EQ(ShowExpr("{'a': 1, b: 'x', \"C\": NULL}"), "(struct a=1 b='x' C=null)");
  CHECK_EQ(ShowExpr("{'a': {'b': [1]}}"), "(struct a=(struct b=(array 1)))");
  CHECK_EQ(ShowError("SELECT [1, ]"),
           "VEL2001 1:12 syntax error: expected an expression, found: ]");
  CHECK_EQ(ShowError("SELECT [1").substr(0, 12), "VEL2001 1:10");
  CHECK_EQ(ShowError("SELECT {}").substr(0, 11), "VEL2001 1:9");
  CHECK_EQ(ShowError("SELECT {'a' 1}"), "VEL2001 1:13 syntax error: expected \":\", found: 1");
  CHECK_EQ(ShowError("SELECT [*]").substr(0, 11), "VEL2001 1:9");
}

TEST(parts_bind_before_everything_else) {
  CHECK_EQ(ShowExpr("a[1]"), "(index a 1)");
  CHECK_EQ(ShowExpr("t.a[b + 1][2]"), "(index (index t.a (+ b 1)) 2)");
  CHECK_EQ(ShowExpr("a[1:2]"), "(slice a 1 2)");
  CHECK_EQ(ShowExpr("a[:2]"), "(slice a _ 2)");
  CHECK_EQ(ShowExpr("a[1:]"), "(slice a 1 _)");
  CHECK_EQ(ShowExpr("a[:]"), "(slice a _ _)");
  CHECK_EQ(ShowExpr("a[-2:-1]"), "(slice a (- 2) (- 1))");
  CHECK_EQ(ShowExpr("- a[1]::int"), "(- (cast (index a 1) INT))");
  CHECK_EQ(ShowExpr("f(a)[1]"), "(index (f a) 1)");
  CHECK_EQ(ShowExpr("(a).b"), "(field a b)");
  CHECK_EQ(ShowExpr("(a).b.\"C\""), "(field (field a b) \"C\")");
  CHECK_EQ(ShowExpr("a[1].b"), "(field (index a 1) b)");
  CHECK_EQ(ShowExpr("s.f"), "s.f");
  CHECK_EQ(ShowExpr("a.b.c.d.e"), "(field a.b.c.d e)");
  CHECK_EQ(ShowExpr("ROW(1, 2).f"), "(field (row 1 2) f)");
  CHECK_EQ(ShowExpr("{'a': 1}.a"), "(field (struct a=1) a)");
  CHECK_EQ(ShowError("SELECT a[]").substr(0, 12), "VEL2001 1:10");
  CHECK_EQ(ShowError("SELECT a[1").substr(0, 12), "VEL2001 1:11");
  CHECK_EQ(ShowError("SELECT *[1]").substr(0, 11), "VEL2001 1:8");
}

TEST(literals_of_more_kinds) {
  CHECK_EQ(ShowExpr("X'4142'"), "(BLOB 'AB')");
  CHECK_EQ(ShowExpr("TIMESTAMP(3) '2024-01-02'"), "(TIMESTAMP(3) '2024-01-02')");
  CHECK_EQ(ShowExpr("TIMESTAMP(3) WITH TIME ZONE 'x'"), "(TIMESTAMP(3)+tz 'x')");
  CHECK_EQ(ShowExpr("DECIMAL(5, 2) '1.5'"), "(cast '1.5' DECIMAL(5,2))");
  CHECK_EQ(ShowExpr("timestamp(3)"), "(timestamp 3)");
  CHECK_EQ(ShowExpr("UUID 'x'"), "(cast 'x' UUID)");
  CHECK_EQ(ShowExpr("INTERVAL 5 MINUTE"), "(interval '5' minute)");
  CHECK_EQ(ShowExpr("U&'\\0061'"), "'a'");
  CHECK_EQ(ShowExpr("a::int ARRAY"), "(cast a INT[])");
}

}  // namespace
}  // namespace velaria::sql
