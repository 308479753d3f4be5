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
  for (int i = 0; i < static_cast<int>(values.size()); ++i) {
    const std::string& known = schema.field(i)->name();
    if (known == name.text || (found < 0 && NameMatches(name, known))) found = i;
  }
  if (found < 0) {
    std::vector<std::string> names = schema.field_names();
    names.resize(values.size());
    const auto near = NearestName(name.text, names);
    return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                  near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                  "columns: " + Join(names, ", "));
  }
  if (values[static_cast<size_t>(found)]) {
    return FailAt(name.place, ErrorCode::kDuplicateColumn,
                  "column is assigned twice: " + name.text);
  }
  return static_cast<size_t>(found);
}

/// New values by column, the first `width` of the schema, cast to the columns' types; null where
/// nothing is assigned.
Result<std::vector<BoundExprPtr>> BindAssignments(
    const std::vector<std::pair<Name, ExprPtr>>& assignments, size_t width,
    const arrow::Schema& schema, const ColumnDefaults& defaults, const BindContext& context,
    ExpressionBinder* binder) {
  std::vector<BoundExprPtr> values(width);
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

/// The columns that * or t.* brings into RETURNING.
Status ExpandReturningStar(const Expr& star, const Scope& scope, ReturningList* list,
                           std::vector<std::shared_ptr<Field>>* fields) {
  if (!star.excluded.empty() || !star.replaced.empty()) {
    return Unsupported(star.place, "* EXCLUDE and * REPLACE in RETURNING");
  }
  const Name* table = star.names.empty() ? nullptr : &star.names.back();
  if (table && !scope.HasTable(table->text)) {
    const auto near = NearestName(table->text, scope.tables);
    return FailAt(star.place, ErrorCode::kUnknownTable,
                  "no table of that name in the statement: " + table->text,
                  near.empty() ? "" : "Did you mean " + near + "?");
  }
  for (const auto& column : scope.columns) {
    if (table ? !NameMatches(*table, column.table) : !column.in_star) continue;
    list->expressions.push_back(column.expr);
    fields->push_back(
        arrow::field(column.name, column.expr->type, column.nullable, column.metadata));
  }
  return Status::OK();
}

Result<ReturningList> ReturningOver(const Scope& scope, const Statement& statement,
                                    const BindContext& context) {
  ExpressionBinder binder(context, &scope, nullptr);
  ReturningList list;
  std::vector<std::shared_ptr<Field>> fields;
  for (const auto& item : statement.returning) {
    if (item.expr->kind == ExprKind::kStar) {
      VELARIA_RETURN_NOT_OK(ExpandReturningStar(*item.expr, scope, &list, &fields));
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

/// RETURNING of an UPDATE or DELETE: over the position, the `width` columns of the table, then the
/// columns of `others` that it names, which are added to the rows.
Result<ReturningList> ReturningOf(const Statement& statement, const arrow::Schema& schema,
                                  size_t width, const Scope& others, const BindContext& context,
                                  std::vector<BoundExprPtr>* exprs,
                                  std::vector<logical::OutputColumn>* output) {
  if (statement.returning.empty()) return ReturningList{};
  auto columns = OutputOf(schema);
  columns.resize(width);
  VELARIA_ASSIGN_OR_RETURN(Scope scope, ScopeOf(columns, NameOf(statement), {}));
  int next = 1;
  for (auto& column : scope.columns) {
    column.expr = logical::MakeColumn(next++, column.expr->type, column.name);
  }
  for (auto column : others.columns) {
    column.expr = logical::MakeColumn(next++, column.expr->type, column.name);
    const bool known = scope.HasTable(column.table);
    if (!column.table.empty() && !known) scope.tables.push_back(column.table);
    scope.columns.push_back(std::move(column));
  }
  VELARIA_ASSIGN_OR_RETURN(auto list, ReturningOver(scope, statement, context));
  std::vector<int> used;
  for (const auto& expr : list.expressions) logical::CollectColumns(*expr, &used);
  std::vector<int> moved(static_cast<size_t>(next));
  for (int i = 0; i < next; ++i) moved[static_cast<size_t>(i)] = i;
  const int first = static_cast<int>(width) + 1;
  for (int column = first; column < next; ++column) {
    if (std::find(used.begin(), used.end(), column) == used.end()) continue;
    const auto& source = others.columns[static_cast<size_t>(column - first)];
    moved[static_cast<size_t>(column)] = static_cast<int>(exprs->size());
    exprs->push_back(source.expr);
    output->push_back(PlainColumn(source.name, source.expr->type));
  }
  for (auto& expr : list.expressions) expr = logical::RemapColumns(expr, moved);
  return list;
}

}  // namespace

Result<ChangedRows> QueryBinder::BindChangedRows(const Statement& statement,
                                                 const logical::RelationPtr& relation,
                                                 const ColumnDefaults& defaults) {
  VELARIA_RETURN_NOT_OK(BindCommonTables(statement.with));
  TableRef ref(TableKind::kNamed, statement.name.back().place);
  VELARIA_ASSIGN_OR_RETURN(auto from, ScanOf(relation, ref, NameOf(statement)));
  uses_.insert(relation->use());
  from.scope.columns.pop_back();  // the position, which nobody can name
  const size_t width = from.scope.columns.size();
  Scope others;
  if (statement.from) {
    VELARIA_ASSIGN_OR_RETURN(auto tables, BindFrom(*statement.from));
    VELARIA_ASSIGN_OR_RETURN(
        from, SideBySideTables(std::move(from), std::move(tables), statement.from->place));
    others.columns.assign(from.scope.columns.begin() + static_cast<std::ptrdiff_t>(width),
                          from.scope.columns.end());
  }
  if (context_.parameter_rows) {
    const TableRef parameters(TableKind::kNamed, statement.place);
    VELARIA_ASSIGN_OR_RETURN(
        auto rows, ScanOf(context_.parameter_rows, parameters, context_.parameter_rows->name()));
    VELARIA_ASSIGN_OR_RETURN(from,
                             SideBySideTables(std::move(from), std::move(rows), statement.place));
  }
  auto binder = Expressions(&from.scope);
  LogicalPtr plan = from.plan;
  if (statement.where) {
    VELARIA_ASSIGN_OR_RETURN(auto condition, binder.BindPredicate(*statement.where, "WHERE"));
    plan = Filter(plan, std::move(condition));
  }
  const auto& schema = *relation->schema();
  std::vector<BoundExprPtr> exprs = {ColumnOf(*from.plan, width)};
  std::vector<logical::OutputColumn> output = {from.plan->output[width]};
  const bool update = statement.kind == StatementKind::kUpdate;
  if (update || !statement.returning.empty()) {
    VELARIA_ASSIGN_OR_RETURN(auto values, BindAssignments(statement.assignments, width, schema,
                                                          defaults, context_, &binder));
    for (size_t i = 0; i < width; ++i) {
      exprs.push_back(values[i] ? std::move(values[i]) : ColumnOf(*from.plan, i));
      // A NULL for a column that may have none is the table's to refuse.
      output.push_back(PlainColumn(schema.field(static_cast<int>(i))->name(), exprs.back()->type));
    }
  }
  ChangedRows changed;
  VELARIA_ASSIGN_OR_RETURN(
      changed.returning, ReturningOf(statement, schema, width, others, context_, &exprs, &output));
  auto project = logical::MakeNode(logical::NodeKind::kProject, {std::move(plan)});
  project->expressions = std::move(exprs);
  project->output = std::move(output);
  VELARIA_ASSIGN_OR_RETURN(changed.query.root, WithoutSubqueries(project));
  changed.query.schema = logical::SchemaOf(*changed.query.root);
  changed.query.is_bounded = logical::IsBounded(*changed.query.root);
  changed.query.uses = uses_;
  if (!changed.query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput,
                  "UPDATE and DELETE cannot read a stream, which never ends");
  }
  return changed;
}

Result<ChangedRows> PlanChangedRows(const Statement& statement,
                                    const logical::RelationPtr& relation,
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
  VELARIA_ASSIGN_OR_RETURN(
      update.values, BindAssignments(insert.on_conflict->assignments, columns.size(), target, {},
                                     context, &binder));
  if (insert.on_conflict->where) {
    VELARIA_ASSIGN_OR_RETURN(update.condition,
                             binder.BindPredicate(*insert.on_conflict->where, "WHERE"));
  }
  return update;
}

Result<ReturningList> BindReturning(const Statement& statement, const arrow::Schema& target,
                                    const BindContext& context) {
  VELARIA_ASSIGN_OR_RETURN(const Scope scope, ScopeOf(OutputOf(target), NameOf(statement), {}));
  return ReturningOver(scope, statement, context);
}

Result<BoundExprPtr> BindDefault(const Expr& expr, const Field& column,
                                 const BindContext& context) {
  Scope nothing;
  BindContext lasting = context;
  lasting.rule = "DEFAULT";
  ExpressionBinder binder(lasting, &nothing, nullptr);
  VELARIA_ASSIGN_OR_RETURN(auto value, binder.BindWithoutAggregates(expr, lasting.rule));
  VELARIA_ASSIGN_OR_RETURN(value, Adopt(value, LogicalType(column.type()), context.functions));
  return CastTo(value, column.type(), context.functions);
}

}  // namespace velaria::sql
