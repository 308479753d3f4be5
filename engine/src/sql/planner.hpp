// Tree to plan: the binder. Looks names up, resolves functions and types, checks grouping, and
// builds the logical plan.
#pragma once

#include <arrow/scalar.h>

#include <memory>
#include <vector>

#include "logical/plan.hpp"
#include "sql/ast.hpp"

namespace velaria::sql {

struct BindContext {
  const logical::CatalogReader* catalog = nullptr;
  std::vector<std::shared_ptr<arrow::Scalar>>
      parameters;                // values of ? and $n; described only when fewer are given
  bool parameters_known = true;  // false: describe() without values; parameters have type NULL
  /// Of IsInsertOfValues: its VALUES once for each of these rows, whose columns "$1" and so on are
  /// the parameters. Of UPDATE and DELETE: beside the table, as if they stood in FROM.
  logical::RelationPtr parameter_rows;
  FunctionContext functions;
  /// "DEFAULT" or "CHECK": what is bound lasts, for whoever changes the table's rows.
  std::string rule;
};

/// "$1"
inline std::string ParameterName(int number) { return "$" + std::to_string(number); }

/// Binds a SELECT, VALUES or set operation.
Result<logical::BoundQuery> PlanSelect(const Select& select, const BindContext& context);

/// Binds an expression over one table's columns (DELETE and UPDATE predicates, DEFAULT and CHECK
/// expressions).
Result<logical::BoundExprPtr> BindOverSchema(const Expr& expr, const arrow::Schema& schema,
                                             const std::string& table, const BindContext& context);

/// The condition of a table's rule, `clause` ("CHECK"): VEL2016 unless it is boolean.
Result<logical::BoundExprPtr> BindPredicateOverSchema(const Expr& expr, const arrow::Schema& schema,
                                                      const std::string& table,
                                                      const std::string& clause,
                                                      const BindContext& context);

/// INSERT ... VALUES (...) that may run once over rows of parameters, and mean what it means when
/// it runs for each of them, but for what ON CONFLICT does.
bool IsInsertOfValues(const Statement& statement);

/// By column of a table; null where it has none.
using ColumnDefaults = std::vector<logical::BoundExprPtr>;

/// Plan of the rows an INSERT appends: the source select, cast to and ordered as the target's
/// columns; columns that are not named, and DEFAULT in VALUES, have their default or are NULL.
/// VEL2021 for a wrong number of values, VEL2012 for an unknown target column.
Result<logical::BoundQuery> PlanInsertSource(const Statement& insert, const arrow::Schema& target,
                                             const ColumnDefaults& defaults,
                                             const BindContext& context);

/// ON CONFLICT DO UPDATE: values by column of the table (null: stays as it is) and the condition
/// (null: always), over the columns of the row that is there, then those of `excluded`.
struct ConflictUpdate {
  std::vector<logical::BoundExprPtr> values;
  logical::BoundExprPtr condition;
};
Result<ConflictUpdate> BindConflictUpdate(const Statement& insert, const arrow::Schema& target,
                                          const BindContext& context);

/// RETURNING: expressions over one row, and their schema.
struct ReturningList {
  std::vector<logical::BoundExprPtr> expressions;
  SchemaPtr schema;
};
/// Of an INSERT: over a row of the table.
Result<ReturningList> BindReturning(const Statement& statement, const arrow::Schema& target,
                                    const BindContext& context);

/// The rows that an UPDATE or DELETE changes: each row's position in the table, then for an UPDATE
/// all columns with their new values, for a DELETE with RETURNING all columns, then what RETURNING
/// names of FROM. A position comes once for each row of FROM that fits it. RETURNING is over a row
/// of this query.
struct ChangedRows {
  logical::BoundQuery query;
  ReturningList returning;
};
/// `relation` is the table to change; its last column is the position.
Result<ChangedRows> PlanChangedRows(const Statement& statement,
                                    const logical::RelationPtr& relation,
                                    const ColumnDefaults& defaults, const BindContext& context);

/// The expression of a DEFAULT clause, cast to the column's type.
Result<logical::BoundExprPtr> BindDefault(const Expr& expr, const Field& column,
                                          const BindContext& context);

/// The Arrow schema of a CREATE TABLE / CREATE STREAM column list.
Result<SchemaPtr> SchemaFromColumns(const std::vector<ColumnDef>& columns);

}  // namespace velaria::sql
