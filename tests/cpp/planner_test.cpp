// Statements to plans: the plan's text for what binds, the error's code for what does not.
#include "sql/planner.hpp"
#include "catalog_for_tests.hpp"
#include "check.hpp"
#include "logical/plan.hpp"
#include "sql/parser.hpp"

namespace velaria {
namespace {

Result<logical::BoundQuery> PlanOf(const std::string& text,
                                   std::vector<std::shared_ptr<arrow::Scalar>> parameters = {}) {
  VELARIA_ASSIGN_OR_RETURN(auto statement, sql::ParseStatement(text));
  sql::BindContext context;
  context.catalog = &check::TestCatalog();
  context.parameters = std::move(parameters);
  return sql::PlanSelect(*statement->select, context);
}

std::string PlanText(const std::string& text) {
  auto query = PlanOf(text);
  return query.ok() ? logical::ToText(*query->root) : ErrorInfoOf(query.status()).message;
}

std::string Types(const std::string& text) {
  auto query = PlanOf(text);
  if (!query.ok()) return ErrorInfoOf(query.status()).message;
  std::string out;
  for (const auto& field : query->schema->fields()) {
    out += (out.empty() ? "" : ", ") + field->name() + " " + SqlName(*field->type());
  }
  return out;
}

std::string Code(const std::string& text) {
  auto query = PlanOf(text);
  return query.ok() ? "ok" : CodeText(ErrorInfoOf(query.status()).code);
}

ErrorInfo ErrorOf(const std::string& text) { return ErrorInfoOf(PlanOf(text).status()); }

}  // namespace

TEST(literals_take_the_smallest_of_their_types) {
  CHECK_EQ(Types("SELECT 1 a, 3000000000 b, 9223372036854775808 c, 0.05 d, 12.30 e, 1e3 f"),
           "a INTEGER, b BIGINT, c DECIMAL(19,0), d DECIMAL(2,2), e DECIMAL(4,2), f DOUBLE");
  CHECK_EQ(Types("SELECT -9223372036854775808 a, -2147483648 b, DATE '2013-01-31' c"),
           "a BIGINT, b INTEGER, c DATE");
}

TEST(a_bad_typed_literal_is_an_error_at_its_place) {
  const auto error = ErrorOf("SELECT DATE '2024-02-30'");
  CHECK_EQ(CodeText(error.code), "VEL2007");
  CHECK_EQ(error.place.column, 8);
}

TEST(an_interval_is_a_number_and_a_unit) {
  CHECK_EQ(Code("SELECT INTERVAL '5' DAY, INTERVAL '1 month 2 days 03:04:05.5'"), "ok");
  CHECK_EQ(Code("SELECT INTERVAL '5 parsecs'"), "VEL2007");
}

TEST(select_star_of_one_table_is_the_scan_itself_with_all_metadata) {
  auto query = PlanOf("SELECT * FROM t");
  REQUIRE(query.ok());
  const auto& declared = *check::TestCatalog().FindRelation("", "t", false).ValueOrDie()->schema();
  CHECK(query->schema->Equals(declared, true));
  CHECK_EQ(logical::ToText(*query->root), "Scan t [a, b, s, d, x, m, ts, code, list]");
}

TEST(a_filter_stands_over_its_scan) {
  CHECK_EQ(PlanText("SELECT a FROM t WHERE b > 5 AND s = 'x'"),
           "Project a\n  Filter ((b > 5) AND (s = 'x'))\n    Scan t [a, b, s, d, x, m, ts, code, "
           "list]");
}

TEST(a_string_literal_adopts_the_type_beside_it) {
  CHECK_EQ(PlanText("SELECT 1 FROM u, t WHERE d = '2013-01-01'").substr(0, 60).find("CAST"),
           std::string::npos);
  CHECK_EQ(Code("SELECT a FROM t WHERE a = '5' AND d >= '2013-01-01' AND m < '1.555'"), "ok");
  CHECK_EQ(Code("SELECT a FROM t WHERE a = 'five'"), "VEL2007");
  CHECK_EQ(Code("SELECT 'abc' + 1"), "VEL2007");
  CHECK_EQ(Types("SELECT CASE WHEN a > 1 THEN d ELSE '2013-01-01' END AS r FROM t"), "r DATE");
}

TEST(a_constant_moves_to_the_column_and_not_the_column_to_the_constant) {
  CHECK(PlanText("SELECT a FROM t WHERE m > 5").find("(m > 5.00)") != std::string::npos);
  CHECK(PlanText("SELECT a FROM t WHERE a = 7.0").find("(a = 7)") != std::string::npos);
  CHECK(PlanText("SELECT a FROM t WHERE b < 10").find("(b < 10)") != std::string::npos);
  CHECK(PlanText("SELECT a FROM t WHERE a IN (1, 2, 3)").find("(a IN (1, 2, 3))") !=
        std::string::npos);
}

TEST(groups_and_aggregates_become_one_node) {
  CHECK_EQ(PlanText("SELECT s, count(*), sum(b) + 1 AS n FROM t GROUP BY s HAVING count(*) > 2"),
           "Project s, count(*) AS count, (sum(b) + 1) AS n\n  Filter (count(*) > 2)\n    "
           "Aggregate count(*), sum(b) by s\n      Scan t [a, b, s, d, x, m, ts, code, list]");
}

TEST(equal_aggregates_are_computed_once) {
  auto query = PlanOf("SELECT sum(b), sum(b) * 2, sum(DISTINCT b) FROM t ORDER BY sum(b)");
  REQUIRE(query.ok());
  const logical::LogicalNode* node = query->root.get();
  while (node->kind != logical::NodeKind::kAggregate) node = node->children[0].get();
  CHECK_EQ(node->aggregates.size(), 2);
}

TEST(group_by_takes_ordinals_aliases_and_expressions) {
  CHECK_EQ(Code("SELECT a + 1 AS k, count(*) FROM t GROUP BY 1"), "ok");
  CHECK_EQ(Code("SELECT a + 1 AS k, count(*) FROM t GROUP BY k"), "ok");
  CHECK_EQ(Code("SELECT a + 1, count(*) FROM t GROUP BY a + 1"), "ok");
  CHECK_EQ(Code("SELECT a + 2, count(*) FROM t GROUP BY a + 1"), "VEL2020");
  CHECK_EQ(Code("SELECT a FROM t GROUP BY 2"), "VEL2022");
}

TEST(misplaced_aggregates_and_ungrouped_columns_are_refused) {
  CHECK_EQ(Code("SELECT a FROM t WHERE sum(a) > 1"), "VEL2019");
  CHECK_EQ(Code("SELECT sum(count(*)) FROM t"), "VEL2019");
  CHECK_EQ(Code("SELECT count(*) FROM t GROUP BY sum(a)"), "VEL2019");
  CHECK_EQ(Code("SELECT a, count(*) FROM t GROUP BY s"), "VEL2020");
  CHECK_EQ(Code("SELECT a FROM t HAVING a > 1"), "VEL2020");
}

TEST(names_that_are_not_there_come_with_a_suggestion) {
  CHECK_EQ(Code("SELECT nope FROM t"), "VEL2012");
  CHECK_EQ(ErrorOf("SELECT coed FROM t").hint, "Did you mean code?");
  CHECK_EQ(Code("SELECT t.nope FROM t"), "VEL2012");
  CHECK_EQ(Code("SELECT x.a FROM t"), "VEL2011");
  CHECK_EQ(Code("SELECT * FROM no_such"), "VEL2011");
  CHECK_EQ(Code("SELECT * FROM nowhere.t"), "VEL2028");
  CHECK_EQ(Code("SELECT cuont(a) FROM t"), "VEL2014");
  CHECK_EQ(ErrorOf("SELECT cuont(a) FROM t").hint, "Did you mean count?");
  CHECK_EQ(Code("SELECT a FROM t x, t y"), "VEL2013");
  CHECK_EQ(Code("SELECT CAST(1 AS no_such_type)"), "VEL2017");
}

TEST(quoted_and_unquoted_names_find_their_column) {
  CHECK_EQ(Code("SELECT mixed, MIXED, \"Mixed\" FROM u"), "ok");
  CHECK_EQ(Types("SELECT A FROM t"), "a INTEGER");
}

TEST(order_by_sees_aliases_ordinals_and_hidden_columns) {
  CHECK_EQ(PlanText("SELECT a AS k FROM u ORDER BY c DESC, k"),
           "Project k\n  Sort c DESC, k\n    Project a AS k, c\n      Scan u [a, c, Mixed]");
  CHECK_EQ(Code("SELECT a FROM t ORDER BY 9"), "VEL2022");
  CHECK_EQ(Code("SELECT DISTINCT a FROM t ORDER BY b"), "VEL2020");
  CHECK_EQ(Code("SELECT a FROM t ORDER BY list"), "ok");
}

TEST(limits_are_constant_and_not_negative) {
  CHECK_EQ(PlanText("SELECT a FROM u LIMIT 1 + 1 OFFSET 3"),
           "Limit 2 offset 3\n  Project a\n    Scan u [a, c, Mixed]");
  CHECK_EQ(Code("SELECT a FROM t LIMIT -1"), "VEL2023");
  CHECK_EQ(Code("SELECT a FROM t LIMIT 'x'"), "VEL2007");
  CHECK_EQ(Code("SELECT a FROM t LIMIT 1.5"), "VEL2023");
}

TEST(joins_split_their_condition_into_keys_and_rest) {
  CHECK_EQ(PlanText("SELECT t.a FROM t JOIN u ON t.a = u.a AND t.b > u.\"Mixed\""),
           "Project a\n  Join inner on a = a AND (b > CAST(Mixed AS BIGINT))\n    Scan t [a, b, s, "
           "d, x, m, ts, code, list]\n    Scan u [a, c, Mixed]");
}

TEST(using_and_natural_merge_their_columns) {
  CHECK_EQ(Types("SELECT * FROM u JOIN u AS w USING (a)"),
           "a INTEGER, c VARCHAR, Mixed INTEGER, c VARCHAR, Mixed INTEGER");
  CHECK_EQ(Types("SELECT * FROM u NATURAL JOIN u w"), "a INTEGER, c VARCHAR, Mixed INTEGER");
  CHECK_EQ(Code("SELECT a, u.a, w.a FROM u FULL JOIN u w USING (a)"), "ok");
  CHECK_EQ(Code("SELECT * FROM u JOIN t USING (nope)"), "VEL2012");
  CHECK_EQ(Code("SELECT * FROM t JOIN t ON true"), "VEL2013");
}

TEST(set_operations_meet_in_common_types) {
  CHECK_EQ(Types("SELECT 1 AS n UNION ALL SELECT 2.5"), "n DECIMAL(11,1)");
  CHECK_EQ(Code("SELECT 1 UNION ALL SELECT 1, 2"), "VEL2021");
  CHECK_EQ(Code("SELECT a FROM t EXCEPT SELECT a FROM u ORDER BY a LIMIT 3"), "ok");
  CHECK_EQ(Code("SELECT a FROM t UNION SELECT a FROM u ORDER BY b"), "VEL2012");
}

TEST(views_common_tables_values_and_files_are_relations) {
  CHECK_EQ(Types("SELECT * FROM v"), "a INTEGER, label VARCHAR");
  CHECK_EQ(Code("SELECT * FROM loop"), "VEL2002");
  CHECK_EQ(Types("WITH q(n) AS (SELECT a FROM t) SELECT n + 1 AS m FROM q"), "m INTEGER");
  CHECK_EQ(Types("SELECT * FROM (VALUES (1, 'x'), (2.5, NULL)) AS z(p, q)"),
           "p DECIMAL(11,1), q VARCHAR");
  CHECK_EQ(Types("SELECT a FROM 'data/x.parquet'"), "a INTEGER");
  CHECK_EQ(Code("SELECT * FROM 'elsewhere.csv'"), "VEL4001");
  CHECK_EQ(Types("SELECT * FROM system.runs"), "id BIGINT");
  CHECK_EQ(Code("SELECT * FROM out"), "VEL2027");
}

TEST(parameters_are_typed_constants) {
  CHECK_EQ(Code("SELECT ?"), "VEL1006");
  auto query = PlanOf("SELECT a FROM t WHERE d = ? AND a < ?",
                      {arrow::MakeScalar("2013-01-01"), arrow::MakeScalar(int64_t{5})});
  REQUIRE(query.ok());
  CHECK(logical::ToText(*query->root).find("((d = DATE '2013-01-01') AND (a < 5))") !=
        std::string::npos);
}

TEST(a_window_adds_a_column_of_the_times_unit) {
  CHECK_EQ(
      Types("SELECT w, k, count(*) n FROM numbers WINDOW BY ts EVERY 10000 AS w GROUP BY w, k"),
      "w TIMESTAMP_S, k VARCHAR, n BIGINT");
  const auto error = ErrorOf("SELECT w FROM numbers WINDOW BY ts EVERY 5000 SLIDE 9000 AS w");
  CHECK_EQ(CodeText(error.code), "VEL2104");
  CHECK_EQ(error.message, "window slide exceeds window size: slide_ms=9000, window_ms=5000");
  CHECK_EQ(Code("SELECT w FROM numbers WINDOW BY k EVERY 5000 AS w"), "VEL2104");
}

TEST(what_needs_an_end_is_refused_over_a_stream) {
  CHECK_EQ(Code("SELECT * FROM numbers ORDER BY n"), "VEL2101");
  CHECK_EQ(Code("SELECT * FROM numbers LIMIT 5"), "ok");
  CHECK_EQ(Code("SELECT k, count(*) FROM numbers GROUP BY k LIMIT 5"), "VEL2101");
  CHECK_EQ(Code("SELECT * FROM numbers x JOIN numbers y USING (k)"), "VEL2101");
  CHECK_EQ(Code("SELECT * FROM numbers LEFT JOIN u ON k = c"), "ok");
  CHECK_EQ(Code("SELECT * FROM numbers RIGHT JOIN u ON k = c"), "VEL2101");
  CHECK_EQ(Code("SELECT k FROM numbers EMIT FINAL"), "VEL2105");
}

TEST(a_percentage_of_a_stream_is_drawn_as_it_passes) {
  CHECK_EQ(Code("SELECT * FROM numbers TABLESAMPLE BERNOULLI (10)"), "ok");
  CHECK_EQ(Code("SELECT * FROM numbers TABLESAMPLE (10 ROWS)"), "VEL2101");
}

TEST(an_asof_join_has_keys_and_one_inequality) {
  CHECK_EQ(
      PlanText("SELECT x.a FROM u x ASOF JOIN u y ON y.c < x.c AND x.a = y.a"),
      "Project a\n  Join asof inner on a = a AND c > c\n    Scan u [a, c, Mixed]\n    Scan u [a, "
      "c, Mixed]");
  CHECK_EQ(Code("SELECT * FROM u x ASOF JOIN u y ON x.a = y.a"), "VEL2002");
  CHECK_EQ(ErrorOf("SELECT * FROM u x ASOF JOIN u y ON x.a >= y.a AND x.c >= y.c").message,
           "an ASOF join has a second inequality: (c >= c)");
}

TEST(what_comes_later_is_refused_by_name) {
  CHECK_EQ(Code("SELECT count(DISTINCT a) OVER () FROM t"), "VEL2002");
}

TEST(types_that_do_not_fit_are_errors) {
  CHECK_EQ(Code("SELECT a FROM t WHERE a"), "VEL2016");
  CHECK_EQ(Code("SELECT CASE WHEN a > 1 THEN DATE '2024-01-01' ELSE true END FROM t"), "VEL2016");
  CHECK_EQ(Code("SELECT a FROM t WHERE d = 5"), "VEL2016");
  CHECK_EQ(Code("SELECT abs(1, 2, 3)"), "VEL2015");
  CHECK_EQ(Code("SELECT abs('a')"), "VEL2015");
  CHECK_EQ(Code("SELECT a LIKE 'x' FROM t"), "VEL2015");
  CHECK_EQ(Code("SELECT sum(s) FROM t"), "VEL2015");
}

TEST(an_insert_is_cast_and_ordered_as_its_target) {
  const auto plan = [](const std::string& text) -> std::string {
    auto statement = sql::ParseStatement(text);
    if (!statement.ok()) return statement.status().message();
    sql::BindContext context;
    context.catalog = &check::TestCatalog();
    const auto& target = *check::TestCatalog().FindRelation("", "u", false).ValueOrDie()->schema();
    auto query = sql::PlanInsertSource(**statement, target, {}, context);
    if (!query.ok()) return CodeText(ErrorInfoOf(query.status()).code);
    return query->schema->Equals(target) ? logical::ToText(*query->root) : "wrong schema";
  };
  CHECK_EQ(plan("INSERT INTO u (c, a) VALUES ('x', '5')"),
           "Project column2 AS a, column1 AS c, NULL AS \"Mixed\"\n  Values 1 rows");
  CHECK_EQ(plan("INSERT INTO u VALUES (1)"), "VEL2021");
  CHECK_EQ(plan("INSERT INTO u VALUES ('nope', 'x', 1)"), "VEL2007");
  CHECK_EQ(plan("INSERT INTO u (zzz) VALUES (1)"), "VEL2012");
  CHECK_EQ(plan("INSERT INTO u (a, a) VALUES (1, 2)"), "VEL2018");
}

}  // namespace velaria
