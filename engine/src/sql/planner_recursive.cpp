// WITH RECURSIVE: first rows UNION [ALL] a step over the newest rows.
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::LogicalPtr;
using logical::NodeKind;

Result<LogicalPtr> QueryBinder::BindRecursive(const CommonTable& table) {
  const Select& select = *table.select;
  const bool is_union = select.is_set_operation() &&
                        (select.set_op == SetOp::kUnion || select.set_op == SetOp::kUnionAll);
  // Without a union there is no step: then its own name means what is outside.
  if (!is_union || !select.order_by.empty() || select.limit || select.offset) {
    VELARIA_ASSIGN_OR_RETURN(auto planned, BindSelect(select));
    return planned.plan;
  }
  const size_t visible = common_tables_.size();
  VELARIA_RETURN_NOT_OK(BindCommonTables(select.with));
  VELARIA_ASSIGN_OR_RETURN(auto first, BindSelect(*select.set_left));
  Recursion recursion;
  recursion.id = next_id_++;
  recursion.output = first.plan->output;
  if (table.columns.size() > recursion.output.size()) {
    return FailAt(table.name.place, ErrorCode::kColumnCountMismatch,
                  "more column names than columns: " + table.name.text);
  }
  for (size_t i = 0; i < recursion.output.size(); ++i) {
    auto& column = recursion.output[i];
    if (i < table.columns.size()) column.name = table.columns[i].text;
    column.nullable = true;
    if (column.type->id() == arrow::Type::NA) column.type = arrow::utf8();
    if (!IsString(*column.type)) column.type = LogicalType(column.type);
  }
  CommonTableEntry entry{table.name.text, nullptr, {}, outer_, &recursion};
  common_tables_.Add(std::move(entry));
  auto step = BindSelect(*select.set_right);
  common_tables_.ShrinkTo(visible);
  VELARIA_RETURN_NOT_OK(step.status());
  const size_t width = recursion.output.size();
  if (step->plan->output.size() != width) {
    return FailAt(select.set_right->place, ErrorCode::kColumnCountMismatch,
                  "both parts of a recursive common table must have the same number of columns: " +
                      std::to_string(width) + " and " + std::to_string(step->plan->output.size()));
  }
  for (size_t i = 0; i < width; ++i) {
    VELARIA_RETURN_NOT_OK(AdoptColumnType(&*step, i, recursion.output[i], select.set_right->place,
                                          context_.functions));
  }
  std::vector<LogicalPtr> parts;
  for (const auto& plan : {first.plan, step->plan}) {
    std::vector<logical::BoundExprPtr> exprs;
    for (size_t i = 0; i < width; ++i) {
      const auto& type = recursion.output[i].type;
      auto column = ColumnOf(*plan, i);
      auto common = CommonType(type, column->type);
      if (!common.ok() || (!(*common)->Equals(*type) && !(IsString(**common) && IsString(*type)))) {
        return FailAt(select.set_right->place, ErrorCode::kTypeMismatch,
                      "column " + std::to_string(i + 1) + " of a recursive common table is " +
                          SqlName(*type) + " at first and in the step: " + SqlName(*column->type),
                      "Cast the column of the first part to " + SqlName(*column->type) + ".");
      }
      VELARIA_ASSIGN_OR_RETURN(column, CastTo(column, type, context_.functions));
      exprs.push_back(std::move(column));
    }
    parts.push_back(Project(plan, std::move(exprs), recursion.output));
  }
  const bool distinct = select.set_op == SetOp::kUnion;
  if (!recursion.used) {
    auto all = logical::MakeNode(NodeKind::kUnion, std::move(parts));
    all->output = recursion.output;
    return distinct ? Distinct(all) : LogicalPtr(all);
  }
  auto node = logical::MakeNode(NodeKind::kRecursive, std::move(parts));
  node->recursive_id = recursion.id;
  node->distinct_rows = distinct;
  node->output = recursion.output;
  return node;
}

Result<FromClause> QueryBinder::BindRecursiveRef(const CommonTableEntry& entry,
                                                 const TableRef& ref) {
  entry.recursion->used = true;
  auto node = logical::MakeNode(NodeKind::kRecursiveRef);
  node->recursive_id = entry.recursion->id;
  node->output = entry.recursion->output;
  FromClause from;
  VELARIA_ASSIGN_OR_RETURN(
      from.scope,
      ScopeOf(node->output, ref.alias ? ref.alias->text : entry.name, ref.column_aliases));
  from.plan = std::move(node);
  return from;
}

}  // namespace velaria::sql
