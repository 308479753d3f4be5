// The tables of the schema system that the kernel fills.
#include "functions/function_rows.hpp"
#include "session/builtin_tables.hpp"
#include "session/catalog_view.hpp"
#include "session/session.hpp"

namespace velaria::session {
namespace {

BuiltinRows TableRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& entry : names.Entries()) {
    if (entry->kind == logical::RelationKind::kIndex) continue;
    rows.push_back({entry->ShownName(), std::string(KindName(entry->kind))});
    if (!entry->table) continue;
    const auto version = names.VersionOf(entry->table);
    rows.back().insert(rows.back().end(), {version->row_count(), version->byte_count()});
  }
  return rows;
}

BuiltinRows ColumnRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& entry : names.Entries()) {
    const auto schema = entry->ArrowSchema();
    if (!schema) continue;
    for (int i = 0; i < schema->num_fields(); ++i) {
      const auto& field = *schema->field(i);
      rows.push_back({entry->ShownName(), field.name(), int64_t{i} + 1, SqlName(*field.type()),
                      std::string(field.nullable() ? "YES" : "NO")});
    }
  }
  return rows;
}

BuiltinRows IndexRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& entry : names.Entries()) {
    if (entry->kind != logical::RelationKind::kIndex) continue;
    rows.push_back({entry->ShownName(), entry->index_table, entry->index_columns});
  }
  return rows;
}

BuiltinRows SettingRowsOf(const CatalogView&, Session& session) {
  BuiltinRows rows;
  for (const auto& [name, value] : session.settings().All()) rows.push_back({name, value});
  return rows;
}

BuiltinRows FunctionRowsOf(const CatalogView&, Session&) {
  BuiltinRows rows;
  for (const auto& f : FunctionRows()) {
    rows.push_back({f.name, f.kind, f.group, f.signature, f.summary, f.null_rule, f.example,
                    f.example_result});
  }
  return rows;
}

BuiltinRows RejectRows(const CatalogView&, Session& session) {
  BuiltinRows rows;
  for (const auto& entry : session.catalog().rejects()->Entries()) {
    const bool has_line = entry.first_line > 0;
    rows.push_back({entry.file, entry.rejected_rows,
                    has_line ? BuiltinCell{int64_t{entry.first_line}} : BuiltinCell{},
                    entry.first_reason});
  }
  return rows;
}

BuiltinRows QueryRows(const CatalogView&, Session& session) {
  BuiltinRows rows;
  for (const auto& query : session.Queries()) {
    rows.push_back(
        {query.query_id, {}, query.sql, query.state, query.started_unix_ms, {}, query.row_count});
  }
  return rows;
}

}  // namespace

const std::vector<BuiltinTable>& SystemTables() {
  static const std::vector<BuiltinTable> tables = {
      {"system", "tables", {"name", "kind", "row_count:bigint", "byte_count:bigint"}, TableRows},
      {"system",
       "columns",
       {"table_name", "column_name", "ordinal_position:bigint", "column_type", "nullable"},
       ColumnRows},
      {"system", "indexes", {"name", "table_name", "columns"}, IndexRows},
      {"system",
       "rejects",
       {"file", "rejected_rows:bigint", "first_line:bigint", "first_reason"},
       RejectRows},
      {"system", "settings", {"name", "value"}, SettingRowsOf},
      {"system",
       "functions",
       {"name", "kind", "group", "signature", "summary", "null_rule", "example", "example_result"},
       FunctionRowsOf},
      {"system",
       "queries",
       {"query_id", "kind", "sql", "state", "started_unix_ms:bigint", "ended_unix_ms:bigint",
        "row_count:bigint", "error_code"},
       QueryRows}};
  return tables;
}

}  // namespace velaria::session
