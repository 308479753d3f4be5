// Statements that change tables: rows first, then their definitions.
#include "check.hpp"
#include "sql/parser.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(insert_says_what_to_do_with_conflicts) {
  CHECK_EQ(ShowChange("INSERT INTO t AS u (a) VALUES (1), (DEFAULT) ON CONFLICT DO NOTHING"),
           "insert t as u[a] {values [1] [default]} conflict[] nothing");
  CHECK_EQ(ShowChange("INSERT INTO t SELECT 1 ON CONFLICT (a, b) DO UPDATE SET c = excluded.c, "
                      "(d, e) = (1, DEFAULT) WHERE t.c > 0 RETURNING *, a + 1 AS x"),
           "insert t {select 1} conflict[a b] update c=excluded.c d=1 e=default where (> t.c 0) "
           "returning * (+ a 1) as x");
  CHECK_EQ(ShowChange("INSERT OR REPLACE INTO t VALUES (1)"),
           "insert t {values [1]} conflict[] replace");
  CHECK_EQ(ShowChange("INSERT OR IGNORE INTO t TABLE u"),
           "insert t {select * from u} conflict[] nothing");
  CHECK_EQ(ShowChange("REPLACE INTO t (a) VALUES (1) RETURNING a"),
           "insert t[a] {values [1]} conflict[] replace returning a");
  CHECK_EQ(ShowChange("INSERT INTO t DEFAULT VALUES RETURNING a"),
           "insert t default-values returning a");
  CHECK_EQ(ShowChange("INSERT INTO t FROM u"), "insert t {select * from u}");
  CHECK_EQ(ShowError("INSERT INTO t VALUES (1) ON CONFLCT DO NOTHING"),
           "VEL2001 1:29 syntax error: expected CONFLICT, found: CONFLCT | Did you mean CONFLICT?");
  CHECK_EQ(ShowError("INSERT OR REPLCE INTO t VALUES (1)").substr(0, 12), "VEL2001 1:11");
  CHECK_EQ(ShowError("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE a = 1").substr(0, 12),
           "VEL2001 1:48");
  for (const char* text :
       {"INSERT INTO t VALUES (1) ON CONFLICT ON CONSTRAINT c DO NOTHING",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) WHERE b DO NOTHING",
        "INSERT OR IGNORE INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO t BY NAME SELECT 1", "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1)"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2002");
  }
}

TEST(default_stands_alone_as_a_value) {
  CHECK_EQ(
      ShowError("VALUES (DEFAULT)"),
      "VEL2001 1:9 syntax error: expected an expression, found: DEFAULT | DEFAULT stands alone "
      "as a value of INSERT ... VALUES or UPDATE ... SET.");
  for (const char* text :
       {"INSERT INTO t VALUES (DEFAULT + 1)", "INSERT INTO t SELECT DEFAULT",
        "INSERT INTO t VALUES (1) UNION VALUES (DEFAULT)", "UPDATE t SET a = (DEFAULT)",
        "INSERT INTO t VALUES ((SELECT * FROM (VALUES (DEFAULT)) v))",
        "INSERT INTO t WITH a AS (VALUES (DEFAULT)) SELECT 1", "DELETE FROM t WHERE DEFAULT"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2001");
  }
}

TEST(with_stands_before_every_change) {
  CHECK_EQ(ShowChange("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a"),
           "insert t {with a {select 1} select * from a}");
  CHECK_EQ(ShowChange("WITH a AS (SELECT 1) INSERT INTO t WITH b AS (SELECT 2) SELECT 3"),
           "insert t {with a {select 1} select * from {with b {select 2} select 3}}");
  CHECK_EQ(ShowChange("WITH a AS (SELECT 1) INSERT INTO t VALUES (DEFAULT)"),
           "insert t {with a {select 1} values [default]}");
  CHECK_EQ(ShowChange("WITH a AS (SELECT 1), b AS (SELECT 2) DELETE FROM t WHERE c IN (FROM a)"),
           "with a {select 1} with b {select 2} delete t where (in-query c select * from a)");
  CHECK_EQ(ShowChange("WITH RECURSIVE a AS (SELECT 1) UPDATE t SET b = 1"),
           "with-recursive a {select 1} update t b=1");
  CHECK_EQ(Parse("WITH a AS (SELECT 1) DELETE FROM t")->place.column, 1);
  CHECK_EQ(ShowError("WITH a AS (SELECT 1) MERGE INTO t").substr(0, 12), "VEL2002 1:22");
  CHECK_EQ(ShowError("WITH a AS (SELECT 1) TRUNCATE t").substr(0, 12), "VEL2001 1:22");
}

TEST(delete_and_update_take_aliases_and_other_tables) {
  CHECK_EQ(ShowChange("DELETE FROM s.t u USING a JOIN b ON x, c WHERE u.d = c.d RETURNING u.*"),
           "delete s.t as u from (cross (join a b on x) c) where (= u.d c.d) returning u*");
  CHECK_EQ(ShowChange("UPDATE t AS u SET a = b, c = DEFAULT FROM v, w WHERE x RETURNING a AS b"),
           "update t as u a=b c=default from (cross v w) where x returning a as b");
  CHECK_EQ(ShowChange("UPDATE t SET (a, b) = (1, DEFAULT), (c) = ROW(2)"),
           "update t a=1 b=default c=2");
  CHECK_EQ(ShowChange("UPDATE t u SET a = 1"), "update t as u a=1");
  CHECK_EQ(ShowError("UPDATE t SET (a, b) = (1, 2, 3)"),
           "VEL2021 1:14 assignment has 2 columns and another number of values: 3");
  CHECK_EQ(ShowError("UPDATE t SET (a, b) = (SELECT 1, 2)").substr(0, 12), "VEL2002 1:24");
  CHECK_EQ(ShowError("UPDATE t SET a[1] = 2").substr(0, 12), "VEL2002 1:15");
  CHECK_EQ(ShowError("UPDATE t ST a = 1").substr(0, 7), "VEL2001");
  CHECK_EQ(ShowError("DELETE FROM t WHER a"),
           "VEL2001 1:15 syntax error: expected a clause, found: wher | Did you mean WHERE?");
  CHECK_EQ(ShowError("UPDATE t SET a = 1 RETURNIG a").substr(0, 7), "VEL2001");
}

TEST(truncate_and_drop_say_how_far_they_reach) {
  CHECK_EQ(Parse("TRUNCATE s.t")->name.size(), 2u);
  CHECK(Parse("TRUNCATE TABLE t CASCADE")->cascade);
  CHECK_EQ(ShowError("TRUNCATE a, b").substr(0, 12), "VEL2002 1:11");
  CHECK(Parse("DROP TABLE a, b CASCADE")->cascade);
  CHECK(!Parse("DROP SCHEMA IF EXISTS s RESTRICT")->cascade);
  CHECK_EQ(ShowError("DROP TABLE a CASCAD").substr(0, 12), "VEL2001 1:14");
}

TEST(create_table_takes_named_constraints) {
  const StatementPtr table = Parse(
      "CREATE TABLE t (a INT CONSTRAINT pos CHECK (a > 0 AND  a < 9) CONSTRAINT k UNIQUE DEFAULT "
      "1 + 2 NOT NULL, b TEXT COLLATE \"C\", CONSTRAINT pk PRIMARY KEY (a, b), CHECK (a <> 5))");
  REQUIRE(table->checks.size() == 2 && table->keys.size() == 2);
  CHECK_EQ(table->checks[0].name, "pos");
  CHECK_EQ(table->checks[0].text, "a > 0 AND  a < 9");
  CHECK_EQ(Show(*table->checks[0].expr), "(AND (> a 0) (< a 9))");
  CHECK_EQ(table->checks[1].name, "");
  CHECK_EQ(table->keys[0].name, "k");
  CHECK_EQ(table->keys[1].name, "pk");
  CHECK_EQ(table->keys[1].columns.size(), 2u);
  CHECK_EQ(table->columns[0].default_text, "1 + 2");
  CHECK(table->columns[0].not_null);
  for (const char* element :
       {"a INT REFERENCES u", "a INT GENERATED ALWAYS AS (1)", "FOREIGN KEY (a) REFERENCES u (b)",
        "a INT AS (1)", "LIKE u", "EXCLUDE (a WITH =)", "a GENERATED BY DEFAULT AS IDENTITY",
        "a TEXT COLLATE \"de\""}) {
    CHECK_EQ(ShowError("CREATE TABLE t (" + std::string(element) + ")").substr(0, 7), "VEL2002");
  }
  CHECK_EQ(
      ShowError("CREATE TABLE t (a INT CHEK (a > 0))"),
      "VEL2001 1:23 syntax error: expected \",\", \")\" or a constraint, found: CHEK | Did you "
      "mean CHECK?");
}

TEST(create_table_as_takes_names_and_no_data) {
  const StatementPtr table = Parse("CREATE TEMP TABLE t (a, \"B\") AS SELECT 1, 2 WITH NO DATA");
  CHECK(table->with_no_data && table->temporary);
  REQUIRE(table->columns.size() == 2);
  CHECK_EQ(table->columns[1].name.text, "B");
  CHECK_EQ(table->columns[1].type.name, "");
  CHECK(!Parse("CREATE TABLE t AS FROM f(1) WITH DATA")->with_no_data);
  CHECK_EQ(ShowError("CREATE TABLE t (a, b INT)"),
           "VEL2001 1:17 syntax error: column has no type: a | Columns without a type stand before "
           "AS and a query only.");
  CHECK_EQ(ShowError("CREATE TABLE t (a INT) AS SELECT 1").substr(0, 12), "VEL2002 1:24");
  CHECK_EQ(ShowError("CREATE TABLE t AS SELECT 1 WITH NO DATE").substr(0, 12), "VEL2001 1:36");
  CHECK_EQ(ShowError("CREATE TEMP TABLE t (a INT) ON COMMIT DROP").substr(0, 12), "VEL2002 1:29");
  CHECK(Parse("CREATE OR REPLACE TEMP VIEW v AS TABLE t")->temporary);
  CHECK(Parse("CREATE UNIQUE INDEX i ON t (a)")->unique);
  CHECK_EQ(ShowError("CREATE INDEX i ON t (a) WHERE b").substr(0, 12), "VEL2002 1:25");
}

TEST(alter_table_reads_one_action) {
  const StatementPtr add =
      Parse("ALTER TABLE IF EXISTS s.t ADD COLUMN IF NOT EXISTS a INT DEFAULT 1 CHECK (a > 0)");
  CHECK(add->alter == AlterKind::kAddColumn && add->if_exists && add->if_not_exists);
  CHECK_EQ(add->column.default_text, "1");
  CHECK_EQ(add->checks.size(), 1u);
  CHECK_EQ(Parse("ALTER TABLE t ADD a INT")->column.name.text, "a");
  const StatementPtr drop = Parse("ALTER TABLE t DROP COLUMN IF EXISTS a CASCADE");
  CHECK(drop->alter == AlterKind::kDropColumn && drop->if_exists_inner && drop->cascade);
  const StatementPtr rename = Parse("ALTER TABLE t RENAME COLUMN a TO b");
  CHECK(rename->alter == AlterKind::kRenameColumn);
  CHECK_EQ(rename->target.text + rename->new_name.text, "ab");
  CHECK_EQ(Parse("ALTER TABLE t RENAME column TO b")->target.text, "column");
  CHECK(Parse("ALTER TABLE t RENAME TO u")->alter == AlterKind::kRenameTable);
  const StatementPtr set = Parse("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1 + 2");
  CHECK(set->alter == AlterKind::kSetDefault);
  CHECK_EQ(set->text, "1 + 2");
  CHECK_EQ(Show(*set->value), "(+ 1 2)");
  CHECK(Parse("ALTER TABLE t ALTER a DROP DEFAULT")->alter == AlterKind::kDropDefault);
  CHECK(Parse("ALTER TABLE t ALTER a SET NOT NULL")->alter == AlterKind::kSetNotNull);
  CHECK(Parse("ALTER TABLE t ALTER a DROP NOT NULL")->alter == AlterKind::kDropNotNull);
  const StatementPtr type = Parse("ALTER TABLE t ALTER a SET DATA TYPE BIGINT USING a + 1");
  CHECK(type->alter == AlterKind::kSetType);
  CHECK_EQ(Show(type->column.type), "BIGINT");
  CHECK_EQ(Show(*type->value), "(+ a 1)");
  CHECK(Parse("ALTER TABLE t ALTER a TYPE TEXT")->value == nullptr);
  const StatementPtr check = Parse("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)");
  CHECK(check->alter == AlterKind::kAddCheck);
  CHECK_EQ(check->checks.at(0).name, "c");
  CHECK(Parse("ALTER TABLE t ADD PRIMARY KEY (a, b)")->alter == AlterKind::kAddKey);
  const StatementPtr gone = Parse("ALTER TABLE t DROP CONSTRAINT IF EXISTS c");
  CHECK(gone->alter == AlterKind::kDropConstraint && gone->if_exists_inner);
  CHECK_EQ(gone->text, "c");
}

TEST(alter_table_refuses_what_it_does_not_know) {
  CHECK_EQ(ShowError("ALTER TABLE t RENAM a TO b"),
           "VEL2001 1:15 syntax error: expected ADD, DROP, RENAME or ALTER, found: RENAM | Did you "
           "mean RENAME?");
  CHECK_EQ(ShowError("ALTER TABEL t ADD a INT").substr(0, 11), "VEL2001 1:7");
  CHECK_EQ(ShowError("ALTER TABLE t ALTER a TYP INT").substr(0, 12), "VEL2001 1:23");
  for (const char* action : {"ADD a INT, ADD b INT", "SET SCHEMA s", "RENAME CONSTRAINT a TO b",
                             "ADD FOREIGN KEY (a) REFERENCES u"}) {
    CHECK_EQ(ShowError("ALTER TABLE t " + std::string(action)).substr(0, 7), "VEL2002");
  }
}

}  // namespace
}  // namespace velaria::sql
