#include <arrow/array/builder_binary.h>
#include <arrow/table.h>

#include "base/text.hpp"
#include "session/statement_runner.hpp"
#include "sql/habits.hpp"

namespace velaria::session {

using sql::Statement;
using sql::StatementKind;

namespace {

/// SHOW of what is no setting: the word may be another database's.
Status WithShowHint(const Status& status, const std::string& word) {
  ErrorInfo info = ErrorInfoOf(status);
  const std::string_view habit = sql::HabitHint(sql::ShowHabits(), word);
  if (!habit.empty()) {
    info.hint = habit;
  } else if (info.hint.empty()) {
    info.hint =
        "SHOW takes a setting, or ALL, TABLES, VIEWS, INDEXES, SCHEMAS, FUNCTIONS or COLUMNS FROM "
        "table.";
  }
  return MakeError(std::move(info));
}

}  // namespace

SchemaPtr ExplainSchema() {
  return arrow::schema(
      {arrow::field("section", arrow::utf8(), false), arrow::field("text", arrow::utf8(), false)});
}

SchemaPtr DescribeSchema() {
  return arrow::schema({arrow::field("column_name", arrow::utf8(), false),
                        arrow::field("column_type", arrow::utf8(), false),
                        arrow::field("nullable", arrow::utf8(), false)});
}

Result<std::shared_ptr<arrow::RecordBatchReader>> TextRows(
    const SchemaPtr& schema, const std::vector<std::vector<std::string>>& rows) {
  std::vector<arrow::StringBuilder> builders(static_cast<size_t>(schema->num_fields()));
  for (const auto& row : rows) {
    for (size_t c = 0; c < builders.size(); ++c) ARROW_RETURN_NOT_OK(builders[c].Append(row[c]));
  }
  arrow::ArrayVector columns;
  for (auto& builder : builders) {
    ARROW_ASSIGN_OR_RAISE(auto column, builder.Finish());
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatchReader::Make(
      {arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), std::move(columns))},
      schema);
}

const char* StatementKindName(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kSelect: return "query";
    case StatementKind::kExplain: return "explain";
    case StatementKind::kInsert: return "insert";
    case StatementKind::kDelete: return "delete";
    case StatementKind::kUpdate: return "update";
    case StatementKind::kCopy: return "copy";
    case StatementKind::kDrop: return "drop";
    case StatementKind::kAlterTable: return "alter";
    case StatementKind::kTruncate: return "delete";
    case StatementKind::kBegin:
    case StatementKind::kCommit:
    case StatementKind::kRollback:
    case StatementKind::kSavepoint:
    case StatementKind::kReleaseSavepoint:
    case StatementKind::kRollbackTo: return "transaction";
    case StatementKind::kSet:
    case StatementKind::kReset: return "set";
    case StatementKind::kShow:
    case StatementKind::kSummarize:
    case StatementKind::kDescribe: return "show";
    case StatementKind::kPrepare: return "prepare";
    case StatementKind::kExecute: return "execute";
    case StatementKind::kDeallocate: return "deallocate";
    default: return "create";
  }
}

std::string CommandTag(const Statement& statement, int64_t rows) {
  const auto counted = [&](const char* words) { return words + (" " + std::to_string(rows)); };
  switch (statement.kind) {
    case StatementKind::kCreateTable:
      return statement.select ? counted("SELECT") : std::string("CREATE TABLE");
    case StatementKind::kCreateStream: return "CREATE STREAM";
    case StatementKind::kCreateView: return "CREATE VIEW";
    case StatementKind::kCreateSchema: return "CREATE SCHEMA";
    case StatementKind::kCreateIndex: return "CREATE INDEX";
    case StatementKind::kDrop:
      switch (statement.drop) {
        case sql::DropKind::kTable: return "DROP TABLE";
        case sql::DropKind::kView: return "DROP VIEW";
        case sql::DropKind::kStream: return "DROP STREAM";
        case sql::DropKind::kSchema: return "DROP SCHEMA";
        case sql::DropKind::kIndex: return "DROP INDEX";
      }
      return "DROP";
    case StatementKind::kInsert: return counted("INSERT 0");  // 0: a row's OID, which none has
    case StatementKind::kDelete: return counted("DELETE");
    case StatementKind::kUpdate: return counted("UPDATE");
    case StatementKind::kCopy: return counted("COPY");
    case StatementKind::kAlterTable: return "ALTER TABLE";
    case StatementKind::kTruncate: return "TRUNCATE TABLE";
    case StatementKind::kBegin: return "BEGIN";
    case StatementKind::kCommit: return "COMMIT";
    case StatementKind::kRollback:
    case StatementKind::kRollbackTo: return "ROLLBACK";
    case StatementKind::kSavepoint: return "SAVEPOINT";
    case StatementKind::kReleaseSavepoint: return "RELEASE";
    case StatementKind::kSet: return "SET";
    case StatementKind::kReset: return "RESET";
    case StatementKind::kPrepare: return "PREPARE";
    case StatementKind::kDeallocate: return "DEALLOCATE";
    default: return "";
  }
}

Status UnsupportedStatement(const Statement& statement, const std::string& what) {
  return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                "the statement is not supported: " + what);
}

Result<StatementResult> StatementRunner::Show(const Statement& statement) {
  StatementResult result = Done(statement);
  std::vector<std::vector<std::string>> rows;
  result.schema = ShowSchema(statement);
  if (statement.kind == StatementKind::kDescribe || statement.text == "columns") {
    ARROW_ASSIGN_OR_RAISE(const auto schema, DescribedSchema(statement));
    for (const auto& field : schema->fields())
      rows.push_back({field->name(), SqlName(*field->type()), field->nullable() ? "YES" : "NO"});
  } else {
    if (ShowsNames(statement)) {
      ARROW_ASSIGN_OR_RAISE(rows, ShowNames(statement));
    } else if (statement.text == "functions") {
      rows = ShownFunctions();
    } else if (EqualsIgnoreCase(statement.text, "all")) {
      for (const auto& [name, value] : session_.settings().All()) rows.push_back({name, value});
    } else if (IsSchemaSetting(statement.text)) {
      rows.push_back({ToLower(statement.text), connection_.path()});
    } else {
      const auto value = session_.settings().Get(statement.text);
      if (!value.ok()) {
        return WithPlace(WithShowHint(value.status(), statement.text), statement.text_place);
      }
      rows.push_back({ToLower(statement.text), *value});
    }
  }
  ARROW_RETURN_NOT_OK(KeepShown(statement, &rows));
  ARROW_ASSIGN_OR_RAISE(result.rows, TextRows(result.schema, rows));
  return result;
}

Result<StatementResult> StatementRunner::Execute(const Statement& statement) {
  ARROW_RETURN_NOT_OK(CheckParameters(statement));
  switch (statement.kind) {
    case StatementKind::kSelect: return Select(statement);
    case StatementKind::kCreateTable: return CreateTable(statement);
    case StatementKind::kInsert: return Insert(statement);
    case StatementKind::kDelete:
    case StatementKind::kUpdate: return Modify(statement);
    case StatementKind::kAlterTable: return Again([&] { return AlterTable(statement); });
    case StatementKind::kTruncate: return Again([&] { return Truncate(statement); });
    case StatementKind::kCreateIndex: return Again([&] { return CreateIndex(statement); });
    case StatementKind::kDrop: return Again([&] { return Drop(statement); });
    case StatementKind::kExplain: return ExplainRows(statement);
    case StatementKind::kExecute: return ExecutePrepared(statement);
    case StatementKind::kSummarize: return Summarize(statement);
    case StatementKind::kCopy: return Copy(statement);
    default: break;
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());  // what follows is done in a moment
  switch (statement.kind) {
    case StatementKind::kCreateStream: return CreateStream(statement);
    case StatementKind::kCreateView: return CreateView(statement);
    case StatementKind::kCreateSchema: return CreateSchema(statement);
    case StatementKind::kSet: return Set(statement);
    case StatementKind::kReset: return Reset(statement);
    case StatementKind::kShow:
    case StatementKind::kDescribe: return Show(statement);
    case StatementKind::kPrepare: return Prepare(statement);
    case StatementKind::kDeallocate: return Deallocate(statement);
    case StatementKind::kOther: return UnsupportedStatement(statement, statement.text);
    default: break;
  }
  return Bug("a statement of unknown kind");
}

}  // namespace velaria::session
