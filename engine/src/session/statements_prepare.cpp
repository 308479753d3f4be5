// PREPARE, EXECUTE, DEALLOCATE.
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "session/statement_runner.hpp"
#include "sql/planner_coerce.hpp"
#include "sql/planner_literal.hpp"

namespace velaria::session {

using sql::Statement;
using sql::StatementKind;

namespace {

Result<std::vector<TypePtr>> TypesOf(const Statement& prepare) {
  std::vector<TypePtr> types;
  for (const auto& column : prepare.columns) {
    ARROW_ASSIGN_OR_RAISE(auto type, sql::TypeOf(column.type));
    types.push_back(std::move(type));
  }
  return types;
}

/// The value of one argument, of the type that was declared for it.
Result<std::shared_ptr<arrow::Scalar>> ArgumentOf(const sql::Expr& tree, const TypePtr& type,
                                                  const sql::BindContext& bind) {
  ARROW_ASSIGN_OR_RAISE(auto value, sql::BindOverSchema(tree, *arrow::schema({}), "", bind));
  if (type) {
    // A literal that is no value of the type is VEL2007, as it is where a column has the type.
    auto given = sql::Adopt(value, LogicalType(type), bind.functions);
    if (given.ok()) given = sql::CastTo(*given, type, bind.functions);
    if (!given.ok()) return WithPlace(given.status(), tree.place);
    value = *std::move(given);
  }
  auto folded = logical::Fold(value, bind.functions);
  if (!folded.ok()) return WithPlace(folded.status(), tree.place);
  if ((*folded)->kind != logical::BoundKind::kLiteral) {
    return FailAt(tree.place, ErrorCode::kBadParameter,
                  "an argument of EXECUTE is not a constant: " + logical::ToText(*value));
  }
  return ConstantValue((*folded)->literal);
}

std::string CountOf(size_t count) {
  return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

}  // namespace

/// At the first one without a value, or at the statement that takes none of them.
Status StatementRunner::CheckParameters(const Statement& statement) const {
  if (statement.kind == StatementKind::kPrepare) return Status::OK();  // given by EXECUTE
  const auto needed = static_cast<size_t>(statement.parameter_count);
  const size_t given = parameter_rows_
                           ? static_cast<size_t>(parameter_rows_->schema()->num_fields())
                           : parameters_.size();
  if (given == needed) return Status::OK();
  const auto& places = statement.parameter_places;
  const bool is_written = given < places.size() && places[given].known();
  return FailAt(is_written ? places[given] : statement.place, ErrorCode::kBadParameter,
                "the statement takes " + std::to_string(needed) +
                    (needed == 1 ? " parameter" : " parameters") +
                    ", given: " + std::to_string(given));
}

Result<StatementInfo> StatementRunner::DescribePrepared(const Statement& prepare) {
  ARROW_ASSIGN_OR_RAISE(const auto types, TypesOf(prepare));
  Parameters unknown;
  for (const auto& type : types) unknown.push_back(arrow::MakeNullScalar(type));
  const bool all_typed = types.size() >= static_cast<size_t>(prepare.parameter_count);
  unknown.resize(static_cast<size_t>(all_typed ? prepare.parameter_count : 0));
  StatementRunner inner(*this, sql_, std::move(unknown));
  return inner.Describe(*prepare.inner, all_typed);
}

Result<StatementInfo> StatementRunner::DescribeNamed(const Statement& execute) {
  const auto found = connection_.prepared().Get(execute.text);
  if (!found.ok()) return WithPlace(found.status(), execute.text_place);
  const std::string& sql = (*found)->sql;
  ARROW_ASSIGN_OR_RAISE(const auto prepare, sql::ParseStatement(sql, {}, execute.place));
  auto described = StatementRunner(*this, sql, {}).DescribePrepared(*prepare);
  if (!described.ok()) return AtExecute(execute, described.status());
  return described;
}

/// The statement is bound once, so that what is wrong with it is told now.
Result<StatementResult> StatementRunner::Prepare(const Statement& statement) {
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(connection_.CheckLasts("PREPARE"), statement.place));
  PreparedStatement prepared{statement.text, sql_, {}, statement.parameter_count};
  ARROW_ASSIGN_OR_RAISE(prepared.types, TypesOf(statement));
  const auto declared = static_cast<int>(prepared.types.size());
  prepared.parameter_count = std::max(prepared.parameter_count, declared);
  ARROW_RETURN_NOT_OK(DescribePrepared(statement).status());
  ARROW_RETURN_NOT_OK(
      WithPlaceIfFailed(connection_.prepared().Add(std::move(prepared)), statement.text_place));
  return Done(statement, 0);
}

Result<StatementRunner::PreparedCall> StatementRunner::CallOf(const Statement& execute) {
  const auto found = connection_.prepared().Get(execute.text);
  if (!found.ok()) return WithPlace(found.status(), execute.text_place);
  const PreparedStatement& prepared = **found;
  const auto needed = static_cast<size_t>(prepared.parameter_count);
  if (execute.arguments.size() != needed) {
    const bool too_many = execute.arguments.size() > needed;
    return FailAt(too_many ? execute.arguments[needed]->place : execute.text_place,
                  ErrorCode::kBadParameter,
                  "the prepared statement " + prepared.name + " takes " + CountOf(needed) +
                      ", given: " + std::to_string(execute.arguments.size()));
  }
  PreparedCall call;
  call.sql = prepared.sql;
  ARROW_ASSIGN_OR_RAISE(call.prepare, sql::ParseStatement(call.sql, {}, execute.place));
  const auto bind = Bind();
  for (size_t i = 0; i < needed; ++i) {
    const TypePtr type = i < prepared.types.size() ? prepared.types[i] : nullptr;
    ARROW_ASSIGN_OR_RAISE(auto value, ArgumentOf(*execute.arguments[i], type, bind));
    call.arguments.push_back(std::move(value));
  }
  // Declared, and not used in the text.
  call.arguments.resize(static_cast<size_t>(call.prepare->inner->parameter_count));
  return call;
}

/// A place inside the prepared text means nothing to whoever reads EXECUTE.
Status StatementRunner::AtExecute(const Statement& execute, const Status& status) {
  if (status.ok()) return status;
  ErrorInfo info = ErrorInfoOf(status);
  info.place = execute.place;
  if (info.detail.empty()) info.detail = "in prepared statement: " + execute.text;
  return MakeError(std::move(info));
}

Result<StatementResult> StatementRunner::ExecutePrepared(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto call, CallOf(statement));
  StatementRunner inner(*this, call.sql, call.arguments);
  auto result = inner.Execute(*call.prepare->inner);
  if (!result.ok()) return AtExecute(statement, result.status());
  return result;
}

Result<StatementResult> StatementRunner::Deallocate(const Statement& statement) {
  if (statement.text == "all") {
    connection_.prepared().Clear();
    return Done(statement, 0);
  }
  ARROW_RETURN_NOT_OK(
      WithPlaceIfFailed(connection_.prepared().Remove(statement.text), statement.text_place));
  return Done(statement, 0);
}

}  // namespace velaria::session
