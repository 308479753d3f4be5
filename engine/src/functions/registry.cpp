#include "functions/registry.hpp"

#include "base/text.hpp"
#include "functions/binding.hpp"
#include "functions/system.hpp"

namespace velaria {

FunctionRegistry::FunctionRegistry() {
  RegisterOperators(*this);
  RegisterNumeric(*this);
  RegisterText(*this);
  RegisterDate(*this);
  RegisterConditional(*this);
  RegisterHash(*this);
  RegisterRegex(*this);
  RegisterJson(*this);
  RegisterNested(*this);
  RegisterSystem(*this);
  RegisterAggregates(*this);
  RegisterWindows(*this);
}

const FunctionRegistry& FunctionRegistry::Instance() {
  static const FunctionRegistry registry;
  return registry;
}

void FunctionRegistry::Add(ScalarFunction function) {
  const size_t index = scalars_.size();
  scalar_index_.emplace(function.name, index);
  for (const auto& alias : function.aliases) scalar_index_.emplace(alias, index);
  scalars_.push_back(std::move(function));
}

void FunctionRegistry::Add(AggregateFunction function) {
  const size_t index = aggregates_.size();
  aggregate_index_.emplace(function.name, index);
  for (const auto& alias : function.aliases) aggregate_index_.emplace(alias, index);
  aggregates_.push_back(std::move(function));
}

void FunctionRegistry::Add(WindowFunction function) {
  const size_t index = windows_.size();
  window_index_.emplace(function.name, index);
  for (const auto& alias : function.aliases) window_index_.emplace(alias, index);
  windows_.push_back(std::move(function));
}

const ScalarFunction* FunctionRegistry::FindScalar(std::string_view name) const {
  const auto found = scalar_index_.find(std::string(name));
  return found == scalar_index_.end() ? nullptr : &scalars_[found->second];
}

const AggregateFunction* FunctionRegistry::FindAggregate(std::string_view name) const {
  const auto found = aggregate_index_.find(std::string(name));
  return found == aggregate_index_.end() ? nullptr : &aggregates_[found->second];
}

const WindowFunction* FunctionRegistry::FindWindow(std::string_view name) const {
  const auto found = window_index_.find(std::string(name));
  return found == window_index_.end() ? nullptr : &windows_[found->second];
}

std::vector<std::string> FunctionRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, index] : scalar_index_) {
    if (scalars_[index].group != "operator") names.push_back(name);
  }
  for (const auto& [name, index] : aggregate_index_) names.push_back(name);
  for (const auto& [name, index] : window_index_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

template <typename Function>
auto BindOrExplain(const Function& function, const BindArguments& arguments) {
  auto bound = function.bind(arguments);
  if (binding::IsWrongArguments(bound.status())) {
    bound = Fail(ErrorCode::kBadArgument,
                 "no variant of " + function.name +
                     " takes these arguments: " + binding::TypeNames(arguments.types),
                 "The signature is " + function.signature + ".");
  }
  return bound;
}

}  // namespace

Result<ScalarBinding> BindScalar(const ScalarFunction& function, const BindArguments& arguments) {
  return BindOrExplain(function, arguments);
}

Result<AggregateBinding> BindAggregate(const AggregateFunction& function,
                                       const BindArguments& arguments) {
  return BindOrExplain(function, arguments);
}

Result<WindowBinding> BindWindow(const WindowFunction& function, const BindArguments& arguments) {
  return BindOrExplain(function, arguments);
}

}  // namespace velaria
