#include "session/catalog.hpp"

#include <arrow/builder.h>

#include "base/text.hpp"
#include "session/builtin_tables.hpp"

namespace velaria::session {

using logical::RelationKind;

SchemaPtr CatalogEntry::ArrowSchema() const {
  if (table) return table->schema();
  if (file) return file->schema();
  return view_schema ? view_schema : reader_schema;
}

const char* KindName(RelationKind kind) {
  switch (kind) {
    case RelationKind::kTable: return "table";
    case RelationKind::kView: return "view";
    case RelationKind::kStream: return "stream";
    case RelationKind::kSource: return "source";
    case RelationKind::kSink: return "sink";
    case RelationKind::kSystem: return "system";
    case RelationKind::kFile: return "file";
    case RelationKind::kIndex: return "index";
  }
  return "unknown";
}

std::string OneOfKind(RelationKind kind) {
  return (kind == RelationKind::kIndex ? "an " : "a ") + std::string(KindName(kind));
}

bool IsDroppedAs(RelationKind held, RelationKind kind) {
  const bool table_like = held == RelationKind::kSource || held == RelationKind::kSink;
  return held == kind || (kind == RelationKind::kTable && table_like);
}

std::string CatalogEntry::ShownName() const {
  return schema == kMainSchema ? name : schema + "." + name;
}

logical::RelationUse CatalogEntry::Use() const {
  using logical::UseKind;
  switch (kind) {
    case RelationKind::kView: return {UseKind::kView, schema, name};
    case RelationKind::kStream: return {UseKind::kStream, schema, name};
    case RelationKind::kSystem: return {UseKind::kSystem, schema, name};
    case RelationKind::kIndex: return {UseKind::kTable, schema, index_table};
    default: return {UseKind::kTable, schema, name};
  }
}

namespace {

std::string KeyOf(const std::string& schema, const std::string& name) {
  return ToLower(schema) + '\0' + ToLower(name);
}

std::string KeyOf(const CatalogEntry& entry) { return KeyOf(entry.schema, entry.name); }

bool IsReserved(const std::string& schema) {
  return schema == kMainSchema || schema == kTemporarySchema || IsBuiltinSchema(schema);
}

Status Taken(const CatalogEntry& held, const std::string& name) {
  return Fail(ErrorCode::kTableExists, OneOfKind(held.kind) + " of that name exists: " + name,
              "Use IF NOT EXISTS, or drop it first.");
}

Status Overtaken(const std::string& what) {
  return Fail(ErrorCode::kWriteConflict, "another transaction changed the catalog first: " + what,
              "Run the transaction again.");
}

}  // namespace

// ---- the names at one moment

EntryPtr CatalogRoot::Find(const std::string& schema, const std::string& name) const {
  const auto it = entries_.find(KeyOf(schema, name));
  return it == entries_.end() ? nullptr : it->second;
}

EntryPtr CatalogRoot::FindTable(const storage::Table* table) const {
  for (const auto& [key, entry] : entries_) {
    if (entry->table.get() == table) return entry;
  }
  return nullptr;
}

bool CatalogRoot::HasSchema(const std::string& schema) const {
  return schemas_.contains(ToLower(schema));
}

void CatalogRoot::Put(CatalogEntry entry) {
  if (entry.table) entry.table->Join(commits_);
  auto& held = entries_[KeyOf(entry)];
  held = std::make_shared<const CatalogEntry>(std::move(entry));
}

Result<bool> CatalogRoot::Create(CatalogEntry entry, IfExists if_exists) {
  if (!HasSchema(entry.schema)) {
    return Fail(ErrorCode::kUnknownSchema, "no schema of that name: " + entry.schema);
  }
  if (entry.kind != RelationKind::kSystem) {
    ARROW_RETURN_NOT_OK(RefuseBuiltinName(entry.schema, entry.name));
  }
  if (const auto held = Find(entry.schema, entry.name)) {
    if (if_exists == IfExists::kKeep) return false;
    if (if_exists == IfExists::kFail) return Taken(*held, entry.name);
    if (held->kind != entry.kind) {
      return Fail(ErrorCode::kWrongObjectKind,
                  "the name belongs to " + OneOfKind(held->kind) + ": " + entry.name);
    }
    DropIndexesOf(*held);
  }
  Put(std::move(entry));
  return true;
}

void CatalogRoot::DropIndexesOf(const CatalogEntry& table) {
  const std::string key = KeyOf(table);
  std::erase_if(entries_, [&](const auto& item) {
    const CatalogEntry& entry = *item.second;
    return entry.kind == RelationKind::kIndex && KeyOf(entry.schema, entry.index_table) == key;
  });
}

Status CatalogRoot::Drop(const std::string& schema, const std::string& name, RelationKind kind) {
  const auto held = Find(schema, name);
  if (!held) {
    return Fail(ErrorCode::kUnknownTable,
                std::string("no ") + KindName(kind) + " of that name: " + name,
                "Use IF EXISTS to drop it only when it is there.");
  }
  if (!IsDroppedAs(held->kind, kind)) {
    return Fail(ErrorCode::kWrongObjectKind,
                "not " + OneOfKind(kind) + " but " + OneOfKind(held->kind) + ": " + name);
  }
  entries_.erase(KeyOf(*held));
  DropIndexesOf(*held);
  return Status::OK();
}

Status CatalogRoot::Replace(const CatalogEntry& old, CatalogEntry next) {
  const auto held = Find(old.schema, old.name);
  if (held.get() != &old) {
    return Fail(ErrorCode::kUnknownTable, "the table was dropped meanwhile: " + old.name);
  }
  if (KeyOf(next) != KeyOf(old)) {
    ARROW_RETURN_NOT_OK(RefuseBuiltinName(next.schema, next.name));
    if (const auto other = Find(next.schema, next.name)) return Taken(*other, next.name);
    std::vector<CatalogEntry> moved;
    for (const auto& [key, entry] : entries_) {
      if (entry->kind != RelationKind::kIndex) continue;
      if (KeyOf(entry->schema, entry->index_table) == KeyOf(old)) moved.push_back(*entry);
    }
    for (auto& index : moved) {
      index.index_table = next.name;
      Put(std::move(index));
    }
    entries_.erase(KeyOf(old));
  }
  Put(std::move(next));
  return Status::OK();
}

Status CatalogRoot::CreateSchema(const std::string& schema, bool if_not_exists) {
  if (schemas_.insert(ToLower(schema)).second || if_not_exists) return Status::OK();
  return Fail(ErrorCode::kTableExists, "a schema of that name exists: " + schema,
              "Use IF NOT EXISTS, or drop it first.");
}

Status CatalogRoot::DropSchema(const std::string& schema, bool cascade) {
  const std::string lower = ToLower(schema);
  if (IsReserved(lower)) {
    return Fail(ErrorCode::kWrongObjectKind, "the schema is always there: " + lower);
  }
  if (!schemas_.contains(lower)) {
    const std::string near = NearestName(lower, {schemas_.begin(), schemas_.end()});
    return Fail(ErrorCode::kUnknownSchema, "no schema of that name: " + schema,
                near.empty() ? "Use IF EXISTS to drop it only when it is there."
                             : "Did you mean " + near + "?");
  }
  if (!cascade && !IsEmpty(lower)) {
    return Fail(ErrorCode::kWrongObjectKind, "the schema is not empty: " + schema,
                "Drop what is in it first, or use CASCADE.");
  }
  std::erase_if(entries_, [&](const auto& item) { return item.second->schema == lower; });
  schemas_.erase(lower);
  return Status::OK();
}

bool CatalogRoot::IsEmpty(const std::string& schema) const {
  return std::none_of(entries_.begin(), entries_.end(),
                      [&](const auto& item) { return item.second->schema == schema; });
}

Status CatalogRoot::Merge(const CatalogRoot& base, const CatalogRoot& own) {
  for (const auto& schema : own.schemas_) {
    if (base.schemas_.contains(schema)) continue;
    if (!schemas_.insert(schema).second) return Overtaken(schema);
  }
  const auto change = [&](const std::string& key, const EntryPtr& was,
                          const EntryPtr& is) -> Status {
    const auto held = entries_.find(key);
    const EntryPtr now = held == entries_.end() ? nullptr : held->second;
    if (now != was) return Overtaken((is ? is : was)->ShownName());
    if (!is) {
      entries_.erase(held);
      return Status::OK();
    }
    if (!HasSchema(is->schema)) return Overtaken(is->schema);
    entries_[key] = is;
    return Status::OK();
  };
  for (const auto& [key, is] : own.entries_) {
    const auto was = base.entries_.find(key);
    const EntryPtr before = was == base.entries_.end() ? nullptr : was->second;
    if (before != is) ARROW_RETURN_NOT_OK(change(key, before, is));
  }
  for (const auto& [key, was] : base.entries_) {
    if (!own.entries_.contains(key)) ARROW_RETURN_NOT_OK(change(key, was, nullptr));
  }
  for (const auto& [key, entry] : entries_) {
    if (entry->kind == RelationKind::kIndex && !Find(entry->schema, entry->index_table)) {
      return Overtaken(entry->index_table);
    }
  }
  for (const auto& schema : base.schemas_) {
    if (own.schemas_.contains(schema)) continue;
    if (!IsEmpty(schema) || schemas_.erase(schema) == 0) return Overtaken(schema);
  }
  return Status::OK();
}

// ---- the root that stands

Catalog::Catalog(io::AllowedRoots roots)
    : roots_(std::move(roots)),
      root_(std::make_shared<CatalogRoot>(
          commits_, std::set<std::string>{kMainSchema, kSystemSchema, kInformationSchema})) {}

// The snapshot that commits_ keeps holds a root, and every root holds commits_.
Catalog::~Catalog() { commits_->Forget(); }

RootPtr Catalog::root() const {
  std::lock_guard lock(mutex_);
  return root_;
}

SnapshotPtr Catalog::snapshot() const {
  return std::static_pointer_cast<const Snapshot>(
      commits_->Between([&]() -> std::shared_ptr<const void> {
        auto made = std::make_shared<Snapshot>();
        made->root = root();
        for (const auto& [key, entry] : made->root->entries()) {
          if (entry->table) made->versions[entry->table.get()] = entry->table->version();
        }
        return made;
      }));
}

Status Catalog::Edit(const std::function<Status(CatalogRoot&)>& edit,
                     const std::function<void()>& publish) {
  RootPtr next;  // both end after the locks: an entry may be a Python object
  std::lock_guard editing(editing_);
  auto copy = std::make_shared<CatalogRoot>(*root());
  next = copy;
  ARROW_RETURN_NOT_OK(edit(*copy));
  copy = nullptr;
  commits_->Publish([&] {
    if (publish) publish();
    std::lock_guard lock(mutex_);
    root_.swap(next);
  });
  return Status::OK();
}

void Catalog::DropTable(const std::string& name, const storage::TablePtr& table) {
  const auto held = Find(kMainSchema, name);
  if (!held || held->table != table) return;
  (void)Edit([&](CatalogRoot& root) {
    const auto now = root.Find(kMainSchema, name);
    return now == held ? root.Drop(kMainSchema, name, held->kind) : Status::OK();
  });
}

}  // namespace velaria::session
