// The tables that every session has: information_schema, as the SQL standard and PostgreSQL have
// it, and those of the schema system that the kernel knows of itself. Their rows are made when a
// statement names them. An entry of the catalog with the same name takes their place: a server
// enters what it knows more of.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"
#include "logical/catalog_reader.hpp"
#include "session/catalog.hpp"

namespace velaria::session {

class CatalogView;
class Session;

/// A value of a built-in table: NULL, text or a number.
using BuiltinCell = std::variant<std::monostate, std::string, int64_t>;
using BuiltinRows = std::vector<std::vector<BuiltinCell>>;

/// One built-in table. A column is "name" (VARCHAR), "name:int" (INTEGER) or "name:bigint".
struct BuiltinTable {
  const char* schema;
  const char* name;
  std::vector<std::string> columns;
  BuiltinRows (*rows)(const CatalogView& names, Session& session);

  SchemaPtr ArrowSchema() const;
};

/// information_schema.cpp and system_tables.cpp.
const std::vector<BuiltinTable>& InformationSchema();
const std::vector<BuiltinTable>& SystemTables();

std::vector<const BuiltinTable*> AllBuiltins();

/// "system" or "information_schema", in any case.
bool IsBuiltinSchema(const std::string& schema);
/// VEL2025 for a name in one of their schemas, and for one elsewhere that reads like theirs:
/// "system.x" in quotes.
Status RefuseBuiltinName(const std::string& schema, const std::string& name);
/// The table with its rows as `names` sees them now; null when there is none of that name.
Result<logical::RelationPtr> OpenBuiltin(const std::string& schema, const std::string& name,
                                         const CatalogView& names, Session& session);
/// The table as an entry that nobody entered; null when there is none.
EntryPtr BuiltinEntry(const std::string& schema, const std::string& name);
/// "system.tables" and so on: those that an unknown name may have meant.
void AddBuiltinNames(std::vector<std::string>* names);

}  // namespace velaria::session
