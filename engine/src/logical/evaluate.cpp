#include "logical/evaluate.hpp"

#include "logical/evaluate_rows.hpp"
#include "logical/in_list.hpp"
#include "logical/physical_dispatch.hpp"

namespace velaria::logical {
namespace {

Result<Vector> EvaluateCall(const BoundExpr& expr, const Chunk& chunk,
                            const FunctionContext& context) {
  std::vector<Vector> arguments;
  arguments.reserve(expr.children.size());
  const bool is_volatile = expr.function && expr.function->volatility == Volatility::kVolatile;
  bool all_constant = !is_volatile;
  for (const auto& child : expr.children) {
    VELARIA_ASSIGN_OR_RETURN(auto argument, EvaluateDense(*child, chunk, context));
    all_constant &= argument.constant;
    arguments.push_back(std::move(argument));
  }
  const int64_t rows = all_constant ? 1 : chunk.row_count;
  auto result = expr.binding.kernel(context, expr.binding, arguments, rows);
  if (!result.ok()) return WithPlace(result.status(), expr.place);
  if (all_constant) result->constant = true;
  return result;
}

}  // namespace

Result<Chunk> GatherInputs(const BoundExpr& expr, const Chunk& chunk, arrow::MemoryPool* pool) {
  std::vector<int> used;
  CollectColumns(expr, &used);
  Chunk dense;
  dense.columns.resize(chunk.columns.size());
  dense.row_count = chunk.selected_count();
  for (int column : used) {
    auto& target = dense.columns[static_cast<size_t>(column)];
    if (target.data) continue;
    const auto& source = chunk.columns[static_cast<size_t>(column)];
    if (source.constant || !chunk.selection) {
      target = source;
    } else {
      VELARIA_ASSIGN_OR_RETURN(target, Gather(source, *chunk.selection, pool));
    }
  }
  return dense;
}

Result<Vector> EvaluateDense(const BoundExpr& expr, const Chunk& chunk,
                             const FunctionContext& context) {
  switch (expr.kind) {
    case BoundKind::kColumn: return chunk.columns[static_cast<size_t>(expr.column)];
    case BoundKind::kLiteral: return expr.literal;
    case BoundKind::kCall:
    case BoundKind::kCast: return EvaluateCall(expr, chunk, context);
    case BoundKind::kAnd:
    case BoundKind::kOr: return EvaluateJunction(expr, chunk, context);
    case BoundKind::kCase: return EvaluateCase(expr, chunk, context);
    case BoundKind::kSubquery:
    case BoundKind::kOuter: return Bug("a subquery was not made a join: " + ToText(expr));
    case BoundKind::kInList: {
      VELARIA_ASSIGN_OR_RETURN(auto value, EvaluateDense(*expr.children[0], chunk, context));
      return EvaluateInList(expr, value, chunk.row_count, context);
    }
  }
  return Bug("unknown expression kind: " + std::to_string(static_cast<int>(expr.kind)));
}

Result<Vector> Evaluate(const BoundExpr& expr, const Chunk& chunk, const FunctionContext& context) {
  if (expr.kind == BoundKind::kLiteral) return expr.literal;
  if (expr.kind == BoundKind::kColumn) {
    const auto& source = chunk.columns[static_cast<size_t>(expr.column)];
    if (source.constant || !chunk.selection) return source;
    return Gather(source, *chunk.selection, context.pool);
  }
  if (chunk.empty()) {
    // No row asks for a value: not even a constant may fail here.
    VELARIA_ASSIGN_OR_RETURN(auto empty, arrow::MakeEmptyArray(expr.type, context.pool));
    return MakeVector(empty);
  }
  if (!chunk.selection) return EvaluateDense(expr, chunk, context);
  VELARIA_ASSIGN_OR_RETURN(auto dense, GatherInputs(expr, chunk, context.pool));
  return EvaluateDense(expr, dense, context);
}

Result<BoundExprPtr> Fold(const BoundExprPtr& expr, const FunctionContext& context) {
  if (expr->kind == BoundKind::kLiteral || !IsConstant(*expr)) return expr;
  // Literals outlive the query that folds them: their bytes are not accounted to its pool.
  FunctionContext folding = context;
  folding.pool = arrow::default_memory_pool();
  Chunk one_row;
  one_row.row_count = 1;
  auto value = EvaluateDense(*expr, one_row, folding);
  if (!value.ok()) return WithPlace(value.status(), expr->place);
  if (!value->type()->Equals(*expr->type)) {
    return Bug("a constant changed its type while it was folded: " + ToText(*expr));
  }
  value->constant = true;
  return MakeLiteral(*std::move(value), expr->place);
}

}  // namespace velaria::logical
