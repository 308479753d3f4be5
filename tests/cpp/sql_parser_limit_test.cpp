// No text may crash the parser, its tree's destructor or cost more than a moment.
#include <chrono>
#include <functional>

#include "check.hpp"
#include "sql/parser.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

std::string Repeat(const std::string& part, size_t times) {
  std::string text;
  text.reserve(part.size() * times);
  for (size_t i = 0; i < times; ++i) text += part;
  return text;
}

/// The code of the error of `text` under limits that let any size in; "ok" when there is none.
std::string CodeOf(const std::string& text, int64_t statement_bytes = int64_t{1} << 30) {
  ParserLimits limits;
  limits.statement_bytes = statement_bytes;
  const auto start = std::chrono::steady_clock::now();
  const Status status = ParseStatement(text, limits).status();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  CHECK(took.count() < 5.0);  // far above the tenth of a second of an optimised build: sanitizers
  return status.ok() ? "ok" : CodeText(ErrorInfoOf(status).code);
}

struct Nest {
  const char* name;
  std::string open, middle, close;
  size_t levels_per_open = 1;
};

const std::vector<Nest>& Nests() {
  static const std::vector<Nest> nests = {
      {"parentheses", "(", "1", ")"},
      {"NOT", "NOT ", "true", ""},
      {"minus", "- ", "1", ""},
      {"plus", "+", "1", ""},
      {"calls", "f(", "1", ")"},
      {"CASE", "CASE WHEN true THEN ", "1", " END"},
      {"CASE operand", "CASE ", "1", " WHEN 1 THEN 1 END"},
      {"casts", "CAST(", "1", " AS INT)"},
      {"scalar subqueries", "(SELECT ", "1", ")", 2},
      {"EXISTS", "EXISTS (SELECT ", "1", ")", 2},
      {"IN lists", "1 IN (", "1", ")"},
      {"IN queries", "1 IN (SELECT ", "1", ")", 2},
      {"rows", "(1, ", "1", ")"},
      {"mixed operators", "(1 OR 1 AND NOT 1 = 1 + 1 * ", "1", ")", 2},
      {"filters", "f(1) FILTER (WHERE ", "true", ")"},
      {"windows", "f() OVER (ORDER BY ", "1", ")"},
      {"BETWEEN", "1 BETWEEN (", "1", ") AND 1"},
      {"interval math", "position(", "1", " IN 1)"},
      {"trim", "trim(BOTH ", "1", " FROM 1)"},
      {"extract", "extract(year FROM ", "1", ")"},
      {"sub-selects", "1 FROM (SELECT ", "1", ") x", 2},
      {"complements", "~ ", "1", ""},
      {"arrays", "ARRAY[", "1", "]"},
      {"lists", "[", "1", "]"},
      {"structs", "{'a': ", "1", "}"},
      {"subscripts", "a[", "1", "]"},
      {"slices", "a[1:", "1", "]"},
      {"array queries", "ARRAY(SELECT ", "1", ")", 2},
      {"ANY", "1 = ANY (", "1", ")"},
      {"ALL of queries", "1 = ALL (SELECT ", "1", ")", 2},
      {"LIKE ANY", "a LIKE ANY (", "1", ")"},
      {"argument names", "f(x => ", "1", ")"},
      {"aggregate orders", "f(1 ORDER BY ", "1", ")"},
      {"groups within", "f() WITHIN GROUP (ORDER BY ", "1", ")"},
      {"partitions", "f() OVER (PARTITION BY ", "1", ")"},
      {"frame bounds", "f() OVER (ROWS ", "1", " PRECEDING)"},
      {"overlays", "overlay(1 PLACING ", "1", " FROM 1)"},
      {"replaced columns", "(SELECT * REPLACE (", "1", " AS a))", 2},
      {"grouping sets", "(SELECT 1 GROUP BY GROUPING SETS (", "1", "))", 4},
      {"sets of sets", "(SELECT 1 GROUP BY ROLLUP (", "a", "))", 3},
      {"FROM first", "(FROM ", "t", ")", 4},
      {"LATERAL", "1 FROM LATERAL (SELECT ", "1", ") x", 3},
      {"function tables", "(SELECT 1 FROM f(", "1", "))", 4},
      {"QUALIFY", "(SELECT 1 QUALIFY ", "1", ")", 2},
      {"WINDOW", "(SELECT 1 WINDOW w AS (ORDER BY ", "1", "))", 2},
      {"common tables", "1 FROM (WITH a AS (SELECT ", "1", ") SELECT 1) x", 4},
      {"joins in parentheses", "1 FROM (t JOIN (SELECT ", "1", ") x ON true)", 4},
  };
  return nests;
}

TEST(nesting_within_the_limit_is_read) {
  for (const Nest& nest : Nests()) {
    const size_t depth = 380 / (nest.levels_per_open + 1);
    const std::string text =
        "SELECT " + Repeat(nest.open, depth) + nest.middle + Repeat(nest.close, depth);
    const std::string code = CodeOf(text);
    if (code != "ok") std::cout << nest.name << "\n";
    CHECK_EQ(code, "ok");
  }
}

TEST(nesting_a_million_deep_is_an_error) {
  for (const Nest& nest : Nests()) {
    const size_t depth = 1000000;
    const std::string opened = "SELECT " + Repeat(nest.open, depth) + nest.middle;
    const std::string closed = opened + Repeat(nest.close, depth);
    if (CodeOf(closed) != "VEL2004") std::cout << nest.name << "\n";
    CHECK_EQ(CodeOf(closed), "VEL2004");
    CHECK_EQ(CodeOf(opened), "VEL2004");
  }
  CHECK_EQ(CodeOf(Repeat("(", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("SELECT 1 FROM " + Repeat("(", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("SELECT 1 FROM t " + Repeat("JOIN t ", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("SELECT a::int" + Repeat("[]", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("SELECT a::" + Repeat("STRUCT(a ", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("SELECT a::" + Repeat("MAP(INT, ", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY " + Repeat("GROUPING SETS (", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf(Repeat("EXPLAIN ", 1000000)), "VEL2001");
  CHECK_EQ(CodeOf(Repeat("PREPARE p AS ", 1000000)), "VEL2001");
  CHECK_EQ(CodeOf(Repeat("WITH a AS (", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("INSERT INTO t " + Repeat("WITH a AS (", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("COPY (" + Repeat("(", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("CREATE TABLE t (a INT CHECK (" + Repeat("(", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("UPDATE t SET a = " + Repeat("[", 1000000)), "VEL2004");
  CHECK_EQ(CodeOf("EXECUTE p(" + Repeat("{a: ", 1000000)), "VEL2004");
}

TEST(flat_chains_of_any_length_are_read) {
  CHECK_EQ(CodeOf("SELECT a" + Repeat(" AND a", 100000)), "ok");
  CHECK_EQ(CodeOf("SELECT a" + Repeat(" OR a AND b", 100000)), "ok");
  CHECK_EQ(CodeOf("SELECT a IN (1" + Repeat(", 1", 100000) + ")"), "ok");
  CHECK_EQ(CodeOf("VALUES (1)" + Repeat(", (1)", 100000)), "ok");
  CHECK_EQ(CodeOf("SELECT [1" + Repeat(", 1", 100000) + "]"), "ok");
  CHECK_EQ(CodeOf("SELECT a" + Repeat(" COLLATE \"C\"", 100000)), "ok");
  CHECK_EQ(CodeOf("SELECT 1 WINDOW w AS ()" + Repeat(", w AS ()", 100000)), "ok");
  CHECK_EQ(CodeOf("UPDATE t SET a = 1" + Repeat(", (a, b) = (1, 2)", 50000)), "ok");
  CHECK_EQ(CodeOf("COPY t TO 'x'" + Repeat(" NULL 'x'", 100000)), "ok");
  CHECK_EQ(CodeOf("COPY t TO 'x' (a" + Repeat(", a (b)", 100000) + ")"), "ok");
  CHECK_EQ(CodeOf("SELECT CASE" + Repeat(" WHEN a THEN b", 100000) + " END"), "ok");
}

TEST(grouping_sets_are_bounded_before_they_are_made) {
  const std::string list = "(a" + Repeat(", a", 16000) + ")";
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY CUBE (a" + Repeat(", a", 100000) + ")"), "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY ROLLUP (a" + Repeat(", a", 100000) + ")"), "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY ROLLUP (" + list + Repeat(", a", 1000) + ")"), "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY CUBE (a, b)" + Repeat(", CUBE (a, b)", 50000)), "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY GROUPING SETS (a" + Repeat(", CUBE (a, b)", 50000) + ")"),
           "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY GROUPING SETS (a" + Repeat(", a", 10000) + ")"), "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY " + list + ", CUBE (a, b, c, d, e, f, g, h)"), "VEL2002");
  CHECK_EQ(CodeOf("SELECT 1 GROUP BY ROLLUP (" + list + ", " + list + ")"), "ok");
}

TEST(deep_chains_are_bounded) {
  const std::vector<std::pair<std::string, std::string>> chains = {
      {"SELECT a", " + a"},
      {"SELECT a", " || a"},
      {"SELECT a", " * a"},
      {"SELECT a", "::int"},
      {"SELECT a", "[1]"},
      {"SELECT a", "[1:2]"},
      {"SELECT a.b.c.d", ".e"},
      {"SELECT a", " ^ a"},
      {"SELECT a", " & a"},
      {"SELECT a", " = ANY (b)"},
      {"SELECT 1 FROM t", " SEMI JOIN t ON a"},
      {"SELECT 1 FROM t", ", LATERAL f(1)"},
      {"FROM t", " UNION ALL BY NAME FROM t"},
      {"SELECT a", " IS NULL"},
      {"SELECT 1", " UNION SELECT 1"},
      {"SELECT 1", " INTERSECT ALL SELECT 1"},
      {"SELECT 1 FROM t", ", t"},
      {"SELECT 1 FROM t", " JOIN t ON a"},
      {"SELECT a", " AT TIME ZONE a"}};
  for (const auto& [first, link] : chains) {
    CHECK_EQ(CodeOf(first + Repeat(link, 400)), "ok");
    CHECK_EQ(CodeOf(first + Repeat(link, 100000)), "VEL2004");
  }
}

TEST(nested_chains_do_not_add_up_past_the_bound) {
  // Each level is the left operand of a chain: a tree of 300 * 900 levels, were it not refused.
  std::string text = "a";
  for (int i = 0; i < 300; ++i) text = "(" + text + Repeat(" + a", 900) + ")";
  CHECK_EQ(CodeOf("SELECT " + text), "VEL2004");
  std::string query = "SELECT 1";
  for (int i = 0; i < 100; ++i) query = "(" + query + Repeat(" UNION SELECT 1", 300) + ")";
  CHECK_EQ(CodeOf(query), "VEL2004");
}

TEST(lists_of_columns_arguments_and_keys_have_a_limit) {
  const std::vector<std::pair<std::string, std::string>> lists = {
      {"SELECT a", ", a"},
      {"SELECT f(a", ", a"},
      {"SELECT (a", ", a"},
      {"SELECT {a: 1", ", a: 1"},
      {"SELECT 1 GROUP BY a", ", a"},
      {"SELECT 1 GROUP BY (), a", ", a"},
      {"SELECT 1 ORDER BY a", ", a"},
      {"SELECT sum(a) OVER (PARTITION BY a", ", a"},
      {"SELECT DISTINCT ON (a", ", a"},
      {"INSERT INTO t (a", ", a"},
      {"INSERT INTO t VALUES (DEFAULT", ", DEFAULT"},
      {"UPDATE t SET (a) = (a", ", a"},
      {"CREATE TABLE t (a INT", ", a INT"},
  };
  for (const auto& [open, more] : lists) {
    CHECK_EQ(CodeOf(open + Repeat(more, 16385)), "VEL2009");
    CHECK(CodeOf(open + Repeat(more, 16000)) != "VEL2009");
  }
  CHECK_EQ(CodeOf("SELECT a" + Repeat(", a", 16383)), "ok");
}

TEST(an_oversized_statement_is_refused_at_once) {
  CHECK_EQ(CodeOf("SELECT 1" + Repeat(" ", 10 << 20), 1 << 20), "VEL2003");
  CHECK_EQ(CodeOf(Repeat("\xFF", 10 << 20), 1 << 20), "VEL2003");
  CHECK_EQ(CodeOf("SELECT '" + Repeat("x", 10 << 20) + "'"), "ok");
  CHECK_EQ(CodeOf("SELECT \"" + Repeat("x", 10 << 20) + "\""), "VEL2005");
  CHECK_EQ(CodeOf("SELECT 1 /*" + Repeat("/*", 5 << 20)), "VEL2001");
  CHECK_EQ(CodeOf("SELECT " + Repeat("9", 10 << 20) + "x"), "VEL2001");
}

TEST(the_byte_limit_of_a_script_holds_for_each_statement) {
  ParserLimits limits;
  limits.statement_bytes = 100;
  CHECK_OK(ParseScript(Repeat("SELECT 1;\n", 1000), limits));
  const auto code = [&](const std::string& text) {
    return CodeText(ErrorInfoOf(ParseScript(text, limits).status()).code);
  };
  CHECK_EQ(code("SELECT 1; SELECT 1" + Repeat(" + 1", 50)), "VEL2003");
  CHECK_EQ(code("SELECT '" + Repeat("x", 200) + "'"), "VEL2003");
  CHECK_EQ(code("VACUUM " + Repeat("x ", 200)), "VEL2003");
}

}  // namespace
}  // namespace velaria::sql
