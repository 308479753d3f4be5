#include "sql/planner.hpp"

#include <unordered_set>

#include "base/text.hpp"
#include "sql/planner_literal.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::LogicalPtr;

namespace {

Result<logical::BoundQuery> QueryOf(PlannedQuery planned, QueryBinder& binder) {
  logical::BoundQuery query;
  VELARIA_ASSIGN_OR_RETURN(query.root, binder.WithoutSubqueries(planned.plan));
  query.schema = logical::SchemaOf(*query.root);
  if (planned.metadata) query.schema = query.schema->WithMetadata(planned.metadata);
  query.is_bounded = logical::IsBounded(*query.root);
  query.uses = binder.uses();
  VELARIA_RETURN_NOT_OK(CheckBoundedness(*query.root));
  return query;
}

}  // namespace

Result<logical::BoundQuery> PlanSelect(const Select& select, const BindContext& context) {
  QueryBinder binder(context);
  VELARIA_ASSIGN_OR_RETURN(auto planned, binder.BindSelect(select));
  return QueryOf(std::move(planned), binder);
}

Result<logical::BoundExprPtr> BindOverSchema(const Expr& expr, const arrow::Schema& schema,
                                             const std::string& table, const BindContext& context) {
  std::vector<logical::OutputColumn> columns;
  for (const auto& field : schema.fields()) {
    columns.push_back({field->name(), field->type(), field->nullable(), field->metadata()});
  }
  VELARIA_ASSIGN_OR_RETURN(auto scope, ScopeOf(columns, table, {}));
  ExpressionBinder binder(context, &scope, nullptr);
  return binder.BindWithoutAggregates(expr, "this statement");
}

Result<logical::BoundExprPtr> BindPredicateOverSchema(const Expr& expr, const arrow::Schema& schema,
                                                      const std::string& table,
                                                      const std::string& clause,
                                                      const BindContext& context) {
  BindContext lasting = context;
  lasting.rule = clause;
  VELARIA_ASSIGN_OR_RETURN(auto bound, BindOverSchema(expr, schema, table, lasting));
  return ExpectBoolean(std::move(bound), clause, context.functions);
}

Result<SchemaPtr> SchemaFromColumns(const std::vector<ColumnDef>& columns) {
  std::vector<std::shared_ptr<Field>> fields;
  std::unordered_set<std::string> names;  // in small letters
  for (const auto& column : columns) {
    if (!names.insert(ToLower(column.name.text)).second) {
      return FailAt(column.name.place, ErrorCode::kDuplicateColumn,
                    "duplicate column: " + column.name.text);
    }
    VELARIA_ASSIGN_OR_RETURN(TypePtr type, TypeOf(column.type));
    fields.push_back(arrow::field(column.name.text, std::move(type), !column.not_null));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace velaria::sql
