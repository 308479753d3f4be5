// The names of one database. Names match without regard to ASCII case; two that differ in case only
// cannot both exist. Entries are values behind one lock; a Relation handed to the binder is a
// snapshot and outlives a DROP. An index is advice that nothing reads: it goes when its table is
// dropped or replaced.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "execution/relations.hpp"
#include "io/open_file.hpp"
#include "logical/catalog_reader.hpp"
#include "logical/file_opener.hpp"
#include "storage/table.hpp"

namespace velaria::session {

struct CatalogEntry {
  logical::RelationKind kind = logical::RelationKind::kTable;
  std::string schema = "main";                // "main" or "system"
  std::string name;                           // as it was created
  storage::TablePtr table;                    // kTable, kStream
  std::shared_ptr<const io::FileTable> file;  // kSource over a file, or a table USING a file
  std::string view_sql;                       // kView
  SchemaPtr view_schema;
  execution::ReaderFactory open;  // kSystem
  SchemaPtr reader_schema;
  std::string index_table, index_columns;  // kIndex: a table of this schema, "a, b DESC"

  SchemaPtr ArrowSchema() const;  // null for an index
};

class Catalog final : public logical::CatalogReader, public logical::FileOpener {
 public:
  explicit Catalog(io::AllowedRoots roots) : roots_(std::move(roots)) {}

  // What the binder asks.
  Result<logical::RelationPtr> FindRelation(const std::string& schema, const std::string& name,
                                            bool quoted) const override;
  Result<logical::RelationPtr> OpenFile(const std::string& path) const override;
  Result<logical::RelationPtr> OpenFiles(const logical::FileRequest& request) const override;
  std::vector<std::string> RelationNames() const override;
  bool HasSchema(const std::string& schema) const override;

  // What statements do.
  enum class IfExists { kFail, kKeep, kReplace };
  /// VEL2024 when the name is taken and `if_exists` says so. kKeep: false when it was there
  /// already.
  Result<bool> Create(CatalogEntry entry, IfExists if_exists);
  /// As Create, of an entry of kind index. VEL2011 when `table` is no longer the entry of its name.
  Result<bool> CreateIndex(CatalogEntry index, const std::shared_ptr<const CatalogEntry>& table,
                           IfExists if_exists);
  /// VEL2011 when there is no such name; VEL2025 when it is of another kind.
  Status Drop(const std::string& schema, const std::string& name, logical::RelationKind kind);
  /// Takes the name away when it still stands for that table.
  void DropTable(const std::string& name, const storage::TablePtr& table);
  /// Null when there is none.
  std::shared_ptr<const CatalogEntry> Find(const std::string& schema,
                                           const std::string& name) const;
  std::vector<std::shared_ptr<const CatalogEntry>> Entries() const;
  const io::AllowedRoots& roots() const { return roots_; }
  const std::shared_ptr<io::RejectLog>& rejects() const { return rejects_; }

 private:
  logical::RelationPtr RejectsRelation() const;
  static std::string KeyOf(const std::string& schema, const std::string& name);
  // Under the lock.
  Result<bool> Enter(CatalogEntry entry, IfExists if_exists,
                     std::shared_ptr<const CatalogEntry>* replaced);
  void DropIndexesOf(const CatalogEntry& table);

  const io::AllowedRoots roots_;
  const std::shared_ptr<io::RejectLog> rejects_ = std::make_shared<io::RejectLog>();
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const CatalogEntry>> entries_;
};

/// "table", "view", "stream", "source", "sink", "system", "file" or "index".
const char* KindName(logical::RelationKind kind);
/// "a table", "an index"
std::string OneOfKind(logical::RelationKind kind);

}  // namespace velaria::session
