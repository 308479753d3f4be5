// COPY, transactions and prepared statements.
#include "base/text.hpp"
#include "check.hpp"
#include "sql/parser.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

/// "key=value key=value" of a COPY.
std::string Options(const std::string& text) {
  std::vector<std::string> shown;
  const StatementPtr copy = Parse(text);
  for (const Option& option : copy->options) {
    shown.push_back(option.key.text + "=" + option.value);
  }
  return Join(shown, " ");
}

TEST(copy_reads_and_writes_files) {
  const StatementPtr from = Parse("COPY s.t (a, b) FROM 'x.csv'");
  CHECK(from->copy_from && from->name.size() == 2 && from->insert_columns.size() == 2);
  CHECK_EQ(from->path, "x.csv");
  const StatementPtr to = Parse("COPY (SELECT 1) TO 'x.csv'");
  CHECK(!to->copy_from && to->name.empty());
  CHECK_EQ(Show(*to->select), "select 1");
  CHECK_EQ(Options("COPY t TO 'x' (FORMAT csv, HEADER, DELIMITER ';', NULL '', skip -1, a off)"),
           "format=csv header=true delimiter=; null= skip=-1 a=off");
  CHECK_EQ(Options("COPY t TO 'x' WITH (Format 'parquet', PARTITION_BY (a, \"B\"), FORCE_QUOTE *)"),
           "format=parquet partition_by=a,B force_quote=*");
  CHECK_EQ(Options("COPY t FROM 'x' WITH CSV HEADER DELIMITER AS ';' NULL 'n' QUOTE '\"'"),
           "format=csv header=true delimiter=; null=n quote=\"");
  CHECK_EQ(Options("COPY t TO 'x' parquet"), "format=parquet");
  CHECK(Parse("COPY t TO 'x' ()")->has_options);
  CHECK_EQ(ShowError("COPY t INTO 'x'").substr(0, 11), "VEL2001 1:8");
  CHECK_EQ(ShowError("COPY t FORM 'x'"),
           "VEL2001 1:8 syntax error: expected FROM or TO, found: FORM | Did you mean FROM?");
  CHECK_EQ(ShowError("COPY t TO x"),
           "VEL2001 1:11 syntax error: expected a path in quotes, found: x");
  CHECK_EQ(ShowError("COPY t TO 'x' (FORMAT csv").substr(0, 12), "VEL2001 1:26");
  CHECK_EQ(ShowError("COPY (SELECT 1) FROM 'x'").substr(0, 12), "VEL2001 1:17");
  for (const char* text : {"COPY t FROM STDIN", "COPY t TO PROGRAM 'x'", "COPY t FROM 'x' WHERE a",
                           "COPY (DELETE FROM t) TO 'x'"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2002");
  }
}

TEST(transactions_begin_and_end) {
  for (const char* text : {"BEGIN", "BEGIN WORK", "BEGIN TRANSACTION", "START TRANSACTION"}) {
    CHECK(Parse(text)->kind == StatementKind::kBegin);
  }
  for (const char* text : {"COMMIT", "COMMIT WORK", "END", "END TRANSACTION"}) {
    CHECK(Parse(text)->kind == StatementKind::kCommit);
  }
  for (const char* text : {"ROLLBACK", "ROLLBACK TRANSACTION", "ABORT", "ABORT WORK"}) {
    CHECK(Parse(text)->kind == StatementKind::kRollback);
  }
  for (const char* text : {"ROLLBACK TO A", "ROLLBACK WORK TO SAVEPOINT a"}) {
    CHECK(Parse(text)->kind == StatementKind::kRollbackTo);
    CHECK_EQ(Parse(text)->text, "a");
  }
  CHECK_EQ(Parse("ROLLBACK TO savepoint")->text, "savepoint");
  CHECK(Parse("SAVEPOINT a")->kind == StatementKind::kSavepoint);
  CHECK(Parse("RELEASE SAVEPOINT a")->kind == StatementKind::kReleaseSavepoint);
  CHECK_EQ(Parse("RELEASE \"A\"")->text, "A");
  for (const char* text :
       {"BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN WORK ISOLATION LEVEL READ COMMITTED",
        "START TRANSACTION READ WRITE, ISOLATION LEVEL READ UNCOMMITTED",
        "BEGIN READ ONLY ISOLATION LEVEL SNAPSHOT READ WRITE"}) {
    CHECK(Parse(text)->kind == StatementKind::kBegin);
    CHECK_EQ(Parse(text)->text, "");
  }
  CHECK_EQ(Parse("START TRANSACTION READ ONLY")->text, "read only");
  CHECK_EQ(ShowError("BEGIN ISOLATION LEVEL SERIALIZABLE").substr(0, 12), "VEL2002 1:23");
  CHECK_EQ(ShowError("BEGIN ISOLATION LEVEL REPEATABLE RAED"),
           "VEL2001 1:34 syntax error: expected READ, found: RAED | Did you mean READ?");
  CHECK_EQ(ShowError("BEGIN ISOLATION LEVEL READ COMITTED"),
           "VEL2001 1:28 syntax error: expected COMMITTED or UNCOMMITTED, found: COMITTED | "
           "Did you mean COMMITTED?");
  CHECK_EQ(ShowError("BEGIN READ ONYL"),
           "VEL2001 1:12 syntax error: expected ONLY or WRITE, found: ONYL | Did you mean ONLY?");
  CHECK_EQ(ShowError("BEGIN READ ONLY,").substr(0, 12), "VEL2001 1:17");
  for (const char* text :
       {"BEGIN NOT DEFERRABLE", "BEGIN IMMEDIATE", "COMMIT AND CHAIN", "ROLLBACK AND NO CHAIN"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2002");
  }
  CHECK_EQ(ShowError("START").substr(0, 11), "VEL2001 1:6");
  CHECK_EQ(ShowError("COMIT"),
           "VEL2001 1:1 syntax error: expected a statement, found: COMIT | Did you mean COMMIT?");
  CHECK_EQ(ShowError("SAVEPOINT").substr(0, 12), "VEL2001 1:10");
}

TEST(statements_are_prepared_and_executed) {
  const StatementPtr prepare = Parse("PREPARE P (INT, DECIMAL(5,2)) AS SELECT $1, $2");
  CHECK_EQ(prepare->text, "p");
  REQUIRE(prepare->columns.size() == 2);
  CHECK_EQ(Show(prepare->columns[1].type), "DECIMAL(5,2)");
  CHECK_EQ(prepare->parameter_count, 2);
  CHECK_EQ(prepare->inner->parameter_count, 2);
  CHECK(Parse("PREPARE p AS WITH a AS (SELECT 1) DELETE FROM t")->inner->kind ==
        StatementKind::kDelete);
  CHECK_EQ(ShowError("PREPARE p AS CREATE TABLE t (a INT)").substr(0, 12), "VEL2001 1:14");
  CHECK_EQ(ShowError("PREPARE p AS SELCT 1"),
           "VEL2001 1:14 syntax error: expected a query, INSERT, DELETE or UPDATE, found: SELCT | "
           "Did you mean SELECT?");
  const StatementPtr execute = Parse("EXECUTE p (1, 'x')");
  CHECK_EQ(execute->text, "p");
  CHECK_EQ(execute->arguments.size(), 2u);
  CHECK(Parse("EXECUTE p")->arguments.empty());
  CHECK(Parse("EXECUTE p()")->arguments.empty());
  CHECK_EQ(Parse("EXPLAIN EXECUTE p(1)")->inner->text, "p");
  CHECK_EQ(Parse("DEALLOCATE p")->text, "p");
  CHECK_EQ(Parse("DEALLOCATE PREPARE p")->text, "p");
  CHECK_EQ(Parse("DEALLOCATE prepare")->text, "prepare");
  CHECK_EQ(Parse("DEALLOCATE ALL")->text, "all");
  CHECK_EQ(ShowError("EXECUTE p(1").substr(0, 12), "VEL2001 1:12");
}

}  // namespace
}  // namespace velaria::sql
