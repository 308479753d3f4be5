#include "functions/arrow_call.hpp"

#include <arrow/compute/cast.h>
#include <arrow/compute/exec.h>
#include <arrow/compute/initialize.h>

#include "functions/elementwise.hpp"

namespace velaria::kernels {
namespace {

Result<Vector> PlainLayout(const Vector& vector, const FunctionContext& context) {
  VELARIA_ASSIGN_OR_RETURN(Vector plain, Decode(vector, context.pool));
  const auto id = plain.type()->id();
  if (id != arrow::Type::STRING_VIEW && id != arrow::Type::BINARY_VIEW) return plain;
  const TypePtr to = id == arrow::Type::STRING_VIEW ? arrow::utf8() : arrow::binary();
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding cast, BindCast(plain.type(), to, false));
  return cast.kernel(context, cast, {&plain, 1}, plain.length());
}

}  // namespace

Status InitializeArrowCompute() {
  static const Status status = arrow::compute::Initialize();
  return status;
}

Result<Vector> CallArrow(const FunctionContext& context, const std::string& name,
                         std::span<const Vector> arguments, int64_t row_count,
                         const arrow::compute::FunctionOptions* options) {
  VELARIA_RETURN_NOT_OK(InitializeArrowCompute());
  const Extent extent = ExtentOf(arguments, row_count);
  std::vector<arrow::Datum> values;
  for (const auto& argument : arguments) {
    VELARIA_ASSIGN_OR_RETURN(const Vector plain, PlainLayout(argument, context));
    if (plain.constant && !extent.constant) {
      VELARIA_ASSIGN_OR_RETURN(auto scalar, ConstantValue(plain));
      values.emplace_back(std::move(scalar));
    } else {
      values.emplace_back(plain.data);
    }
  }
  arrow::compute::ExecContext execution(context.pool);
  execution.set_use_threads(false);
  VELARIA_ASSIGN_OR_RETURN(const arrow::Datum result,
                           arrow::compute::CallFunction(name, values, options, &execution));
  return Vector{result.array(), extent.constant};
}

}  // namespace velaria::kernels
