// `value IN (constants)`: the constants prepared once, at bind time, as a sorted array or a hash
// set of the value's physical type; evaluation is one lookup a row, or one a dictionary entry.
#pragma once

#include <memory>
#include <vector>

#include "logical/expression.hpp"

namespace velaria::logical {

/// `value IN (list)` with every constant already cast to the value's type (string constants: to
/// utf8). `values` may hold nulls; they are taken out and remembered.
Result<BoundExprPtr> MakeInList(BoundExprPtr value, const std::vector<Vector>& constants,
                                bool negated, Place place);

/// The boolean result for a dense vector of `row_count` rows or a constant (then the result is
/// constant).
Result<Vector> EvaluateInList(const BoundExpr& expr, const Vector& value, int64_t row_count,
                              const FunctionContext& context);

/// The rows (all when `rows` is null) whose value in a fixed-width column is in the list, or,
/// negated, is known not to be; false when the expression has no such form.
bool SelectInList(const BoundExpr& expr, const Chunk& chunk, const Selection* rows, Selection* out);

}  // namespace velaria::logical
