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
  FunctionContext functions;
};

/// Binds a SELECT, VALUES or set operation.
Result<logical::BoundQuery> PlanSelect(const Select& select, const BindContext& context);

/// Binds an expression over one table's columns (DELETE and UPDATE predicates, DEFAULT and CHECK
/// expressions).
Result<logical::BoundExprPtr> BindOverSchema(const Expr& expr, const arrow::Schema& schema,
                                             const std::string& table, const BindContext& context);

/// As above, and the expression must be boolean: VEL2016 naming `clause` ("WHERE").
Result<logical::BoundExprPtr> BindPredicateOverSchema(const Expr& expr, const arrow::Schema& schema,
                                                      const std::string& table,
                                                      const std::string& clause,
                                                      const BindContext& context);

/// Plan of the rows an INSERT appends: the source select, cast to and ordered as the target's
/// columns; columns that are not named are NULL. VEL2021 for a wrong number of values, VEL2012 for
/// an unknown target column.
Result<logical::BoundQuery> PlanInsertSource(const Statement& insert, const arrow::Schema& target,
                                             const BindContext& context);

/// The Arrow schema of a CREATE TABLE / CREATE STREAM column list.
Result<SchemaPtr> SchemaFromColumns(const std::vector<ColumnDef>& columns);

}  // namespace velaria::sql
