#include "session/builtin_tables.hpp"

#include <arrow/builder.h>

#include <algorithm>

#include "base/text.hpp"
#include "execution/relations.hpp"
#include "session/session.hpp"

namespace velaria::session {
namespace {

const BuiltinTable* Find(const std::string& schema, const std::string& name) {
  for (const auto* table : AllBuiltins()) {
    if (EqualsIgnoreCase(table->schema, schema) && EqualsIgnoreCase(table->name, name)) {
      return table;
    }
  }
  return nullptr;
}

Status AppendCell(const BuiltinCell& cell, arrow::ArrayBuilder* builder) {
  if (std::holds_alternative<std::monostate>(cell)) return builder->AppendNull();
  if (const auto* text = std::get_if<std::string>(&cell)) {
    return static_cast<arrow::StringBuilder*>(builder)->Append(*text);
  }
  const int64_t number = std::get<int64_t>(cell);
  if (builder->type()->id() == arrow::Type::INT32) {
    return static_cast<arrow::Int32Builder*>(builder)->Append(static_cast<int32_t>(number));
  }
  return static_cast<arrow::Int64Builder*>(builder)->Append(number);
}

/// Rows may be shorter than the columns: what is not known stands last, and is NULL.
Result<std::shared_ptr<arrow::RecordBatch>> BatchOf(const SchemaPtr& schema,
                                                    const BuiltinRows& rows) {
  arrow::ArrayVector columns;
  for (int c = 0; c < schema->num_fields(); ++c) {
    ARROW_ASSIGN_OR_RAISE(auto builder, arrow::MakeBuilder(schema->field(c)->type()));
    for (const auto& row : rows) {
      const auto at = static_cast<size_t>(c);
      ARROW_RETURN_NOT_OK(AppendCell(at < row.size() ? row[at] : BuiltinCell{}, builder.get()));
    }
    ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), std::move(columns));
}

}  // namespace

SchemaPtr BuiltinTable::ArrowSchema() const {
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    const size_t colon = column.find(':');
    const std::string type = colon == std::string::npos ? "" : column.substr(colon + 1);
    fields.push_back(arrow::field(column.substr(0, colon), type == "int"      ? arrow::int32()
                                                           : type == "bigint" ? arrow::int64()
                                                                              : arrow::utf8()));
  }
  return arrow::schema(std::move(fields));
}

bool IsBuiltinSchema(const std::string& schema) {
  return EqualsIgnoreCase(schema, kSystemSchema) || EqualsIgnoreCase(schema, kInformationSchema);
}

Status RefuseBuiltinName(const std::string& schema, const std::string& name) {
  if (IsBuiltinSchema(schema)) {
    return Fail(ErrorCode::kWrongObjectKind, "the schema " + schema + " is read-only: " + name);
  }
  if (const size_t dot = name.find('.');
      dot != std::string::npos && IsBuiltinSchema(name.substr(0, dot))) {
    return Fail(ErrorCode::kWrongObjectKind,
                "the name reads like one of a read-only schema: \"" + name + "\"",
                "Choose a name that does not begin with system. or information_schema.");
  }
  return Status::OK();
}

std::vector<const BuiltinTable*> AllBuiltins() {
  std::vector<const BuiltinTable*> all;
  for (const auto* tables : {&InformationSchema(), &SystemTables()}) {
    for (const auto& table : *tables) all.push_back(&table);
  }
  return all;
}

Result<logical::RelationPtr> OpenBuiltin(const std::string& schema, const std::string& name,
                                         const CatalogView& names, Session& session) {
  const BuiltinTable* found = Find(schema, name);
  if (!found) return logical::RelationPtr();
  auto table = std::make_shared<storage::Table>(found->ArrowSchema());
  ARROW_ASSIGN_OR_RAISE(auto batch, BatchOf(table->schema(), found->rows(names, session)));
  if (batch->num_rows() > 0) ARROW_RETURN_NOT_OK(table->Append({std::move(batch)}));
  return std::make_shared<execution::TableRelation>(
      logical::RelationKind::kSystem, std::string(found->schema) + "." + found->name,
      std::move(table), nullptr,
      logical::RelationUse{logical::UseKind::kSystem, found->schema, found->name});
}

EntryPtr BuiltinEntry(const std::string& schema, const std::string& name) {
  const BuiltinTable* found = Find(schema, name);
  if (!found) return nullptr;
  CatalogEntry entry;
  entry.kind = logical::RelationKind::kSystem;
  entry.schema = found->schema;
  entry.name = found->name;
  entry.reader_schema = found->ArrowSchema();
  return std::make_shared<const CatalogEntry>(std::move(entry));
}

void AddBuiltinNames(std::vector<std::string>* names) {
  for (const auto* table : AllBuiltins()) {
    const std::string name = std::string(table->schema) + "." + table->name;
    if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
  }
}

}  // namespace velaria::session
