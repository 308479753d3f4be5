#include "session/catalog_view.hpp"

#include "base/text.hpp"
#include "session/builtin_tables.hpp"
#include "session/session.hpp"

namespace velaria::session {

using logical::RelationKind;

EntryPtr CatalogView::Find(const std::string& schema, const std::string& name) const {
  const bool may_be_temporary = schema.empty() || EqualsIgnoreCase(schema, kTemporarySchema);
  if (temporary_ && may_be_temporary) {
    auto entry = temporary_->Find(kTemporarySchema, name);
    if (entry || !schema.empty()) return entry;
  }
  return names_->Find(schema.empty() ? from_.path : schema, name);
}

void CatalogView::NoteNamed(const std::string& schema, const std::string& name) const {
  const bool is_temporary =
      schema.empty() && temporary_ && temporary_->Find(kTemporarySchema, name) != nullptr;
  named_.emplace(!schema.empty() ? ToLower(schema)
                 : is_temporary  ? kTemporarySchema
                                 : from_.path,
                 name);
}

std::string CatalogView::NameHere(const CatalogEntry& entry) const {
  return Find("", entry.name).get() == &entry ? entry.name : entry.schema + "." + entry.name;
}

std::vector<EntryPtr> CatalogView::Entries() const {
  std::vector<EntryPtr> out;
  for (const auto& [key, entry] : names_->entries()) out.push_back(entry);
  if (!temporary_) return out;
  for (const auto& [key, entry] : temporary_->entries()) out.push_back(entry);
  return out;
}

storage::VersionPtr CatalogView::VersionOf(const storage::TablePtr& table) const {
  if (const auto it = own_.find(table.get()); it != own_.end()) return it->second;
  const auto it = snapshot_->versions.find(table.get());
  return it == snapshot_->versions.end() ? table->version() : it->second;
}

std::shared_ptr<const execution::TableRelation> CatalogView::RelationOf(
    const CatalogEntry& entry) const {
  return std::make_shared<execution::TableRelation>(entry.kind, entry.ShownName(), entry.table,
                                                    VersionOf(entry.table), entry.Use());
}

Result<logical::RelationPtr> CatalogView::FindRelation(const std::string& schema,
                                                       const std::string& name, bool) const {
  NoteNamed(schema, name);
  const auto entry = Find(schema, name);
  if (!entry) return OpenBuiltin(schema, name, *this, session_);
  const std::string shown = entry->ShownName();
  if (entry->table) return RelationOf(*entry);
  if (entry->file)
    return std::make_shared<execution::FileRelation>(entry->kind, shown, entry->file, entry->Use());
  if (entry->kind == RelationKind::kView) {
    return std::make_shared<execution::ViewRelation>(
        shown, entry->view_schema, entry->view_sql, entry->view_path,
        entry->schema == kTemporarySchema, entry->Use());
  }
  if (entry->kind == RelationKind::kIndex)
    return Fail(ErrorCode::kWrongObjectKind, "an index cannot be read: " + shown);
  return std::make_shared<execution::ReaderRelation>(shown, entry->reader_schema, entry->open,
                                                     entry->Use());
}

Result<logical::RelationPtr> CatalogView::OpenFile(const std::string& path) const {
  sql::FileRequest request;
  request.paths = {path};
  return OpenFiles(request);
}

Result<logical::RelationPtr> CatalogView::OpenFiles(const sql::FileRequest& request) const {
  if (!opens_files_) {
    return Fail(ErrorCode::kNotPermitted, "the statement reads a file of the server");
  }
  const Catalog& catalog = session_.catalog();
  ARROW_ASSIGN_OR_RAISE(auto options, io::ParseFileOptions(request.format, request.options));
  if (request.columns) options.declared = request.columns;
  options.types = request.types;
  options.rejects = catalog.rejects();
  ARROW_ASSIGN_OR_RAISE(auto file, io::OpenFiles(request.paths, catalog.roots(), options));
  std::string name = "'" + file->name() + "'";
  return std::make_shared<execution::FileRelation>(RelationKind::kFile, std::move(name),
                                                   std::move(file));
}

std::vector<std::string> CatalogView::RelationNames() const {
  std::vector<std::string> names;
  for (const auto& entry : Entries()) {
    if (entry->kind == RelationKind::kIndex) continue;
    const bool found_bare = entry->schema == from_.path || entry->schema == kTemporarySchema;
    if (found_bare) names.push_back(entry->name);
    names.push_back(entry->schema + "." + entry->name);
  }
  AddBuiltinNames(&names);
  return names;
}

bool CatalogView::HasSchema(const std::string& schema) const {
  return names_->HasSchema(schema) || (temporary_ && EqualsIgnoreCase(schema, kTemporarySchema));
}

std::vector<std::string> CatalogView::SchemaNames() const {
  std::vector<std::string> names(names_->schemas().begin(), names_->schemas().end());
  if (temporary_) names.push_back(kTemporarySchema);
  return names;
}

const logical::CatalogReader& CatalogView::ScopeOf(const logical::Relation& relation) const {
  const auto& view = static_cast<const execution::ViewRelation&>(relation);
  auto& scope = scopes_[{view.path(), view.is_temporary()}];
  if (!scope) {
    const RootPtr temporary = view.is_temporary() ? temporary_ : nullptr;
    scope = std::make_unique<CatalogView>(snapshot_, names_, temporary,
                                          Viewpoint{view.path(), from_.user}, own_, session_,
                                          opens_files_);
  }
  return *scope;
}

}  // namespace velaria::session
