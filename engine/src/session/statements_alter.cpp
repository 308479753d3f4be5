// ALTER TABLE and TRUNCATE. Each makes the table anew, with the rows that the statement sees, and
// puts it in the old one's place in one commit: readers of the old one are not disturbed, and rows
// that were committed meanwhile make the statement start over.
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "session/statement_runner.hpp"
#include "sql/lexer.hpp"
#include "sql/planner_coerce.hpp"
#include "sql/planner_literal.hpp"

namespace velaria::session {

using logical::BoundExprPtr;
using logical::RelationKind;
using sql::AlterKind;
using sql::Statement;
using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

namespace {

/// How often a table may change under the statement before it gives up.
constexpr int kAttempts = 5;

bool IsConflict(const Status& status) {
  return !status.ok() && ErrorInfoOf(status).code == ErrorCode::kWriteConflict;
}

int FindColumn(const std::string& name, const arrow::Schema& schema) {
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (EqualsIgnoreCase(name, schema.field(i)->name())) return i;
  }
  return -1;
}

Result<int> ColumnOf(const sql::Name& name, const arrow::Schema& schema) {
  const int column = FindColumn(name.text, schema);
  if (column >= 0) return column;
  const auto near = NearestName(name.text, schema.field_names());
  return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                "columns: " + Join(schema.field_names(), ", "));
}

Status CheckNewColumn(const sql::Name& name, const arrow::Schema& schema) {
  if (FindColumn(name.text, schema) < 0) return Status::OK();
  return FailAt(name.place, ErrorCode::kDuplicateColumn,
                "a column of that name exists: " + name.text);
}

/// An expression's text in which a column has a new name.
std::string RenamedIn(const std::string& text, const std::string& from, const std::string& to) {
  std::vector<sql::Token> tokens;
  sql::Lexer lexer(text, std::numeric_limits<int64_t>::max());
  for (auto token = lexer.Next(); token.kind != sql::TokenKind::kEnd; token = lexer.Next()) {
    if (token.kind == sql::TokenKind::kError) return text;
    tokens.push_back(std::move(token));
  }
  std::string out;
  size_t copied = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto& token = tokens[i];
    const bool quoted = token.kind == sql::TokenKind::kQuotedName;
    const bool called = i + 1 < tokens.size() && tokens[i + 1].raw == "(";
    if (called || (!quoted && token.kind != sql::TokenKind::kWord)) continue;
    if (!EqualsIgnoreCase(quoted ? std::string_view(token.value) : token.raw, from)) continue;
    const size_t begin = token.end - token.raw.size();
    out += text.substr(copied, begin - copied) + QuoteIdentifier(to);
    copied = token.end;
  }
  return out + text.substr(copied);
}

bool Uses(const CheckRule& check, int column) {
  std::vector<int> columns;
  logical::CollectColumns(*check.condition, &columns);
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

/// Each batch with the expression's values in a column, which may be one behind the last.
ConvertRows Computed(int column, const BoundExprPtr& value, const SchemaPtr& schema,
                     const FunctionContext& functions) {
  return [=](const BatchPtr& batch) -> Result<BatchPtr> {
    Chunk chunk = FromRecordBatch(*batch);
    ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*value, chunk, functions));
    ARROW_ASSIGN_OR_RAISE(vector, Expand(vector, batch->num_rows(), functions.pool));
    chunk.columns.resize(static_cast<size_t>(schema->num_fields()));
    chunk.columns[static_cast<size_t>(column)] = std::move(vector);
    return ToRecordBatch(chunk, schema, functions.pool);
  };
}

/// What ALTER TABLE makes of a table, before its rows are looked at.
struct Altered {
  std::string name;
  SchemaPtr schema;
  RuleSet rules;
  ConvertRows convert;
  std::function<Status(CatalogRoot&)> then;  // what else changes in the catalog
};

/// The conditions anew over changed columns, from their texts.
Status RebindChecks(const std::string& table, const arrow::Schema& schema,
                    const sql::BindContext& bind, RuleSet* rules) {
  for (auto& check : rules->checks) {
    ARROW_ASSIGN_OR_RAISE(const auto parsed, sql::ParseStatement("SELECT " + check.text));
    ARROW_ASSIGN_OR_RAISE(
        check.condition,
        sql::BindPredicateOverSchema(*parsed->select->items[0].expr, schema, table, "CHECK", bind));
  }
  return Status::OK();
}

/// The indexes of a table, each as `change` makes it; those it drops go.
std::function<Status(CatalogRoot&)> EachIndex(const CatalogEntry& table,
                                              std::function<bool(CatalogEntry*)> change) {
  return [schema = table.schema, name = table.name,
          change = std::move(change)](CatalogRoot& root) -> Status {
    std::vector<EntryPtr> indexes;
    for (const auto& [key, entry] : root.entries()) {
      const bool of_table = entry->kind == RelationKind::kIndex && entry->schema == schema &&
                            EqualsIgnoreCase(entry->index_table, name);
      if (of_table) indexes.push_back(entry);
    }
    for (const auto& index : indexes) {
      CatalogEntry next = *index;
      const bool stays = change(&next);
      ARROW_RETURN_NOT_OK(stays ? root.Replace(*index, std::move(next))
                                : root.Drop(index->schema, index->name, RelationKind::kIndex));
    }
    return Status::OK();
  };
}

Status AddColumn(const Statement& statement, const sql::BindContext& bind, Altered* altered) {
  const auto& definition = statement.column;
  ARROW_ASSIGN_OR_RAISE(const auto type, sql::TypeOf(definition.type));
  const auto field = arrow::field(definition.name.text, type, !definition.not_null);
  ARROW_ASSIGN_OR_RAISE(altered->schema,
                        altered->schema->AddField(altered->schema->num_fields(), field));
  auto& defaults = altered->rules.defaults;
  BoundExprPtr value;
  if (definition.default_value) {
    ARROW_ASSIGN_OR_RAISE(value, sql::BindDefault(*definition.default_value, *field, bind));
    defaults.resize(static_cast<size_t>(altered->schema->num_fields()));
    defaults.back() = value;
  } else {
    if (!defaults.empty()) defaults.push_back(nullptr);
    ARROW_ASSIGN_OR_RAISE(value, logical::MakeNull(type, definition.name.place));
    ARROW_ASSIGN_OR_RAISE(value, sql::CastTo(value, type, bind.functions));
  }
  altered->convert =
      Computed(altered->schema->num_fields() - 1, value, altered->schema, bind.functions);
  return Status::OK();
}

/// Keys and conditions that name the column go with it, as in PostgreSQL.
Status DropColumn(int column, const CatalogEntry& table, Altered* altered) {
  const std::string name = altered->schema->field(column)->name();
  ARROW_ASSIGN_OR_RAISE(altered->schema, altered->schema->RemoveField(column));
  auto& rules = altered->rules;
  std::erase_if(rules.keys, [&](const KeyRule& key) {
    return std::find(key.columns.begin(), key.columns.end(), column) != key.columns.end();
  });
  std::erase_if(rules.checks, [&](const CheckRule& check) { return Uses(check, column); });
  for (auto& key : rules.keys) {
    for (int& at : key.columns) at -= at > column ? 1 : 0;
  }
  if (!rules.defaults.empty()) rules.defaults.erase(rules.defaults.begin() + column);
  altered->convert = [column](const BatchPtr& batch) { return batch->RemoveColumn(column); };
  altered->then = EachIndex(table, [name](CatalogEntry* index) {
    return std::none_of(index->index_uses.begin(), index->index_uses.end(),
                        [&](const auto& used) { return EqualsIgnoreCase(used, name); });
  });
  return Status::OK();
}

Status RenameColumn(int column, const std::string& to, const CatalogEntry& table,
                    Altered* altered) {
  const auto field = altered->schema->field(column);
  const std::string from = field->name();
  ARROW_ASSIGN_OR_RAISE(altered->schema, altered->schema->SetField(column, field->WithName(to)));
  for (auto& check : altered->rules.checks) check.text = RenamedIn(check.text, from, to);
  altered->then = EachIndex(table, [from, to](CatalogEntry* index) {
    index->index_columns = RenamedIn(index->index_columns, from, to);
    for (auto& used : index->index_uses) {
      if (EqualsIgnoreCase(used, from)) used = to;
    }
    return true;
  });
  return Status::OK();
}

Status SetNullable(int column, bool nullable, Place place, Altered* altered) {
  for (const auto& key : altered->rules.keys) {
    const bool named =
        std::find(key.columns.begin(), key.columns.end(), column) != key.columns.end();
    if (!nullable || !key.primary || !named) continue;
    return FailAt(
        place, ErrorCode::kConstraint,
        "the column is part of the primary key: " + altered->schema->field(column)->name(),
        "Drop the constraint first: " + key.name + ".");
  }
  const auto field = altered->schema->field(column)->WithNullable(nullable);
  return altered->schema->SetField(column, field).Value(&altered->schema);
}

Status SetType(const Statement& statement, int column, const std::string& table,
               const sql::BindContext& bind, Altered* altered) {
  const auto& asked = statement.column.type;
  ARROW_ASSIGN_OR_RAISE(const auto type, sql::TypeOf(asked));
  const auto field = altered->schema->field(column);
  BoundExprPtr value = logical::MakeColumn(column, LogicalType(field->type()), field->name());
  if (statement.value) {
    ARROW_ASSIGN_OR_RAISE(value,
                          sql::BindOverSchema(*statement.value, *altered->schema, table, bind));
    ARROW_ASSIGN_OR_RAISE(value, sql::Adopt(value, type, bind.functions));
  }
  auto cast = sql::CastTo(value, type, bind.functions);
  if (!cast.ok()) return WithPlaceIfFailed(cast.status(), asked.place);
  value = *cast;
  auto& defaults = altered->rules.defaults;
  if (!defaults.empty() && defaults[static_cast<size_t>(column)]) {
    auto& fallback = defaults[static_cast<size_t>(column)];
    auto fitting = sql::CastTo(fallback, type, bind.functions);
    if (!fitting.ok()) return WithPlaceIfFailed(fitting.status(), asked.place);
    fallback = *fitting;
  }
  for (const auto& key : altered->rules.keys) {
    const bool named =
        std::find(key.columns.begin(), key.columns.end(), column) != key.columns.end();
    if (named) ARROW_RETURN_NOT_OK(CheckCanBeKey(type, field->name(), asked.place));
  }
  ARROW_ASSIGN_OR_RAISE(altered->schema, altered->schema->SetField(column, field->WithType(type)));
  altered->convert = Computed(column, value, altered->schema, bind.functions);
  return Status::OK();
}

Status SetDefault(const Statement& statement, int column, const sql::BindContext& bind,
                  Altered* altered) {
  auto& defaults = altered->rules.defaults;
  defaults.resize(static_cast<size_t>(altered->schema->num_fields()));
  auto& value = defaults[static_cast<size_t>(column)];
  value = nullptr;
  if (!statement.value) return Status::OK();
  return sql::BindDefault(*statement.value, *altered->schema->field(column), bind).Value(&value);
}

Status DropConstraint(const Statement& statement, RuleSet* rules) {
  const auto named = [&](const auto& rule) { return EqualsIgnoreCase(rule.name, statement.text); };
  const auto keys =
      std::erase_if(rules->keys, [&](const KeyRule& key) { return !key.of_index && named(key); });
  const auto checks = std::erase_if(rules->checks, named);
  if (keys + checks > 0 || statement.if_exists_inner) return Status::OK();
  std::vector<std::string> names;
  for (const auto& key : rules->keys) {
    if (!key.of_index) names.push_back(key.name);
  }
  for (const auto& check : rules->checks) names.push_back(check.name);
  const std::string near = NearestName(statement.text, names);
  return FailAt(statement.text_place, ErrorCode::kUnknownTable,
                "no constraint of that name: " + statement.text,
                near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                "constraints: " + Join(names, ", "));
}

/// What the action does to columns and rules; keys and conditions that it adds come after it.
Status Alter(const Statement& statement, const CatalogEntry& table, const sql::BindContext& bind,
             Altered* altered) {
  const auto& schema = *table.table->schema();
  const auto& target = statement.target;
  int column = -1;
  if (!target.text.empty()) {
    ARROW_ASSIGN_OR_RAISE(column, ColumnOf(target, schema));
  }
  switch (statement.alter) {
    case AlterKind::kAddColumn:
      ARROW_RETURN_NOT_OK(CheckNewColumn(statement.column.name, schema));
      return AddColumn(statement, bind, altered);
    case AlterKind::kDropColumn:
      if (schema.num_fields() > 1) return DropColumn(column, table, altered);
      return FailAt(target.place, ErrorCode::kUnsupportedStatement,
                    "a table needs a column, and this is its last: " + target.text);
    case AlterKind::kRenameColumn:
      if (!EqualsIgnoreCase(target.text, statement.new_name.text)) {
        ARROW_RETURN_NOT_OK(CheckNewColumn(statement.new_name, schema));
      }
      return RenameColumn(column, statement.new_name.text, table, altered);
    case AlterKind::kRenameTable: altered->name = statement.new_name.text; return Status::OK();
    case AlterKind::kSetDefault:
    case AlterKind::kDropDefault: return SetDefault(statement, column, bind, altered);
    case AlterKind::kSetNotNull: return SetNullable(column, false, target.place, altered);
    case AlterKind::kDropNotNull: return SetNullable(column, true, target.place, altered);
    case AlterKind::kSetType: return SetType(statement, column, table.name, bind, altered);
    case AlterKind::kAddCheck:
    case AlterKind::kAddKey: return Status::OK();
    case AlterKind::kDropConstraint: return DropConstraint(statement, &altered->rules);
  }
  return Bug("an unknown kind of ALTER TABLE");
}

Status CheckAlterable(const CatalogEntry& entry, const sql::Name& name) {
  if (entry.kind == RelationKind::kTable && entry.table) return Status::OK();
  return FailAt(name.place, ErrorCode::kWrongObjectKind,
                "not a table but " + OneOfKind(entry.kind) + ": " + entry.name);
}

}  // namespace

Result<CatalogEntry> StatementRunner::Rebuilt(const CatalogEntry& old, const SchemaPtr& schema,
                                              RuleSet rules, const ConvertRows& convert) {
  CatalogEntry next = old;
  std::shared_ptr<storage::TableGuard> guard;
  if (!rules.empty()) guard = std::make_shared<TableRules>(old.name, schema, std::move(rules));
  next.table = std::make_shared<storage::Table>(schema, std::move(guard));
  ARROW_ASSIGN_OR_RAISE(const auto rows,
                        storage::LiveRowsOf(*catalog().VersionOf(old.table), 0, context_->pool()));
  storage::Batches batches;
  for (const auto& live : rows) {
    ARROW_RETURN_NOT_OK(context_->CheckCancelled());
    BatchPtr batch = live.batch;
    if (convert) {
      ARROW_ASSIGN_OR_RAISE(batch, convert(batch));
    }
    batches.push_back(arrow::RecordBatch::Make(schema, batch->num_rows(), batch->columns()));
  }
  ARROW_RETURN_NOT_OK(WithDuplicateHint(
      next.table->Append(batches),
      "Find such rows by GROUP BY and HAVING count(*) > 1, and change or delete them first."));
  return next;
}

Status StatementRunner::PutInPlace(const EntryPtr& old, const CatalogEntry& next,
                                   const std::function<Status(CatalogRoot&)>& then) {
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  return connection_.Edit(
      [&](CatalogRoot& names, CatalogRoot& temporary) -> Status {
        auto& root = old->schema == kTemporarySchema ? temporary : names;
        if (then) ARROW_RETURN_NOT_OK(then(root));
        return root.Replace(*old, next);
      },
      {{old->table, catalog().VersionOf(old->table)}});
}

Result<StatementResult> StatementRunner::Again(
    const std::function<Result<StatementResult>()>& attempt) {
  for (int number = 1;; ++number) {
    auto result = attempt();
    const bool again = IsConflict(result.status()) && !connection_.in_transaction();
    if (!again || number == kAttempts) return result;
    view_ = nullptr;
  }
}

Result<StatementResult> StatementRunner::AlterTable(const Statement& statement) {
  if (statement.if_exists) {
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, catalog()));
    if (!catalog().Find(name.schema, name.name)) return Done(statement, 0);
  }
  ARROW_ASSIGN_OR_RAISE(const auto old, ExistingEntry(statement.name));
  ARROW_RETURN_NOT_OK(CheckAlterable(*old, statement.name.back()));
  const auto& schema = *old->table->schema();
  const bool exists = FindColumn(statement.column.name.text, schema) >= 0;
  if (statement.alter == AlterKind::kAddColumn && statement.if_not_exists && exists) {
    return Done(statement, 0);
  }
  const bool missing = FindColumn(statement.target.text, schema) < 0;
  if (statement.alter == AlterKind::kDropColumn && statement.if_exists_inner && missing) {
    return Done(statement, 0);
  }
  Altered altered{old->name, old->table->schema(), {}, nullptr, nullptr};
  if (const TableRules* rules = RulesOf(*old->table)) altered.rules = rules->rules();
  ARROW_RETURN_NOT_OK(Alter(statement, *old, Bind(), &altered));
  ARROW_RETURN_NOT_OK(AddRules(statement, altered.name, &altered.schema, &altered.rules));
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
      RebindChecks(altered.name, *altered.schema, Bind(), &altered.rules), statement.place));
  CatalogEntry renamed = *old;
  renamed.name = altered.name;
  auto next = Rebuilt(renamed, altered.schema, std::move(altered.rules), altered.convert);
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(next.status(), statement.place));
  const Place place = altered.name == old->name ? statement.place : statement.new_name.place;
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(PutInPlace(old, *next, altered.then), place));
  return Done(statement, 0);
}

Result<StatementResult> StatementRunner::Truncate(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto old, ExistingEntry(statement.name));
  ARROW_RETURN_NOT_OK(CheckAlterable(*old, statement.name.back()));
  const TableRules* rules = RulesOf(*old->table);
  CatalogEntry next = *old;
  next.table =
      std::make_shared<storage::Table>(old->table->schema(), rules ? rules->Emptied() : nullptr);
  const int64_t count = catalog().VersionOf(old->table)->row_count();
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(PutInPlace(old, next), statement.place));
  return Done(statement, count);
}

}  // namespace velaria::session
