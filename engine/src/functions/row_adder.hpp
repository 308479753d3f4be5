// Adds the rows of one group to the registry's table.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "functions/registry.hpp"

namespace velaria {

class RowAdder {
 public:
  /// `returns_json`: of every function that it adds.
  RowAdder(FunctionRegistry& registry, std::string group, bool returns_json = false)
      : registry_(registry), group_(std::move(group)), returns_json_(returns_json) {}

  void operator()(const char* name, std::vector<std::string> aliases, const char* signature,
                  const char* summary, const char* example, const char* result,
                  Result<ScalarBinding> (*bind)(const BindArguments&),
                  const char* null_rule = kNullIfAnyNull,
                  Volatility volatility = Volatility::kImmutable) {
    registry_.Add(ScalarFunction{name, std::move(aliases), group_, signature, summary, example,
                                 result, bind, null_rule, volatility, returns_json_});
  }

 private:
  FunctionRegistry& registry_;
  std::string group_;
  bool returns_json_;
};

}  // namespace velaria
