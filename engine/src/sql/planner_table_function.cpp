// Functions in FROM: UNNEST and series; readers of files stand in planner_file_function.cpp. Their
// arguments may name the tables before them.
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "sql/file_readers.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::NodeKind;

namespace {

logical::LogicalPtr OneRow() {
  auto node = logical::MakeNode(NodeKind::kValues);
  node->rows.emplace_back();
  return node;
}

/// The value of a constant integer; nothing for NULL and anything else.
std::optional<int64_t> IntegerOf(const logical::BoundExpr& expr) {
  if (expr.kind != logical::BoundKind::kLiteral || !arrow::is_signed_integer(expr.type->id()) ||
      !ValidityOf(expr.literal).IsValid(0)) {
    return {};
  }
  switch (PhysicalOf(*expr.type)) {
    case Physical::kInt8: return ViewFixed<int8_t>(expr.literal)[0];
    case Physical::kInt16: return ViewFixed<int16_t>(expr.literal)[0];
    case Physical::kInt32: return ViewFixed<int32_t>(expr.literal)[0];
    case Physical::kInt64: return ViewFixed<int64_t>(expr.literal)[0];
    default: return {};
  }
}

}  // namespace

Result<FromClause> QueryBinder::BindTableFunction(const TableRef& ref) {
  const std::string name = ToLower(ref.names.back().text);
  if (name == "unnest") return BindUnnest(ref);
  if (name == "generate_series" || name == "range") return BindSeries(ref, name);
  if (IsFileReader(name)) return BindFileFunction(ref, name);
  const auto near =
      NearestName(name, {"unnest", "generate_series", "range", "read_csv", "read_tsv", "read_line",
                         "read_json", "read_ndjson", "read_parquet", "read_arrow"});
  return FailAt(ref.place, ErrorCode::kUnknownFunction, "unknown table function: " + name,
                near.empty() ? "" : "Did you mean " + near + "?");
}

/// One row per element of the lists; the columns are called as the table is.
Result<FromClause> QueryBinder::UnnestOf(std::vector<BoundExprPtr> lists, const TableRef& ref,
                                         const std::string& name) {
  auto node = logical::MakeNode(NodeKind::kUnnest, {OneRow()});
  const std::string column = ref.alias ? ref.alias->text : name;
  for (const auto& list : lists) {
    VELARIA_ASSIGN_OR_RETURN(auto element, UnnestedType(*list, name));
    node->output.push_back(PlainColumn(column, std::move(element)));
  }
  node->expressions = std::move(lists);
  node->with_ordinality = ref.with_ordinality;
  if (ref.with_ordinality) node->output.push_back(PlainColumn("ordinality", arrow::int64()));
  FromClause from;
  VELARIA_ASSIGN_OR_RETURN(from.scope, ScopeOf(node->output, column, ref.column_aliases));
  from.plan = std::move(node);
  return from;
}

Result<FromClause> QueryBinder::BindUnnest(const TableRef& ref) {
  if (ref.arguments.empty()) {
    return FailAt(ref.place, ErrorCode::kBadArgument, "unnest takes one list or more");
  }
  Scope nothing;
  auto binder = Expressions(&nothing);
  std::vector<BoundExprPtr> lists;
  for (const auto& argument : ref.arguments) {
    VELARIA_ASSIGN_OR_RETURN(auto list, binder.BindWithoutAggregates(*argument, "FROM"));
    lists.push_back(std::move(list));
  }
  return UnnestOf(std::move(lists), ref, "unnest");
}

/// Constant integers are counted where they are read; anything else is a list that is unnested.
Result<FromClause> QueryBinder::BindSeries(const TableRef& ref, const std::string& name) {
  Scope nothing;
  auto binder = Expressions(&nothing);
  std::vector<BoundExprPtr> arguments;
  for (const auto& argument : ref.arguments) {
    VELARIA_ASSIGN_OR_RETURN(auto bound, binder.BindWithoutAggregates(*argument, "FROM"));
    arguments.push_back(TryFold(bound, context_.functions));
  }
  const size_t count = arguments.size();
  std::vector<int64_t> numbers;
  for (const auto& argument : arguments) {
    if (const auto number = IntegerOf(*argument)) numbers.push_back(*number);
  }
  const bool countable = numbers.size() == count && count >= 1 && count <= 3 &&
                         (count >= 2 || name == "range") && !ref.with_ordinality;
  if (!countable) {
    VELARIA_ASSIGN_OR_RETURN(auto list, logical::MakeCall(name, std::move(arguments), ref.place));
    return UnnestOf({std::move(list)}, ref, name);
  }
  if (count == 1) numbers.insert(numbers.begin(), 0);
  const int64_t step = numbers.size() == 3 ? numbers[2] : 1;
  if (step == 0) {
    return FailAt(ref.arguments.back()->place, ErrorCode::kBadValue,
                  "the step of a series may not be zero");
  }
  auto node = logical::MakeNode(NodeKind::kSeries);
  node->series_from = numbers[0];
  node->series_to = numbers[1];
  node->series_step = step;
  if (name == "range") {  // its end does not belong to it
    const bool empty = step > 0 ? numbers[0] >= numbers[1] : numbers[0] <= numbers[1];
    if (empty) node->series_from = step > 0 ? 1 : 0;
    node->series_to = empty ? 1 - node->series_from : numbers[1] - (step > 0 ? 1 : -1);
  }
  const std::string column = ref.alias ? ref.alias->text : name;
  node->output.push_back(PlainColumn(column, arrow::int64()));
  FromClause from;
  VELARIA_ASSIGN_OR_RETURN(from.scope, ScopeOf(node->output, column, ref.column_aliases));
  from.plan = std::move(node);
  return from;
}

}  // namespace velaria::sql
