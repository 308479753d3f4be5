#include "session/catalog.hpp"

#include <arrow/builder.h>

#include "base/text.hpp"

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

std::string Catalog::KeyOf(const std::string& schema, const std::string& name) {
  return (schema.empty() ? "main" : ToLower(schema)) + '\0' + ToLower(name);
}

bool Catalog::HasSchema(const std::string& schema) const {
  return EqualsIgnoreCase(schema, "main") || EqualsIgnoreCase(schema, "system");
}

std::shared_ptr<const CatalogEntry> Catalog::Find(const std::string& schema,
                                                  const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(KeyOf(schema, name));
  return it == entries_.end() ? nullptr : it->second;
}

Result<logical::RelationPtr> Catalog::FindRelation(const std::string& schema,
                                                   const std::string& name, bool) const {
  const auto entry = Find(schema, name);
  if (!entry && EqualsIgnoreCase(schema, "system") && EqualsIgnoreCase(name, "rejects")) {
    return RejectsRelation();
  }
  if (!entry) return logical::RelationPtr();
  const std::string shown =
      entry->schema == "main" ? entry->name : entry->schema + "." + entry->name;
  if (entry->table)
    return std::make_shared<execution::TableRelation>(entry->kind, shown, entry->table);
  if (entry->file)
    return std::make_shared<execution::FileRelation>(entry->kind, shown, entry->file);
  if (entry->kind == RelationKind::kView) {
    return std::make_shared<execution::ViewRelation>(shown, entry->view_schema, entry->view_sql);
  }
  if (entry->kind == RelationKind::kIndex)
    return Fail(ErrorCode::kWrongObjectKind, "an index cannot be read: " + shown);
  return std::make_shared<execution::ReaderRelation>(shown, entry->reader_schema, entry->open);
}

Result<logical::RelationPtr> Catalog::OpenFile(const std::string& path) const {
  logical::FileRequest request;
  request.paths = {path};
  return OpenFiles(request);
}

Result<logical::RelationPtr> Catalog::OpenFiles(const logical::FileRequest& request) const {
  ARROW_ASSIGN_OR_RAISE(auto options, io::ParseFileOptions(request.format, request.options));
  if (request.columns) options.declared = request.columns;
  options.types = request.types;
  options.rejects = rejects_;
  ARROW_ASSIGN_OR_RAISE(auto file, io::OpenFiles(request.paths, roots_, options));
  std::string name = "'" + file->name() + "'";
  return std::make_shared<execution::FileRelation>(RelationKind::kFile, std::move(name),
                                                   std::move(file));
}

/// What readings left out, as system.rejects: made by the database itself, so that it is there
/// wherever files are read, and counted by nobody among the tables.
logical::RelationPtr Catalog::RejectsRelation() const {
  static const SchemaPtr schema = arrow::schema(
      {arrow::field("file", arrow::utf8(), false),
       arrow::field("rejected_rows", arrow::int64(), false),
       arrow::field("first_line", arrow::int64()), arrow::field("first_reason", arrow::utf8())});
  const auto open = [log = rejects_]() -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    arrow::StringBuilder file, reason;
    arrow::Int64Builder rows, line;
    for (const auto& entry : log->Entries()) {
      ARROW_RETURN_NOT_OK(file.Append(entry.file));
      ARROW_RETURN_NOT_OK(rows.Append(entry.rejected_rows));
      ARROW_RETURN_NOT_OK(entry.first_line > 0 ? line.Append(entry.first_line) : line.AppendNull());
      ARROW_RETURN_NOT_OK(reason.Append(entry.first_reason));
    }
    arrow::ArrayVector columns(4);
    ARROW_RETURN_NOT_OK(file.Finish(&columns[0]));
    ARROW_RETURN_NOT_OK(rows.Finish(&columns[1]));
    ARROW_RETURN_NOT_OK(line.Finish(&columns[2]));
    ARROW_RETURN_NOT_OK(reason.Finish(&columns[3]));
    const int64_t count = columns[0]->length();
    return arrow::RecordBatchReader::Make(
        {arrow::RecordBatch::Make(schema, count, std::move(columns))}, schema);
  };
  return std::make_shared<execution::ReaderRelation>("system.rejects", schema, open);
}

std::vector<std::string> Catalog::RelationNames() const {
  std::vector<std::string> names;
  for (const auto& entry : Entries()) {
    if (entry->kind == RelationKind::kIndex) continue;
    names.push_back(entry->schema == "main" ? entry->name : entry->schema + "." + entry->name);
  }
  return names;
}

Result<bool> Catalog::Create(CatalogEntry entry, IfExists if_exists) {
  std::shared_ptr<const CatalogEntry> replaced;  // ends after the lock: it may be a Python object
  std::lock_guard lock(mutex_);
  return Enter(std::move(entry), if_exists, &replaced);
}

Result<bool> Catalog::CreateIndex(CatalogEntry index,
                                  const std::shared_ptr<const CatalogEntry>& table,
                                  IfExists if_exists) {
  std::shared_ptr<const CatalogEntry> replaced;
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(KeyOf(table->schema, table->name));
  if (it == entries_.end() || it->second != table) {
    return Fail(ErrorCode::kUnknownTable, "the table was dropped meanwhile: " + table->name);
  }
  return Enter(std::move(index), if_exists, &replaced);
}

Result<bool> Catalog::Enter(CatalogEntry entry, IfExists if_exists,
                            std::shared_ptr<const CatalogEntry>* replaced) {
  auto& held = entries_[KeyOf(entry.schema, entry.name)];
  if (held) {
    if (if_exists == IfExists::kKeep) return false;
    if (if_exists == IfExists::kFail) {
      return Fail(ErrorCode::kTableExists,
                  OneOfKind(held->kind) + " of that name exists: " + entry.name,
                  "Use IF NOT EXISTS, or drop it first.");
    }
    if (held->kind != entry.kind) {
      return Fail(ErrorCode::kWrongObjectKind,
                  "the name belongs to " + OneOfKind(held->kind) + ": " + entry.name);
    }
    DropIndexesOf(*held);
  }
  *replaced = std::exchange(held, std::make_shared<const CatalogEntry>(std::move(entry)));
  return true;
}

void Catalog::DropIndexesOf(const CatalogEntry& table) {
  const std::string key = KeyOf(table.schema, table.name);
  std::erase_if(entries_, [&](const auto& item) {
    const CatalogEntry& entry = *item.second;
    return entry.kind == RelationKind::kIndex && KeyOf(entry.schema, entry.index_table) == key;
  });
}

Status Catalog::Drop(const std::string& schema, const std::string& name, RelationKind kind) {
  std::shared_ptr<const CatalogEntry> dropped;  // ends after the lock
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(KeyOf(schema, name));
  if (it == entries_.end()) {
    return Fail(ErrorCode::kUnknownTable,
                std::string("no ") + KindName(kind) + " of that name: " + name,
                "Use IF EXISTS to drop it only when it is there.");
  }
  const RelationKind held = it->second->kind;
  const bool table_like = held == RelationKind::kSource || held == RelationKind::kSink;
  if (held != kind && !(kind == RelationKind::kTable && table_like)) {
    return Fail(ErrorCode::kWrongObjectKind,
                "not " + OneOfKind(kind) + " but " + OneOfKind(held) + ": " + name);
  }
  dropped = std::move(it->second);
  entries_.erase(it);
  DropIndexesOf(*dropped);
  return Status::OK();
}

void Catalog::DropTable(const std::string& name, const storage::TablePtr& table) {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(KeyOf("main", name));
  if (it != entries_.end() && it->second->table == table) entries_.erase(it);
}

std::vector<std::shared_ptr<const CatalogEntry>> Catalog::Entries() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const CatalogEntry>> out;
  for (const auto& [key, entry] : entries_) out.push_back(entry);
  return out;
}

}  // namespace velaria::session
