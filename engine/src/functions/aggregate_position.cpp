// first, last, arg_min and arg_max: the value of one row of the group, whatever its type.
#include "functions/aggregate_states.hpp"
#include "functions/binding.hpp"
#include "functions/row_list_states.hpp"

namespace velaria {
namespace {

/// first(x), last(x): NULL counts as a value, as in DuckDB.
template <bool kLast>
Result<AggregateBinding> BindEnd(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  bound.type = KeptType(arguments.types[0]);
  bound.arguments = {bound.type};
  bound.state_types = {bound.type, arrow::int64()};
  bound.needs_row_order = true;
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<RowPickStates>(RowSpec::Of(b, {0}, {}), kLast);
  };
  return bound;
}

/// arg_min(x, key), arg_max(x, key): of the rows with the best key, the first in row order.
template <bool kMax>
Result<AggregateBinding> BindAtExtreme(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  AggregateBinding bound;
  bound.type = KeptType(arguments.types[0]);
  bound.arguments = {bound.type, KeptType(arguments.types[1])};
  if (!IsComparable(*bound.arguments[1])) {
    return Fail(ErrorCode::kBadArgument,
                "values of this type have no order: " + SqlName(*arguments.types[1]));
  }
  bound.state_types = {bound.arguments[0], bound.arguments[1], arrow::int64()};
  bound.needs_row_order = true;
  bound.order = {{1, kMax, false}};
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<RowPickStates>(RowSpec::Of(b, {0, 1}, {0, 1}), false);
  };
  return bound;
}

}  // namespace

void RegisterPositions(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{
      "first",
      {},
      "first(value ANY [ORDER BY ...]) -> same type",
      "The value of the first row, NULL or not, in the order of the rows or of ORDER BY.",
      "SELECT first(x ORDER BY x DESC) FROM (VALUES (1), (3), (2)) AS t(x)",
      "3",
      BindEnd<false>,
      false,
      "a NULL is a value; NULL for no rows"});
  registry.Add(AggregateFunction{
      "last",
      {},
      "last(value ANY [ORDER BY ...]) -> same type",
      "The value of the last row, NULL or not, in the order of the rows or of ORDER BY.",
      "SELECT last(x) FROM (VALUES (1), (3), (2)) AS t(x)",
      "2",
      BindEnd<true>,
      false,
      "a NULL is a value; NULL for no rows"});
  registry.Add(
      AggregateFunction{"arg_min",
                        {"min_by", "argmin"},
                        "arg_min(value ANY, key ANY) -> type of value",
                        "The value where the key is least; rows with NULL in either do not count.",
                        "SELECT arg_min(x, k) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, k)",
                        "b",
                        BindAtExtreme<false>,
                        false,
                        "passes over rows with a NULL in either; NULL when nothing is left"});
  registry.Add(AggregateFunction{
      "arg_max",
      {"max_by", "argmax"},
      "arg_max(value ANY, key ANY) -> type of value",
      "The value where the key is greatest; rows with NULL in either do not count.",
      "SELECT arg_max(x, k) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, k)",
      "a",
      BindAtExtreme<true>,
      false,
      "passes over rows with a NULL in either; NULL when nothing is left"});
}

}  // namespace velaria
