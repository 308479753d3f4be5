#include "session/table_rules.hpp"

#include <arrow/scalar.h>
#include <arrow/table.h>

#include <chrono>

#include "base/text.hpp"
#include "logical/evaluate.hpp"

namespace velaria::session {
namespace {

/// So many keys of rows that are gone are not worth an index made anew.
constexpr int64_t kGoneKeysKept = 1024;
constexpr size_t kKeysAtOnce = 65536;

Result<std::vector<Vector>> KeyVectors(const arrow::RecordBatch& batch,
                                       const std::vector<int>& columns) {
  std::vector<Vector> vectors;
  for (int column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto plain,
                          Decode(MakeVector(batch.column(column)), arrow::default_memory_pool()));
    vectors.push_back(std::move(plain));
  }
  return vectors;
}

std::vector<TypePtr> KeyTypes(const arrow::Schema& schema, const std::vector<int>& columns) {
  std::vector<TypePtr> types;
  for (int column : columns) types.push_back(LogicalType(schema.field(column)->type()));
  return types;
}

/// Whether any of the key's values is NULL: such a row is equal to none.
bool HasNull(const std::vector<Vector>& key, int64_t row) {
  return std::any_of(key.begin(), key.end(),
                     [&](const Vector& vector) { return !ValidityOf(vector).IsValid(row); });
}

}  // namespace

TableRules::TableRules(std::string table, SchemaPtr schema, RuleSet rules)
    : table_(std::move(table)), schema_(std::move(schema)), rules_(std::move(rules)) {
  for (const auto& key : rules_.keys) {
    indexes_.push_back(std::make_unique<Index>(KeyTypes(*schema_, key.columns)));
  }
}

Result<std::function<void()>> TableRules::Admit(const storage::TableVersion& now,
                                                const storage::TableChange& change, int64_t first,
                                                bool inserts) {
  for (const auto& batch : change.added) ARROW_RETURN_NOT_OK(CheckConditions(*batch));
  for (size_t k = 0; k < indexes_.size(); ++k) ARROW_RETURN_NOT_OK(ForgetGone(k));
  std::vector<Undo> undo;
  Status status = Remove(now, change.removed, &undo);
  for (const auto& batch : change.added) {
    if (!status.ok()) break;
    status = Add(*batch, first, inserts, &undo);
    first += batch->num_rows();
  }
  if (!status.ok()) {
    TakeBack(undo);
    return status;
  }
  return [this, undo = std::move(undo)] { TakeBack(undo); };
}

void TableRules::TakeBack(const std::vector<Undo>& undo) {
  for (auto entry = undo.rbegin(); entry != undo.rend(); ++entry) {
    indexes_[entry->key]->Set(entry->group, entry->position);
  }
}

Status TableRules::ForgetGone(size_t key) {
  const Index& index = *indexes_[key];
  const int64_t gone = index.table.group_count() - index.live_count;
  if (gone <= std::max(index.live_count, kGoneKeysKept)) return Status::OK();
  std::vector<uint32_t> groups;
  std::vector<int64_t> positions;
  for (uint32_t group = 0; group < index.position.size(); ++group) {
    if (index.position[group] == kNoPosition) continue;
    groups.push_back(group);
    positions.push_back(index.position[group]);
  }
  auto made = std::make_unique<Index>(KeyTypes(*schema_, rules_.keys[key].columns));
  made->position.resize(groups.size(), kNoPosition);
  std::vector<uint32_t> numbers(kKeysAtOnce);
  for (size_t begin = 0; begin < groups.size(); begin += kKeysAtOnce) {
    const auto some =
        std::span(groups).subspan(begin, std::min(kKeysAtOnce, groups.size() - begin));
    ARROW_ASSIGN_OR_RAISE(const auto keys, index.table.Export(some, arrow::default_memory_pool()));
    ARROW_RETURN_NOT_OK(
        made->table.FindOrAdd(keys, static_cast<int64_t>(some.size()), numbers.data()));
    for (size_t i = 0; i < some.size(); ++i) made->Set(numbers[i], positions[begin + i]);
  }
  indexes_[key] = std::move(made);
  return Status::OK();
}

int64_t TableRules::MemoryBytes() const {
  int64_t bytes = 0;
  for (const auto& index : indexes_) {
    bytes += index->table.MemoryBytes() +
             static_cast<int64_t>(index->position.capacity() * sizeof(int64_t));
  }
  return bytes;
}

std::shared_ptr<TableRules> TableRules::Emptied() const {
  return std::make_shared<TableRules>(table_, schema_, rules_);
}

Status TableRules::Note(const std::vector<storage::LiveRows>& rows) {
  std::vector<Undo> undo;
  for (const auto& live : rows) {
    const auto& positions = live.positions;
    for (size_t begin = 0; begin < positions.size();) {
      size_t end = begin + 1;
      while (end < positions.size() && positions[end] == positions[end - 1] + 1) ++end;
      const auto run =
          live.batch->Slice(static_cast<int64_t>(begin), static_cast<int64_t>(end - begin));
      ARROW_RETURN_NOT_OK(Add(*run, positions[begin], true, &undo));
      begin = end;
    }
  }
  return Status::OK();
}

Status TableRules::CheckConditions(const arrow::RecordBatch& batch) const {
  if (rules_.checks.empty()) return Status::OK();
  const Chunk chunk = FromRecordBatch(batch);
  FunctionContext context;  // now() in a condition is the time at which a row comes
  context.statement_time_us = std::chrono::duration_cast<std::chrono::microseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count();
  for (const auto& check : rules_.checks) {
    ARROW_ASSIGN_OR_RAISE(const auto holds, logical::Evaluate(*check.condition, chunk, context));
    if (holds.type()->id() != arrow::Type::BOOL) continue;  // NULL: not false
    const BoolView view = ViewBool(holds);
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (!view.IsValid(row) || view[row]) continue;
      return Fail(ErrorCode::kConstraint, "a row of " + table_ + " violates " + check.name +
                                              ": CHECK (" + check.text + ")");
    }
  }
  return Status::OK();
}

void TableRules::Index::Set(uint32_t group, int64_t row_position) {
  live_count += static_cast<int64_t>(row_position != kNoPosition) -
                static_cast<int64_t>(position[group] != kNoPosition);
  position[group] = row_position;
}

void TableRules::Set(size_t key, uint32_t group, int64_t position, std::vector<Undo>* undo) {
  auto& held = indexes_[key]->position;
  if (group >= held.size()) held.resize(group + 1, kNoPosition);
  undo->push_back({key, group, held[group]});
  indexes_[key]->Set(group, position);
}

Status TableRules::Remove(const storage::TableVersion& now, const std::vector<int64_t>& positions,
                          std::vector<Undo>* undo) {
  if (rules_.keys.empty() || positions.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto rows, RowsAt(now, positions, arrow::default_memory_pool()));
  for (size_t k = 0; k < rules_.keys.size(); ++k) {
    ARROW_ASSIGN_OR_RAISE(const auto key, KeyVectors(*rows, rules_.keys[k].columns));
    std::vector<uint32_t> groups(static_cast<size_t>(rows->num_rows()));
    execution::KeyScratch scratch;
    indexes_[k]->table.Find(key, rows->num_rows(), &scratch, groups.data());
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      const uint32_t group = groups[static_cast<size_t>(row)];
      if (group != execution::KeyTable::kAbsent && !HasNull(key, row))
        Set(k, group, kNoPosition, undo);
    }
  }
  return Status::OK();
}

Status TableRules::Add(const arrow::RecordBatch& batch, int64_t first, bool inserts,
                       std::vector<Undo>* undo) {
  std::vector<uint32_t> groups(static_cast<size_t>(batch.num_rows()));
  for (size_t k = 0; k < rules_.keys.size(); ++k) {
    ARROW_ASSIGN_OR_RAISE(const auto key, KeyVectors(batch, rules_.keys[k].columns));
    auto& index = *indexes_[k];
    ARROW_RETURN_NOT_OK(index.table.FindOrAdd(key, batch.num_rows(), groups.data()));
    index.position.resize(static_cast<size_t>(index.table.group_count()), kNoPosition);
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (HasNull(key, row)) continue;
      const uint32_t group = groups[static_cast<size_t>(row)];
      if (index.position[group] != kNoPosition) return Duplicate(k, batch, row, inserts);
      Set(k, group, first + row, undo);
    }
  }
  return Status::OK();
}

Status TableRules::Duplicate(size_t key, const arrow::RecordBatch& batch, int64_t row,
                             bool inserts) const {
  std::vector<std::string> names, values;
  for (int column : rules_.keys[key].columns) {
    names.push_back(schema_->field(column)->name());
    ARROW_ASSIGN_OR_RAISE(auto value, batch.column(column)->GetScalar(row));
    if (IsDictionary(*value->type)) {
      const auto& coded = static_cast<const arrow::DictionaryScalar&>(*value);
      ARROW_ASSIGN_OR_RAISE(value, coded.GetEncodedValue());
    }
    values.push_back(value->ToString());
  }
  return Fail(
      ErrorCode::kConstraint,
      std::string("duplicate ") + (rules_.keys[key].primary ? "primary" : "unique") + " key in " +
          table_ + ": (" + Join(names, ", ") + ") = (" + Join(values, ", ") + ")",
      inserts ? "Use INSERT ... ON CONFLICT to keep or to replace the row that is there." : "",
      "constraint: " + rules_.keys[key].name);
}

Status WithDuplicateHint(const Status& status, std::string hint) {
  ErrorInfo info = ErrorInfoOf(status);
  if (status.ok() || info.code != ErrorCode::kConstraint || info.hint.empty()) return status;
  info.hint = std::move(hint);
  return MakeError(std::move(info));
}

Status CheckCanBeKey(const TypePtr& type, const std::string& column, Place place) {
  if (IsComparable(*LogicalType(type))) return Status::OK();
  return FailAt(place, ErrorCode::kTypeMismatch,
                "a column of this type cannot be a key: " + column);
}

Result<std::vector<int64_t>> TableRules::FindRows(size_t key, const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(const auto vectors, KeyVectors(batch, rules_.keys[key].columns));
  auto& index = *indexes_[key];
  std::vector<uint32_t> groups(static_cast<size_t>(batch.num_rows()));
  execution::KeyScratch scratch;
  index.table.Find(vectors, batch.num_rows(), &scratch, groups.data());
  std::vector<int64_t> positions;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    const uint32_t group = groups[static_cast<size_t>(row)];
    const bool known = group < index.position.size() && !HasNull(vectors, row);
    positions.push_back(known ? index.position[group] : kNoPosition);
  }
  return positions;
}

Result<std::vector<int64_t>> TableRules::NumberKeys(size_t key,
                                                    const arrow::RecordBatch& batch) const {
  ARROW_ASSIGN_OR_RAISE(const auto vectors, KeyVectors(batch, rules_.keys[key].columns));
  execution::KeyTable table(KeyTypes(*schema_, rules_.keys[key].columns));
  std::vector<uint32_t> groups(static_cast<size_t>(batch.num_rows()));
  ARROW_RETURN_NOT_OK(table.FindOrAdd(vectors, batch.num_rows(), groups.data()));
  std::vector<int64_t> numbers;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    numbers.push_back(HasNull(vectors, row) ? -1 - row : groups[static_cast<size_t>(row)]);
  }
  return numbers;
}

Result<std::shared_ptr<arrow::RecordBatch>> RowsAt(const storage::TableVersion& version,
                                                   const std::vector<int64_t>& positions,
                                                   arrow::MemoryPool* pool) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> pieces;
  for (size_t at = 0; at < positions.size();) {
    const storage::Segment* segment = version.FindSegment(positions[at]);
    if (segment == nullptr) return Bug("a position behind the end of its table");
    std::vector<uint32_t> rows;
    for (; at < positions.size() && positions[at] < segment->end_position(); ++at) {
      const int64_t row = segment->FindRow(positions[at]);
      if (row == storage::Segment::kNoRow) return Bug("a row at a position is gone");
      rows.push_back(static_cast<uint32_t>(row));
    }
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (const auto& column : segment->batch->columns()) {
      ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(MakeVector(column), rows, pool));
      columns.push_back(gathered.array());
    }
    pieces.push_back(arrow::RecordBatch::Make(version.schema(), static_cast<int64_t>(rows.size()),
                                              std::move(columns)));
  }
  if (pieces.size() == 1) return pieces[0];
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(version.schema(), pieces));
  return table->CombineChunksToBatch(pool);
}

}  // namespace velaria::session
