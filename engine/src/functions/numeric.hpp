// The parts of the numeric group.
#pragma once

#include "functions/registry.hpp"

namespace velaria::numeric {

/// Adds one row of the group "numeric".
class Adder {
 public:
  explicit Adder(FunctionRegistry& registry) : registry_(registry) {}
  void operator()(const char* name, std::vector<std::string> aliases, const char* signature,
                  const char* summary, const char* example, const char* result,
                  Result<ScalarBinding> (*bind)(const BindArguments&)) {
    registry_.Add(ScalarFunction{name, std::move(aliases), "numeric", signature, summary, example,
                                 result, bind});
  }

 private:
  FunctionRegistry& registry_;
};

/// Roots, powers, logarithms, trigonometry: functions of DOUBLE.
void RegisterMathematics(Adder& add);
/// div, factorial, width_bucket, random.
void RegisterMore(FunctionRegistry& registry);

}  // namespace velaria::numeric
