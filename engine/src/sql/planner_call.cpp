// Calls: scalar functions, the few that must not evaluate all their arguments, and aggregates.
#include "base/text.hpp"
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

std::string AggregateText(const std::string& name, const std::vector<BoundExprPtr>& arguments,
                          bool distinct) {
  std::vector<std::string> parts;
  for (const auto& argument : arguments) parts.push_back(logical::ToText(*argument));
  return name + "(" + (distinct ? "DISTINCT " : "") + (parts.empty() ? "*" : Join(parts, ", ")) +
         ")";
}

bool SameAggregate(const logical::BoundAggregate& a, const logical::BoundAggregate& b) {
  if (a.function != b.function || a.binding.distinct != b.binding.distinct ||
      a.arguments.size() != b.arguments.size() || !a.filter != !b.filter ||
      (a.filter && !logical::Equal(*a.filter, *b.filter))) {
    return false;
  }
  for (size_t i = 0; i < a.arguments.size(); ++i) {
    if (!logical::Equal(*a.arguments[i], *b.arguments[i])) return false;
  }
  return true;
}

Status UnknownFunction(const std::string& name, Place place) {
  const auto near = NearestName(name, FunctionRegistry::Instance().Names());
  return FailAt(place, ErrorCode::kUnknownFunction, "unknown function: " + name,
                near.empty() ? "" : "Did you mean " + near + "?");
}

}  // namespace

Result<BoundExprPtr> ExpressionBinder::BindCall(const Expr& expr) {
  const std::string name = ToLower(expr.names.back().text);
  if (const auto* aggregate = FunctionRegistry::Instance().FindAggregate(name)) {
    return BindAggregate(*aggregate, expr);
  }
  if (!FunctionRegistry::Instance().FindScalar(name)) {
    if (FunctionRegistry::Instance().FindWindow(name)) {
      return FailAt(expr.place, ErrorCode::kMisplacedWindow,
                    "a window function needs OVER: " + name,
                    "Write " + name + "(...) OVER (ORDER BY ...).");
    }
    return UnknownFunction(DottedName(expr.names), expr.place);
  }
  if (expr.star || expr.distinct || expr.filter) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "*, DISTINCT and FILTER are for aggregates, not for: " + name);
  }
  return BindScalarCall(name, expr);
}

Result<BoundExprPtr> ExpressionBinder::BindScalarCall(const std::string& name, const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto arguments, BindAll(expr.children));
  bool handled = false;
  VELARIA_ASSIGN_OR_RETURN(auto lazy, BindLazyCall(name, arguments, expr.place, &handled));
  if (handled) return lazy;
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

Result<logical::BoundAggregate> MakeAggregate(const AggregateFunction& function,
                                              std::vector<BoundExprPtr> arguments, bool distinct,
                                              const FunctionContext& context, Place place) {
  BindArguments described;
  described.distinct = distinct;
  for (const auto& argument : arguments) {
    described.types.push_back(argument->type);
    std::shared_ptr<arrow::Scalar> constant;
    if (argument->kind == BoundKind::kLiteral) {
      VELARIA_ASSIGN_OR_RETURN(constant, ConstantValue(argument->literal));
    }
    described.constants.push_back(std::move(constant));
  }
  logical::BoundAggregate call;
  auto binding = velaria::BindAggregate(function, described);
  if (!binding.ok()) return WithPlace(binding.status(), place);
  binding->distinct = distinct;
  call.function = &function;
  call.arguments = std::move(arguments);
  for (size_t i = 0; i < call.arguments.size() && i < binding->arguments.size(); ++i) {
    if (!binding->arguments[i]) continue;
    VELARIA_ASSIGN_OR_RETURN(call.arguments[i],
                             CastTo(call.arguments[i], binding->arguments[i], context));
  }
  call.binding = *std::move(binding);
  call.text = AggregateText(function.name, call.arguments, distinct);
  return call;
}

Result<BoundExprPtr> ExpressionBinder::BindAggregate(const AggregateFunction& function,
                                                     const Expr& expr) {
  if (outer_aggregate_) {
    return FailAt(expr.place, ErrorCode::kMisplacedAggregate,
                  "an aggregate may not stand inside an aggregate: " + function.name,
                  "Compute the inner one in a subquery in FROM.");
  }
  if (!clause_.empty() || !collector_) {
    return FailAt(expr.place, ErrorCode::kMisplacedAggregate,
                  "an aggregate may not stand in " + (clause_.empty() ? "this place" : clause_) +
                      ": " + function.name,
                  clause_ == "WHERE" ? "Conditions on aggregates belong into HAVING." : "");
  }
  if (expr.star && (function.name != "count" || expr.distinct)) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "* is for count alone, without DISTINCT, not for: " + function.name);
  }
  outer_aggregate_ = &expr;
  auto arguments = BindAll(expr.children);
  Result<BoundExprPtr> filter = BoundExprPtr{};
  if (arguments.ok() && expr.filter) {
    filter = Bind(*expr.filter);
    if (filter.ok()) filter = ExpectBoolean(*filter, "FILTER", functions());
  }
  outer_aggregate_ = nullptr;
  VELARIA_RETURN_NOT_OK(arguments.status());
  VELARIA_RETURN_NOT_OK(filter.status());

  // A minimum or maximum does not change when repeated values are left out.
  const bool distinct = expr.distinct && function.name != "min" && function.name != "max";
  VELARIA_ASSIGN_OR_RETURN(
      auto call, MakeAggregate(function, *std::move(arguments), distinct, functions(), expr.place));
  call.filter = *std::move(filter);
  if (call.filter) call.text += " FILTER (WHERE " + logical::ToText(*call.filter) + ")";

  auto& known = collector_->aggregates;
  size_t at = 0;
  while (at < known.size() && !SameAggregate(known[at], call)) ++at;
  if (at == known.size()) known.push_back(std::move(call));
  return logical::MakeColumn(collector_->width + static_cast<int>(at), known[at].binding.type,
                             known[at].text, expr.place);
}

}  // namespace velaria::sql
