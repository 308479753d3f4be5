// CREATE INDEX. An index is advice: it is checked against its table, named and listed, and no plan
// uses it. A unique one is a key of its table beside that, as UNIQUE in CREATE TABLE is.
#include "base/text.hpp"
#include "session/statement_runner.hpp"
#include "sql/planner_coerce.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;

namespace {

std::string ItemText(const sql::OrderItem& item, const logical::BoundExpr& bound) {
  std::string text = logical::ToText(bound);
  if (item.descending) text += " DESC";
  if (item.nulls_first) text += *item.nulls_first ? " NULLS FIRST" : " NULLS LAST";
  return text;
}

/// "t_a_b_idx", as PostgreSQL names an index that the statement does not.
std::string MadeName(const std::string& table, const std::vector<std::string>& words) {
  return table + "_" + Join(words, "_") + "_idx";
}

Status CheckUniqueItem(const sql::OrderItem& item, const logical::BoundExpr& bound) {
  if (bound.kind != logical::BoundKind::kColumn) {
    return FailAt(item.expr->place, ErrorCode::kUnsupportedStatement,
                  "a unique index is on columns, not on an expression: " + logical::ToText(bound));
  }
  return CheckCanBeKey(bound.type, bound.name, item.expr->place);
}

}  // namespace

/// The table with one more key where the index is unique, and the index, in one commit.
Status StatementRunner::EnterIndex(CatalogEntry index, const EntryPtr& table,
                                   Catalog::IfExists if_exists, const std::vector<int>& columns) {
  if (!index.unique) {
    return connection_.Edit([&](CatalogRoot& names, CatalogRoot& temporary) -> Status {
      auto& root = table->schema == kTemporarySchema ? temporary : names;
      if (root.Find(table->schema, table->name) != table) {
        return Fail(ErrorCode::kUnknownTable, "the table was dropped meanwhile: " + table->name);
      }
      return root.Create(index, if_exists).status();
    });
  }
  if (const auto held = catalog().Find(table->schema, index.name)) {
    if (if_exists == Catalog::IfExists::kKeep) return Status::OK();
    return Fail(ErrorCode::kTableExists,
                OneOfKind(held->kind) + " of that name exists: " + index.name,
                "Use IF NOT EXISTS, or drop it first.");
  }
  const TableRules* held = RulesOf(*table->table);
  RuleSet rules = held ? held->rules() : RuleSet{};
  rules.keys.push_back({index.name, false, columns, true});
  ARROW_ASSIGN_OR_RAISE(const auto next,
                        Rebuilt(*table, table->table->schema(), std::move(rules), nullptr));
  return PutInPlace(table, next, [&](CatalogRoot& root) {
    return root.Create(index, Catalog::IfExists::kFail).status();
  });
}

Result<CatalogEntry> StatementRunner::WithoutKeysOf(const EntryPtr& table,
                                                    const std::vector<EntryPtr>& indexes) {
  const TableRules* held = RulesOf(*table->table);
  if (held == nullptr) return Bug("a unique index of a table without keys: " + table->name);
  RuleSet rules = held->rules();
  for (const auto& index : indexes) {
    std::erase_if(rules.keys, [&](const KeyRule& key) {
      return key.of_index && EqualsIgnoreCase(key.name, index->name);
    });
  }
  return Rebuilt(*table, table->table->schema(), std::move(rules), nullptr);
}

Result<StatementResult> StatementRunner::CreateIndex(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto table, ExistingEntry(statement.index_table));
  if (table->kind != RelationKind::kTable) {
    return FailAt(statement.index_table.back().place, ErrorCode::kWrongObjectKind,
                  "an index needs a table, not " + OneOfKind(table->kind) + ": " + table->name);
  }
  std::vector<std::string> texts, words;
  std::vector<int> columns;
  const auto& schema = *table->table->schema();
  for (const auto& item : statement.index_items) {
    ARROW_ASSIGN_OR_RAISE(auto bound, sql::BindOverSchema(*item.expr, schema, table->name, Bind()));
    if (item.expr->kind == sql::ExprKind::kColumn) bound = sql::AsStored(std::move(bound));
    if (statement.unique) ARROW_RETURN_NOT_OK(CheckUniqueItem(item, *bound));
    logical::CollectColumns(*bound, &columns);
    texts.push_back(ItemText(item, *bound));
    words.push_back(bound->kind == logical::BoundKind::kColumn ? bound->name : "expr");
  }
  CatalogEntry entry;
  entry.kind = RelationKind::kIndex;
  entry.schema = table->schema;
  entry.index_table = table->name;
  entry.index_columns = Join(texts, ", ");
  entry.unique = statement.unique;
  for (int column : columns) entry.index_uses.push_back(schema.field(column)->name());
  if (!statement.name.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, catalog()));
    if (!name.schema.empty() && name.schema != table->schema) {
      return FailAt(statement.name.front().place, ErrorCode::kWrongObjectKind,
                    "an index is in the schema of its table: " + table->schema);
    }
    entry.name = name.name;
    const Status made = EnterIndex(std::move(entry), table, IfExistsOf(statement), columns);
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(made, statement.name.back().place));
    return Done(statement, 0);
  }
  // A number behind the name finds a free one, at the latest past the number of the entries.
  const std::string name = MadeName(table->name, words);
  for (size_t number = 0;; ++number) {
    entry.name = name + (number == 0 ? "" : std::to_string(number));
    if (catalog().Find(table->schema, entry.name)) continue;
    const Status made = EnterIndex(entry, table, Catalog::IfExists::kFail, columns);
    if (made.ok()) return Done(statement, 0);
    if (ErrorInfoOf(made).code != ErrorCode::kTableExists) {
      return WithPlace(made, statement.place);
    }
  }
}

}  // namespace velaria::session
