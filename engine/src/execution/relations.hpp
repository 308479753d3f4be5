// The relations that execution can scan: what session/ puts into the catalog and the binder hands
// on.
#pragma once

#include <memory>
#include <string>

#include "execution/scan_sources.hpp"
#include "io/file_table.hpp"
#include "logical/catalog_reader.hpp"
#include "storage/table.hpp"

namespace velaria::execution {

/// A table, a stream or a sink table: a snapshot of its rows, those at bind time when no version is
/// given. A stream is read through its table, too.
class TableRelation final : public logical::Relation {
 public:
  TableRelation(logical::RelationKind kind, std::string name, storage::TablePtr table,
                storage::VersionPtr version = nullptr, logical::RelationUse use = {})
      : Relation(std::move(use)),
        kind_(kind),
        name_(std::move(name)),
        table_(std::move(table)),
        version_(version ? std::move(version) : table_->version()),
        schema_(table_->schema()) {}
  /// The same with one column more, the last: each row's position in the table. For statements
  /// that change the rows they find.
  static std::shared_ptr<TableRelation> WithPositions(logical::RelationKind kind, std::string name,
                                                      storage::TablePtr table,
                                                      storage::VersionPtr version,
                                                      logical::RelationUse use) {
    auto relation = std::make_shared<TableRelation>(kind, std::move(name), std::move(table),
                                                    std::move(version), std::move(use));
    auto fields = relation->schema_->fields();
    relation->position_column_ = static_cast<int>(fields.size());
    fields.push_back(arrow::field("$position", arrow::int64(), false));
    relation->schema_ = arrow::schema(std::move(fields));
    return relation;
  }
  logical::RelationKind kind() const override { return kind_; }
  const std::string& name() const override { return name_; }
  const SchemaPtr& schema() const override { return schema_; }
  bool is_bounded() const override { return kind_ != logical::RelationKind::kStream; }
  int64_t estimated_row_count() const override { return is_bounded() ? version_->row_count() : -1; }
  bool accepts_filters() const override { return true; }
  bool HasRowsOf(const logical::Relation& other) const override {
    const auto* table = dynamic_cast<const TableRelation*>(&other);
    return table != nullptr && version_ == table->version_ &&
           position_column_ == table->position_column_;
  }
  const storage::TablePtr& table() const { return table_; }
  const storage::VersionPtr& version() const { return version_; }
  int position_column() const { return position_column_; }  // -1: none

 private:
  const logical::RelationKind kind_;
  const std::string name_;
  const storage::TablePtr table_;
  const storage::VersionPtr version_;
  SchemaPtr schema_;
  int position_column_ = -1;
};

class FileRelation final : public logical::Relation {
 public:
  FileRelation(logical::RelationKind kind, std::string name,
               std::shared_ptr<const io::FileTable> file, logical::RelationUse use = {})
      : Relation(std::move(use)), kind_(kind), name_(std::move(name)), file_(std::move(file)) {}
  logical::RelationKind kind() const override { return kind_; }
  const std::string& name() const override { return name_; }
  const SchemaPtr& schema() const override { return file_->schema(); }
  int64_t estimated_row_count() const override { return file_->estimated_row_count(); }
  bool accepts_filters() const override { return file_->skips_by_predicates(); }
  const std::shared_ptr<const io::FileTable>& file() const { return file_; }

 private:
  const logical::RelationKind kind_;
  const std::string name_;
  const std::shared_ptr<const io::FileTable> file_;
};

/// Rows that somebody else makes when they are asked for: system.runs and its like.
class ReaderRelation final : public logical::Relation {
 public:
  ReaderRelation(std::string name, SchemaPtr schema, ReaderFactory open, logical::RelationUse use)
      : Relation(std::move(use)),
        name_(std::move(name)),
        schema_(std::move(schema)),
        open_(std::move(open)) {}
  logical::RelationKind kind() const override { return logical::RelationKind::kSystem; }
  const std::string& name() const override { return name_; }
  const SchemaPtr& schema() const override { return schema_; }
  const ReaderFactory& open() const { return open_; }

 private:
  const std::string name_;
  const SchemaPtr schema_;
  const ReaderFactory open_;
};

/// A view: its text, bound anew wherever it is named, with names looked up in the schema `path`; a
/// temporary one finds temporary objects before those.
class ViewRelation final : public logical::Relation {
 public:
  ViewRelation(std::string name, SchemaPtr schema, std::string sql, std::string path,
               bool is_temporary, logical::RelationUse use)
      : Relation(std::move(use)),
        name_(std::move(name)),
        schema_(std::move(schema)),
        sql_(std::move(sql)),
        path_(std::move(path)),
        is_temporary_(is_temporary) {}
  logical::RelationKind kind() const override { return logical::RelationKind::kView; }
  const std::string& name() const override { return name_; }
  const SchemaPtr& schema() const override { return schema_; }
  const std::string& view_sql() const override { return sql_; }
  const std::string& path() const { return path_; }
  bool is_temporary() const { return is_temporary_; }

 private:
  const std::string name_;
  const SchemaPtr schema_;
  const std::string sql_, path_;
  const bool is_temporary_;
};

}  // namespace velaria::execution
