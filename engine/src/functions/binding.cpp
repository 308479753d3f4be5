#include "functions/binding.hpp"

#include <arrow/scalar.h>

#include "base/text.hpp"

namespace velaria::binding {
namespace {

constexpr const char* kWrongArguments = "no variant takes these arguments";

}  // namespace

Status WrongArguments() { return Fail(ErrorCode::kBadArgument, kWrongArguments); }

bool IsWrongArguments(const Status& status) {
  if (status.ok()) return false;
  const ErrorInfo info = ErrorInfoOf(status);
  return info.code == ErrorCode::kBadArgument && info.message == kWrongArguments;
}

std::string TypeNames(const std::vector<TypePtr>& types) {
  std::vector<std::string> names;
  names.reserve(types.size());
  for (const auto& type : types) names.push_back(SqlName(*type));
  return "(" + Join(names, ", ") + ")";
}

std::shared_ptr<arrow::Scalar> ConstantAt(const BindArguments& arguments, size_t index) {
  return index < arguments.constants.size() ? arguments.constants[index] : nullptr;
}

bool IsTextLiteral(const BindArguments& arguments, size_t index) {
  return ConstantAt(arguments, index) != nullptr && IsString(*arguments.types[index]);
}

std::vector<TypePtr> LogicalTypes(const BindArguments& arguments) {
  std::vector<TypePtr> types;
  types.reserve(arguments.types.size());
  for (const auto& type : arguments.types) types.push_back(LogicalType(type));
  return types;
}

Result<TypePtr> TypeFor(const BindArguments& arguments, size_t index, Parameter parameter) {
  const TypePtr type = LogicalType(arguments.types[index]);
  const bool untyped = type->id() == arrow::Type::NA || IsTextLiteral(arguments, index);
  switch (parameter) {
    case Parameter::kAny: return TypePtr();
    case Parameter::kText:
      if (IsString(*type)) return TypePtr();
      if (untyped) return arrow::utf8();
      break;
    case Parameter::kInteger:
      if (untyped || IsInteger(*type)) return arrow::int64();
      break;
    case Parameter::kDouble:
      if (untyped || IsNumeric(*type)) return arrow::float64();
      break;
    case Parameter::kBoolean:
      if (untyped || type->id() == arrow::Type::BOOL) return arrow::boolean();
      break;
    case Parameter::kDate:
      if (untyped || (IsTemporal(*type) && !arrow::is_time(type->id()))) return arrow::date32();
      break;
    case Parameter::kTimestamp:
      if (untyped) return arrow::timestamp(arrow::TimeUnit::MICRO);
      if (type->id() == arrow::Type::DATE64) return arrow::date32();
      if (type->id() == arrow::Type::DATE32 || type->id() == arrow::Type::TIMESTAMP) return type;
      break;
  }
  return WrongArguments();
}

Result<ScalarBinding> Bind(const BindArguments& arguments,
                           std::initializer_list<Parameter> parameters, size_t required,
                           TypePtr result, ScalarKernel kernel, std::shared_ptr<const void> data) {
  const size_t count = arguments.types.size();
  if (count < required || count > parameters.size()) return WrongArguments();
  ScalarBinding binding{std::move(result), {}, kernel, std::move(data)};
  for (size_t i = 0; i < count; ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto type, TypeFor(arguments, i, parameters.begin()[i]));
    binding.arguments.push_back(std::move(type));
  }
  return binding;
}

Result<std::string> ConstantText(const BindArguments& arguments, size_t index,
                                 const std::string& what) {
  const auto scalar = ConstantAt(arguments, index);
  if (scalar && scalar->is_valid && arrow::is_base_binary_like(scalar->type->id())) {
    return std::string(
        arrow::internal::checked_cast<const arrow::BaseBinaryScalar&>(*scalar).view());
  }
  return Fail(ErrorCode::kBadArgument, "not a constant text: " + what,
              "Write the " + what + " as a literal.");
}

}  // namespace velaria::binding
