// UPDATE, DELETE, ON CONFLICT and RETURNING: expressions over the rows of one table.
#include "base/text.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::LogicalPtr;

namespace {

std::vector<logical::OutputColumn> OutputOf(const arrow::Schema& schema) {
  std::vector<logical::OutputColumn> output;
  for (const auto& field : schema.fields()) {
    output.push_back({field->name(), field->type(), field->nullable(), field->metadata()});
  }
  return output;
}

std::string NameOf(const Statement& statement) {
  return statement.alias ? statement.alias->text : statement.name.back().text;
}

/// The column an assignment names; each may be named once.
Result<size_t> AssignedColumn(const Name& name, const arrow::Schema& schema,
                              const std::vector<BoundExprPtr>& values) {
  int found = -1;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const auto& candidate = schema.field(i)->name();
    if (candidate == name.text || (found < 0 && NameMatches(name, candidate))) found = i;
  }
  if (found < 0) {
    const auto near = NearestName(name.text, schema.field_names());
    return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                  near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                  "columns: " + Join(schema.field_names(), ", "));
  }
  if (values[static_cast<size_t>(found)]) {
    return FailAt(name.place, ErrorCode::kDuplicateColumn,
                  "column is assigned twice: " + name.text);
  }
  return static_cast<size_t>(found);
}

/// New values by column, cast to the columns' types; null where nothing is assigned.
Result<std::vector<BoundExprPtr>> BindAssignments(
    const std::vector<std::pair<Name, ExprPtr>>& assignments, const arrow::Schema& schema,
    const ColumnDefaults& defaults, const BindContext& context, ExpressionBinder* binder) {
  std::vector<BoundExprPtr> values(static_cast<size_t>(schema.num_fields()));
  for (const auto& [name, tree] : assignments) {
    VELARIA_ASSIGN_OR_RETURN(const size_t at, AssignedColumn(name, schema, values));
    const auto& field = *schema.field(static_cast<int>(at));
    BoundExprPtr value;
    if (tree->kind == ExprKind::kDefault) {
      if (!defaults.empty()) value = defaults[at];
      if (!value) {
        VELARIA_ASSIGN_OR_RETURN(value, logical::MakeNull(field.type(), tree->place));
      }
    } else {
      VELARIA_ASSIGN_OR_RETURN(value, binder->BindWithoutAggregates(*tree, "SET"));
      VELARIA_ASSIGN_OR_RETURN(value, Adopt(value, LogicalType(field.type()), context.functions));
    }
    VELARIA_ASSIGN_OR_RETURN(values[at], CastTo(value, field.type(), context.functions));
  }
  return values;
}

}  // namespace

Result<LogicalPtr> QueryBinder::BindChangedRows(const Statement& statement,
                                                const logical::RelationPtr& relation,
                                                const ColumnDefaults& defaults) {
  if (statement.from) {
    return Unsupported(statement.from->place, statement.kind == StatementKind::kUpdate
                                                  ? "UPDATE ... FROM"
                                                  : "DELETE ... USING");
  }
  VELARIA_RETURN_NOT_OK(BindCommonTables(statement.with));
  TableRef ref(TableKind::kNamed, statement.name.back().place);
  VELARIA_ASSIGN_OR_RETURN(auto from, ScanOf(relation, ref, NameOf(statement)));
  auto binder = Expressions(&from.scope);
  LogicalPtr plan = from.plan;
  if (statement.where) {
    VELARIA_ASSIGN_OR_RETURN(auto condition, binder.BindPredicate(*statement.where, "WHERE"));
    plan = Filter(plan, std::move(condition));
  }
  const auto& schema = *relation->schema();
  const bool update = statement.kind == StatementKind::kUpdate;
  std::vector<BoundExprPtr> exprs;
  std::vector<logical::OutputColumn> output;
  if (update || !statement.returning.empty()) {
    VELARIA_ASSIGN_OR_RETURN(
        exprs, BindAssignments(statement.assignments, schema, defaults, context_, &binder));
    output = OutputOf(schema);
    for (size_t i = 0; i < exprs.size(); ++i) {
      if (!exprs[i]) exprs[i] = ColumnOf(*from.plan, i);
    }
  }
  auto project = logical::MakeNode(logical::NodeKind::kProject, {std::move(plan)});
  project->expressions = std::move(exprs);
  project->output = std::move(output);
  return WithoutSubqueries(project);
}

Result<LogicalPtr> PlanChangedRows(const Statement& statement, const logical::RelationPtr& relation,
                                   const ColumnDefaults& defaults, const BindContext& context) {
  return QueryBinder(context).BindChangedRows(statement, relation, defaults);
}

Result<ConflictUpdate> BindConflictUpdate(const Statement& insert, const arrow::Schema& target,
                                          const BindContext& context) {
  const auto columns = OutputOf(target);
  VELARIA_ASSIGN_OR_RETURN(Scope scope, ScopeOf(columns, NameOf(insert), {}));
  VELARIA_ASSIGN_OR_RETURN(const Scope excluded, ScopeOf(columns, "excluded", {}));
  std::vector<int> behind(columns.size());
  for (size_t i = 0; i < behind.size(); ++i) behind[i] = static_cast<int>(columns.size() + i);
  for (auto column : excluded.columns) {
    column.expr = logical::RemapColumns(column.expr, behind);
    column.by_bare_name = false;  // a bare name is the row that is there
    scope.columns.push_back(std::move(column));
  }
  scope.tables.push_back("excluded");
  ExpressionBinder binder(context, &scope, nullptr);
  ConflictUpdate update;
  VELARIA_ASSIGN_OR_RETURN(update.values, BindAssignments(insert.on_conflict->assignments, target,
                                                          {}, context, &binder));
  if (insert.on_conflict->where) {
    VELARIA_ASSIGN_OR_RETURN(update.condition,
                             binder.BindPredicate(*insert.on_conflict->where, "WHERE"));
  }
  return update;
}

Result<ReturningList> BindReturning(const Statement& statement, const arrow::Schema& target,
                                    const BindContext& context) {
  VELARIA_ASSIGN_OR_RETURN(const Scope scope, ScopeOf(OutputOf(target), NameOf(statement), {}));
  ExpressionBinder binder(context, &scope, nullptr);
  ReturningList list;
  std::vector<std::shared_ptr<Field>> fields;
  for (const auto& item : statement.returning) {
    if (item.expr->kind == ExprKind::kStar) {
      for (const auto& column : scope.columns) list.expressions.push_back(column.expr);
      fields.insert(fields.end(), target.fields().begin(), target.fields().end());
      continue;
    }
    VELARIA_ASSIGN_OR_RETURN(auto expr, binder.BindWithoutAggregates(*item.expr, "RETURNING"));
    fields.push_back(
        arrow::field(item.alias ? item.alias->text : OutputNameOf(*item.expr), expr->type));
    list.expressions.push_back(std::move(expr));
  }
  list.schema = arrow::schema(std::move(fields));
  return list;
}

Result<BoundExprPtr> BindDefault(const Expr& expr, const Field& column,
                                 const BindContext& context) {
  Scope nothing;
  ExpressionBinder binder(context, &nothing, nullptr);
  VELARIA_ASSIGN_OR_RETURN(auto value, binder.BindWithoutAggregates(expr, "DEFAULT"));
  VELARIA_ASSIGN_OR_RETURN(value, Adopt(value, LogicalType(column.type()), context.functions));
  return CastTo(value, column.type(), context.functions);
}

}  // namespace velaria::sql
