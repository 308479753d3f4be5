// Predicates with a grammar of their own: IS NULL, IS TRUE, LIKE, IN, BETWEEN, and CASE.
#include "base/text.hpp"
#include "logical/in_list.hpp"
#include "sql/planner_expression.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

/// A row is NULL when all its values are, and not NULL when none is: one may be neither.
Result<BoundExprPtr> ExpressionBinder::BindIsNull(const Expr& expr) {
  const char* name = expr.negated ? "is_not_null" : "is_null";
  const Expr& tested = *expr.children[0];
  if (tested.kind != ExprKind::kRow) {
    VELARIA_ASSIGN_OR_RETURN(auto value, Bind(tested));
    return Call(name, {std::move(value)}, expr.place);
  }
  if (tested.children.empty()) return logical::MakeBoolean(true, expr.place);
  std::vector<BoundExprPtr> tests;
  for (const auto& child : tested.children) {
    VELARIA_ASSIGN_OR_RETURN(auto value, Bind(*child));
    VELARIA_ASSIGN_OR_RETURN(auto test, Call(name, {std::move(value)}, expr.place));
    tests.push_back(std::move(test));
  }
  return logical::MakeAnd(std::move(tests));
}

Result<BoundExprPtr> ExpressionBinder::BindIsTruth(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto child, Bind(*expr.children[0]));
  VELARIA_ASSIGN_OR_RETURN(child, ExpectBoolean(std::move(child), "IS " + expr.text, functions()));
  const char* name = expr.text == "TRUE"    ? "is_true"
                     : expr.text == "FALSE" ? "is_false"
                                            : "is_unknown";
  VELARIA_ASSIGN_OR_RETURN(auto test, Call(name, {std::move(child)}, expr.place));
  return expr.negated ? Not(std::move(test), expr.place) : test;
}

Result<BoundExprPtr> ExpressionBinder::BindLike(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto arguments, BindAll(expr.children));
  const std::string name = ToLower(expr.text);
  VELARIA_ASSIGN_OR_RETURN(auto like, Call(name, std::move(arguments), expr.place));
  return expr.negated ? Not(std::move(like), expr.place) : like;
}

Result<BoundExprPtr> ExpressionBinder::BindBetween(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto parts, BindAll(expr.children));
  if (IsUntyped(*parts[0])) {
    const auto& typed = IsUntyped(*parts[1]) ? parts[2] : parts[1];
    VELARIA_ASSIGN_OR_RETURN(parts[0], Adopt(parts[0], typed->type, functions()));
  }
  VELARIA_ASSIGN_OR_RETURN(auto low, Compare(">=", parts[0], parts[1], expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto high, Compare("<=", parts[0], parts[2], expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto between, logical::MakeAnd({std::move(low), std::move(high)}));
  return expr.negated ? Not(std::move(between), expr.place) : between;
}

Result<BoundExprPtr> ExpressionBinder::InByEquality(const std::vector<BoundExprPtr>& parts,
                                                    const Expr& expr) {
  std::vector<BoundExprPtr> tests;
  for (size_t i = 1; i < parts.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto test, Compare("=", parts[0], parts[i], expr.place));
    tests.push_back(std::move(test));
  }
  VELARIA_ASSIGN_OR_RETURN(auto any, logical::MakeOr(std::move(tests)));
  return expr.negated ? Not(std::move(any), expr.place) : any;
}

/// (a, b) IN ((1, 2), (3, 4)): equal to one of the rows.
Result<BoundExprPtr> ExpressionBinder::BindRowIn(const Expr& expr) {
  std::vector<BoundExprPtr> tests;
  for (size_t i = 1; i < expr.children.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto test,
                             CompareRows("=", *expr.children[0], *expr.children[i], expr.place));
    tests.push_back(std::move(test));
  }
  if (tests.empty()) return logical::MakeBoolean(expr.negated, expr.place);
  VELARIA_ASSIGN_OR_RETURN(auto any, logical::MakeOr(std::move(tests)));
  return expr.negated ? Not(std::move(any), expr.place) : any;
}

Result<BoundExprPtr> ExpressionBinder::BindIn(const Expr& expr) {
  if (expr.children[0]->kind == ExprKind::kRow) return BindRowIn(expr);
  VELARIA_ASSIGN_OR_RETURN(auto parts, BindAll(expr.children));
  for (const auto& part : parts) VELARIA_RETURN_NOT_OK(CheckComparable(*part, "IN"));
  if (parts.size() == 1) return logical::MakeBoolean(expr.negated, expr.place);
  for (size_t i = 1; i < parts.size(); ++i) {
    parts[i] = TryFold(parts[i], functions());
    if (parts[i]->kind != BoundKind::kLiteral) return InByEquality(parts, expr);
  }
  // Constants that keep their value as the value's own type are looked up as such; otherwise all
  // meet in one type.
  const TypePtr own = LogicalType(parts[0]->type);
  bool all_fit = !IsUntyped(*parts[0]) && own->id() != arrow::Type::NA;
  std::vector<BoundExprPtr> fitted;
  for (size_t i = 1; i < parts.size() && all_fit; ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto constant, Adopt(parts[i], own, functions()));
    if (IsString(*own) && IsString(*constant->type)) {
      VELARIA_ASSIGN_OR_RETURN(constant, CastTo(constant, own, functions()));
    } else if (constant->type->id() == arrow::Type::NA) {
      VELARIA_ASSIGN_OR_RETURN(constant, CastTo(constant, own, functions()));
    } else if (!constant->type->Equals(*own)) {
      constant = ExactFit(constant, own, functions());
    }
    all_fit = constant != nullptr;
    fitted.push_back(std::move(constant));
  }
  if (!all_fit) {
    VELARIA_RETURN_NOT_OK(Unify(&parts, expr.place, functions()).status());
    fitted.assign(parts.begin() + 1, parts.end());
  }
  std::vector<Vector> constants;
  for (const auto& constant : fitted) constants.push_back(constant->literal);
  return logical::MakeInList(parts[0], constants, expr.negated, expr.place);
}

Result<BoundExprPtr> ExpressionBinder::BindCase(const Expr& expr) {
  size_t next = 0;
  BoundExprPtr operand;
  if (expr.has_operand) {
    VELARIA_ASSIGN_OR_RETURN(operand, Bind(*expr.children[next++]));
  }
  const size_t end = expr.children.size() - (expr.has_else ? 1 : 0);
  std::vector<BoundExprPtr> parts;
  for (; next + 1 < end; next += 2) {
    VELARIA_ASSIGN_OR_RETURN(auto when, Bind(*expr.children[next]));
    if (operand) {
      VELARIA_ASSIGN_OR_RETURN(when, Compare("=", operand, std::move(when), expr.place));
    } else {
      VELARIA_ASSIGN_OR_RETURN(when, ExpectBoolean(std::move(when), "CASE WHEN", functions()));
    }
    VELARIA_ASSIGN_OR_RETURN(auto then, Bind(*expr.children[next + 1]));
    parts.push_back(std::move(when));
    parts.push_back(std::move(then));
  }
  if (expr.has_else) {
    VELARIA_ASSIGN_OR_RETURN(auto otherwise, Bind(*expr.children.back()));
    parts.push_back(std::move(otherwise));
  } else {
    VELARIA_ASSIGN_OR_RETURN(auto otherwise, logical::MakeNull(arrow::null(), expr.place));
    parts.push_back(std::move(otherwise));
  }
  return MakeCase(std::move(parts), expr.place);
}

Result<BoundExprPtr> ExpressionBinder::MakeCase(std::vector<BoundExprPtr> parts, Place place) {
  std::vector<BoundExprPtr> results;
  for (size_t i = 1; i < parts.size(); i += 2) results.push_back(parts[i]);
  results.push_back(parts.back());
  VELARIA_ASSIGN_OR_RETURN(auto type, Unify(&results, place, functions()));
  for (size_t i = 1; i < parts.size(); i += 2) parts[i] = results[i / 2];
  parts.back() = results.back();
  auto out = std::make_shared<logical::BoundExpr>();
  out->kind = BoundKind::kCase;
  out->type = std::move(type);
  out->place = place;
  out->children = std::move(parts);
  return out;
}

}  // namespace velaria::sql
