// Statements about names and connections: transactions, schemas, and which object a name means.
#include "base/text.hpp"
#include "session/builtin_tables.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

// ---- names

Status UnknownSchema(const std::string& schema, const CatalogView& catalog, Place place) {
  const auto names = catalog.SchemaNames();
  const std::string near = NearestName(schema, names);
  return FailAt(place, ErrorCode::kUnknownSchema, "no schema of that name: " + schema,
                near.empty() ? "" : "Did you mean " + near + "?", "schemas: " + Join(names, ", "));
}

Result<ObjectName> AnyNameOf(const std::vector<sql::Name>& parts, const CatalogView& catalog) {
  ObjectName out;
  if (parts.empty() || parts.size() > 2) {
    return FailAt(parts.empty() ? Place{} : parts[0].place, ErrorCode::kUnknownSchema,
                  "a name has at most a schema and a table");
  }
  out.name = parts.back().text;
  if (parts.size() == 2) {
    out.schema = ToLower(parts[0].text);
  }
  catalog.NoteNamed(out.schema, out.name);
  if (parts.size() == 2) {
    if (!catalog.HasSchema(out.schema)) {
      return UnknownSchema(parts[0].text, catalog, parts[0].place);
    }
  }
  return out;
}

Result<ObjectName> NameOf(const std::vector<sql::Name>& parts, const CatalogView& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto out, AnyNameOf(parts, catalog));
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(RefuseBuiltinName(out.schema, out.name), parts[0].place));
  return out;
}

/// Where a new object goes: a temporary one among the connection's own, another into the schema
/// that is written or the current one.
Result<ObjectName> StatementRunner::MadeNameOf(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto name, NameOf(statement.name, catalog()));
  if (name.schema.empty()) name.schema = statement.temporary ? kTemporarySchema : catalog().path();
  return name;
}

Result<ObjectName> StatementRunner::NewNameOf(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto name, MadeNameOf(statement));
  const Place place = statement.name.front().place;
  if (statement.temporary && name.schema != kTemporarySchema) {
    return FailAt(place, ErrorCode::kWrongObjectKind,
                  "a temporary object belongs to no other schema: " + name.schema,
                  "Leave the schema out.");
  }
  if (name.schema == kTemporarySchema) {
    ARROW_RETURN_NOT_OK(
        WithPlaceIfFailed(connection_.CheckLasts("a temporary object"), statement.place));
  }
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(RefuseBuiltinName(name.schema, name.name), place));
  return name;
}

Status StatementRunner::Enter(const CatalogEntry& entry, Catalog::IfExists if_exists, Place place) {
  return WithPlaceIfFailed(connection_.Enter(entry, if_exists), place);
}

Result<EntryPtr> StatementRunner::ExistingEntry(const std::vector<sql::Name>& parts) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(parts, catalog()));
  auto entry = catalog().Find(name.schema, name.name);
  if (entry) return entry;
  const std::string shown = (name.schema.empty() ? "" : name.schema + ".") + name.name;
  const std::string near = NearestName(shown, catalog().RelationNames());
  return FailAt(parts.back().place, ErrorCode::kUnknownTable, "no table of that name: " + shown,
                near.empty() ? "" : "Did you mean " + near + "?");
}

Status StatementRunner::NothingToDrop(const std::vector<sql::Name>& parts, RelationKind kind) {
  const bool qualified = parts.size() > 1;
  std::vector<std::string> names;
  for (const auto& entry : catalog().Entries()) {
    if (!IsDroppedAs(entry->kind, kind)) continue;
    names.push_back(qualified ? entry->schema + "." + entry->name : catalog().NameHere(*entry));
  }
  const std::string shown = (qualified ? ToLower(parts[0].text) + "." : "") + parts.back().text;
  const std::string near = NearestName(shown, names);
  return FailAt(parts.back().place, ErrorCode::kUnknownTable,
                std::string("no ") + KindName(kind) + " of that name: " + shown,
                near.empty() ? "Use IF EXISTS to drop it only when it is there."
                             : "Did you mean " + near + "?");
}

Result<EntryPtr> StatementRunner::DescribedEntry(const std::vector<sql::Name>& parts) {
  ARROW_ASSIGN_OR_RAISE(const auto name, AnyNameOf(parts, catalog()));
  if (!IsBuiltinSchema(name.schema)) {
    ARROW_ASSIGN_OR_RAISE(auto entry, ExistingEntry(parts));
    if (entry->kind != RelationKind::kIndex) return entry;
    return FailAt(parts.back().place, ErrorCode::kWrongObjectKind,
                  "an index has no columns of its own: " + entry->name);
  }
  if (auto entry = catalog().Find(name.schema, name.name)) return entry;
  if (auto entry = BuiltinEntry(name.schema, name.name)) return entry;
  const std::string shown = name.schema + "." + name.name;
  const std::string near = NearestName(shown, catalog().RelationNames());
  return FailAt(parts.back().place, ErrorCode::kUnknownTable, "no table of that name: " + shown,
                near.empty() ? "" : "Did you mean " + near + "?");
}

// ---- schemas

Result<StatementResult> StatementRunner::CreateSchema(const Statement& statement) {
  const auto& name = statement.name.back();
  ARROW_RETURN_NOT_OK(
      WithPlaceIfFailed(connection_.Edit([&](CatalogRoot& names, CatalogRoot&) -> Status {
        if (EqualsIgnoreCase(name.text, kTemporarySchema)) {
          return Fail(ErrorCode::kWrongObjectKind, "the schema is always there: temp");
        }
        return names.CreateSchema(name.text, statement.if_not_exists);
      }),
                        name.place));
  return Done(statement, 0);
}

Result<StatementResult> StatementRunner::DropSchemas(const Statement& statement) {
  for (const auto& entry : catalog().Entries()) {
    const auto dropped = [&](const auto& parts) {
      return EqualsIgnoreCase(parts.back().text, entry->schema);
    };
    const auto& all = statement.drop_names;
    if (entry->kind != RelationKind::kStream || std::none_of(all.begin(), all.end(), dropped))
      continue;
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
        connection_.CheckOutside("DROP SCHEMA of a stream: " + entry->ShownName()),
        statement.place));
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  const Status dropped = connection_.Edit([&](CatalogRoot& names, CatalogRoot&) -> Status {
    for (const auto& parts : statement.drop_names) {
      if (parts.size() > 1) {
        return FailAt(parts[0].place, ErrorCode::kUnknownSchema, "a schema has a name of one part");
      }
      const auto& name = parts.back();
      const bool reserved = EqualsIgnoreCase(name.text, kTemporarySchema);
      if (statement.if_exists && !reserved && !names.HasSchema(name.text)) continue;
      ARROW_RETURN_NOT_OK(
          WithPlaceIfFailed(names.DropSchema(name.text, statement.cascade), name.place));
    }
    return Status::OK();
  });
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(dropped, statement.place));
  return Done(statement, 0);
}

bool StatementRunner::IsSchemaSetting(const std::string& name) {
  return EqualsIgnoreCase(name, "schema") || EqualsIgnoreCase(name, "search_path");
}

bool StatementRunner::ShowsNames(const Statement& statement) {
  return EqualsIgnoreCase(statement.text, "tables") || EqualsIgnoreCase(statement.text, "views") ||
         EqualsIgnoreCase(statement.text, "indexes") || EqualsIgnoreCase(statement.text, "schemas");
}

Result<std::vector<std::vector<std::string>>> StatementRunner::ShowNames(
    const Statement& statement) {
  std::vector<std::vector<std::string>> rows;
  if (EqualsIgnoreCase(statement.text, "schemas")) {
    for (const auto& schema : catalog().SchemaNames()) {
      rows.push_back({schema, schema == catalog().path() ? "current" : ""});
    }
    return rows;
  }
  std::string schema;
  if (!statement.name.empty()) {
    schema = ToLower(statement.name.back().text);
    if (!catalog().HasSchema(schema)) {
      return UnknownSchema(statement.name.back().text, catalog(), statement.name.back().place);
    }
  }
  const bool of_indexes = EqualsIgnoreCase(statement.text, "indexes");
  const bool of_views = EqualsIgnoreCase(statement.text, "views");
  for (const auto& entry : catalog().Entries()) {
    if ((entry->kind == RelationKind::kIndex) != of_indexes) continue;
    if (!schema.empty() && entry->schema != schema) continue;
    if (of_views && entry->kind != RelationKind::kView) continue;
    const std::string name = schema.empty() ? catalog().NameHere(*entry) : entry->name;
    if (of_indexes) {
      rows.push_back({name, entry->index_table + "(" + entry->index_columns + ")" +
                                (entry->unique ? " UNIQUE" : "")});
    } else {
      rows.push_back({name, KindName(entry->kind)});
    }
  }
  return rows;
}

// ---- transactions

Result<StatementResult> StatementRunner::Control(const Statement& statement) {
  ARROW_RETURN_NOT_OK(CheckParameters(statement));
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  ARROW_RETURN_NOT_OK(connection_.Control(statement));
  return Done(statement, 0);
}

}  // namespace velaria::session
