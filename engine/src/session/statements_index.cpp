// CREATE INDEX. An index is advice: it is checked against its table, named and listed, and no plan
// uses it.
#include "base/text.hpp"
#include "session/statement_runner.hpp"

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

}  // namespace

Result<StatementResult> StatementRunner::CreateIndex(const Statement& statement) {
  if (statement.unique) {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                  "the statement is not supported: CREATE UNIQUE INDEX",
                  "An index is advice only and keeps no value out of a table.");
  }
  ARROW_ASSIGN_OR_RAISE(const auto table, ExistingEntry(statement.index_table));
  if (table->kind != RelationKind::kTable) {
    return FailAt(statement.index_table.back().place, ErrorCode::kWrongObjectKind,
                  "an index needs a table, not " + OneOfKind(table->kind) + ": " + table->name);
  }
  std::vector<std::string> texts, words;
  for (const auto& item : statement.index_items) {
    ARROW_ASSIGN_OR_RAISE(const auto bound,
                          sql::BindOverSchema(*item.expr, *table->table->schema(), table->name,
                                              session_.MakeBindContext(parameters_, *context_)));
    texts.push_back(ItemText(item, *bound));
    words.push_back(bound->kind == logical::BoundKind::kColumn ? bound->name : "expr");
  }
  CatalogEntry entry;
  entry.kind = RelationKind::kIndex;
  entry.schema = table->schema;
  entry.index_table = table->name;
  entry.index_columns = Join(texts, ", ");
  if (!statement.name.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog()));
    entry.name = name.name;
    const auto made = session_.CreateIndex(std::move(entry), table, IfExistsOf(statement));
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(made.status(), statement.name.back().place));
    return Done(statement, 0);
  }
  // A number behind the name finds a free one, at the latest past the number of the entries.
  const std::string name = MadeName(table->name, words);
  for (size_t number = 0;; ++number) {
    entry.name = name + (number == 0 ? "" : std::to_string(number));
    const auto made = session_.CreateIndex(entry, table, Catalog::IfExists::kFail);
    if (made.ok()) return Done(statement, 0);
    if (ErrorInfoOf(made.status()).code != ErrorCode::kTableExists) return made.status();
  }
}

}  // namespace velaria::session
