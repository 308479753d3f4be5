// The rows an INSERT appends, in the target's column order and types.
#include "base/text.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;

namespace {

/// Target column of each source column.
Result<std::vector<int>> TargetColumns(const Statement& insert, const arrow::Schema& target) {
  std::vector<int> columns;
  if (insert.insert_columns.empty()) {
    for (int i = 0; i < target.num_fields(); ++i) columns.push_back(i);
    return columns;
  }
  const auto names = target.field_names();
  for (const auto& name : insert.insert_columns) {
    int found = -1;
    for (int i = 0; i < target.num_fields(); ++i) {
      const bool exact = names[static_cast<size_t>(i)] == name.text;
      if (exact || (found < 0 && NameMatches(name, names[static_cast<size_t>(i)]))) found = i;
    }
    if (found < 0) {
      const auto near = NearestName(name.text, names);
      return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                    near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                    "columns: " + Join(names, ", "));
    }
    if (std::find(columns.begin(), columns.end(), found) != columns.end()) {
      return FailAt(name.place, ErrorCode::kDuplicateColumn, "column is named twice: " + name.text);
    }
    columns.push_back(found);
  }
  return columns;
}

std::vector<TypePtr> TypesOf(const arrow::Schema& target, const std::vector<int>& columns) {
  std::vector<TypePtr> types;
  for (int column : columns) types.push_back(LogicalType(target.field(column)->type()));
  return types;
}

bool IsPlainValues(const Select& select) {
  return !select.values.empty() && select.with.empty() && select.order_by.empty() &&
         !select.limit && !select.offset && select.emit == EmitKind::kDefault;
}

}  // namespace

bool IsInsertOfValues(const Statement& statement) {
  return statement.kind == StatementKind::kInsert && statement.select &&
         IsPlainValues(*statement.select);
}

Result<logical::BoundQuery> PlanInsertSource(const Statement& insert, const arrow::Schema& target,
                                             const ColumnDefaults& defaults,
                                             const BindContext& context) {
  VELARIA_ASSIGN_OR_RETURN(auto columns, TargetColumns(insert, target));
  QueryBinder binder(context);
  PlannedQuery planned;
  if (insert.default_values) {
    columns.clear();
    auto row = logical::MakeNode(logical::NodeKind::kValues);
    row->rows.emplace_back();
    planned.plan = std::move(row);
  } else {
    const auto& select = *insert.select;
    const size_t given = select.values.empty() ? columns.size() : select.values[0].size();
    const bool typed_values = IsPlainValues(select) && given == columns.size();
    if (typed_values) {
      ColumnDefaults own;
      for (int column : columns) {
        own.push_back(defaults.empty() ? nullptr : defaults[static_cast<size_t>(column)]);
      }
      VELARIA_ASSIGN_OR_RETURN(planned, binder.BindValues(select, TypesOf(target, columns), own,
                                                          context.parameter_rows));
    } else {
      VELARIA_ASSIGN_OR_RETURN(planned, binder.BindSelect(select));
    }
    const size_t width = planned.plan->output.size();
    if (width != columns.size()) {
      return FailAt(insert.select->place, ErrorCode::kColumnCountMismatch,
                    "INSERT needs " + std::to_string(columns.size()) +
                        " values a row and was given: " + std::to_string(width));
    }
  }
  std::vector<BoundExprPtr> exprs(static_cast<size_t>(target.num_fields()));
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto at = static_cast<size_t>(columns[i]);
    VELARIA_ASSIGN_OR_RETURN(
        exprs[at], logical::MakeCast(ColumnOf(*planned.plan, i), target.field(columns[i])->type(),
                                     false, insert.place));
  }
  std::vector<logical::OutputColumn> output;
  for (int i = 0; i < target.num_fields(); ++i) {
    auto& expr = exprs[static_cast<size_t>(i)];
    const auto& field = *target.field(i);
    if (!expr && !defaults.empty()) expr = defaults[static_cast<size_t>(i)];
    if (!expr) {
      VELARIA_ASSIGN_OR_RETURN(expr, logical::MakeNull(field.type()));
    }
    output.push_back({field.name(), field.type(), field.nullable(), field.metadata()});
  }
  logical::BoundQuery query;
  VELARIA_ASSIGN_OR_RETURN(
      query.root, binder.WithoutSubqueries(
                      Project(std::move(planned.plan), std::move(exprs), std::move(output))));
  query.schema = logical::SchemaOf(*query.root);
  query.is_bounded = logical::IsBounded(*query.root);
  query.uses = binder.uses();
  VELARIA_RETURN_NOT_OK(CheckBoundedness(*query.root));
  return query;
}

}  // namespace velaria::sql
