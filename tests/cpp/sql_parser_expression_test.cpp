#include "check.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(operators_bind_as_in_postgresql) {
  CHECK_EQ(ShowExpr("1 + 2 * 3 - 4"), "(- (+ 1 (* 2 3)) 4)");
  CHECK_EQ(ShowExpr("1 - 2 - 3"), "(- (- 1 2) 3)");
  CHECK_EQ(ShowExpr("a || b || c"), "(|| (|| a b) c)");
  CHECK_EQ(ShowExpr("a || b + c"), "(|| a (+ b c))");
  CHECK_EQ(ShowExpr("a || b = c"), "(= (|| a b) c)");
  CHECK_EQ(ShowExpr("- a * b"), "(* (- a) b)");
  CHECK_EQ(ShowExpr("- a::int"), "(- (cast a INT))");
  CHECK_EQ(ShowExpr("- - 1 + + 2"), "(+ (- (- 1)) (+ 2))");
  CHECK_EQ(ShowExpr("a + b AT TIME ZONE 'UTC'"), "(+ a (timezone 'UTC' b))");
  CHECK_EQ(ShowExpr("a OR b AND NOT c = d"), "(OR a (AND b (NOT (= c d))))");
  CHECK_EQ(ShowExpr("NOT a IS NULL"), "(NOT (is-null a))");
  CHECK_EQ(ShowExpr("NOT a IN (1)"), "(NOT (in a 1))");
  CHECK_EQ(ShowExpr("a = b IS NULL"), "(is-null (= a b))");
  CHECK_EQ(ShowExpr("a + 1 BETWEEN b AND c + 1 AND d"), "(AND (between (+ a 1) b (+ c 1)) d)");
  CHECK_EQ(ShowExpr("a < b LIKE c"), "(< a (LIKE b c))");
  CHECK_EQ(ShowExpr("a != b"), "(<> a b)");
  CHECK_EQ(ShowExpr("a == b"), "(= a b)");
  CHECK_EQ(ShowExpr("true = NOT false"), "(= true (NOT false))");
  CHECK_EQ(ShowExpr("(a + b) * c"), "(* (+ a b) c)");
}

TEST(chains_of_and_and_or_are_one_node) {
  CHECK_EQ(ShowExpr("a AND b AND c OR d OR e AND f"), "(OR (AND a b c) d (AND e f))");
  CHECK_EQ(ShowExpr("(a AND b) AND c"), "(AND (AND a b) c)");
}

TEST(comparisons_do_not_chain) {
  CHECK_EQ(ShowExpr("a < b < c"),
           "VEL2001 1:14 syntax error: comparisons do not chain, found: < | Write a < b AND b < c, "
           "or use parentheses.");
  CHECK_EQ(ShowExpr("(a < b) = c"), "(= (< a b) c)");
  CHECK_EQ(ShowError("SELECT a LIKE b LIKE c").substr(0, 12), "VEL2001 1:17");
  CHECK_EQ(ShowError("SELECT a BETWEEN 1 AND 2 BETWEEN 1 AND 2").substr(0, 12), "VEL2001 1:26");
  CHECK_EQ(ShowExpr("a IN (1) NOT IN (2)"), "(not-in (in a 1) 2)");
}

TEST(predicates_keep_their_parts) {
  CHECK_EQ(ShowExpr("a IS NOT NULL"), "(is-not-null a)");
  CHECK_EQ(ShowExpr("a ISNULL"), "(is-null a)");
  CHECK_EQ(ShowExpr("a NOTNULL"), "(is-not-null a)");
  CHECK_EQ(ShowExpr("a IS TRUE"), "(is-TRUE a)");
  CHECK_EQ(ShowExpr("a IS NOT FALSE"), "(is-not-FALSE a)");
  CHECK_EQ(ShowExpr("a IS NOT UNKNOWN"), "(is-not-UNKNOWN a)");
  CHECK_EQ(ShowExpr("a IS DISTINCT FROM b + 1"), "(is-distinct a (+ b 1))");
  CHECK_EQ(ShowExpr("a IS NOT DISTINCT FROM b"), "(is-not-distinct a b)");
  CHECK_EQ(ShowExpr("a IS NULL IS NOT NULL"), "(is-not-null (is-null a))");
  CHECK_EQ(ShowExpr("a LIKE 'x%'"), "(LIKE a 'x%')");
  CHECK_EQ(ShowExpr("a NOT ILIKE 'x' ESCAPE '!'"), "(not-ILIKE a 'x' '!')");
  CHECK_EQ(ShowExpr("a IN (1, 2)"), "(in a 1 2)");
  CHECK_EQ(ShowExpr("a NOT IN ()"), "(not-in a)");
  CHECK_EQ(ShowExpr("(a, b) IN ((1, 2))"), "(in (row a b) (row 1 2))");
  CHECK_EQ(ShowExpr("a NOT BETWEEN 1 AND 2"), "(not-between a 1 2)");
  CHECK_EQ(ShowExpr("a IN (SELECT 1)"), "(in-query a select 1)");
  CHECK_EQ(ShowExpr("a NOT IN ((SELECT 1))"), "(not-in-query a select 1)");
  CHECK_EQ(ShowExpr("a IN ((SELECT 1) UNION SELECT 2)"),
           "(in-query a (union {select 1} {select 2}))");
  CHECK_EQ(ShowExpr("a IN ((SELECT 1), 2)"), "(in a (query select 1) 2)");
  CHECK_EQ(ShowExpr("a IN ((SELECT 1) + 1)"), "(in a (+ (query select 1) 1))");
  CHECK_EQ(ShowExpr("NOT EXISTS (SELECT 1)"), "(not-exists select 1)");
  CHECK_EQ(ShowExpr("NOT EXISTS (SELECT 1) = true"), "(NOT (= (exists select 1) true))");
}

TEST(literals_of_every_kind) {
  CHECK_EQ(ShowExpr("NULL"), "null");
  CHECK_EQ(ShowExpr("DATE '2024-01-02'"), "(DATE '2024-01-02')");
  CHECK_EQ(ShowExpr("timestamp '2024-01-02'"), "(TIMESTAMP '2024-01-02')");
  CHECK_EQ(ShowExpr("TIMESTAMPTZ 'x'"), "(TIMESTAMP+tz 'x')");
  CHECK_EQ(ShowExpr("TIMESTAMP WITH TIME ZONE 'x'"), "(TIMESTAMP+tz 'x')");
  CHECK_EQ(ShowExpr("TIMESTAMP WITHOUT TIME ZONE 'x'"), "(TIMESTAMP 'x')");
  CHECK_EQ(ShowExpr("TIME '10:00'"), "(TIME '10:00')");
  CHECK_EQ(ShowExpr("DOUBLE PRECISION 'nan'"), "(cast 'nan' DOUBLE)");
  CHECK_EQ(ShowExpr("INTEGER '5'"), "(cast '5' INTEGER)");
  CHECK_EQ(ShowExpr("INTERVAL '5' DAY"), "(interval '5' day)");
  CHECK_EQ(ShowExpr("INTERVAL '5' Hours"), "(interval '5' hour)");
  CHECK_EQ(ShowExpr("INTERVAL 5 DAY"), "(interval '5' day)");
  CHECK_EQ(ShowExpr("INTERVAL '1 day 2 hours'"), "(interval '1 day 2 hours' )");
  CHECK_EQ(ShowExpr("(1, 'a')"), "(row 1 'a')");
  CHECK_EQ(ShowExpr("ROW(1)"), "(row 1)");
}

TEST(casts_and_types) {
  CHECK_EQ(ShowExpr("CAST(a AS DECIMAL(10, 2))"), "(cast a DECIMAL(10,2))");
  CHECK_EQ(ShowExpr("TRY_CAST(a AS int)"), "(try-cast a INT)");
  CHECK_EQ(ShowExpr("a IN (1)::int"), "(cast (in a 1) INT)");
  CHECK_EQ(ShowExpr("a + b::int IS NULL::int"), "(cast (is-null (+ a (cast b INT))) INT)");
  CHECK_EQ(ShowExpr("a::text::varchar(3)"), "(cast (cast a TEXT) VARCHAR(3))");
  CHECK_EQ(ShowExpr("a::double precision[][]"), "(cast a DOUBLE[][])");
  CHECK_EQ(ShowExpr("a::character varying(5)"), "(cast a VARCHAR(5))");
  CHECK_EQ(ShowExpr("a::timestamp(3) with time zone"), "(cast a TIMESTAMP(3)+tz)");
  CHECK_EQ(ShowExpr("a::timestamp_ns with time zone"), "(cast a TIMESTAMP_NS+tz)");
  CHECK_EQ(ShowExpr("a::no_such_type"), "(cast a NO_SUCH_TYPE)");
  CHECK_EQ(ShowExpr("a::struct(x int, y row(z text[3]))[]"),
           "(cast a STRUCT(x INT, y STRUCT(z TEXT[3]))[])");
  CHECK_EQ(ShowExpr("a::map(varchar, decimal(5, 1)[])"), "(cast a MAP(VARCHAR, DECIMAL(5,1)[]))");
  CHECK_EQ(ShowExpr("a::int array[4]"), "(cast a INT[4])");
  CHECK_EQ(ShowError("SELECT a::int[0]"),
           "VEL2017 1:15 length of an array type is not from 1 to 65536: 0");
  CHECK_EQ(ShowError("SELECT a::map(int)").substr(0, 12), "VEL2001 1:18");
}

TEST(calls_and_their_special_forms) {
  CHECK_EQ(ShowExpr("f()"), "(f)");
  CHECK_EQ(ShowExpr("s.F(a, 1)"), "(s.f a 1)");
  CHECK_EQ(ShowExpr("count(*)"), "(count *)");
  CHECK_EQ(ShowExpr("count(DISTINCT a)"), "(count distinct a)");
  CHECK_EQ(ShowExpr("sum(ALL a) FILTER (WHERE b > 1)"), "(sum a filter (> b 1))");
  CHECK_EQ(ShowExpr("left(a, 2) || right(a, 2)"), "(|| (\"left\" a 2) (\"right\" a 2))");
  CHECK_EQ(ShowExpr("EXTRACT(YEAR FROM a)"), "(extract year a)");
  CHECK_EQ(ShowExpr("extract('Month' from a + b)"), "(extract month (+ a b))");
  CHECK_EQ(ShowExpr("SUBSTRING(a FROM 2 FOR 3)"), "(substring a 2 3)");
  CHECK_EQ(ShowExpr("SUBSTRING(a FOR 3)"), "(substring a 1 3)");
  CHECK_EQ(ShowExpr("substring(a, 2)"), "(substring a 2)");
  CHECK_EQ(ShowExpr("TRIM(a)"), "(trim a)");
  CHECK_EQ(ShowExpr("TRIM(a, 'x')"), "(trim a 'x')");
  CHECK_EQ(ShowExpr("TRIM(BOTH ' ' FROM a)"), "(trim a ' ')");
  CHECK_EQ(ShowExpr("TRIM(LEADING FROM a)"), "(ltrim a)");
  CHECK_EQ(ShowExpr("TRIM(TRAILING 'x' FROM a)"), "(rtrim a 'x')");
  CHECK_EQ(ShowExpr("POSITION('a' IN b)"), "(position 'a' b)");
  CHECK_EQ(ShowExpr("position('a', b)"), "(position 'a' b)");
  CHECK_EQ(ShowExpr("CURRENT_DATE"), "(\"current_date\")");
  CHECK_EQ(ShowExpr("rank() OVER w"), "(over rank w)");
  CHECK_EQ(ShowExpr("sum(a) OVER (PARTITION BY b, c ORDER BY d DESC NULLS LAST ROWS BETWEEN 1 "
                    "PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE NO OTHERS)"),
           "(over sum a [ by b c order d desc nulls-last rows -1..last])");
}

TEST(substring_and_its_like_take_words_between_arguments) {
  CHECK_EQ(ShowExpr("OVERLAY(a PLACING b FROM 2 FOR 3)"), "(overlay a b 2 3)");
  CHECK_EQ(ShowExpr("OVERLAY(a PLACING b FROM 2)"), "(overlay a b 2)");
  CHECK_EQ(ShowExpr("overlay(a, b, 2)"), "(overlay a b 2)");
  CHECK_EQ(ShowExpr("TRIM(FROM a)"), "(trim a)");
  CHECK_EQ(ShowExpr("TRIM('x' FROM a)"), "(trim a 'x')");
  CHECK_EQ(ShowExpr("SUBSTRING(a FOR 3 FROM 2)"), "(substring a 2 3)");
  CHECK_EQ(ShowError("SELECT OVERLAY(a PLACING b)").substr(0, 12), "VEL2001 1:27");
}

TEST(case_keeps_operand_arms_and_else) {
  CHECK_EQ(ShowExpr("CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END"), "(case a 1 b 2 3 else)");
  CHECK_EQ(ShowExpr("CASE a WHEN 1 THEN 2 END"), "(case-of a 1 2)");
  CHECK_EQ(ShowError("SELECT CASE END"),
           "VEL2001 1:13 syntax error: expected an expression, found: END");
  CHECK_EQ(ShowError("SELECT CASE WHEN a THNE 1 END"),
           "VEL2001 1:20 syntax error: expected THEN, found: THNE | Did you mean THEN?");
}

TEST(names_that_are_no_reserved_words_are_names) {
  for (const char* name :
       {"ts",      "date",      "name",     "value",     "first",    "last",      "window",
        "stream",  "sink",      "source",   "emit",      "key",      "text",      "year",
        "month",   "day",       "time",     "timestamp", "interval", "values",    "row",
        "rows",    "range",     "position", "trim",      "extract",  "substring", "every",
        "slide",   "watermark", "options",  "index",     "view",     "schema",    "temp",
        "set",     "show",      "filter",   "over",      "batch",    "session",   "zone",
        "at",      "exists",    "replace",  "hybrid",    "keyword",  "count",     "unknown",
        "sample",  "copy",      "column",   "columns",   "data",     "format",    "begin",
        "start",   "commit",    "type",     "use",       "work",     "percent",   "nothing",
        "do",      "add",       "alter",    "rename",    "release",  "prepare",   "execute",
        "abort",   "truncate",  "cascade",  "overlaps",  "placing",  "overlay",   "ignore",
        "respect", "within",    "groups",   "ties",      "exclude",  "cube",      "rollup",
        "sets",    "grouping",  "conflict", "partition", "semi",     "anti",      "asof",
        "system",  "reservoir", "map",      "name",      "by",       "savepoint", "summarize"}) {
    const std::string n = name;
    CHECK_EQ(ShowQuery("SELECT " + n + ", t." + n + " FROM t WHERE " + n + " = 1"),
             "select " + n + " t." + n + " from t where (= " + n + " 1)");
    CHECK_EQ(ShowQuery("SELECT 1 AS " + n + ", 2 " + n + " FROM " + n + " " + n),
             "select 1 as " + n + " 2 as " + n + " from " + n + " as " + n);
  }
  CHECK_EQ(ShowQuery("SELECT 1 AS select, t.from FROM t"), "select 1 as select t.\"from\" from t");
  CHECK_EQ(
      ShowError("SELECT 1 FROM order"),
      "VEL2001 1:15 syntax error: expected a table name, found: order | Reserved words are names "
      "only in double quotes.");
}

TEST(identifiers_fold_unless_quoted) {
  CHECK_EQ(ShowExpr("Ab.\"Cd\".EF"), "ab.\"Cd\".ef");
  CHECK_EQ(ShowExpr("\"select\""), "\"select\"");
  CHECK_EQ(ShowExpr("Größe"), "\"größe\"");
}

TEST(parameters_are_numbered_in_one_way) {
  CHECK_EQ(ShowQuery("SELECT ?, ? + ?"), "select $1 (+ $2 $3)");
  CHECK_EQ(ShowQuery("SELECT $2, $1, $2"), "select $2 $1 $2");
  CHECK_EQ(ShowError("SELECT ?, $1").substr(0, 12), "VEL2001 1:11");
  CHECK_EQ(ShowError("SELECT $0"), "VEL2001 1:8 parameter number is not between 1 and 65535: $0");
  CHECK_EQ(ShowError("SELECT $99999999999999").substr(0, 11), "VEL2001 1:8");
}

TEST(a_star_stands_alone) {
  CHECK_EQ(ShowQuery("SELECT *, t.*, s.t.* FROM t"), "select * t* s.t* from t");
  for (const char* wrong : {"SELECT * + 1", "SELECT f(t.*)", "SELECT 1 FROM t WHERE *",
                            "SELECT a FROM t GROUP BY *", "SELECT (*)", "SELECT NOT *"}) {
    CHECK_EQ(ShowError(wrong).substr(0, 7), "VEL2001");
  }
}

TEST(known_and_unsupported_operators_say_so) {
  CHECK_EQ(ShowError("SELECT a && b"),
           "VEL2002 1:10 this part of a statement is not supported: operator && | Write AND, or "
           "list_has_any(a, b) for lists.");
  for (const char* text : {"SELECT a @> b", "SELECT a ^@ b", "SELECT a // b", "SELECT a ** b",
                           "SELECT a COLLATE \"de_DE\"", "SELECT (a, b) OVERLAPS (c, d)",
                           "SELECT INTERVAL '1-2' YEAR TO MONTH", "SELECT INTERVAL (a) DAY",
                           "SELECT a BETWEEN SYMMETRIC 1 AND 2", "SELECT MAP {'a': 1}",
                           "SELECT a[1:2:3]", "SELECT (a).*"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2002");
  }
  CHECK_EQ(ShowError("SELECT a COLLATE \"de_DE\""),
           "VEL2002 1:18 this part of a statement is not supported: collation de_DE");
}

}  // namespace
}  // namespace velaria::sql
