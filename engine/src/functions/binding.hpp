// What the bind functions of the registry share: arity and type rules of a call's arguments.
#pragma once

#include <initializer_list>

#include "functions/registry.hpp"

namespace velaria::binding {

/// What a parameter accepts. A constant string stands for any of them, as an untyped literal does
/// in PostgreSQL.
enum class Parameter {
  kText,     // any string layout, taken as it comes
  kInteger,  // brought to BIGINT
  kDouble,   // any number, brought to DOUBLE
  kBoolean,
  kDate,       // DATE; a timestamp gives its date
  kTimestamp,  // DATE, or TIMESTAMP of any unit and zone, taken as it comes
  kAny,        // anything, taken as it comes
};

/// No variant of the function takes these arguments; BindScalar adds the names of the types and the
/// signature.
Status WrongArguments();
bool IsWrongArguments(const Status& status);

/// "(INTEGER, VARCHAR)".
std::string TypeNames(const std::vector<TypePtr>& types);

/// Binds by position: at least `required` arguments, at most as many as `parameters`.
Result<ScalarBinding> Bind(const BindArguments& arguments,
                           std::initializer_list<Parameter> parameters, size_t required,
                           TypePtr result, ScalarKernel kernel,
                           std::shared_ptr<const void> data = nullptr);

/// The type an argument is cast to for `parameter`; null when it is taken as it comes;
/// WrongArguments when it does not fit.
Result<TypePtr> TypeFor(const BindArguments& arguments, size_t index, Parameter parameter);

/// Whether argument `index` is a string literal, which takes the type of its surroundings.
bool IsTextLiteral(const BindArguments& arguments, size_t index);

/// The constant value of argument `index`, or null.
std::shared_ptr<arrow::Scalar> ConstantAt(const BindArguments& arguments, size_t index);

/// The logical types of the arguments.
std::vector<TypePtr> LogicalTypes(const BindArguments& arguments);

/// The text of argument `index`, or an error that it must be a constant: `what` is its name
/// ("pattern").
Result<std::string> ConstantText(const BindArguments& arguments, size_t index,
                                 const std::string& what);

/// Typed access to what a bind function left in ScalarBinding::data.
template <typename T>
const T& DataOf(const ScalarBinding& binding) {
  return *static_cast<const T*>(binding.data.get());
}

}  // namespace velaria::binding
