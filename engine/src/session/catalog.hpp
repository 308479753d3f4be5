// The names of one database. A CatalogRoot is all of them at one moment and never changes; a commit
// swaps the root. Names match without regard to ASCII case; two that differ in case only cannot
// both exist in one schema. Dropping or replacing a table takes its indexes along.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "execution/relations.hpp"
#include "io/open_file.hpp"
#include "logical/catalog_reader.hpp"
#include "storage/commit.hpp"
#include "storage/table.hpp"

namespace velaria::session {

struct CatalogEntry {
  logical::RelationKind kind = logical::RelationKind::kTable;
  std::string schema = "main";                // lower case
  std::string name;                           // as it was created
  storage::TablePtr table;                    // kTable, kStream
  std::shared_ptr<const io::FileTable> file;  // kSource over a file, or a table USING a file
  std::string view_sql;                       // kView
  std::string view_path = "main";             // kView: where its names without a schema are found
  SchemaPtr view_schema;
  execution::ReaderFactory open;  // kSystem
  SchemaPtr reader_schema;
  std::string index_table, index_columns;  // kIndex: a table of this schema, "a, b DESC"
  std::vector<std::string> index_uses;     // kIndex: the columns it names
  bool unique = false;                     // kIndex: the table has a key of the index's name

  SchemaPtr ArrowSchema() const;  // null for an index
  /// "t" in main, "x.t" in another schema.
  std::string ShownName() const;
  /// That a statement reads it. Of an index: of its table, whose rows it is about.
  logical::RelationUse Use() const;
};
using EntryPtr = std::shared_ptr<const CatalogEntry>;

inline constexpr char kMainSchema[] = "main";
inline constexpr char kOnlyUser[] = "velaria";  // where nobody is asked who he is
inline constexpr char kSystemSchema[] = "system";
inline constexpr char kInformationSchema[] = "information_schema";
inline constexpr char kTemporarySchema[] = "temp";

class CatalogRoot {
 public:
  enum class IfExists { kFail, kKeep, kReplace };
  using Entries = std::map<std::string, EntryPtr>;

  CatalogRoot(std::shared_ptr<storage::Commits> commits, std::set<std::string> schemas)
      : commits_(std::move(commits)), schemas_(std::move(schemas)) {}

  /// Null when there is none.
  EntryPtr Find(const std::string& schema, const std::string& name) const;
  /// The entry that stands for a table, or null.
  EntryPtr FindTable(const storage::Table* table) const;
  const Entries& entries() const { return entries_; }
  bool HasSchema(const std::string& schema) const;
  const std::set<std::string>& schemas() const { return schemas_; }

  // Changes, of a copy that nobody else holds yet.

  /// VEL2024 when the name is taken and `if_exists` says so; VEL2025 for one of a built-in schema,
  /// which only kSystem enters. kKeep: false when it was there already.
  Result<bool> Create(CatalogEntry entry, IfExists if_exists);
  /// VEL2011 when there is no such name; VEL2025 when it is of another kind.
  Status Drop(const std::string& schema, const std::string& name, logical::RelationKind kind);
  /// Puts `next` in the place of `old`, whose indexes stay; VEL2024 when a new name is taken,
  /// VEL2011 when `old` no longer stands.
  Status Replace(const CatalogEntry& old, CatalogEntry next);
  Status CreateSchema(const std::string& schema, bool if_not_exists);
  /// VEL2025 for main, system and temp, and for one that is not empty unless `cascade`.
  Status DropSchema(const std::string& schema, bool cascade);
  /// What happened between `base` and `own`, once more here. VEL3014 when somebody else changed one
  /// of the names.
  Status Merge(const CatalogRoot& base, const CatalogRoot& own);

 private:
  void Put(CatalogEntry entry);
  void DropIndexesOf(const CatalogEntry& table);
  bool IsEmpty(const std::string& schema) const;

  std::shared_ptr<storage::Commits> commits_;
  Entries entries_;  // by schema and name
  std::set<std::string> schemas_;
};
using RootPtr = std::shared_ptr<const CatalogRoot>;

/// The database between two commits: the names, and the version of every table.
struct Snapshot {
  RootPtr root;
  std::unordered_map<const storage::Table*, storage::VersionPtr> versions;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// Holds the root that stands.
class Catalog {
 public:
  using IfExists = CatalogRoot::IfExists;

  explicit Catalog(io::AllowedRoots roots);
  ~Catalog();

  RootPtr root() const;
  SnapshotPtr snapshot() const;
  /// One commit: `edit` changes a copy of the names as they stand; when it fails nothing is
  /// changed. `publish` runs in the moment the new names become visible.
  Status Edit(const std::function<Status(CatalogRoot&)>& edit,
              const std::function<void()>& publish = nullptr);
  /// Takes the name away when it still stands for that table.
  void DropTable(const std::string& name, const storage::TablePtr& table);

  EntryPtr Find(const std::string& schema, const std::string& name) const {
    return root()->Find(schema, name);
  }
  const io::AllowedRoots& roots() const { return roots_; }
  /// What readings of files left out.
  const std::shared_ptr<io::RejectLog>& rejects() const { return rejects_; }
  const std::shared_ptr<storage::Commits>& commits() const { return commits_; }

 private:
  const io::AllowedRoots roots_;
  const std::shared_ptr<io::RejectLog> rejects_ = std::make_shared<io::RejectLog>();
  const std::shared_ptr<storage::Commits> commits_ = std::make_shared<storage::Commits>();
  std::mutex editing_;        // one Edit at a time
  mutable std::mutex mutex_;  // root_
  RootPtr root_;
};

/// "table", "view", "stream", "source", "sink", "system", "file" or "index".
const char* KindName(logical::RelationKind kind);
/// "a table", "an index"
std::string OneOfKind(logical::RelationKind kind);
/// Whether DROP of `kind` may take away what is of kind `held`.
bool IsDroppedAs(logical::RelationKind held, logical::RelationKind kind);

}  // namespace velaria::session
