// The operators' parts, one file per family. An arithmetic operator's bind asks each family in
// turn.
#pragma once

#include "functions/registry.hpp"

namespace velaria::operators {

void RegisterArithmetic(FunctionRegistry& registry);     // + - * / %
void RegisterComparison(FunctionRegistry& registry);     // = <> < <= > >=, is_distinct_from
void RegisterLogic(FunctionRegistry& registry);          // not, is_null, is_true, ...
void RegisterTextOperators(FunctionRegistry& registry);  // || like ilike
void RegisterBits(FunctionRegistry& registry);           // & | # ~ << >>

/// Dates, times, timestamps and intervals under `sign`; WrongArguments when neither side is one.
Result<ScalarBinding> BindTemporalArithmetic(char sign, const BindArguments& arguments);
/// + - * / % where a side is DECIMAL and neither is a float.
Result<ScalarBinding> BindDecimalArithmetic(char sign, const BindArguments& arguments);
/// Unary minus of a DECIMAL.
Result<ScalarBinding> BindDecimalNegation(const BindArguments& arguments);

/// VEL2016 with both types: "operator does not apply: VARCHAR + INTEGER".
Status DoesNotApply(const std::string& sign, const BindArguments& arguments);

}  // namespace velaria::operators
