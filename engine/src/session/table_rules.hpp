// The rules of one table: keys, CHECK conditions and DEFAULT values, as CREATE TABLE declared them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/key_table.hpp"
#include "logical/expression.hpp"
#include "storage/commit.hpp"
#include "storage/table.hpp"

namespace velaria::session {

struct KeyRule {
  std::string name;  // "t_pkey", "t_a_key", or as CONSTRAINT says
  bool primary = false;
  std::vector<int> columns;
  bool of_index = false;  // CREATE UNIQUE INDEX made it, and DROP INDEX takes it away
};

struct CheckRule {
  std::string name;
  std::string text;
  logical::BoundExprPtr condition;  // over the table's columns
};

/// What the rules of a table are made of.
struct RuleSet {
  std::vector<KeyRule> keys;
  std::vector<CheckRule> checks;
  std::vector<logical::BoundExprPtr> defaults;  // as TableRules::defaults

  bool empty() const { return keys.empty() && checks.empty() && defaults.empty(); }
};

/// Where no row has the key.
inline constexpr int64_t kNoPosition = -1;

class TableRules final : public storage::TableGuard {
 public:
  TableRules(std::string table, SchemaPtr schema, RuleSet rules);

  Result<std::function<void()>> Admit(const storage::TableVersion& now,
                                      const storage::TableChange& change, int64_t first) override {
    return Admit(now, change, first, change.removed.empty());
  }
  /// `inserts`: as in Duplicate, where `change` is only a part of a statement's.
  Result<std::function<void()>> Admit(const storage::TableVersion& now,
                                      const storage::TableChange& change, int64_t first,
                                      bool inserts);
  int64_t MemoryBytes() const override;
  /// The same rules with no rows known.
  std::shared_ptr<TableRules> Emptied() const;
  /// Notes the keys of rows that were admitted elsewhere.
  Status Note(const std::vector<storage::LiveRows>& rows);

  const std::string& table() const { return table_; }
  const SchemaPtr& schema() const { return schema_; }
  const RuleSet& rules() const { return rules_; }
  const std::vector<KeyRule>& keys() const { return rules_.keys; }
  const std::vector<CheckRule>& checks() const { return rules_.checks; }
  /// By column; null where there is none. Empty when no column has one.
  const std::vector<logical::BoundExprPtr>& defaults() const { return rules_.defaults; }

  /// For each row of `batch`: the position of the row with the same key, or kNoPosition; rows with
  /// a NULL in the key have none. Under the table's writer lock.
  Result<std::vector<int64_t>> FindRows(size_t key, const arrow::RecordBatch& batch);
  /// VEL3005 for a row whose key another row has. One that only `inserts` rows is told what INSERT
  /// has for it.
  Status Duplicate(size_t key, const arrow::RecordBatch& batch, int64_t row, bool inserts) const;
  /// A number for each row of `batch`, equal where the keys are; each NULL key has its own.
  Result<std::vector<int64_t>> NumberKeys(size_t key, const arrow::RecordBatch& batch) const;

 private:
  struct Index {
    explicit Index(std::vector<TypePtr> types) : table(std::move(types)) {}
    /// The other keys are of rows that are gone.
    int64_t live_count = 0;
    execution::KeyTable table;
    std::vector<int64_t> position;  // by group: of the row that has the key, or -1
    void Set(uint32_t group, int64_t row_position);
  };
  struct Undo {
    size_t key;
    uint32_t group;
    int64_t position;
  };
  Status CheckConditions(const arrow::RecordBatch& batch) const;
  Status Remove(const storage::TableVersion& now, const std::vector<int64_t>& positions,
                std::vector<Undo>* undo);
  Status Add(const arrow::RecordBatch& batch, int64_t first, bool inserts, std::vector<Undo>* undo);
  void Set(size_t key, uint32_t group, int64_t position, std::vector<Undo>* undo);
  /// Makes an index anew when most of its keys are of rows that are gone. What was admitted before
  /// can no longer be taken back.
  Status ForgetGone(size_t key);
  void TakeBack(const std::vector<Undo>& undo);

  const std::string table_;
  const SchemaPtr schema_;
  const RuleSet rules_;
  std::vector<std::unique_ptr<Index>> indexes_;  // by key
};

/// VEL2016 for a column that no key can be of; a coded column can where its values can.
/// A duplicate key with what fits where its rows do not come from an INSERT; any other status as it
/// is. Of the breaches of a constraint, only a duplicate key in inserted rows has a hint.
Status WithDuplicateHint(const Status& status, std::string hint);
Status CheckCanBeKey(const TypePtr& type, const std::string& column, Place place);

/// The position of the column of that name, or -1.
int ColumnNamed(const std::string& name, const arrow::Schema& schema);

/// The rules of a table, or null.
inline TableRules* RulesOf(const storage::Table& table) {
  return static_cast<TableRules*>(table.guard().get());
}

/// The rows of a version at positions, which must be there: as batches of the table's columns.
Result<std::shared_ptr<arrow::RecordBatch>> RowsAt(const storage::TableVersion& version,
                                                   const std::vector<int64_t>& positions,
                                                   arrow::MemoryPool* pool);

}  // namespace velaria::session
