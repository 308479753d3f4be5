// What a statement may ask of the server it runs in, and the error it may raise.
#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/row_adder.hpp"
#include "functions/system.hpp"

namespace velaria {
namespace {

using binding::Parameter;

Result<Vector> RunConstant(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return MakeConstant(std::make_shared<arrow::StringScalar>(binding::DataOf<std::string>(binding)),
                      context.pool);
}

Result<ScalarBinding> BindConstant(const BindArguments& arguments, const char* value) {
  return binding::Bind(arguments, {}, 0, arrow::utf8(), RunConstant,
                       std::make_shared<const std::string>(value));
}

/// Fails with the first row's text; a NULL raises nothing.
Result<Vector> RunError(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  for (int64_t i = 0; i < row_count; ++i) {
    if (text.IsValid(i)) return Fail(ErrorCode::kBadValue, std::string(text[i]));
  }
  return MakeNullConstant(arrow::null(), context.pool);
}

/// Volatile: it is raised by the rows that reach it, not while a constant is folded.
Result<ScalarBinding> BindError(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(
      auto bound, binding::Bind(arguments, {Parameter::kText}, 1, arrow::null(), RunError));
  bound.arguments[0] = arrow::utf8();
  return bound;
}

}  // namespace

void RegisterSystem(FunctionRegistry& registry) {
  RowAdder add(registry, "system");
  add(
      "version", {}, "version() -> VARCHAR", "The product and its version.",
      "starts_with(version(), 'Velaria ')", "true",
      +[](const BindArguments& a) { return BindConstant(a, "Velaria " VELARIA_VERSION); });
  add(
      "current_database", {"current_catalog"}, "current_database() -> VARCHAR",
      "The name of the one database.", "current_database()", "velaria",
      +[](const BindArguments& a) { return BindConstant(a, "velaria"); });
  add(
      "current_schema", {}, "current_schema() -> VARCHAR", "The schema of names without one.",
      "current_schema()", "main", +[](const BindArguments& a) { return BindConstant(a, "main"); });
  add(
      "current_user", {"session_user", "user", "current_role"}, "current_user -> VARCHAR",
      "Who runs the statement: the principal on a server that knows its callers, else velaria.",
      "current_user()", "velaria",
      +[](const BindArguments& a) { return BindConstant(a, "velaria"); });
  add("error", {}, "error(text VARCHAR)", "Fails with the text; a NULL raises nothing.",
      "CASE WHEN 1 > 2 THEN error('impossible') ELSE 'fine' END", "fine", BindError, kNullIfAnyNull,
      Volatility::kVolatile);
}

}  // namespace velaria
