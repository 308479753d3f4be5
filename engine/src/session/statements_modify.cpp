// UPDATE, DELETE, INSERT ... ON CONFLICT and RETURNING.
#include <arrow/table.h>

#include <numeric>

#include "base/text.hpp"
#include "execution/batch_cut.hpp"
#include "logical/evaluate.hpp"
#include "session/statement_runner.hpp"
#include "session/table_rules.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;
using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

namespace {

Result<BatchPtr> TakeRows(const arrow::RecordBatch& batch, const std::vector<uint32_t>& rows,
                          arrow::MemoryPool* pool) {
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (const auto& column : batch.columns()) {
    ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(MakeVector(column), rows, pool));
    columns.push_back(gathered.array());
  }
  return arrow::RecordBatch::Make(batch.schema(), static_cast<int64_t>(rows.size()),
                                  std::move(columns));
}

/// The batches as one; a batch without rows when there are none.
Result<BatchPtr> Joined(const SchemaPtr& schema, const std::vector<BatchPtr>& batches,
                        arrow::MemoryPool* pool) {
  if (batches.size() == 1) return batches[0];
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(schema, batches));
  return table->CombineChunksToBatch(pool);
}

/// The key that ON CONFLICT (columns) means; `rules` may be null.
Result<size_t> KeyOf(const sql::OnConflict& conflict, const TableRules* rules,
                     const arrow::Schema& schema) {
  std::vector<int> wanted;
  for (const auto& name : conflict.columns) {
    const int column = ColumnNamed(name.text, schema);
    if (column < 0) {
      const std::string near = NearestName(name.text, schema.field_names());
      return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                    near.empty() ? "" : "Did you mean " + near + "?");
    }
    wanted.push_back(column);
  }
  std::sort(wanted.begin(), wanted.end());
  for (size_t key = 0; rules != nullptr && key < rules->keys().size(); ++key) {
    auto columns = rules->keys()[key].columns;
    std::sort(columns.begin(), columns.end());
    if (columns == wanted) return key;
  }
  return FailAt(conflict.columns[0].place, ErrorCode::kWrongObjectKind,
                "no PRIMARY KEY or UNIQUE of the table is on the columns of ON CONFLICT");
}

/// Which of the rows of one INSERT stand, one after the other, and which of them has each key.
class KeyOwners {
 public:
  /// `numbers` of the keys of each row: less than `count`, or negative for a key that no other row
  /// has. They outlive this.
  KeyOwners(const std::vector<std::vector<int64_t>>& numbers, size_t count)
      : numbers_(numbers),
        owners_(numbers.size(), std::vector<int64_t>(count, kNone)),
        kept_(count, false) {}

  /// Whether a row before has one of the keys of `row`.
  bool Holds(size_t row) const {
    bool holds = false;
    ForEachKey(row, [&](size_t k, size_t number) { holds |= owners_[k][number] != kNone; });
    return holds;
  }
  /// `row` has its keys from now on, and is among the kept ones.
  void Take(size_t row, bool keeps = true) {
    kept_[row] = keeps;
    ForEachKey(row,
               [&](size_t k, size_t number) { owners_[k][number] = static_cast<int64_t>(row); });
  }
  /// The rows before that have a key of `row` go, with all of their keys.
  void Drop(size_t row) {
    ForEachKey(row, [&](size_t k, size_t number) {
      const int64_t owner = owners_[k][number];
      if (owner == kNone) return;
      kept_[static_cast<size_t>(owner)] = false;
      ForEachKey(static_cast<size_t>(owner), [&](size_t j, size_t other) {
        if (owners_[j][other] == owner) owners_[j][other] = kNone;
      });
    });
  }
  std::vector<uint32_t> Kept() const {
    std::vector<uint32_t> rows;
    for (size_t row = 0; row < kept_.size(); ++row) {
      if (kept_[row]) rows.push_back(static_cast<uint32_t>(row));
    }
    return rows;
  }

 private:
  static constexpr int64_t kNone = -1;

  template <typename Visit>
  void ForEachKey(size_t row, Visit visit) const {
    for (size_t k = 0; k < numbers_.size(); ++k) {
      if (numbers_[k][row] >= 0) visit(k, static_cast<size_t>(numbers_[k][row]));
    }
  }

  const std::vector<std::vector<int64_t>>& numbers_;
  std::vector<std::vector<int64_t>> owners_;  // by key and number
  std::vector<bool> kept_;
};

/// What INSERT does with rows whose key is there already.
class ConflictResolver {
 public:
  ConflictResolver(const TableRules& rules, const FindRows& find_rows, std::vector<size_t> keys,
                   sql::ConflictAction action, const sql::ConflictUpdate& update,
                   const FunctionContext& functions)
      : rules_(rules),
        find_rows_(find_rows),
        keys_(std::move(keys)),
        action_(action),
        update_(update),
        functions_(functions) {}

  Result<storage::TableChange> Resolve(const storage::TableVersion& now, const BatchPtr& rows) {
    const auto count = static_cast<size_t>(rows->num_rows());
    std::vector<std::vector<int64_t>> there, numbers;
    for (size_t key : keys_) {
      ARROW_ASSIGN_OR_RAISE(auto positions, find_rows_(key, *rows));
      ARROW_ASSIGN_OR_RAISE(auto numbered, rules_.NumberKeys(key, *rows));
      there.push_back(std::move(positions));
      numbers.push_back(std::move(numbered));
    }
    storage::TableChange change;
    KeyOwners owners(numbers, count);
    for (size_t row = 0; row < count; ++row) {
      bool conflicts = false;
      for (const auto& positions : there) conflicts |= positions[row] >= 0;
      const bool again = owners.Holds(row);
      switch (action_) {
        case sql::ConflictAction::kNothing:
          if (!conflicts && !again) owners.Take(row);
          break;
        case sql::ConflictAction::kReplace:
          owners.Drop(row);
          owners.Take(row);
          break;
        case sql::ConflictAction::kUpdate:
          if (again) {
            return Fail(ErrorCode::kConstraint, "ON CONFLICT DO UPDATE would change one row twice",
                        "Leave rows with the same key out of what is inserted.");
          }
          owners.Take(row, !conflicts);
          if (conflicts) updated_.push_back({there[0][row], static_cast<uint32_t>(row)});
          break;
      }
      if (!conflicts || action_ == sql::ConflictAction::kNothing) continue;
      for (const auto& positions : there) {
        if (positions[row] >= 0) change.removed.push_back(positions[row]);
      }
    }
    const auto kept = owners.Kept();
    std::sort(change.removed.begin(), change.removed.end());
    change.removed.erase(std::unique(change.removed.begin(), change.removed.end()),
                         change.removed.end());
    ARROW_ASSIGN_OR_RAISE(auto added, TakeRows(*rows, kept, functions_.pool));
    change.added.push_back(std::move(added));
    if (!updated_.empty()) ARROW_RETURN_NOT_OK(AddUpdated(now, *rows, &change));
    return change;
  }

 private:
  /// The rows that are there, with the values of DO UPDATE; where its condition does not hold they
  /// stay as they are.
  Status AddUpdated(const storage::TableVersion& now, const arrow::RecordBatch& rows,
                    storage::TableChange* change) {
    std::sort(updated_.begin(), updated_.end());
    std::vector<int64_t> positions;
    std::vector<uint32_t> sources;
    for (const auto& [position, row] : updated_) {
      positions.push_back(position);
      sources.push_back(row);
    }
    ARROW_ASSIGN_OR_RAISE(const auto old_rows, RowsAt(now, positions, functions_.pool));
    ARROW_ASSIGN_OR_RAISE(const auto excluded, TakeRows(rows, sources, functions_.pool));
    Chunk both = FromRecordBatch(*old_rows);
    const Chunk behind = FromRecordBatch(*excluded);
    both.columns.insert(both.columns.end(), behind.columns.begin(), behind.columns.end());
    if (update_.condition) {
      ARROW_ASSIGN_OR_RAISE(auto selected,
                            logical::SelectRows(*update_.condition, both, functions_));
      if (selected) both.selection = std::move(selected);
    }
    Chunk updated;
    updated.row_count = both.selected_count();
    for (size_t i = 0; i < update_.values.size(); ++i) {
      const auto column = logical::MakeColumn(static_cast<int>(i), both.columns[i].type(), "");
      const auto& value = update_.values[i] ? update_.values[i] : column;
      ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*value, both, functions_));
      ARROW_ASSIGN_OR_RAISE(vector, Expand(vector, updated.row_count, functions_.pool));
      if (both.selection && value->kind == logical::BoundKind::kColumn) {
        ARROW_ASSIGN_OR_RAISE(vector, Gather(both.columns[static_cast<size_t>(value->column)],
                                             *both.selection, functions_.pool));
      }
      updated.columns.push_back(std::move(vector));
    }
    if (both.selection) {
      change->removed.clear();
      for (uint32_t row : *both.selection) change->removed.push_back(positions[row]);
    }
    ARROW_ASSIGN_OR_RAISE(auto batch, ToRecordBatch(updated, rows.schema(), functions_.pool));
    change->added.push_back(std::move(batch));
    return Status::OK();
  }

  const TableRules& rules_;
  const FindRows& find_rows_;
  const std::vector<size_t> keys_;
  const sql::ConflictAction action_;
  const sql::ConflictUpdate& update_;
  const FunctionContext& functions_;
  std::vector<std::pair<int64_t, uint32_t>> updated_;  // position there, row of the insert
};

}  // namespace

sql::ColumnDefaults StatementRunner::DefaultsOf(const CatalogEntry& entry) {
  const TableRules* rules = entry.table ? RulesOf(*entry.table) : nullptr;
  return rules ? rules->defaults() : sql::ColumnDefaults{};
}

Result<StatementResult> StatementRunner::WithReturning(const Statement& statement,
                                                       const SchemaPtr& schema,
                                                       const std::vector<BatchPtr>& rows,
                                                       int64_t count) {
  if (statement.returning.empty()) return Done(statement, count);
  ARROW_ASSIGN_OR_RAISE(const auto list, sql::BindReturning(statement, *schema, Bind()));
  return WithReturning(statement, list, rows, count);
}

Result<StatementResult> StatementRunner::WithReturning(const Statement& statement,
                                                       const sql::ReturningList& list,
                                                       const std::vector<BatchPtr>& rows,
                                                       int64_t count) {
  StatementResult result = Done(statement, count);
  if (statement.returning.empty()) return result;
  std::vector<BatchPtr> batches;
  for (const auto& batch : rows) {
    const Chunk chunk = FromRecordBatch(*batch);
    Chunk out;
    out.row_count = batch->num_rows();
    for (const auto& expr : list.expressions) {
      ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*expr, chunk, context_->functions()));
      out.columns.push_back(std::move(vector));
    }
    ARROW_ASSIGN_OR_RAISE(auto returned, ToRecordBatch(out, list.schema, context_->pool()));
    ARROW_RETURN_NOT_OK(execution::CutBatch(std::move(returned), context_->pool(), &batches));
  }
  result.schema = list.schema;
  ARROW_ASSIGN_OR_RAISE(result.rows,
                        arrow::RecordBatchReader::Make(std::move(batches), list.schema));
  return result;
}

/// INSERT: the rows are computed; what is in their way is decided under the table's lock.
Result<StatementResult> StatementRunner::InsertRows(const Statement& statement,
                                                    const storage::TablePtr& table,
                                                    std::vector<BatchPtr> batches) {
  int64_t count = 0;
  for (const auto& batch : batches) count += batch->num_rows();
  if (!statement.on_conflict) {
    ARROW_RETURN_NOT_OK(context_->BeginCommit());
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(connection_.Append(table, batches), statement.place));
    return WithReturning(statement, table->schema(), batches, count);
  }
  const auto& conflict = *statement.on_conflict;
  TableRules* rules = RulesOf(*table);
  const bool has_keys = rules != nullptr && !rules->keys().empty();
  std::vector<size_t> keys(has_keys ? rules->keys().size() : 0);
  std::iota(keys.begin(), keys.end(), size_t{0});
  if (!conflict.columns.empty()) {
    ARROW_ASSIGN_OR_RAISE(const size_t key, KeyOf(conflict, rules, *table->schema()));
    keys = {key};
  } else if (conflict.action == sql::ConflictAction::kUpdate) {
    return FailAt(conflict.place, ErrorCode::kSyntaxError,
                  "ON CONFLICT DO UPDATE must name the columns of a key");
  }
  sql::ConflictUpdate update;
  if (conflict.action == sql::ConflictAction::kUpdate) {
    ARROW_ASSIGN_OR_RAISE(update, sql::BindConflictUpdate(statement, *table->schema(), Bind()));
  }
  if (!has_keys) {
    ARROW_RETURN_NOT_OK(context_->BeginCommit());
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(connection_.Append(table, batches), statement.place));
    return WithReturning(statement, table->schema(), batches, count);
  }
  ARROW_ASSIGN_OR_RAISE(const auto rows, Joined(table->schema(), batches, context_->pool()));
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  std::vector<BatchPtr> added;
  const Status changed =
      connection_.Change(table,
                         [&](const storage::TableVersion& now,
                             const FindRows& find_rows) -> Result<storage::TableChange> {
                           ConflictResolver resolver(*rules, find_rows, keys, conflict.action,
                                                     update, context_->functions());
                           ARROW_ASSIGN_OR_RAISE(auto change, resolver.Resolve(now, rows));
                           added = change.added;
                           return change;
                         });
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(changed, statement.place));
  count = 0;
  for (const auto& batch : added) count += batch->num_rows();
  return WithReturning(statement, table->schema(), added, count);
}

/// UPDATE and DELETE: the rows are found and computed on the table as the statement sees it; a row
/// that another statement removes meanwhile is not counted by DELETE and fails UPDATE.
Result<StatementResult> StatementRunner::Modify(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto change, PlanChange(statement));
  const auto& target = change.target;
  const bool update = statement.kind == StatementKind::kUpdate;
  ARROW_ASSIGN_OR_RAISE(auto batches, RunToBatches(change.rows.query));
  int64_t found_count = 0;
  for (const auto& batch : batches) found_count += batch->num_rows();
  ARROW_ASSIGN_OR_RAISE(const auto found, OnceEach(change.rows.query.schema, std::move(batches)));
  const auto& schema = target->table->schema();
  const auto count = static_cast<int64_t>(found.positions.size());
  if (update && parameter_rows_ && count < found_count) {
    return Fail(ErrorCode::kConstraint, "two rows of parameters change one row");
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  if (!update) {
    ARROW_ASSIGN_OR_RAISE(
        const int64_t deleted,
        WithPlaceIfFailed(connection_.Delete(target->table, found.positions), statement.place));
    return WithReturning(statement, change.rows.returning, found.rows, deleted);
  }
  std::vector<BatchPtr> rows;
  for (const auto& batch : found.rows) {
    auto columns = batch->columns();
    columns.erase(columns.begin());
    columns.resize(static_cast<size_t>(schema->num_fields()));
    rows.push_back(arrow::RecordBatch::Make(schema, batch->num_rows(), std::move(columns)));
  }
  const Status changed = connection_.Change(
      target->table,
      [&](const storage::TableVersion&, const FindRows&) -> Result<storage::TableChange> {
        return storage::TableChange{found.positions, rows};
      });
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(changed, statement.place));
  return WithReturning(statement, change.rows.returning, found.rows, count);
}

}  // namespace velaria::session
