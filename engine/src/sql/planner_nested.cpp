// Lists and structs: literals, subscripts, slices and fields become calls. Also arguments given by
// name.
#include "base/text.hpp"
#include "sql/planner_expression.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;

namespace {

Result<BoundExprPtr> TextLiteral(const std::string& text, Place place) {
  VELARIA_ASSIGN_OR_RETURN(auto constant, MakeConstant(std::make_shared<arrow::StringScalar>(text),
                                                       arrow::default_memory_pool()));
  return logical::MakeLiteral(std::move(constant), place);
}

Result<BoundExprPtr> IntegerLiteral(int64_t value, Place place) {
  VELARIA_ASSIGN_OR_RETURN(auto constant,
                           MakeConstant(arrow::MakeScalar(value), arrow::default_memory_pool()));
  return logical::MakeLiteral(std::move(constant), place);
}

}  // namespace

Result<BoundExprPtr> ExpressionBinder::BindArray(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto elements, BindAll(expr.children));
  if (!elements.empty()) {
    VELARIA_RETURN_NOT_OK(Unify(&elements, expr.place, functions()).status());
  }
  return Call("list_value", std::move(elements), expr.place);
}

/// {'a': x}, or struct_pack(a := x): each name a literal before its value.
Result<BoundExprPtr> ExpressionBinder::BindStruct(const Expr& expr) {
  std::vector<BoundExprPtr> arguments;
  for (size_t i = 0; i < expr.children.size(); ++i) {
    const Name& name = expr.argument_names[i];
    if (name.text.empty()) {
      return FailAt(expr.children[i]->place, ErrorCode::kBadArgument,
                    "a field of a struct needs a name", "Write name := value.");
    }
    VELARIA_ASSIGN_OR_RETURN(auto key, TextLiteral(name.text, name.place));
    VELARIA_ASSIGN_OR_RETURN(auto value, Bind(*expr.children[i]));
    arguments.push_back(std::move(key));
    arguments.push_back(std::move(value));
  }
  return Call("struct_pack", std::move(arguments), expr.place);
}

Result<BoundExprPtr> ExpressionBinder::BindIndex(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto base, Bind(*expr.children[0]));
  VELARIA_ASSIGN_OR_RETURN(auto index, Bind(*expr.children[1]));
  const bool is_struct = base->type->id() == arrow::Type::STRUCT;
  VELARIA_ASSIGN_OR_RETURN(auto element, Call(is_struct ? "struct_extract" : "list_extract",
                                              {std::move(base), std::move(index)}, expr.place));
  return PlainValues(std::move(element));
}

/// An open bound is NULL.
Result<BoundExprPtr> ExpressionBinder::BindSlice(const Expr& expr) {
  std::vector<BoundExprPtr> arguments;
  for (size_t i = 0; i < 3; ++i) {
    BoundExprPtr argument;
    if (expr.children[i]) {
      VELARIA_ASSIGN_OR_RETURN(argument, Bind(*expr.children[i]));
    } else {
      VELARIA_ASSIGN_OR_RETURN(argument, logical::MakeNull(arrow::int64(), expr.place));
    }
    arguments.push_back(std::move(argument));
  }
  return Call("list_slice", std::move(arguments), expr.place);
}

Result<BoundExprPtr> ExpressionBinder::FieldOf(BoundExprPtr base, const Name& name) {
  if (base->type->id() != arrow::Type::STRUCT) {
    return FailAt(name.place, ErrorCode::kTypeMismatch,
                  "no struct, it has no fields: " + SqlName(*base->type));
  }
  VELARIA_ASSIGN_OR_RETURN(auto key, TextLiteral(name.text, name.place));
  VELARIA_ASSIGN_OR_RETURN(auto field,
                           Call("struct_extract", {std::move(base), std::move(key)}, name.place));
  return PlainValues(std::move(field));
}

Result<BoundExprPtr> ExpressionBinder::BindField(const Expr& expr) {
  VELARIA_ASSIGN_OR_RETURN(auto base, Bind(*expr.children[0]));
  return FieldOf(std::move(base), expr.names[0]);
}

/// a.b.c where a, or a.b, is a column of a struct; null when there is none.
Result<BoundExprPtr> ExpressionBinder::BindColumnField(const Expr& expr) {
  for (size_t length = expr.names.size() - 1; length >= 1; --length) {
    const std::vector<Name> prefix(expr.names.begin(),
                                   expr.names.begin() + static_cast<ptrdiff_t>(length));
    VELARIA_ASSIGN_OR_RETURN(const auto* column, scope_->Find(prefix));
    if (!column || column->expr->type->id() != arrow::Type::STRUCT) continue;
    BoundExprPtr bound = column->expr;
    for (size_t i = length; i < expr.names.size(); ++i) {
      VELARIA_ASSIGN_OR_RETURN(bound, FieldOf(std::move(bound), expr.names[i]));
    }
    return bound;
  }
  return nullptr;
}

/// value OP ANY|ALL (array). NOT LIKE ANY is that not all are LIKE, and NOT LIKE ALL that not any
/// is.
Result<BoundExprPtr> ExpressionBinder::BindQuantifiedArray(const Expr& expr) {
  constexpr std::string_view kNot = "NOT ";
  const bool negated = expr.text.starts_with(kNot);
  const std::string sign = ToLower(negated ? expr.text.substr(kNot.size()) : expr.text);
  VELARIA_ASSIGN_OR_RETURN(auto value, Bind(*expr.children[0]));
  VELARIA_ASSIGN_OR_RETURN(auto array, Bind(*expr.children[1]));
  const auto type = array->type->id();
  if (!arrow::is_list_like(type) && type != arrow::Type::NA) {
    return FailAt(expr.children[1]->place, ErrorCode::kTypeMismatch,
                  "ANY and ALL take a list or a query, not: " + SqlName(*array->type),
                  "Write ARRAY[1, 2], or cast a text: '{1, 2}'::INTEGER[].");
  }
  VELARIA_ASSIGN_OR_RETURN(auto name, TextLiteral(sign, expr.place));
  VELARIA_ASSIGN_OR_RETURN(auto holds,
                           Call(expr.bool_value != negated ? "list_all" : "list_any",
                                {std::move(name), std::move(value), std::move(array)}, expr.place));
  return negated ? Not(std::move(holds), expr.place) : holds;
}

/// The arguments in the order of the parameters. Of make_interval any may be left out, and is 0.
Result<std::vector<BoundExprPtr>> ExpressionBinder::BindCallArguments(const std::string& name,
                                                                      const Expr& expr) {
  if (!HasArgumentNames(expr)) return BindAll(expr.children);
  static const std::vector<std::string> kParameters = {"years", "months", "weeks", "days",
                                                       "hours", "mins",   "secs"};
  if (name != "make_interval") {
    return BindArgumentsOf(expr, name, FunctionRegistry::Instance().FindScalar(name)->signature);
  }
  std::vector<BoundExprPtr> arguments;
  for (size_t i = 0; i < kParameters.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto zero, IntegerLiteral(0, expr.place));
    arguments.push_back(std::move(zero));
  }
  for (size_t i = 0; i < expr.children.size(); ++i) {
    const std::string& wanted = expr.argument_names[i].text;
    size_t at = i;
    if (!wanted.empty()) {
      const auto found = std::find(kParameters.begin(), kParameters.end(), ToLower(wanted));
      at = static_cast<size_t>(found - kParameters.begin());
    }
    if (at >= kParameters.size()) {
      return FailAt(expr.place, ErrorCode::kBadArgument, "no parameter of make_interval: " + wanted,
                    "They are " + Join(kParameters, ", ") + ".");
    }
    VELARIA_ASSIGN_OR_RETURN(arguments[at], Bind(*expr.children[i]));
  }
  return arguments;
}

}  // namespace velaria::sql
