// The rows that an UPDATE or DELETE finds: planned as a query of its own, whose first column is
// each row's position in the table.
#include <arrow/table.h>

#include <algorithm>
#include <numeric>

#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;
using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

std::shared_ptr<const execution::TableRelation> StatementRunner::PositionsOf(
    const CatalogEntry& target) {
  return execution::TableRelation::WithPositions(target.kind, target.ShownName(), target.table,
                                                 catalog().VersionOf(target.table), target.Use());
}

Result<StatementRunner::ChangePlan> StatementRunner::BindChange(const Statement& statement,
                                                                const sql::BindContext& bind) {
  ChangePlan plan;
  ARROW_ASSIGN_OR_RAISE(plan.target, WritableEntry(statement.name));
  const auto& target = *plan.target;
  if (target.kind == RelationKind::kStream) {
    const bool update = statement.kind == StatementKind::kUpdate;
    return FailAt(statement.place, ErrorCode::kWrongObjectKind,
                  update ? "rows of a stream cannot be changed: " + target.name
                         : "rows of a stream cannot be deleted: " + target.name);
  }
  ARROW_ASSIGN_OR_RAISE(
      plan.rows, sql::PlanChangedRows(statement, PositionsOf(target), DefaultsOf(target), bind));
  return plan;
}

Result<StatementRunner::ChangePlan> StatementRunner::PlanChange(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto plan, BindChange(statement, Bind()));
  ARROW_RETURN_NOT_OK(session_.Rewrite(&plan.rows.query, *context_));
  return plan;
}

/// The found rows in the order of their positions. Of the rows with one position the first counts:
/// a row that fits several of FROM is changed once.
Result<StatementRunner::FoundRows> StatementRunner::OnceEach(const SchemaPtr& schema,
                                                             std::vector<BatchPtr> batches) const {
  FoundRows found;
  const auto position_of = [](const arrow::RecordBatch& batch) {
    return static_cast<const arrow::Int64Array&>(*batch.column(0)).raw_values();
  };
  bool ascending = true;
  for (const auto& batch : batches) {
    const int64_t* positions = position_of(*batch);
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      ascending = ascending && (found.positions.empty() || found.positions.back() < positions[i]);
      found.positions.push_back(positions[i]);
    }
  }
  if (ascending) {
    found.rows = std::move(batches);
    return found;
  }
  ARROW_ASSIGN_OR_RAISE(const auto table, arrow::Table::FromRecordBatches(schema, batches));
  ARROW_ASSIGN_OR_RAISE(const auto all, table->CombineChunksToBatch(context_->pool()));
  batches.clear();
  const int64_t* positions = position_of(*all);
  std::vector<uint32_t> order(static_cast<size_t>(all->num_rows()));
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return positions[a] < positions[b]; });
  const auto last = std::unique(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return positions[a] == positions[b];
  });
  order.erase(last, order.end());
  found.positions.clear();
  for (const uint32_t row : order) found.positions.push_back(positions[row]);
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const auto& column : all->columns()) {
    ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(MakeVector(column), order, context_->pool()));
    columns.push_back(gathered.array());
  }
  found.rows = {
      arrow::RecordBatch::Make(schema, static_cast<int64_t>(order.size()), std::move(columns))};
  return found;
}

}  // namespace velaria::session
