// One statement for many rows of parameters.
#include <set>

#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "interop/ingest_gate.hpp"
#include "session/statement_runner.hpp"
#include "sql/parser.hpp"

namespace velaria::session {

using sql::ConflictAction;
using sql::ExprKind;
using sql::Statement;
using sql::StatementKind;

namespace {

/// The rows as a table whose columns are named as parameters are; damage is VEL4006.
Result<ParameterRows> Admitted(const ParameterRows& given) {
  ParameterRows rows;
  arrow::FieldVector fields;
  for (const auto& field : given.schema->fields()) {
    const auto number = static_cast<int>(fields.size()) + 1;
    fields.push_back(arrow::field(sql::ParameterName(number), field->type()));
  }
  rows.schema = arrow::schema(std::move(fields));
  ARROW_ASSIGN_OR_RAISE(auto gate, interop::IngestGate::Open(rows.schema, interop::Origin::kWire));
  for (const auto& batch : given.batches) {
    auto renamed = arrow::RecordBatch::Make(rows.schema, batch->num_rows(), batch->columns());
    ARROW_ASSIGN_OR_RAISE(auto admitted, gate->Admit(std::move(renamed)));
    rows.batches.push_back(std::move(admitted));
  }
  return rows;
}

Result<Parameters> ParametersOf(const arrow::RecordBatch& batch, int64_t row) {
  Parameters out;
  for (const auto& column : batch.columns()) {
    ARROW_ASSIGN_OR_RAISE(auto value, column->GetScalar(row));
    out.push_back(std::move(value));
  }
  return out;
}

/// `column = parameter`, either way round, and AND between them: the columns; false for anything
/// else. A value of another type might be compared as a third one.
bool AddCompared(const sql::Expr& where, const arrow::Schema& table, const arrow::Schema& rows,
                 std::set<std::string>* columns) {
  if (where.kind != ExprKind::kBinary) return false;
  if (where.text == "AND") {
    return std::all_of(where.children.begin(), where.children.end(), [&](const auto& child) {
      return AddCompared(*child, table, rows, columns);
    });
  }
  const sql::Expr* column = where.children[0].get();
  const sql::Expr* parameter = where.children[1].get();
  if (column->kind == ExprKind::kParameter) std::swap(column, parameter);
  if (where.text != "=" || column->kind != ExprKind::kColumn ||
      parameter->kind != ExprKind::kParameter || parameter->index > rows.num_fields()) {
    return false;
  }
  const int found = ColumnNamed(column->names.back().text, table);
  if (found < 0) return false;
  const auto& type = *table.field(found)->type();
  const auto& given = *rows.field(parameter->index - 1)->type();
  columns->insert(ToLower(table.field(found)->name()));
  return type.Equals(given) || (IsInteger(type) && IsInteger(given)) ||
         (IsString(type) && IsString(given));
}

bool HasSubquery(const sql::Expr& expr) {
  return expr.select || std::any_of(expr.children.begin(), expr.children.end(),
                                    [](const auto& c) { return c && HasSubquery(*c); });
}

/// A subquery in VALUES may read what an earlier row of parameters has inserted.
bool IsInsertOfOwnValues(const Statement& statement) {
  if (!sql::IsInsertOfValues(statement)) return false;
  const auto& rows = statement.select->values;
  return std::none_of(rows.begin(), rows.end(), [](const auto& row) {
    return std::any_of(row.begin(), row.end(), [](const auto& v) { return HasSubquery(*v); });
  });
}

bool IsPlainValue(const sql::Expr& value) {
  switch (value.kind) {
    case ExprKind::kParameter:
    case ExprKind::kDefault:
    case ExprKind::kNull:
    case ExprKind::kBoolean:
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
    case ExprKind::kString:
    case ExprKind::kTyped: return true;
    default: return false;
  }
}

}  // namespace

/// What one row of parameters changes must not be what another one finds its rows by, or a key that
/// another one may take or leave.
bool StatementRunner::RunsOverRows(const Statement& statement) {
  const bool is_insert = IsInsertOfOwnValues(statement);
  if (is_insert && !statement.on_conflict) return true;
  const bool is_upsert = is_insert && statement.on_conflict->action != ConflictAction::kReplace;
  const bool is_change =
      statement.kind == StatementKind::kUpdate || statement.kind == StatementKind::kDelete;
  const bool is_plain_change =
      is_change && statement.where && !statement.from && statement.with.empty();
  if ((!is_upsert && !is_plain_change) || !statement.returning.empty()) return false;
  const auto target = WritableEntry(statement.name);
  if (!target.ok() || !(*target)->table) return false;
  const auto& table = *(*target)->table;
  std::set<std::string> kept;  // in small letters
  if (!is_upsert &&
      !AddCompared(*statement.where, *table.schema(), *parameter_rows_->schema(), &kept)) {
    return false;
  }
  if (const TableRules* rules = RulesOf(table)) {
    for (const auto& key : rules->keys()) {
      for (const int column : key.columns) {
        kept.insert(ToLower(table.schema()->field(column)->name()));
      }
    }
  }
  const auto& assignments = is_upsert ? statement.on_conflict->assignments : statement.assignments;
  return std::all_of(assignments.begin(), assignments.end(), [&](const auto& assignment) {
    const auto& [name, value] = assignment;
    return (is_upsert || IsPlainValue(*value)) && !kept.contains(ToLower(name.text));
  });
}

Result<StatementResult> Connection::ExecuteMany(const std::string& sql, const ParameterRows& given,
                                                std::string query_id) {
  ARROW_RETURN_NOT_OK(CheckQueryId(query_id));
  if (query_id.empty()) query_id = Session::NewQueryId();
  auto turn = InTurn();
  TakeAlone(&turn);
  StatementRunner runner(*this, sql, {}, query_id);
  const auto& context = runner.context();
  ARROW_RETURN_NOT_OK(session_->Track(query_id, sql, context));
  auto result = Contained([&]() -> Result<StatementResult> {
    ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
    ARROW_RETURN_NOT_OK(RefuseWhenFailed(statement->place));
    ARROW_ASSIGN_OR_RAISE(const auto rows, Admitted(given));
    const CancelScope planning([&] { return context->CheckCancelled(); });
    auto table = std::make_shared<storage::Table>(rows.schema);
    ARROW_RETURN_NOT_OK(table->Append(rows.batches));
    runner.SetParameterRows(std::make_shared<execution::TableRelation>(
        logical::RelationKind::kTable, "parameters", std::move(table)));
    // What cannot be said once for all rows, such as a parameter's place in a nested VALUES, is
    // done row by row; what is wrong is told there.
    if (runner.RunsOverRows(*statement) && runner.Describe(*statement, true).ok()) {
      auto done = runner.Execute(*statement);
      const bool is_last = statement->kind == StatementKind::kInsert && !statement->on_conflict;
      if (done.ok() || is_last) return done;
    }
    const bool own = !in_transaction();
    if (own) {
      std::lock_guard lock(mutex_);
      is_open_ = true;
      is_read_only_ = false;
    }
    auto changed =
        Contained([&] { return ExecuteEach(*statement, sql, rows, query_id, *context); });
    if (!own && !changed.ok()) return changed.status();
    if (own) {
      const Status fate = changed.ok() ? context->BeginCommit() : changed.status();
      const Status ended = fate.ok() ? Commit(*statement) : TakeTransaction(*statement).status();
      ARROW_RETURN_NOT_OK(fate);
      ARROW_RETURN_NOT_OK(ended);
    }
    StatementResult done;
    done.query_id = query_id;
    done.kind = StatementKindName(*statement);
    done.rows_affected = *changed;
    done.tag = CommandTag(*statement, *changed);
    return done;
  });
  const Status fate = result.ok() ? Status::OK() : context->BeginCommit();
  session_->ExecuteEnded(query_id, false);
  if (!result.ok()) NoteFailure();
  ARROW_RETURN_NOT_OK(fate);
  return result;
}

Result<int64_t> Connection::ExecuteEach(const Statement& statement, const std::string& sql,
                                        const ParameterRows& rows, const std::string& query_id,
                                        const execution::QueryContext& context) {
  switch (statement.kind) {
    case StatementKind::kInsert:
    case StatementKind::kUpdate:
    case StatementKind::kDelete: break;
    default:
      return FailAt(statement.place, ErrorCode::kBadParameter,
                    "rows of parameters are for INSERT, UPDATE and DELETE, not for a statement of"
                    " kind: " +
                        std::string(StatementKindName(statement)),
                    "Run it once for each row.");
  }
  int64_t changed = 0;
  bool is_first = true;
  for (const auto& batch : rows.batches) {
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      ARROW_RETURN_NOT_OK(context.CheckCancelled());
      ARROW_ASSIGN_OR_RAISE(auto parameters, ParametersOf(*batch, row));
      StatementRunner runner(*this, sql, std::move(parameters), query_id);
      ARROW_ASSIGN_OR_RAISE(const auto done, runner.Execute(statement));
      changed += done.rows_affected.value_or(0);
      is_first = false;
    }
  }
  if (!is_first) return changed;
  // Nothing to do is no reason to leave a wrong statement untold.
  Parameters unknown;
  for (const auto& field : rows.schema->fields())
    unknown.push_back(arrow::MakeNullScalar(field->type()));
  StatementRunner runner(*this, sql, std::move(unknown), query_id);
  for (const bool parameters_known : {true, false}) {  // their number, then all the rest
    ARROW_RETURN_NOT_OK(runner.Describe(statement, parameters_known).status());
  }
  return changed;
}

}  // namespace velaria::session
