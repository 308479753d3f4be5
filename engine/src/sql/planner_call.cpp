// Calls: scalar functions, and the few that must not evaluate all their arguments.
#include "base/text.hpp"
#include "sql/habits.hpp"
#include "sql/planner_expression.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

namespace {

/// Functions whose arguments are brought to one type before the call.
bool UnifiesArguments(const std::string& name) {
  return name == "coalesce" || name == "ifnull" || name == "nullif" || name == "greatest" ||
         name == "least";
}

/// Whether evaluating the expression can never fail, so that evaluating it for nothing is harmless.
bool CannotFail(const logical::BoundExpr& expr) {
  return expr.kind == BoundKind::kColumn || expr.kind == BoundKind::kLiteral;
}

}  // namespace

Status UnknownFunction(const std::string& name, Place place) {
  if (const Habit* habit = FindHabit(UnsupportedFunctions(), name)) {
    return FailAt(place, ErrorCode::kUnsupportedStatement,
                  "this part of a statement is not supported: " + name + "(...)",
                  std::string(habit->hint));
  }
  std::string hint(HabitHint(FunctionHabits(), name));
  if (hint.empty()) {
    auto names = FunctionRegistry::Instance().Names();
    names.emplace_back("unnest");  // it makes rows, and is no function of the registry
    const auto near = NearestName(name, names);
    if (!near.empty()) hint = "Did you mean " + near + "?";
  }
  return FailAt(place, ErrorCode::kUnknownFunction, "unknown function: " + name, std::move(hint));
}

Result<BoundExprPtr> ExpressionBinder::BindCall(const Expr& expr) {
  const std::string name = ToLower(expr.names.back().text);
  VELARIA_RETURN_NOT_OK(RefuseUnsupported(expr));
  if (const auto* aggregate = FunctionRegistry::Instance().FindAggregate(name)) {
    return BindAggregate(*aggregate, expr);
  }
  if (name == "grouping" || name == "grouping_id") return BindGrouping(name, expr);
  if (name == "unnest") return BindUnnest(expr);
  if (!FunctionRegistry::Instance().FindScalar(name)) {
    if (FunctionRegistry::Instance().FindWindow(name)) {
      return FailAt(expr.place, ErrorCode::kMisplacedWindow,
                    "a window function needs OVER: " + name,
                    "Write " + name + "(...) OVER (ORDER BY ...).");
    }
    return UnknownFunction(DottedName(expr.names), expr.place);
  }
  if (expr.star || expr.distinct || expr.filter || !expr.order_by.empty()) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "*, DISTINCT, ORDER BY and FILTER are for aggregates, not for: " + name);
  }
  return BindScalarCall(name, expr);
}

Result<BoundExprPtr> ExpressionBinder::BindScalarCall(const std::string& name, const Expr& expr) {
  if (name == "struct_pack" && !expr.argument_names.empty()) return BindStruct(expr);
  // What may not be looked at may not decide how many rows there are.
  const bool chooses = name == "coalesce" || name == "ifnull" || name == "if" || name == "iif";
  auto* unnests = chooses ? std::exchange(unnests_, nullptr) : unnests_;
  auto bound = BindCallArguments(name, expr);
  unnests_ = unnests;
  VELARIA_ASSIGN_OR_RETURN(auto arguments, std::move(bound));
  bool handled = false;
  VELARIA_ASSIGN_OR_RETURN(auto lazy, BindLazyCall(name, arguments, expr.place, &handled));
  if (handled) return lazy;
  if (name == "nullif" && arguments.size() == 2) {
    for (auto& argument : arguments) argument = TryFold(argument, functions());
    FitConstant(&arguments[0], &arguments[1], functions());  // as its comparison does
  }
  if (UnifiesArguments(name) && !arguments.empty()) {
    VELARIA_RETURN_NOT_OK(Unify(&arguments, expr.place, functions()).status());
  }
  return Call(name, std::move(arguments), expr.place);
}

/// IF and COALESCE promise not to look at what they do not need: they become CASE unless looking is
/// harmless.
Result<BoundExprPtr> ExpressionBinder::BindLazyCall(const std::string& name,
                                                    std::vector<BoundExprPtr> arguments,
                                                    Place place, bool* handled) {
  if ((name == "if" || name == "iif") && (arguments.size() == 3 || arguments.size() == 2)) {
    *handled = true;
    VELARIA_ASSIGN_OR_RETURN(arguments[0], ExpectBoolean(arguments[0], ToUpper(name), functions()));
    if (arguments.size() == 2) {
      VELARIA_ASSIGN_OR_RETURN(auto none, logical::MakeNull(arrow::null(), place));
      arguments.push_back(std::move(none));
    }
    return MakeCase(std::move(arguments), place);
  }
  if ((name != "coalesce" && name != "ifnull") || arguments.empty()) return nullptr;
  const bool harmless = std::all_of(arguments.begin() + 1, arguments.end(),
                                    [](const auto& argument) { return CannotFail(*argument); });
  if (harmless) return nullptr;
  *handled = true;
  std::vector<BoundExprPtr> parts;
  for (size_t i = 0; i + 1 < arguments.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto known, Call("is_not_null", {arguments[i]}, place));
    parts.push_back(std::move(known));
    parts.push_back(arguments[i]);
  }
  parts.push_back(arguments.back());
  return MakeCase(std::move(parts), place);
}

}  // namespace velaria::sql
