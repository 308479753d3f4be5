#include "check.hpp"
#include "sql/parser.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(create_table_keeps_columns_and_constraints) {
  const StatementPtr table = Parse(
      "CREATE OR REPLACE TEMP TABLE IF NOT EXISTS s.T (a INT NOT NULL PRIMARY KEY, \"B\" "
      "DECIMAL(5,2) "
      "DEFAULT -1.5 NOT NULL, key TEXT UNIQUE NULL, d TIMESTAMP WITH TIME ZONE, UNIQUE (d))");
  CHECK(table->kind == StatementKind::kCreateTable);
  CHECK(table->or_replace && table->temporary && table->if_not_exists);
  CHECK_EQ(table->name.size(), 2u);
  CHECK_EQ(table->name[1].text, "t");
  REQUIRE(table->columns.size() == 4);
  CHECK(table->columns[0].not_null && table->keys[0].primary);
  CHECK(table->columns[1].name.quoted && table->columns[1].not_null);
  CHECK_EQ(Show(*table->columns[1].default_value), "(- 1.5)");
  CHECK(!table->keys[1].primary && !table->columns[2].not_null);
  CHECK_EQ(Show(table->columns[3].type), "TIMESTAMP+tz");
  CHECK_EQ(table->keys[2].columns[0].text, table->columns[3].name.text);
}

TEST(create_table_as_and_using) {
  const StatementPtr as = Parse("CREATE TABLE t AS SELECT 1 AS a UNION SELECT 2");
  CHECK_EQ(Show(*as->select), "(union {select 1 as a} {select 2})");
  const StatementPtr file = Parse(
      "CREATE SOURCE TABLE t (a INT) USING CSV OPTIONS(Path: 'a b.csv', delimiter: ';', header: "
      "true, "
      "skip: -1_0)");
  CHECK(file->flavour == TableFlavour::kSource);
  CHECK_EQ(file->using_format, "csv");
  REQUIRE(file->options.size() == 4);
  CHECK_EQ(file->options[0].key.text, "path");
  CHECK_EQ(file->options[0].value, "a b.csv");
  CHECK_EQ(file->options[2].value, "true");
  CHECK_EQ(file->options[3].value, "-1_0");
  CHECK(Parse("CREATE TABLE t OPTIONS(path: 'x')")->has_options);
  CHECK(Parse("CREATE SINK TABLE t (a INT) USING memory")->flavour == TableFlavour::kSink);
}

TEST(options_are_written_with_a_colon) {
  CHECK_EQ(ShowError("CREATE TABLE t USING csv OPTIONS(path = 'x')"),
           "VEL2001 1:39 syntax error: expected \":\", found: = | Options are written key: value.");
  CHECK_EQ(ShowError("CREATE TABLE t USING csv OPTIONS(path: )").substr(0, 12), "VEL2001 1:40");
  CHECK_EQ(ShowError("CREATE TABLE t USING csv OPTIONS(path: -'x')").substr(0, 12), "VEL2001 1:41");
}

TEST(create_stream_takes_a_watermark) {
  const StatementPtr stream = Parse(
      "CREATE STREAM bids (ts TIMESTAMP, price DOUBLE, watermark INT, WATERMARK FOR ts AS ts - "
      "INTERVAL "
      "'5' SECOND)");
  CHECK(stream->kind == StatementKind::kCreateStream);
  CHECK_EQ(stream->columns.size(), 3u);
  REQUIRE(stream->watermark.has_value());
  CHECK_EQ(stream->watermark->column.text, "ts");
  CHECK_EQ(Show(*stream->watermark->expr), "(- ts (interval '5' second))");
  CHECK_EQ(ShowError("CREATE TABLE t (a INT, WATERMARK FOR a AS a)").substr(0, 12), "VEL2002 1:24");
}

TEST(create_view_schema_and_index) {
  CHECK_EQ(Show(*Parse("CREATE VIEW v AS SELECT 1")->select), "select 1");
  CHECK_EQ(Show(*Parse("CREATE VIEW s.v (a, b) AS SELECT 1, 2")->select),
           "select * from {select 1 2} as v[a b]");
  CHECK(Parse("CREATE SCHEMA IF NOT EXISTS s")->if_not_exists);
  const StatementPtr index = Parse("CREATE UNIQUE INDEX i ON t (a, b DESC)");
  CHECK(index->kind == StatementKind::kCreateIndex);
  CHECK_EQ(index->index_table.at(0).text, "t");
  CHECK(index->unique);
  CHECK_EQ(index->index_items.size(), 2u);
  CHECK(index->index_items.at(1).descending);
  const StatementPtr nameless = Parse("CREATE INDEX ON t USING btree (a + 1)");
  CHECK(nameless->name.empty() && !nameless->unique);
  CHECK_EQ(ShowError("CREATE INDEX IF NOT EXISTS ON t (a)").substr(0, 12), "VEL2001 1:28");
}

TEST(a_view_keeps_its_query_as_written) {
  CHECK_EQ(Parse("CREATE VIEW v AS  SELECT 'ä' -- x\n, 1 ; ")->text, "SELECT 'ä' -- x\n, 1");
  const std::string renamed = Parse("CREATE VIEW s.v (\"Select\", b) AS SELECT 1, 2 -- x")->text;
  CHECK_EQ(renamed, "SELECT * FROM (SELECT 1, 2\n) AS \"v\"(\"Select\", \"b\")");
  CHECK_EQ(ShowQuery(renamed), "select * from {select 1 2} as v[\"Select\" b]");
  CHECK_EQ(ShowError("CREATE VIEW v(a) AS SELECT 1 /* open"),
           "VEL2001 1:30 comment has no end: /* | Close it with */.");
}

TEST(drop_takes_a_list) {
  const StatementPtr drop = Parse("DROP VIEW IF EXISTS a, s.b");
  CHECK(drop->drop == DropKind::kView);
  CHECK(drop->if_exists);
  CHECK_EQ(drop->drop_names.size(), 2u);
  CHECK(Parse("DROP STREAM a")->drop == DropKind::kStream);
  CHECK(Parse("DROP SOURCE TABLE a")->drop == DropKind::kTable);
}

TEST(insert_takes_values_queries_and_defaults) {
  const StatementPtr values = Parse("INSERT INTO t (a, \"B\") VALUES (1, ?), (2, ?)");
  CHECK_EQ(values->insert_columns.size(), 2u);
  CHECK_EQ(values->parameter_count, 2);
  CHECK_EQ(Show(*values->select), "values [1 $1] [2 $2]");
  CHECK_EQ(Show(*Parse("INSERT INTO t SELECT 1")->select), "select 1");
  CHECK_EQ(Show(*Parse("INSERT INTO t (SELECT 1)")->select), "select 1");
  CHECK_EQ(Show(*Parse("INSERT INTO t (VALUES (1))")->select), "values [1]");
  CHECK_EQ(Show(*Parse("INSERT INTO t WITH a AS (SELECT 1) SELECT 2")->select),
           "with a {select 1} select 2");
  CHECK(Parse("INSERT INTO t DEFAULT VALUES")->default_values);
}

TEST(delete_and_update) {
  CHECK_EQ(Show(*Parse("DELETE FROM t WHERE a = 1")->where), "(= a 1)");
  CHECK(Parse("DELETE FROM t")->where == nullptr);
  const StatementPtr update = Parse("UPDATE t SET a = a + 1, b = 'x' WHERE c");
  REQUIRE(update->assignments.size() == 2);
  CHECK_EQ(Show(*update->assignments[0].second), "(+ a 1)");
  CHECK_EQ(Show(*update->where), "c");
}

TEST(settings_are_set_reset_and_shown) {
  const StatementPtr set = Parse("SET Threads = 4");
  CHECK_EQ(set->text, "threads");
  CHECK_EQ(Show(*set->value), "4");
  CHECK_EQ(Show(*Parse("SET float_sum TO 'reproducible'")->value), "'reproducible'");
  CHECK_EQ(Show(*Parse("SET SESSION a.b = on")->value), "'on'");
  CHECK_EQ(Show(*Parse("SET a = -1")->value), "(- 1)");
  CHECK_EQ(Show(*Parse("SET a = true")->value), "true");
  CHECK_EQ(Parse("SET TIME ZONE 'UTC'")->text, "timezone");
  CHECK(Parse("SET a TO DEFAULT")->kind == StatementKind::kReset);
  CHECK_EQ(Parse("RESET ALL")->text, "all");
  CHECK_EQ(Parse("SET SCHEMA 'S'")->text, "schema");
  CHECK_EQ(Show(*Parse("SET SCHEMA s")->value), "'s'");
  CHECK_EQ(Parse("USE s")->text, "schema");
  CHECK_EQ(Show(*Parse("USE \"A\".b")->value), "'A.b'");
  CHECK_EQ(Parse("RESET TIME ZONE")->text, "timezone");
  CHECK_EQ(ShowError("SET LOCAL a = 1").substr(0, 11), "VEL2002 1:5");
  CHECK_EQ(ShowError("SET TRANSACTION READ ONLY").substr(0, 11), "VEL2002 1:5");
  CHECK_EQ(Parse("SET local = 1")->text, "local");
}

TEST(show_and_describe_name_what_they_show) {
  CHECK_EQ(Parse("SHOW TABLES")->text, "tables");
  CHECK_EQ(Parse("SHOW TABLES FROM s")->name.at(0).text, "s");
  CHECK_EQ(Parse("SHOW ALL")->text, "all");
  CHECK_EQ(Parse("SHOW FUNCTIONS")->text, "functions");
  CHECK_EQ(Parse("SHOW SCHEMAS")->text, "schemas");
  CHECK_EQ(Parse("SHOW a.B")->text, "a.b");
  const StatementPtr like = Parse("SHOW TABLES FROM s LIKE 'a%'");
  CHECK_EQ(like->name.at(0).text, "s");
  CHECK_EQ(Show(*like->value), "'a%'");
  CHECK_EQ(Show(*Parse("SHOW FUNCTIONS LIKE 'a%'")->value), "'a%'");
  CHECK_EQ(ShowError("SHOW SCHEMAS FROM s").substr(0, 12), "VEL2001 1:14");
  CHECK_EQ(ShowError("SHOW VIEWS LIKE a"),
           "VEL2001 1:17 syntax error: expected a pattern in quotes, found: a");
  CHECK_EQ(ShowError("SHOW tabels FROM s"),
           "VEL2001 1:6 syntax error: expected one of TABLES, VIEWS, INDEXES, COLUMNS, SCHEMAS, "
           "FUNCTIONS, ALL, found: tabels | Did you mean TABLES?");
  const StatementPtr columns = Parse("SHOW COLUMNS FROM s.t");
  CHECK_EQ(columns->text, "columns");
  CHECK_EQ(columns->name.size(), 2u);
  CHECK_EQ(ShowError("SHOW COLUMNS t").substr(0, 12), "VEL2001 1:14");
  CHECK_EQ(Parse("DESCRIBE s.t")->name.size(), 2u);
  CHECK_EQ(Parse("DESC TABLE t")->name.size(), 1u);
  CHECK_EQ(Show(*Parse("DESCRIBE SELECT 1")->select), "select 1");
  CHECK_EQ(Show(*Parse("SUMMARIZE (FROM t)")->select), "select * from t");
  CHECK_EQ(Show(*Parse("SUMMARIZE 'a.csv'")->select), "select * from 'a.csv'");
  CHECK(Parse("SUMMARIZE t")->kind == StatementKind::kSummarize);
}

TEST(explain_holds_a_statement) {
  const StatementPtr explain = Parse("EXPLAIN ANALYZE SELECT $2");
  CHECK(explain->analyze);
  CHECK_EQ(Show(*explain->inner->select), "select $2");
  CHECK_EQ(explain->parameter_count, 2);
  CHECK_EQ(explain->inner->parameter_count, 2);
  CHECK_EQ(Show(*Parse("EXPLAIN (SELECT 1)")->inner->select), "select 1");
  const StatementPtr json = Parse("EXPLAIN (FORMAT JSON, ANALYZE) SELECT 1");
  CHECK(json->analyze && json->explain_format == ExplainFormat::kJson);
  CHECK(Parse("EXPLAIN (FORMAT 'text') SELECT 1")->explain_format == ExplainFormat::kText);
  CHECK(!Parse("EXPLAIN ANALYZE (ANALYZE false) SELECT 1")->analyze);
  CHECK(Parse("EXPLAIN WITH a AS (SELECT 1) DELETE FROM t")->inner->with.size() == 1);
  CHECK_EQ(ShowError("EXPLAIN (FORMAT JSNO) SELECT 1"),
           "VEL2001 1:17 syntax error: expected TEXT or JSON, found: JSNO | Did you mean JSON?");
  CHECK_EQ(ShowError("EXPLAIN (ANALYSE) SELECT 1").substr(0, 12), "VEL2001 1:10");
  CHECK_EQ(ShowError("EXPLAIN (BUFFERS) SELECT 1").substr(0, 12), "VEL2002 1:10");
  CHECK_EQ(ShowError("EXPLAIN (FORMAT YAML) SELECT 1").substr(0, 12), "VEL2002 1:17");
}

TEST(other_statements_are_known_by_their_word) {
  CHECK_EQ(Parse("alter sequence s restart")->text, "ALTER SEQUENCE");
  CHECK_EQ(Parse("vacuum t;")->text, "VACUUM");
  CHECK_EQ(Parse("CREATE MATERIALIZED VIEW v AS SELECT 1")->text, "CREATE MATERIALIZED");
  CHECK_EQ(ShowError("VACUUM 'open").substr(0, 11), "VEL2001 1:8");
}

TEST(a_script_is_cut_at_semicolons) {
  const auto script = ParseScript(";SELECT ?;; SELECT ';' -- ;\n; SELECT ?, ?;");
  CHECK_OK(script);
  REQUIRE(script.ok());
  CHECK_EQ(script->size(), 3u);
  CHECK_EQ((*script)[2]->parameter_count, 2);
  CHECK_EQ((*script)[2]->place.line, 2);
  CHECK_EQ(
      ShowError("SELECT 1; SELECT 2"),
      "VEL2001 1:11 syntax error: expected one statement only, found: SELECT | Send one statement "
      "at a time; the shell takes several, each ended by a semicolon.");
  CHECK_EQ(ErrorInfoOf(ParseScript("SELECT 1; SELEC 2").status()).place.column, 11);
}

}  // namespace
}  // namespace velaria::sql
