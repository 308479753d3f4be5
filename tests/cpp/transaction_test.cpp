// What a commit is made of: prepared tables that can be let go, snapshots between two commits, and
// the merge of changed names.
#include "check.hpp"

#include <arrow/array/builder_primitive.h>
#include "session/connection.hpp"
#include "storage/commit.hpp"

namespace velaria::session {
namespace {

std::shared_ptr<Session> Open() {
  SessionOptions options;
  options.threads = 1;
  return Session::Make(options).ValueOrDie();
}

Status Run(Connection& connection, const std::string& sql) {
  return connection.Execute(sql, {}, "").status();
}

ErrorCode CodeOf(const Status& status) { return ErrorInfoOf(status).code; }

std::shared_ptr<arrow::RecordBatch> OneKey(const SchemaPtr& schema, int32_t key) {
  arrow::Int32Builder builder;
  CHECK_OK(builder.Append(key));
  return arrow::RecordBatch::Make(schema, 1, {builder.Finish().ValueOrDie()});
}

TEST(a_prepared_commit_that_is_let_go_leaves_rows_and_keys_as_they_were) {
  auto session = Open();
  auto connection = session->Connect();
  CHECK_OK(Run(*connection, "CREATE TABLE t(k INTEGER PRIMARY KEY)"));
  const auto table = session->catalog().Find("main", "t")->table;
  const auto before = table->version();
  {
    storage::TableCommit part(table);
    CHECK_OK(part.Prepare({{}, {OneKey(table->schema(), 7)}}));
  }
  CHECK(table->version() == before);
  CHECK_OK(Run(*connection, "INSERT INTO t VALUES (7)"));
  CHECK_EQ(table->version()->row_count(), 1);
}

TEST(a_session_that_is_let_go_takes_its_tables_with_it) {
  std::weak_ptr<storage::Table> table;
  {
    auto session = Open();
    auto connection = session->Connect();
    CHECK_OK(Run(*connection, "CREATE TABLE t(k INTEGER)"));
    table = session->catalog().Find("main", "t")->table;
    CHECK(session->catalog().snapshot() != nullptr);  // kept until the next commit
  }
  CHECK(table.expired());
}

TEST(a_table_that_was_replaced_takes_no_more_rows) {
  auto session = Open();
  auto connection = session->Connect();
  CHECK_OK(Run(*connection, "CREATE TABLE t(k INTEGER)"));
  const auto table = session->catalog().Find("main", "t")->table;
  CHECK_OK(Run(*connection, "ALTER TABLE t ADD COLUMN v INTEGER"));
  CHECK(CodeOf(table->Append({OneKey(table->schema(), 1)})) == ErrorCode::kWriteConflict);
}

TEST(a_snapshot_is_shared_until_the_next_commit) {
  auto session = Open();
  auto connection = session->Connect();
  CHECK_OK(Run(*connection, "CREATE TABLE t(k INTEGER)"));
  const auto first = session->catalog().snapshot();
  CHECK(session->catalog().snapshot() == first);
  CHECK_OK(Run(*connection, "INSERT INTO t VALUES (1)"));
  const auto second = session->catalog().snapshot();
  CHECK(second != first);
  const auto* table = first->root->Find("main", "t")->table.get();
  CHECK_EQ(first->versions.at(table)->row_count(), 0);
  CHECK_EQ(second->versions.at(table)->row_count(), 1);
}

TEST(names_that_two_transactions_changed_do_not_merge) {
  auto session = Open();
  auto one = session->Connect(), other = session->Connect();
  CHECK_OK(Run(*one, "CREATE TABLE t(k INTEGER)"));
  CHECK_OK(Run(*one, "BEGIN"));
  CHECK_OK(Run(*one, "CREATE TABLE mine(k INTEGER)"));
  CHECK_OK(Run(*other, "CREATE TABLE theirs(k INTEGER)"));
  CHECK_OK(Run(*one, "COMMIT"));  // other names are no conflict
  CHECK_OK(Run(*one, "BEGIN"));
  CHECK_OK(Run(*one, "DROP TABLE t"));
  CHECK_OK(Run(*other, "CREATE OR REPLACE TABLE t(other INTEGER)"));
  CHECK(CodeOf(Run(*one, "COMMIT")) == ErrorCode::kWriteConflict);
  CHECK(session->catalog().Find("main", "t")->table->schema()->field(0)->name() == "other");
}

}  // namespace
}  // namespace velaria::session
