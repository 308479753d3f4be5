// Pieces of the evaluator that its files share.
#pragma once

#include "logical/evaluate.hpp"

namespace velaria::logical {

/// `chunk` with only the columns that `expr` reads, gathered by the selection; the others are left
/// empty.
Result<Chunk> GatherInputs(const BoundExpr& expr, const Chunk& chunk, arrow::MemoryPool* pool);

/// Evaluate for a chunk without a selection and with at least one row.
Result<Vector> EvaluateDense(const BoundExpr& expr, const Chunk& chunk,
                             const FunctionContext& context);
Result<Vector> EvaluateJunction(const BoundExpr& expr, const Chunk& chunk,
                                const FunctionContext& context);
Result<Vector> EvaluateCase(const BoundExpr& expr, const Chunk& chunk,
                            const FunctionContext& context);

/// The rows of `rows` (all `row_count` rows when it is null) for which the dense or constant
/// boolean is true.
Selection TrueRows(const Vector& booleans, int64_t row_count, const Selection* rows);

/// The selected rows of `chunk` that are not in `taken`, which is part of them.
Selection RowsWithout(const Chunk& chunk, const Selection& taken);

/// A conjunct compared straight on raw values: appends nothing when it has no fused form. `rows`
/// null: all rows. Returns whether it was handled; `out` then holds the passing rows.
bool SelectFused(const BoundExpr& conjunct, const Chunk& chunk, const Selection* rows,
                 Selection* out);
/// `column >= a AND column <= b` in one pass.
bool SelectFusedRange(const BoundExpr& low, const BoundExpr& high, const Chunk& chunk,
                      const Selection* rows, Selection* out);

}  // namespace velaria::logical
