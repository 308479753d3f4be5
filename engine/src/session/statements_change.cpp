// Statements that change the catalog or a table.
#include "base/text.hpp"
#include "io/open_file.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

Result<CatalogEntry> StatementRunner::FileTableEntry(const Statement& statement,
                                                     const ObjectName& name, SchemaPtr declared) {
  std::map<std::string, std::string> options;
  std::string path;
  for (const auto& option : statement.options) {
    if (EqualsIgnoreCase(option.key.text, "path")) {
      path = option.value;
    } else {
      options[option.key.text] = option.value;
    }
  }
  if (path.empty()) {
    return FailAt(statement.place, ErrorCode::kBadOption, "OPTIONS needs a path",
                  "Write OPTIONS(path: 'file.csv').");
  }
  ARROW_ASSIGN_OR_RAISE(auto file_options,
                        io::ParseFileOptions(statement.using_format, options, std::move(declared)));
  CatalogEntry entry;
  entry.kind = RelationKind::kSource;
  entry.name = name.name;
  file_options.rejects = session_.catalog().rejects();
  ARROW_ASSIGN_OR_RAISE(entry.file,
                        io::OpenFiles({path}, session_.catalog().roots(), file_options));
  return entry;
}

Result<StatementResult> StatementRunner::CreateTable(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog()));
  if (statement.temporary) return UnsupportedStatement(statement, "CREATE TEMPORARY TABLE");
  if (statement.flavour == sql::TableFlavour::kSink)
    return UnsupportedStatement(statement, "CREATE SINK TABLE");
  if (!statement.columns.empty() && statement.columns[0].type.name.empty()) {
    return UnsupportedStatement(statement, "CREATE TABLE with column names AS");
  }
  if (statement.with_no_data) return UnsupportedStatement(statement, "WITH NO DATA");
  const auto existing = session_.catalog().Find(name.schema, name.name);
  if (existing && statement.if_not_exists) {
    ARROW_RETURN_NOT_OK(context_->BeginCommit());
    return Done(statement, 0);
  }
  SchemaPtr declared;
  if (!statement.columns.empty()) {
    ARROW_ASSIGN_OR_RAISE(declared, sql::SchemaFromColumns(statement.columns));
  }
  CatalogEntry entry;
  int64_t rows = 0;
  if (statement.has_options || !statement.using_format.empty()) {
    ARROW_ASSIGN_OR_RAISE(entry, FileTableEntry(statement, name, declared));
  } else if (statement.select) {
    ARROW_ASSIGN_OR_RAISE(const auto checked, Check(statement));
    const auto& query = checked.query;
    std::vector<std::string> seen;
    arrow::FieldVector fields;
    for (const auto& field : query.schema->fields()) {
      const auto lower = ToLower(field->name());
      if (std::find(seen.begin(), seen.end(), lower) != seen.end()) {
        return FailAt(statement.place, ErrorCode::kDuplicateColumn,
                      "a column name appears twice: " + field->name(),
                      "Give one of them an alias.");
      }
      seen.push_back(lower);
      fields.push_back(field->WithNullable(true));
    }
    ARROW_ASSIGN_OR_RAISE(auto batches, RunToBatches(query));
    entry.name = name.name;
    const auto schema = arrow::schema(std::move(fields));
    entry.table = std::make_shared<storage::Table>(schema);
    for (auto& batch : batches) {
      rows += batch->num_rows();
      batch = arrow::RecordBatch::Make(schema, batch->num_rows(), batch->columns());
    }
    ARROW_RETURN_NOT_OK(entry.table->Append(batches));
  } else {
    if (!declared)
      return FailAt(statement.place, ErrorCode::kSyntaxError,
                    "a table needs columns: " + name.name);
    entry.name = name.name;
    ARROW_ASSIGN_OR_RAISE(auto rules, RulesFrom(statement, name.name, &declared));
    entry.table = std::make_shared<storage::Table>(declared, std::move(rules));
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  ARROW_RETURN_NOT_OK(session_.CreateEntry(std::move(entry), IfExistsOf(statement)).status());
  return Done(statement, rows);
}

Result<StatementResult> StatementRunner::CreateView(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog()));
  ARROW_ASSIGN_OR_RAISE(auto query, session_.Plan(*statement.select, parameters_, *context_));
  const bool reads_itself =
      std::any_of(query.views.begin(), query.views.end(),
                  [&](const auto& view) { return EqualsIgnoreCase(view, name.name); });
  if (reads_itself) {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                  "the view would read itself: " + name.name,
                  "Read the tables below it, or give the new view another name.");
  }
  CatalogEntry entry;
  entry.kind = RelationKind::kView;
  entry.name = name.name;
  entry.view_schema = query.schema;
  entry.view_sql = statement.text;
  ARROW_RETURN_NOT_OK(session_.CreateEntry(std::move(entry), IfExistsOf(statement)).status());
  return Done(statement, 0);
}

Result<StatementResult> StatementRunner::CreateStream(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, session_.catalog()));
  if (statement.watermark) {
    return FailAt(statement.watermark->place, ErrorCode::kUnsupportedStatement,
                  "WATERMARK is not supported", "Leave it out: emission is PER BATCH.");
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, sql::SchemaFromColumns(statement.columns));
  CatalogEntry entry;
  entry.kind = RelationKind::kStream;
  entry.name = name.name;
  entry.table = std::make_shared<storage::Table>(std::move(schema));
  ARROW_RETURN_NOT_OK(session_.CreateEntry(std::move(entry), IfExistsOf(statement)).status());
  return Done(statement, 0);
}

Result<std::shared_ptr<const CatalogEntry>> StatementRunner::ExistingEntry(
    const std::vector<sql::Name>& parts) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(parts, session_.catalog()));
  auto entry = session_.catalog().Find(name.schema, name.name);
  if (entry) return entry;
  const std::string near = NearestName(name.name, session_.catalog().RelationNames());
  return FailAt(parts.back().place, ErrorCode::kUnknownTable, "no table of that name: " + name.name,
                near.empty() ? "" : "Did you mean " + near + "?");
}

Result<std::shared_ptr<const CatalogEntry>> StatementRunner::WritableEntry(
    const std::vector<sql::Name>& parts) {
  ARROW_ASSIGN_OR_RAISE(auto entry, ExistingEntry(parts));
  const Place place = parts.back().place;
  if (entry->kind == RelationKind::kSource) {
    return FailAt(place, ErrorCode::kSourceIsReadOnly,
                  "a SOURCE table refuses INSERT and DELETE: " + entry->name);
  }
  if (!entry->table) {
    return FailAt(place, ErrorCode::kWrongObjectKind,
                  "rows cannot be changed in " + OneOfKind(entry->kind) + ": " + entry->name);
  }
  return entry;
}

Result<StatementResult> StatementRunner::Insert(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto checked, Check(statement));
  if (!checked.query.is_bounded) {
    ARROW_RETURN_NOT_OK(context_->BeginCommit());
    ARROW_ASSIGN_OR_RAISE(auto stream, MakeStream(std::move(checked), StreamOptions{}));
    stream->Start();
    StatementResult result = Done(statement);
    result.kind = "insert_stream";
    return result;
  }
  const auto target = checked.ends.target;
  const auto& schema = target->schema();
  ARROW_ASSIGN_OR_RAISE(auto batches, RunToBatches(checked.query));
  for (auto& batch : batches) {
    batch = arrow::RecordBatch::Make(schema, batch->num_rows(), batch->columns());
  }
  return InsertRows(statement, target, std::move(batches));
}

Result<StatementResult> StatementRunner::Drop(const Statement& statement) {
  RelationKind kind = RelationKind::kTable;
  switch (statement.drop) {
    case sql::DropKind::kTable: break;
    case sql::DropKind::kView: kind = RelationKind::kView; break;
    case sql::DropKind::kStream: kind = RelationKind::kStream; break;
    case sql::DropKind::kSchema: return UnsupportedStatement(statement, "DROP SCHEMA");
    case sql::DropKind::kIndex: kind = RelationKind::kIndex; break;
  }
  for (const auto& parts : statement.drop_names) {
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(parts, session_.catalog()));
    if (statement.if_exists && !session_.catalog().Find(name.schema, name.name)) continue;
    const Status dropped = session_.DropEntry(name.schema, name.name, kind);
    if (!dropped.ok()) return WithPlace(dropped, parts.back().place);
  }
  return Done(statement, 0);
}

}  // namespace velaria::session
