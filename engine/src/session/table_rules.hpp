// The rules of one table: keys, CHECK conditions and DEFAULT values, as CREATE TABLE declared them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/key_table.hpp"
#include "logical/expression.hpp"
#include "storage/table.hpp"

namespace velaria::session {

struct KeyRule {
  std::string name;  // "t_pkey", "t_a_key", or as CONSTRAINT says
  bool primary = false;
  std::vector<int> columns;
};

struct CheckRule {
  std::string name;
  std::string text;
  logical::BoundExprPtr condition;  // over the table's columns
};

class TableRules final : public storage::TableGuard {
 public:
  TableRules(std::string table, SchemaPtr schema, std::vector<KeyRule> keys,
             std::vector<CheckRule> checks, std::vector<logical::BoundExprPtr> defaults);

  Status Admit(const storage::TableVersion& now, const storage::TableChange& change,
               int64_t first) override;

  const std::vector<KeyRule>& keys() const { return keys_; }
  const std::vector<CheckRule>& checks() const { return checks_; }
  /// By column; null where there is none. Empty when no column has one.
  const std::vector<logical::BoundExprPtr>& defaults() const { return defaults_; }

  /// For each row of `batch`: the position of the row with the same key, or -1; rows with a NULL in
  /// the key have none. Under the table's writer lock.
  Result<std::vector<int64_t>> FindRows(size_t key, const arrow::RecordBatch& batch);
  /// A number for each row of `batch`, equal where the keys are; each NULL key has its own.
  Result<std::vector<int64_t>> NumberKeys(size_t key, const arrow::RecordBatch& batch) const;

 private:
  struct Index {
    explicit Index(std::vector<TypePtr> types) : table(std::move(types)) {}
    execution::KeyTable table;
    std::vector<int64_t> position;  // by group: of the row that has the key, or -1
  };
  struct Undo {
    size_t key;
    uint32_t group;
    int64_t position;
  };
  Status CheckConditions(const arrow::RecordBatch& batch) const;
  Status Remove(const storage::TableVersion& now, const std::vector<int64_t>& positions,
                std::vector<Undo>* undo);
  Status Add(const arrow::RecordBatch& batch, int64_t first, std::vector<Undo>* undo);
  Status Duplicate(size_t key, const arrow::RecordBatch& batch, int64_t row) const;
  void Set(size_t key, uint32_t group, int64_t position, std::vector<Undo>* undo);

  const std::string table_;
  const SchemaPtr schema_;
  const std::vector<KeyRule> keys_;
  const std::vector<CheckRule> checks_;
  const std::vector<logical::BoundExprPtr> defaults_;
  std::vector<std::unique_ptr<Index>> indexes_;  // by key
};

/// The rules of a table, or null.
inline TableRules* RulesOf(const storage::Table& table) {
  return static_cast<TableRules*>(table.guard().get());
}

/// The rows of a version at positions, which must be there: as batches of the table's columns.
Result<std::shared_ptr<arrow::RecordBatch>> RowsAt(const storage::TableVersion& version,
                                                   const std::vector<int64_t>& positions,
                                                   arrow::MemoryPool* pool);

}  // namespace velaria::session
