// The tables of the schema system that the kernel fills.
#include "functions/function_rows.hpp"
#include "session/builtin_tables.hpp"
#include "session/session.hpp"

namespace velaria::session {
namespace {

BuiltinCell Known(int64_t count) { return count < 0 ? BuiltinCell{} : BuiltinCell{count}; }

BuiltinRows TableRows(Session& session) {
  BuiltinRows rows;
  for (const auto& table : session.Tables()) {
    rows.push_back({table.name, table.kind, Known(table.row_count), Known(table.byte_count)});
  }
  return rows;
}

BuiltinRows ColumnRows(Session& session) {
  BuiltinRows rows;
  for (const auto& table : session.Tables()) {
    if (!table.schema) continue;
    for (int i = 0; i < table.schema->num_fields(); ++i) {
      const auto& field = *table.schema->field(i);
      rows.push_back({table.name, field.name(), int64_t{i} + 1, SqlName(*field.type()),
                      std::string(field.nullable() ? "YES" : "NO")});
    }
  }
  return rows;
}

BuiltinRows IndexRows(Session& session) {
  BuiltinRows rows;
  for (const auto& index : session.Indexes()) {
    rows.push_back({index.name, index.table, index.columns});
  }
  return rows;
}

BuiltinRows SettingRowsOf(Session& session) {
  BuiltinRows rows;
  for (const auto& [name, value] : session.settings().All()) rows.push_back({name, value});
  return rows;
}

BuiltinRows FunctionRowsOf(Session&) {
  BuiltinRows rows;
  for (const auto& f : FunctionRows()) {
    rows.push_back({f.name, f.kind, f.group, f.signature, f.summary, f.example, f.example_result});
  }
  return rows;
}

BuiltinRows QueryRows(Session& session) {
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
      {"system", "settings", {"name", "value"}, SettingRowsOf},
      {"system",
       "functions",
       {"name", "kind", "group", "signature", "summary", "example", "example_result"},
       FunctionRowsOf},
      {"system",
       "queries",
       {"query_id", "kind", "sql", "state", "started_unix_ms:bigint", "ended_unix_ms:bigint",
        "row_count:bigint", "error_code"},
       QueryRows}};
  return tables;
}

}  // namespace velaria::session
