#include "execution/scan_predicates.hpp"

#include <arrow/compute/api.h>

#include <map>

#include "functions/arrow_call.hpp"

namespace velaria::execution {
namespace {

std::optional<io::Comparison> ComparisonOf(const std::string& name, bool mirrored) {
  static const std::map<std::string, std::pair<io::Comparison, io::Comparison>> kTable = {
      {"=", {io::Comparison::kEqual, io::Comparison::kEqual}},
      {"<>", {io::Comparison::kNotEqual, io::Comparison::kNotEqual}},
      {"<", {io::Comparison::kLess, io::Comparison::kGreater}},
      {"<=", {io::Comparison::kLessEqual, io::Comparison::kGreaterEqual}},
      {">", {io::Comparison::kGreater, io::Comparison::kLess}},
      {">=", {io::Comparison::kGreaterEqual, io::Comparison::kLessEqual}}};
  const auto it = kTable.find(name);
  if (it == kTable.end()) return std::nullopt;
  return mirrored ? it->second.second : it->second.first;
}

/// `column op literal` over a scan's output as a predicate over its relation; nullopt for anything
/// else.
Result<std::optional<io::SimplePredicate>> SimplePredicateOf(const logical::BoundExpr& expr,
                                                             const std::vector<int>& columns) {
  using logical::BoundKind;
  if (expr.kind != BoundKind::kCall) return std::nullopt;
  if (expr.children.size() == 1 && expr.children[0]->kind == BoundKind::kColumn &&
      (expr.name == "is_null" || expr.name == "is_not_null")) {
    return io::SimplePredicate{
        columns[static_cast<size_t>(expr.children[0]->column)],
        expr.name == "is_null" ? io::Comparison::kIsNull : io::Comparison::kIsNotNull, nullptr};
  }
  if (expr.children.size() != 2) return std::nullopt;
  const bool mirrored = expr.children[0]->kind == BoundKind::kLiteral;
  const auto& column = expr.children[mirrored ? 1 : 0];
  const auto& literal = expr.children[mirrored ? 0 : 1];
  if (column->kind != BoundKind::kColumn || literal->kind != BoundKind::kLiteral)
    return std::nullopt;
  const auto op = ComparisonOf(expr.name, mirrored);
  if (!op || !literal->type->Equals(*column->type)) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto value, ConstantValue(literal->literal));
  if (!value->is_valid) return std::nullopt;
  return io::SimplePredicate{columns[static_cast<size_t>(column->column)], *op, std::move(value)};
}

}  // namespace

bool HasOneOrder(const arrow::DataType& type) {
  return IsInteger(type) || arrow::is_temporal(type.id()) || type.id() == arrow::Type::DECIMAL128;
}

Status AddBounds(const ArrayDataPtr& values, int column, std::vector<io::SimplePredicate>* to) {
  ARROW_RETURN_NOT_OK(kernels::InitializeArrowCompute());
  ARROW_ASSIGN_OR_RAISE(const auto found, arrow::compute::CallFunction("min_max", {values}));
  const auto& range = static_cast<const arrow::StructScalar&>(*found.scalar());
  if (range.value[0]->is_valid) {
    to->push_back({column, io::Comparison::kGreaterEqual, range.value[0]});
    to->push_back({column, io::Comparison::kLessEqual, range.value[1]});
  } else {  // no value is NULL and is not
    to->push_back({column, io::Comparison::kIsNull, nullptr});
    to->push_back({column, io::Comparison::kIsNotNull, nullptr});
  }
  return Status::OK();
}

Result<std::vector<io::SimplePredicate>> SimplePredicates(const logical::LogicalNode& scan) {
  using logical::BoundKind;
  std::vector<io::SimplePredicate> out;
  for (const auto& filter : scan.filters) {
    if (filter->kind == BoundKind::kInList && !filter->negated &&
        filter->children[0]->kind == BoundKind::kColumn && HasOneOrder(*filter->list.type()) &&
        filter->list.type()->Equals(*filter->children[0]->type)) {
      const int column = scan.columns[static_cast<size_t>(filter->children[0]->column)];
      ARROW_RETURN_NOT_OK(AddBounds(filter->list.data, column, &out));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto predicate, SimplePredicateOf(*filter, scan.columns));
    if (predicate) out.push_back(std::move(*predicate));
  }
  return out;
}

}  // namespace velaria::execution
