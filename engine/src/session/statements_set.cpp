// SET and RESET.
#include "logical/evaluate.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using sql::Statement;

/// The value is a constant expression; its text is what the settings take.
Result<std::string> StatementRunner::SettingText(const Statement& set,
                                                 const sql::BindContext& bind) {
  ARROW_ASSIGN_OR_RAISE(auto value, sql::BindOverSchema(*set.value, *arrow::schema({}), "", bind));
  ARROW_ASSIGN_OR_RAISE(value, logical::Fold(value, context_->functions()));
  if (value->kind != logical::BoundKind::kLiteral) {
    return FailAt(set.value->place, ErrorCode::kBadSetting,
                  "the value is not a constant: " + set.text);
  }
  ARROW_ASSIGN_OR_RAISE(const auto scalar, ConstantValue(value->literal));
  return scalar->ToString();
}

Result<StatementResult> StatementRunner::Set(const Statement& statement) {
  const Place place = statement.value->place;
  const bool of_schema = IsSchemaSetting(statement.text);
  if (!of_schema) {
    ARROW_RETURN_NOT_OK(
        WithPlaceIfFailed(session_.settings().Get(statement.text).status(), statement.text_place));
  }
  ARROW_ASSIGN_OR_RAISE(const auto text, SettingText(statement, Bind()));
  const Status set =
      of_schema ? connection_.SetPath(text) : session_.settings().Set(statement.text, text);
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(set, place));
  return Done(statement, 0);
}

/// RESET ALL takes the session's settings back, whoever changed them, and the connection's path.
Result<StatementResult> StatementRunner::Reset(const Statement& statement) {
  const bool all = statement.text == "all";
  if (all) session_.settings().ResetAll();
  Status reset;
  if (IsSchemaSetting(statement.text) || (all && connection_.path() != kMainSchema)) {
    reset = connection_.SetPath(kMainSchema);
  } else if (!all) {
    reset = session_.settings().Reset(statement.text);
  }
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(reset, statement.text_place));
  return Done(statement, 0);
}

}  // namespace velaria::session
