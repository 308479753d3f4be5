// Rewritten plans, as text: what is pushed where, what is folded, how joins are ordered.
#include "catalog_for_tests.hpp"
#include "check.hpp"
#include "logical/plan.hpp"
#include "sql/parser.hpp"
#include "sql/planner.hpp"

namespace velaria {
namespace {

std::string Rewritten(const std::string& text,
                      const check::NamedCatalog& catalog = check::TestCatalog()) {
  auto statement = sql::ParseStatement(text);
  if (!statement.ok()) return statement.status().message();
  sql::BindContext context;
  context.catalog = &catalog;
  auto query = sql::PlanSelect(*(*statement)->select, context);
  if (!query.ok()) return ErrorInfoOf(query.status()).message;
  auto root = logical::Rewrite(query->root, context.functions);
  if (!root.ok()) return root.status().message();
  if (!logical::SchemaOf(**root)->Equals(*logical::SchemaOf(*query->root), true)) {
    return "the schema changed";
  }
  return logical::ToText(**root);
}

}  // namespace

TEST(a_scan_reads_only_the_columns_that_are_needed) {
  CHECK_EQ(Rewritten("SELECT s FROM t WHERE b > 5"),
           "Project s\n  Filter (b > 5)\n    Scan t [b, s]");
  CHECK_EQ(Rewritten("SELECT count(*) FROM t"),
           "Project count(*) AS count\n  Aggregate count(*)\n    Scan t [a]");
}

TEST(constants_are_folded_and_what_fails_is_left_for_run_time) {
  CHECK_EQ(Rewritten("SELECT a FROM u WHERE a > 1 + 2 AND 1 = 1"), "Filter (a > 3)\n  Scan u [a]");
  CHECK_EQ(Rewritten("SELECT a FROM u WHERE 1 = 2"), "Values 0 rows");
  CHECK_EQ(Rewritten("SELECT 1 / 0"), "Project (1 / 0) AS \"?column?\"\n  Values 1 rows");
  CHECK_EQ(Rewritten("SELECT CASE WHEN true THEN a ELSE 1 / 0 END AS r FROM u"),
           "Project a AS r\n  Scan u [a]");
  CHECK_EQ(Rewritten("SELECT a FROM u WHERE NOT (a <= 3) AND NOT a IN (7)"),
           "Filter ((a > 3) AND (a <> 7))\n  Scan u [a]");
}

TEST(filters_go_below_projections_groups_unions_and_sorts) {
  CHECK_EQ(Rewritten("SELECT k FROM (SELECT a + 1 AS k FROM u ORDER BY a) q WHERE k > 2"),
           "Project k\n  Sort a\n    Project (a + 1) AS k, a\n      Filter ((a + 1) > 2)\n        "
           "Scan u [a]");
  CHECK_EQ(
      Rewritten("SELECT * FROM (SELECT a, count(*) n FROM u GROUP BY a) q WHERE a = 1 AND n > 2"),
      "Project a, count(*) AS n\n  Filter (count(*) > 2)\n    Aggregate count(*) by a\n      "
      "Filter (a = 1)\n        Scan u [a]");
  CHECK_EQ(Rewritten("SELECT * FROM (SELECT a FROM u UNION ALL SELECT a FROM t) q WHERE a = 1"),
           "Union all\n  Filter (a = 1)\n    Scan u [a]\n  Filter (a = 1)\n    Scan t [a]");
  CHECK_EQ(Rewritten("SELECT * FROM (SELECT a FROM u LIMIT 3) q WHERE a = 1"),
           "Filter (a = 1)\n  Limit 3\n    Scan u [a]");
}

TEST(what_all_branches_of_an_or_ask_is_asked_once) {
  CHECK_EQ(
      Rewritten("SELECT t.b FROM t, u WHERE t.a = u.a AND c = 'x' OR t.a = u.a AND b > 1"),
      "Project b\n  Join inner on a = a AND ((c = 'x') OR (b > 1))\n    Scan t [a, b]\n    Scan "
      "u [a, c]");
}

TEST(what_each_branch_of_an_or_asks_of_one_side_is_asked_before_the_join) {
  CHECK_EQ(
      Rewritten("SELECT t.b FROM t, u WHERE t.a = u.a AND (t.b = 1 AND u.c = 'x' OR t.b = 2 AND "
                "u.c = 'y')"),
      "Project b\n  Join inner on a = a AND (((b = 1) AND (c = 'x')) OR ((b = 2) AND (c = 'y')))\n"
      "    Filter ((b = 1) OR (b = 2))\n      Scan t [a, b]\n    Filter ((c = 'x') OR (c = 'y'))\n"
      "      Scan u [a, c]");
  // A branch that says nothing of a side lets every row of it pass; what may fail stays in its
  // branch.
  CHECK_EQ(
      Rewritten("SELECT t.b FROM t, u WHERE t.a = u.a AND (t.b = 1 AND u.c = 'x' OR t.b > 5 AND "
                "10 / t.b > 1)"),
      "Project b\n  Join inner on a = a AND (((b = 1) AND (c = 'x')) OR ((b > 5) AND ((10 / b) > "
      "1)))\n    Filter ((b = 1) OR (b > 5))\n      Scan t [a, b]\n    Scan u [a, c]");
}

TEST(columns_equal_to_a_small_table_s_have_few_values) {
  // 1,500 customers with 1,000 suppliers by one of 25 nations are 60,000 pairs, more than there are
  // orders.
  check::NamedCatalog catalog;
  const auto add = [&](const std::string& name, const std::vector<std::string>& columns,
                       int64_t rows) {
    arrow::FieldVector fields;
    for (const auto& column : columns) fields.push_back(arrow::field(column, arrow::int64()));
    catalog.Add(name, arrow::schema(fields), logical::RelationKind::kTable, rows);
  };
  add("customers", {"c", "n"}, 1500);
  add("suppliers", {"n"}, 1000);
  add("nations", {"n"}, 25);
  add("orders", {"o", "c"}, 15000);
  CHECK_EQ(
      Rewritten("SELECT orders.o FROM customers, suppliers, nations, orders WHERE customers.n "
                "= suppliers.n AND suppliers.n = nations.n AND customers.c = orders.c",
                catalog),
      "Project o\n  Join inner on n = n\n    Project o, n\n      Join inner on c = c\n        "
      "Scan orders [o, c]\n        Scan customers [c, n]\n    Project n\n      Join inner on n "
      "= n\n        Scan suppliers [n]\n        Scan nations [n]");
}

TEST(a_file_scan_is_told_the_simple_conjuncts) {
  CHECK_EQ(Rewritten("SELECT a FROM 'data/x.parquet' WHERE b > 5 AND a + b > 2"),
           "Project a\n  Filter ((b > 5) AND ((CAST(a AS BIGINT) + b) > 2))\n    Scan "
           "'data/x.parquet' [a, b] hint (b > 5)");
}

TEST(comma_joins_become_hash_joins_with_the_small_side_on_the_right) {
  CHECK_EQ(
      Rewritten("SELECT t.b FROM u, t WHERE t.a = u.a AND u.c = 'x' AND t.b > 1"),
      "Project b\n  Join inner on a = a\n    Filter (b > 1)\n      Scan t [a, b]\n    Project a\n"
      "      Filter (c = 'x')\n        Scan u [a, c]");
}

TEST(a_constant_travels_along_an_equality) {
  CHECK_EQ(
      Rewritten("SELECT t.b FROM u, t WHERE t.a = u.a AND u.a > 5"),
      "Project b\n  Join inner on a = a\n    Filter (a > 5)\n      Scan t [a, b]\n    Filter (a > "
      "5)\n      Scan u [a]");
}

TEST(an_outer_join_whose_missing_side_is_rejected_becomes_inner) {
  CHECK_EQ(Rewritten("SELECT t.b FROM t LEFT JOIN u ON t.a = u.a WHERE u.c = 'x'"),
           "Project b\n  Join inner on a = a\n    Scan t [a, b]\n    Project a\n      Filter (c = "
           "'x')\n        Scan u [a, c]");
  CHECK_EQ(
      Rewritten("SELECT t.b FROM t LEFT JOIN u ON t.a = u.a AND u.c = 'y' WHERE t.b = 2"),
      "Project b\n  Join left on a = a\n    Filter (b = 2)\n      Scan t [a, b]\n    Project a\n"
      "      Filter (c = 'y')\n        Scan u [a, c]");
  CHECK_EQ(
      Rewritten("SELECT t.b FROM t LEFT JOIN u ON t.a = u.a WHERE u.c IS NULL"),
      "Project b\n  Filter (c IS NULL)\n    Join left on a = a\n      Scan t [a, b]\n      Scan "
      "u [a, c]");
}

TEST(the_smaller_side_of_an_outer_join_is_built) {
  CHECK_EQ(Rewritten("SELECT u.c, t.b FROM u LEFT JOIN t ON t.a = u.a"),
           "Project c, b\n  Join right on a = a\n    Scan t [a, b]\n    Scan u [a, c]");
}

TEST(a_stream_is_the_probe_side) {
  CHECK_EQ(Rewritten("SELECT u.a, n FROM u JOIN numbers ON k = c"),
           "Project a, n\n  Join inner on k = c\n    Scan numbers [k, n]\n    Scan u [a, c]");
}

TEST(a_limit_makes_the_sort_a_top_n) {
  CHECK_EQ(Rewritten("SELECT a FROM u ORDER BY a LIMIT 3 OFFSET 2"),
           "Limit 3 offset 2\n  Sort a top 5\n    Scan u [a]");
}

TEST(a_stream_keeps_its_columns_below_a_window) {
  CHECK_EQ(
      Rewritten("SELECT w, count(*) n FROM numbers WINDOW BY ts EVERY 1000 AS w GROUP BY w"),
      "Project w, count(*) AS n\n  Aggregate count(*) by w\n    WindowBy ts every 1000 ms slide "
      "1000 ms AS w\n      Scan numbers [ts, k, n]");
}

}  // namespace velaria
