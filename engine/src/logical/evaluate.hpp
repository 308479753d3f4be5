// Evaluation of bound expressions over a chunk, a vector at a time. Stateless but for what the
// caller passes; safe from many threads at once.
#pragma once

#include "logical/expression.hpp"

namespace velaria::logical {

/// The values of `expr` for the selected rows of `chunk`, dense (chunk.selected_count() rows) or
/// constant.
Result<Vector> Evaluate(const BoundExpr& expr, const Chunk& chunk, const FunctionContext& context);

/// The rows of `chunk` (positions, ascending, within its selection) on which the boolean
/// `predicate` is true. Null result pointer = all selected rows of the chunk pass (the caller keeps
/// its selection).
Result<SelectionPtr> SelectRows(const BoundExpr& predicate, const Chunk& chunk,
                                const FunctionContext& context);

/// The value of a constant expression, as a literal; the error of the evaluation (with the
/// expression's place) when it has none.
Result<BoundExprPtr> Fold(const BoundExprPtr& expr, const FunctionContext& context);

}  // namespace velaria::logical
