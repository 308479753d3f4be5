// The catalog as one statement sees it: the names of its snapshot or transaction, the connection's
// temporary objects, and the schema in which names without one are looked up. Never changes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "logical/schema_scopes.hpp"
#include "session/catalog.hpp"
#include "sql/file_opener.hpp"

namespace velaria::session {

class Session;
using TableVersions = std::unordered_map<const storage::Table*, storage::VersionPtr>;

/// Schema and name.
using NamedRelations = std::set<std::pair<std::string, std::string>>;

/// From where a statement looks at the catalog.
struct Viewpoint {
  std::string path = kMainSchema;  // the schema of names without one
  std::string user = kOnlyUser;
};

class CatalogView final : public logical::CatalogReader,
                          public logical::SchemaScopes,
                          public sql::FileOpener {
 public:
  /// `names` are the snapshot's, or a transaction's changed ones; `own` are the versions that the
  /// transaction made. `temporary` may be null.
  CatalogView(SnapshotPtr snapshot, RootPtr names, RootPtr temporary, Viewpoint from,
              TableVersions own, Session& session, bool opens_files = true)
      : snapshot_(std::move(snapshot)),
        names_(std::move(names)),
        temporary_(std::move(temporary)),
        from_(std::move(from)),
        own_(std::move(own)),
        session_(session),
        opens_files_(opens_files) {}

  /// The same names and versions, for another statement, of that user.
  std::shared_ptr<const CatalogView> For(const std::string& user) const {
    return std::make_shared<CatalogView>(snapshot_, names_, temporary_, Viewpoint{from_.path, user},
                                         own_, session_);
  }
  /// Likewise, for a statement that may not learn anything of a file: VEL1010 for each one that it
  /// names, whether or not it is there.
  std::shared_ptr<const CatalogView> WithoutFiles() const {
    return std::make_shared<CatalogView>(snapshot_, names_, temporary_, from_, own_, session_,
                                         false);
  }

  Result<logical::RelationPtr> FindRelation(const std::string& schema, const std::string& name,
                                            bool quoted) const override;
  Result<logical::RelationPtr> OpenFile(const std::string& path) const override;
  Result<logical::RelationPtr> OpenFiles(const sql::FileRequest& request) const override;
  std::vector<std::string> RelationNames() const override;
  bool HasSchema(const std::string& schema) const override;
  const logical::CatalogReader& ScopeOf(const logical::Relation& relation) const override;
  std::vector<std::string> SchemaNames() const override;

  /// Null when there is none. An empty schema: a temporary object, else one of the current schema.
  EntryPtr Find(const std::string& schema, const std::string& name) const;
  /// The shortest name that means the entry here: without its schema where that finds it.
  std::string NameHere(const CatalogEntry& entry) const;
  /// All entries, temporary ones last.
  std::vector<EntryPtr> Entries() const;
  /// The version that the statement reads.
  storage::VersionPtr VersionOf(const storage::TablePtr& table) const;
  std::shared_ptr<const execution::TableRelation> RelationOf(const CatalogEntry& entry) const;
  const std::string& path() const override { return from_.path; }
  const std::string& user() const override { return from_.user; }
  /// Of a relation that the statement names; an empty schema is where Find would look for it.
  void NoteNamed(const std::string& schema, const std::string& name) const;
  /// What was noted, whether or not it is there.
  const NamedRelations& named() const { return named_; }

 private:
  const SnapshotPtr snapshot_;
  const RootPtr names_, temporary_;
  const Viewpoint from_;
  const TableVersions own_;
  Session& session_;  // whose tables these are
  const bool opens_files_;
  // Of views, by their path and whether they are temporary; made by the one thread that binds.
  mutable std::map<std::pair<std::string, bool>, std::unique_ptr<CatalogView>> scopes_;
  mutable NamedRelations named_;  // by that thread, too
};

}  // namespace velaria::session
