// Implicit types: how string literals adopt the other side's type, how two sides of a comparison
// meet, and how the branches of a CASE or the rows of VALUES become one type.
//
// A string literal (and a string parameter) is "untyped" until something gives it a type, as in
// PostgreSQL: `date_col = '2013-01-01'` compares dates. Untyped literals are kLiteral expressions
// whose name is kUntypedName.
#pragma once

#include <vector>

#include "logical/expression.hpp"

namespace velaria::sql {

inline constexpr char kUntypedName[] = "untyped";

logical::BoundExprPtr MakeUntyped(Vector constant, Place place);
bool IsUntyped(const logical::BoundExpr& expr);

/// A cast; of a literal, its value (an error carries the literal's place).
Result<logical::BoundExprPtr> CastTo(const logical::BoundExprPtr& expr, const TypePtr& to,
                                     const FunctionContext& context);
/// An untyped literal as a value of `to`, VEL2007 when it is none; anything else as it is.
Result<logical::BoundExprPtr> Adopt(const logical::BoundExprPtr& expr, const TypePtr& to,
                                    const FunctionContext& context);
/// Folds when that succeeds; an expression whose evaluation fails stays as it is.
logical::BoundExprPtr TryFold(const logical::BoundExprPtr& expr, const FunctionContext& context);

/// A dictionary-encoded column of anything but text as plain values: so they are compared, grouped
/// and computed with. Any other expression as it is.
Result<logical::BoundExprPtr> PlainValues(logical::BoundExprPtr expr);
/// The column that PlainValues made `expr` of, for what names a column and nothing else; or `expr`.
logical::BoundExprPtr AsStored(logical::BoundExprPtr expr);

/// Brings both sides of a comparison to types that compare. A constant moves to the column's type
/// when that keeps its value, so that the column is compared as it lies.
Status CoerceComparison(logical::BoundExprPtr* left, logical::BoundExprPtr* right, Place place,
                        const FunctionContext& context);
/// Casts all to their common type (VARCHAR when all are untyped) and returns it. Strings of
/// different layouts meet in one layout.
Result<TypePtr> Unify(std::vector<logical::BoundExprPtr>* exprs, Place place,
                      const FunctionContext& context);
/// A constant as a value of `type` when that keeps its value exactly; null otherwise.
logical::BoundExprPtr ExactFit(const logical::BoundExprPtr& constant, const TypePtr& type,
                               const FunctionContext& context);
/// Moves the side that is a constant to the other's type, the right one first, where ExactFit
/// allows it: so `real_column = 0.1` and `0.1::REAL = 0.1` are the same comparison. False when
/// neither moved.
bool FitConstant(logical::BoundExprPtr* left, logical::BoundExprPtr* right,
                 const FunctionContext& context);
/// A boolean expression, or VEL2016 naming the clause: "WHERE must be BOOLEAN, not: INTEGER".
Result<logical::BoundExprPtr> ExpectBoolean(logical::BoundExprPtr expr, const std::string& what,
                                            const FunctionContext& context);
/// VEL2016 for a type that has no order and no equality.
Status CheckComparable(const logical::BoundExpr& expr, const std::string& what);

}  // namespace velaria::sql
