// The way to Arrow's own kernels, for what no benchmark runs.
#pragma once

#include <arrow/compute/function_options.h>

#include <string>

#include "functions/registry.hpp"

namespace velaria::kernels {

/// Registers Arrow's compute kernels; only the first call does anything. Needed before any cast or
/// call by name.
Status InitializeArrowCompute();

/// Calls arrow::compute's `name`. Dictionaries and views are handed over as plain utf8, constants
/// as one row, and the result is constant when every argument is.
Result<Vector> CallArrow(const FunctionContext& context, const std::string& name,
                         std::span<const Vector> arguments, int64_t row_count,
                         const arrow::compute::FunctionOptions* options = nullptr);

}  // namespace velaria::kernels
