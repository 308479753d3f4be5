#include "sql/planner_expression.hpp"

#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "logical/schema_scopes.hpp"
#include "sql/planner_literal.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

Status Unsupported(Place place, const std::string& what) {
  return FailAt(place, ErrorCode::kUnsupportedStatement, "not supported yet: " + what);
}

Result<BoundExprPtr> ExpressionBinder::Bind(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNull:
    case ExprKind::kBoolean:
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat:
    case ExprKind::kString:
    case ExprKind::kTyped:
    case ExprKind::kInterval: return BindLiteral(expr, functions());
    case ExprKind::kParameter:
      return context_.parameter_rows ? BindParameterColumn(expr) : BindParameter(expr, context_);
    case ExprKind::kColumn: return BindColumn(expr);
    case ExprKind::kStar:
      return FailAt(expr.place, ErrorCode::kSyntaxError, "* may not stand in an expression");
    case ExprKind::kUnary: return BindUnary(expr);
    case ExprKind::kBinary: return BindBinary(expr);
    case ExprKind::kIsNull: return BindIsNull(expr);
    case ExprKind::kIsTruth: return BindIsTruth(expr);
    case ExprKind::kIsDistinct:
      return BindComparison(expr.negated ? "is_not_distinct_from" : "is_distinct_from",
                            *expr.children[0], *expr.children[1], expr.place);
    case ExprKind::kLike: return BindLike(expr);
    case ExprKind::kIn: return BindIn(expr);
    case ExprKind::kBetween: return BindBetween(expr);
    case ExprKind::kCase: {
      auto* unnests = std::exchange(unnests_, nullptr);  // a branch may not decide over rows
      auto bound = BindCase(expr);
      unnests_ = unnests;
      return bound;
    }
    case ExprKind::kCast: return BindCast(expr);
    case ExprKind::kCall: return BindCall(expr);
    case ExprKind::kExtract: {
      VELARIA_ASSIGN_OR_RETURN(auto part,
                               MakeConstant(std::make_shared<arrow::StringScalar>(expr.text),
                                            arrow::default_memory_pool()));
      VELARIA_ASSIGN_OR_RETURN(auto from, Bind(*expr.children[0]));
      return Call("date_part", {logical::MakeLiteral(part, expr.place), std::move(from)},
                  expr.place);
    }
    case ExprKind::kSubquery: return BindScalarSubquery(expr);
    case ExprKind::kExists: return BindExists(expr);
    case ExprKind::kInSubquery: return BindInSubquery(expr);
    case ExprKind::kQuantified: return BindQuantified(expr);
    case ExprKind::kRow: {
      VELARIA_ASSIGN_OR_RETURN(auto values, BindAll(expr.children));
      return Call("row", std::move(values), expr.place);
    }
    case ExprKind::kArray: return BindArray(expr);
    case ExprKind::kArraySubquery: return BindArraySubquery(expr);
    case ExprKind::kStruct: return BindStruct(expr);
    case ExprKind::kIndex: return BindIndex(expr);
    case ExprKind::kSlice: return BindSlice(expr);
    case ExprKind::kField: return BindField(expr);
    case ExprKind::kDefault:
      return FailAt(expr.place, ErrorCode::kSyntaxError,
                    "DEFAULT stands only for a whole value of INSERT or UPDATE");
    case ExprKind::kWindowCall: return BindWindowCall(expr);
  }
  return Unsupported(expr.place, "this expression");
}

Result<BoundExprPtr> ExpressionBinder::BindWithoutAggregates(const Expr& expr,
                                                             const std::string& clause) {
  std::string outer = clause;
  std::swap(clause_, outer);
  auto bound = Bind(expr);
  clause_ = std::move(outer);
  return bound;
}

Result<BoundExprPtr> ExpressionBinder::BindPredicate(const Expr& expr, const std::string& clause) {
  VELARIA_ASSIGN_OR_RETURN(auto bound, BindWithoutAggregates(expr, clause));
  return ExpectBoolean(std::move(bound), clause, functions());
}

/// Functions that the standard calls without parentheses, where no column has the name.
static bool IsBareCall(const Name& name) {
  if (name.quoted) return false;
  for (const char* known :
       {"current_user", "session_user", "current_role", "current_catalog", "current_schema"}) {
    if (EqualsIgnoreCase(name.text, known)) return true;
  }
  return false;
}

Result<BoundExprPtr> ExpressionBinder::BindColumn(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(const auto* column, scope_->Find(expr.names));
  if (!column && aliases_first_) {
    VELARIA_ASSIGN_OR_RETURN(auto meant, BindAlias(expr));
    if (meant) return meant;
  }
  if (!column && outer_) {
    VELARIA_ASSIGN_OR_RETURN(auto outer, outer_->Resolve(expr.names, expr.place));
    if (outer) return outer;
  }
  if (!column && expr.names.size() == 1 && IsBareCall(expr.names[0])) {
    return Call(ToLower(expr.names[0].text), {}, expr.place);
  }
  if (!column && !aliases_first_) {
    VELARIA_ASSIGN_OR_RETURN(auto meant, BindAlias(expr));
    if (meant) return meant;
  }
  if (!column && expr.names.size() > 1) {
    VELARIA_ASSIGN_OR_RETURN(auto field, BindColumnField(expr));
    if (field) return field;
  }
  if (!column) {
    const Scope* blamed = scope_;
    if (outer_ && expr.names.size() > 1) {
      const std::string& table = expr.names[expr.names.size() - 2].text;
      const Scope* owner = scope_->HasTable(table) ? nullptr : outer_->ScopeOfTable(table);
      if (owner) blamed = owner;
    }
    return UnknownName(expr, *blamed);
  }
  auto bound = std::make_shared<logical::BoundExpr>(*column->expr);
  bound->place = expr.place;
  return PlainValues(std::move(bound));
}

Result<BoundExprPtr> ExpressionBinder::BindParameterColumn(const Expr& expr) {
  Expr column{ExprKind::kColumn, expr.place};
  column.names = {{ParameterName(expr.index), true, expr.place}};
  return BindColumn(column);
}

Result<std::vector<BoundExprPtr>> ExpressionBinder::BindAll(const std::vector<ExprPtr>& exprs) {
  std::vector<BoundExprPtr> bound;
  bound.reserve(exprs.size());
  for (const auto& expr : exprs) {
    VELARIA_ASSIGN_OR_RETURN(auto one, Bind(*expr));
    bound.push_back(std::move(one));
  }
  return bound;
}

/// A literal that the function takes as another type is that type's value; a string literal that
/// has none is no argument of the function, while the failed cast of a typed literal is left to
/// evaluation.
Result<BoundExprPtr> ExpressionBinder::FoldLiteralArguments(const BoundExprPtr& call) {
  std::shared_ptr<logical::BoundExpr> copy;
  for (size_t i = 0; i < call->children.size(); ++i) {
    const auto& child = call->children[i];
    if (child->kind != BoundKind::kCast || child->children[0]->kind != BoundKind::kLiteral)
      continue;
    auto value = logical::Fold(child, functions());
    if (!value.ok() && !IsUntyped(*child->children[0])) continue;
    if (!value.ok()) {
      return FailAt(child->place, ErrorCode::kBadArgument,
                    "argument of " + call->name + " is not a value of type " +
                        SqlName(*child->type) + ": " + logical::ToText(*child->children[0]),
                    call->function->signature);
    }
    if (!copy) copy = std::make_shared<logical::BoundExpr>(*call);
    copy->children[i] = *value;
  }
  return copy ? BoundExprPtr(std::move(copy)) : call;
}

/// What the functions that ask the connection ask it for; null for all others.
static const std::string& (logical::SchemaScopes::* AskOf(std::string_view name))() const {
  if (name == "current_schema") return &logical::SchemaScopes::path;
  for (const char* known : {"current_user", "session_user", "user", "current_role"}) {
    if (name == known) return &logical::SchemaScopes::user;
  }
  return nullptr;
}

Result<BoundExprPtr> ExpressionBinder::Call(const std::string& name,
                                            std::vector<BoundExprPtr> arguments, Place place) {
  const auto asks = arguments.empty() ? AskOf(name) : nullptr;
  if (asks) {
    if (!context_.rule.empty()) return Unsupported(place, name + " in " + context_.rule);
    // The registry's own answers for a catalog without connections.
    if (const auto* of = dynamic_cast<const logical::SchemaScopes*>(context_.catalog)) {
      const auto told = std::make_shared<arrow::StringScalar>((of->*asks)());
      VELARIA_ASSIGN_OR_RETURN(auto constant, MakeConstant(told, functions().pool));
      return logical::MakeLiteral(std::move(constant), place);
    }
  }
  VELARIA_ASSIGN_OR_RETURN(auto call, logical::MakeCall(name, std::move(arguments), place));
  VELARIA_ASSIGN_OR_RETURN(call, FoldLiteralArguments(call));
  if (!call->function->null_if_any_null()) return call;
  for (const auto& argument : call->children) {
    if (argument->kind == BoundKind::kLiteral && !ValidityOf(argument->literal).IsValid(0)) {
      return logical::MakeNull(call->type, place);
    }
  }
  return call;
}

Result<BoundExprPtr> ExpressionBinder::Not(BoundExprPtr expr, Place place) {
  VELARIA_ASSIGN_OR_RETURN(expr, ExpectBoolean(std::move(expr), "NOT", functions()));
  return Call("not", {std::move(expr)}, place);
}

Result<BoundExprPtr> ExpressionBinder::BindUnary(const Expr& expr) {
  const Expr& child = *expr.children[0];
  if (expr.text == "NOT") {
    VELARIA_ASSIGN_OR_RETURN(auto bound, Bind(child));
    return Not(std::move(bound), expr.place);
  }
  if (expr.text == "-" && (child.kind == ExprKind::kInteger || child.kind == ExprKind::kDecimal)) {
    return ParseNumber("-" + child.text, expr.place);  // -9223372036854775808 is a BIGINT
  }
  VELARIA_ASSIGN_OR_RETURN(auto bound, Bind(child));
  if (IsUntyped(*bound)) {
    VELARIA_ASSIGN_OR_RETURN(bound, Adopt(bound, arrow::float64(), functions()));
  }
  if (expr.text == "+") {
    if (IsNumeric(*bound->type) || bound->type->id() == arrow::Type::NA ||
        bound->type->id() == arrow::Type::INTERVAL_MONTH_DAY_NANO) {
      return bound;
    }
    return FailAt(expr.place, ErrorCode::kTypeMismatch,
                  "unary + needs a number, not: " + SqlName(*bound->type));
  }
  return Call(expr.text, {std::move(bound)}, expr.place);
}

Result<BoundExprPtr> ExpressionBinder::BindBinary(const Expr& expr) {
  const std::string& sign = expr.text;
  if (sign == "AND" || sign == "OR") return BindJunction(expr);
  if (sign == "=" || sign == "<>" || sign == "<" || sign == "<=" || sign == ">" || sign == ">=") {
    return BindComparison(sign, *expr.children[0], *expr.children[1], expr.place);
  }
  return BindArithmetic(expr);
}

Result<BoundExprPtr> ExpressionBinder::BindArithmetic(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto left, Bind(*expr.children[0]));
  VELARIA_ASSIGN_OR_RETURN(auto right, Bind(*expr.children[1]));
  // The sides of these are a text and a pattern or a path, whatever the other's type.
  const bool independent = expr.text == "||" || expr.text == "->" || expr.text == "->>" ||
                           expr.text.find('~') != std::string::npos;
  if (!independent) {
    BoundExprPtr& untyped = IsUntyped(*left) ? left : right;
    const BoundExprPtr& typed = IsUntyped(*left) ? right : left;
    VELARIA_ASSIGN_OR_RETURN(untyped, Adopt(untyped, typed->type, functions()));
  }
  return Call(expr.text, {std::move(left), std::move(right)}, expr.place);
}

Result<BoundExprPtr> ExpressionBinder::BindComparison(const std::string& sign, const Expr& left,
                                                      const Expr& right, Place place) {
  if (left.kind == ExprKind::kRow || right.kind == ExprKind::kRow) {
    return CompareRows(sign, left, right, place);
  }
  VELARIA_ASSIGN_OR_RETURN(auto a, Bind(left));
  VELARIA_ASSIGN_OR_RETURN(auto b, Bind(right));
  return Compare(sign, std::move(a), std::move(b), place);
}

Result<BoundExprPtr> ExpressionBinder::Compare(const std::string& sign, BoundExprPtr left,
                                               BoundExprPtr right, Place place) {
  VELARIA_RETURN_NOT_OK(CoerceComparison(&left, &right, place, functions()));
  return Call(sign, {std::move(left), std::move(right)}, place);
}

Result<BoundExprPtr> ExpressionBinder::BindJunction(const Expr& expr) {
  std::vector<BoundExprPtr> children;
  for (const auto& child : expr.children) {
    VELARIA_ASSIGN_OR_RETURN(auto bound, Bind(*child));
    VELARIA_ASSIGN_OR_RETURN(bound, ExpectBoolean(std::move(bound), expr.text, functions()));
    children.push_back(std::move(bound));
  }
  return expr.text == "AND" ? logical::MakeAnd(std::move(children))
                            : logical::MakeOr(std::move(children));
}

Result<BoundExprPtr> ExpressionBinder::BindCast(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, TypeOf(expr.type));
  VELARIA_ASSIGN_OR_RETURN(auto child, Bind(*expr.children[0]));
  if (child->type->Equals(*type)) {
    // A JSON document as VARCHAR is a text like any other.
    if (logical::IsJsonDocument(*child)) {
      return logical::CastAnew(std::move(child), type, expr.try_cast, expr.place);
    }
    if (!IsUntyped(*child)) return child;
    return logical::MakeLiteral(child->literal, expr.place);  // CAST('5' AS VARCHAR) has a type
  }
  // The cast that is written has its own error, whatever function it is an argument of.
  if (IsUntyped(*child)) child = logical::MakeLiteral(child->literal, child->place);
  return logical::MakeCast(std::move(child), type, expr.try_cast, expr.place);
}

}  // namespace velaria::sql
