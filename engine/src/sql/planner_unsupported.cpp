// What the grammar takes and the binder does not bind: refused by name, never ignored.
#include "sql/file_readers.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

Status RefuseUnsupported(const TableRef& ref) {
  if (ref.kind == TableKind::kFunction && IsFileReader(ref.names.back().text)) {
    return Status::OK();  // planner_file_function.cpp reads them
  }
  for (const auto& name : ref.argument_names) {
    if (!name.text.empty()) return Unsupported(name.place, "a named argument: " + name.text);
  }
  return Status::OK();
}

Status RefuseUnsupported(const Expr& call) {
  if (call.ignore_nulls) return Unsupported(call.place, "IGNORE NULLS and RESPECT NULLS");
  return Status::OK();
}

}  // namespace velaria::sql
