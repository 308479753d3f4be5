// NOT and the IS tests. AND and OR are no functions: the evaluator narrows the rows between their
// operands.
#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/operators.hpp"

namespace velaria::operators {
namespace {

using kernels::ExtentOf;
using kernels::MapToBoolean;

Result<ScalarBinding> BindNot(const BindArguments& arguments);

Result<Vector> RunNot(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const BoolView value = ViewBool(arguments[0]);
  return MapToBoolean(context, arguments, ExtentOf(arguments, row_count),
                      [&](int64_t i) { return !value[i]; });
}

Result<ScalarBinding> BindNot(const BindArguments& arguments) {
  return binding::Bind(arguments, {binding::Parameter::kBoolean}, 1, arrow::boolean(), RunNot);
}

template <bool wanted>
Result<Vector> RunIsNull(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(const Vector value, IsDictionary(*arguments[0].type()) &&
                                                       arguments[0].data->dictionary->MayHaveNulls()
                                                   ? Decode(arguments[0], context.pool)
                                                   : Result<Vector>(arguments[0]));
  const Validity validity = ValidityOf(value);
  return MapToBoolean(context, {}, ExtentOf(arguments, row_count),
                      [&](int64_t i) { return validity.IsValid(i) != wanted; });
}

template <bool wanted>
Result<ScalarBinding> BindIsNull(const BindArguments& arguments) {
  return binding::Bind(arguments, {binding::Parameter::kAny}, 1, arrow::boolean(),
                       RunIsNull<wanted>);
}

template <bool wanted>
Result<Vector> RunIsTruth(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const BoolView value = ViewBool(arguments[0]);
  return MapToBoolean(context, {}, ExtentOf(arguments, row_count),
                      [&](int64_t i) { return value.IsValid(i) && value[i] == wanted; });
}

template <bool wanted>
Result<ScalarBinding> BindIsTruth(const BindArguments& arguments) {
  return binding::Bind(arguments, {binding::Parameter::kBoolean}, 1, arrow::boolean(),
                       RunIsTruth<wanted>);
}

Result<ScalarBinding> BindIsUnknown(const BindArguments& arguments) {
  return binding::Bind(arguments, {binding::Parameter::kBoolean}, 1, arrow::boolean(),
                       RunIsNull<true>);
}

}  // namespace

void RegisterLogic(FunctionRegistry& registry) {
  registry.Add(ScalarFunction{"not",
                              {},
                              "operator",
                              "NOT a -> BOOLEAN",
                              "Negation; unknown stays unknown.",
                              "NOT false",
                              "true",
                              BindNot});
  auto add = [&registry](const char* name, const char* written, const char* summary,
                         const char* example, const char* result,
                         Result<ScalarBinding> (*bind)(const BindArguments&)) {
    ScalarFunction function{
        name,    {},      "operator", std::string("a ") + written + " -> BOOLEAN",
        summary, example, result,     bind};
    function.null_rule = "true or false of a NULL, too; never NULL";
    registry.Add(std::move(function));
  };
  add("is_null", "IS NULL", "Whether the value is NULL.", "NULL IS NULL", "true", BindIsNull<true>);
  add("is_not_null", "IS NOT NULL", "Whether the value is not NULL.", "1 IS NOT NULL", "true",
      BindIsNull<false>);
  add("is_true", "IS TRUE", "Whether the value is true; never unknown.", "(NULL = 1) IS TRUE",
      "false", BindIsTruth<true>);
  add("is_false", "IS FALSE", "Whether the value is false; never unknown.", "(1 = 2) IS FALSE",
      "true", BindIsTruth<false>);
  add("is_unknown", "IS UNKNOWN", "Whether a truth value is unknown.", "(NULL = 1) IS UNKNOWN",
      "true", BindIsUnknown);
}

}  // namespace velaria::operators
