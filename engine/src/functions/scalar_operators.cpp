#include "functions/operators.hpp"

namespace velaria {

void RegisterOperators(FunctionRegistry& registry) {
  operators::RegisterArithmetic(registry);
  operators::RegisterComparison(registry);
  operators::RegisterLogic(registry);
  operators::RegisterTextOperators(registry);
  operators::RegisterBits(registry);
}

namespace operators {

Status DoesNotApply(const std::string& sign, const BindArguments& arguments) {
  std::string text = sign + " " + SqlName(*arguments.types[0]);
  if (arguments.types.size() > 1)
    text = SqlName(*arguments.types[0]) + " " + sign + " " + SqlName(*arguments.types[1]);
  return Fail(ErrorCode::kTypeMismatch, "operator does not apply to these types: " + text,
              "Write a CAST on one side.");
}

}  // namespace operators
}  // namespace velaria
