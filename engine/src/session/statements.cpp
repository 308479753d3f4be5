#include <arrow/table.h>

#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

Result<ObjectName> AnyNameOf(const std::vector<sql::Name>& parts, const Catalog& catalog) {
  ObjectName out;
  if (parts.empty() || parts.size() > 2) {
    return FailAt(parts.empty() ? Place{} : parts[0].place, ErrorCode::kUnknownSchema,
                  "a name has at most a schema and a table");
  }
  out.name = parts.back().text;
  if (parts.size() == 2) {
    out.schema = ToLower(parts[0].text);
    if (!catalog.HasSchema(out.schema)) {
      return FailAt(parts[0].place, ErrorCode::kUnknownSchema,
                    "no schema of that name: " + parts[0].text, "Schemas are main and system.");
    }
  }
  return out;
}

Result<ObjectName> NameOf(const std::vector<sql::Name>& parts, const Catalog& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto out, AnyNameOf(parts, catalog));
  if (out.schema == "system") {
    return FailAt(parts[0].place, ErrorCode::kWrongObjectKind,
                  "the schema system is read-only: " + out.name);
  }
  return out;
}

SchemaPtr ExplainSchema() {
  return arrow::schema(
      {arrow::field("section", arrow::utf8(), false), arrow::field("text", arrow::utf8(), false)});
}

SchemaPtr NameValueSchema() {
  return arrow::schema(
      {arrow::field("name", arrow::utf8(), false), arrow::field("value", arrow::utf8(), false)});
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
    case StatementKind::kSet:
    case StatementKind::kReset: return "set";
    case StatementKind::kShow:
    case StatementKind::kDescribe: return "show";
    default: return "create";
  }
}

Status UnsupportedStatement(const Statement& statement, const std::string& what) {
  return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                "the statement is not supported: " + what);
}

Result<StatementResult> StatementRunner::Show(const Statement& statement) {
  StatementResult result = Done(statement);
  std::vector<std::vector<std::string>> rows;
  if (statement.kind == StatementKind::kDescribe) {
    ARROW_ASSIGN_OR_RAISE(const auto name, AnyNameOf(statement.name, session_.catalog()));
    ARROW_ASSIGN_OR_RAISE(const auto schema, session_.TableSchema(name.name, name.schema));
    for (const auto& field : schema->fields())
      rows.push_back({field->name(), SqlName(*field->type()), field->nullable() ? "YES" : "NO"});
    result.schema = DescribeSchema();
  } else {
    result.schema = NameValueSchema();
    if (EqualsIgnoreCase(statement.text, "tables")) {
      for (const auto& table : session_.Tables()) rows.push_back({table.name, table.kind});
    } else if (EqualsIgnoreCase(statement.text, "indexes")) {
      for (const auto& index : session_.Indexes())
        rows.push_back({index.name, index.table + "(" + index.columns + ")"});
    } else if (EqualsIgnoreCase(statement.text, "all")) {
      for (const auto& [name, value] : session_.settings().All()) rows.push_back({name, value});
    } else {
      ARROW_ASSIGN_OR_RAISE(auto value, session_.settings().Get(statement.text));
      rows.push_back({ToLower(statement.text), value});
    }
  }
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
    case StatementKind::kCopy: return Copy(statement);
    default: break;
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());  // what follows is done in a moment
  switch (statement.kind) {
    case StatementKind::kExplain: {
      if (statement.analyze) return UnsupportedStatement(statement, "EXPLAIN ANALYZE");
      ARROW_ASSIGN_OR_RAISE(const auto sections, Explain(statement));
      StatementResult result = Done(statement);
      result.schema = ExplainSchema();
      ARROW_ASSIGN_OR_RAISE(result.rows,
                            TextRows(result.schema, {{"logical", sections.logical},
                                                     {"physical", sections.physical},
                                                     {"strategy", sections.strategy}}));
      return result;
    }
    case StatementKind::kCreateStream: return CreateStream(statement);
    case StatementKind::kCreateView: return CreateView(statement);
    case StatementKind::kCreateSchema: return UnsupportedStatement(statement, "CREATE SCHEMA");
    case StatementKind::kCreateIndex: return CreateIndex(statement);
    case StatementKind::kDrop: return Drop(statement);
    case StatementKind::kSet: {
      // The value is a constant expression; its text is what the settings take.
      ARROW_ASSIGN_OR_RAISE(auto value,
                            sql::BindOverSchema(*statement.value, *arrow::schema({}), "",
                                                session_.MakeBindContext(parameters_, *context_)));
      ARROW_ASSIGN_OR_RAISE(value, logical::Fold(value, context_->functions()));
      if (value->kind != logical::BoundKind::kLiteral)
        return FailAt(statement.place, ErrorCode::kBadSetting,
                      "the value is not a constant: " + statement.text);
      ARROW_ASSIGN_OR_RAISE(auto scalar, ConstantValue(value->literal));
      ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
          session_.settings().Set(statement.text, scalar->ToString()), statement.place));
      return Done(statement, 0);
    }
    case StatementKind::kReset:
      ARROW_RETURN_NOT_OK(
          WithPlaceIfFailed(session_.settings().Reset(statement.text), statement.place));
      return Done(statement, 0);
    case StatementKind::kShow:
    case StatementKind::kDescribe: return Show(statement);
    case StatementKind::kSummarize: return UnsupportedStatement(statement, "SUMMARIZE");
    case StatementKind::kAlterTable: return UnsupportedStatement(statement, "ALTER TABLE");
    case StatementKind::kTruncate: return UnsupportedStatement(statement, "TRUNCATE");
    case StatementKind::kBegin: return UnsupportedStatement(statement, "BEGIN");
    case StatementKind::kCommit: return UnsupportedStatement(statement, "COMMIT");
    case StatementKind::kRollback: return UnsupportedStatement(statement, "ROLLBACK");
    case StatementKind::kSavepoint: return UnsupportedStatement(statement, "SAVEPOINT");
    case StatementKind::kReleaseSavepoint: return UnsupportedStatement(statement, "RELEASE");
    case StatementKind::kRollbackTo: return UnsupportedStatement(statement, "ROLLBACK TO");
    case StatementKind::kPrepare: return UnsupportedStatement(statement, "PREPARE");
    case StatementKind::kExecute: return UnsupportedStatement(statement, "EXECUTE");
    case StatementKind::kDeallocate: return UnsupportedStatement(statement, "DEALLOCATE");
    case StatementKind::kOther: return UnsupportedStatement(statement, statement.text);
    default: break;
  }
  return Bug("a statement of unknown kind");
}

// ---- the session's calls

Result<StatementInfo> Session::Describe(const std::string& sql,
                                        const std::optional<Parameters>& parameters) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  StatementRunner runner(*this, sql, parameters.value_or(Parameters{}), "");
  return runner.Describe(*statement, parameters.has_value() || statement->parameter_count == 0);
}

Result<StatementResult> Session::Execute(const std::string& sql, const Parameters& parameters,
                                         std::string query_id) {
  if (query_id.empty()) query_id = NewQueryId();
  StatementRunner runner(*this, sql, parameters, query_id);
  const auto& context = runner.context();
  Track(query_id, sql, context);
  auto result = Contained([&]() -> Result<StatementResult> {
    ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
    return runner.Execute(*statement);
  });
  // What Cancel has promised holds, whatever else the statement failed of; no promise from here on.
  const Status fate = result.ok() ? Status::OK() : context->BeginCommit();
  ExecuteEnded(query_id, result.ok() && result->query);
  ARROW_RETURN_NOT_OK(fate);
  return result;
}

Result<ExplainSections> Session::Explain(const std::string& sql) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  return StatementRunner(*this, sql, {}, "").Explain(*statement);
}

Result<ExplainSections> Session::ExplainStream(const std::string& sql) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  return StatementRunner(*this, sql, {}, "").ExplainStream(*statement);
}

Result<std::shared_ptr<stream::StreamingQuery>> Session::StartStream(const std::string& sql,
                                                                     const StreamOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  StatementRunner runner(*this, sql, options.parameters,
                         options.query_id.empty() ? NewQueryId() : options.query_id);
  ARROW_ASSIGN_OR_RAISE(auto query, runner.MakeStream(*statement, options));
  if (options.start) query->Start();
  return query;
}

}  // namespace velaria::session
