// Literals: text to typed constants.
#pragma once

#include "logical/expression.hpp"
#include "sql/ast.hpp"
#include "sql/planner.hpp"

namespace velaria::sql {

/// Digits with an optional sign, point and exponent: INTEGER, BIGINT or DECIMAL(38,0) by magnitude;
/// with a point the exact DECIMAL(p,s); with an exponent, or past 38 digits, DOUBLE. VEL2007 for
/// anything else.
Result<logical::BoundExprPtr> ParseNumber(const std::string& text, Place place);

/// Every literal kind of the tree (kNull to kInterval).
Result<logical::BoundExprPtr> BindLiteral(const Expr& expr, const FunctionContext& context);

/// The type of a column or a cast; VEL2017 with a suggestion for a name that is none.
Result<TypePtr> TypeOf(const TypeName& written);

/// The value of a parameter; VEL1006 when it was not given.
Result<logical::BoundExprPtr> BindParameter(const Expr& expr, const BindContext& context);

/// INTERVAL '5' DAY, INTERVAL '1 day 02:03:04.5': months, days and nanoseconds; VEL2007 for a text
/// that is none.
Result<std::shared_ptr<arrow::Scalar>> ParseInterval(const std::string& text,
                                                     const std::string& unit, Place place);

}  // namespace velaria::sql
