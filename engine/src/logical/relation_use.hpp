// What a statement reads and writes, told by where the catalog has it: what permissions are judged
// by. A name that is left out is a hole, so whatever binds a relation notes its use.
#pragma once

#include <compare>
#include <set>
#include <string>
#include <utility>

namespace velaria::logical {

enum class UseKind { kTable, kView, kStream, kSystem, kFile, kSchema };

/// One object and what is done to it. `schema` and `name` are as stored: a schema's own name, a
/// bare name. A file has no schema, and its path as it was written; a schema is both.
struct RelationUse {
  UseKind kind = UseKind::kTable;
  std::string schema, name;
  bool is_write = false;

  RelationUse Written() const { return {kind, schema, name, true}; }
  auto operator<=>(const RelationUse&) const = default;
};
using RelationUses = std::set<RelationUse>;

inline RelationUse FileUse(std::string path) { return {UseKind::kFile, "", std::move(path)}; }
inline RelationUse SchemaUse(const std::string& schema) {
  return {UseKind::kSchema, schema, schema};
}

}  // namespace velaria::logical
