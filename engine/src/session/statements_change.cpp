// Statements that change the catalog or a table.
#include <map>
#include <unordered_set>

#include "base/text.hpp"
#include "io/open_file.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

Result<io::GivenOptions> StatementRunner::OptionsOf(const Statement& statement) {
  io::GivenOptions options;
  for (const auto& option : statement.options) {
    const io::GivenOption given({option.value}, option.key.place, option.value_place);
    if (!options.emplace(option.key.text, given).second) {
      return FailAt(option.key.place, ErrorCode::kBadOption,
                    "option is given twice: " + option.key.text);
    }
  }
  return options;
}

Result<CatalogEntry> StatementRunner::FileTableEntry(const Statement& statement,
                                                     const ObjectName& name, SchemaPtr declared) {
  const Place place = statement.using_format.empty() ? statement.place : statement.using_place;
  ARROW_ASSIGN_OR_RAISE(const auto options, OptionsOf(statement));
  ARROW_ASSIGN_OR_RAISE(
      auto file_options,
      WithPlaceIfFailed(io::ParseFileOptions(statement.using_format, options, std::move(declared)),
                        place));
  const auto path = options.find("path");
  if (path == options.end() || path->second.Text().empty()) {
    return FailAt(place, ErrorCode::kBadOption, "OPTIONS needs a path",
                  "Write OPTIONS(path: 'file.csv').");
  }
  CatalogEntry entry;
  entry.kind = RelationKind::kSource;
  entry.schema = name.schema;
  entry.name = name.name;
  file_options.rejects = session_.catalog().rejects();
  file_options.form = io::OptionForm::kOptions;
  ARROW_ASSIGN_OR_RAISE(
      entry.file, WithPlaceIfFailed(
                      io::OpenFiles(path->second.values, session_.catalog().roots(), file_options),
                      path->second.value_place));
  return entry;
}

Result<StatementResult> StatementRunner::CreateTable(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NewNameOf(statement));
  if (statement.flavour == sql::TableFlavour::kSink)
    return UnsupportedStatement(statement, "CREATE SINK TABLE");
  if (!statement.columns.empty() && statement.columns[0].type.name.empty()) {
    return UnsupportedStatement(statement, "CREATE TABLE with column names AS");
  }
  if (statement.with_no_data) return UnsupportedStatement(statement, "WITH NO DATA");
  const auto existing = catalog().Find(name.schema, name.name);
  if (existing && statement.if_not_exists) {
    ARROW_RETURN_NOT_OK(context_->BeginCommit());
    return Done(statement, 0);
  }
  SchemaPtr declared;
  if (!statement.columns.empty()) {
    ARROW_ASSIGN_OR_RAISE(declared, sql::SchemaFromColumns(statement.columns));
  }
  CatalogEntry entry;
  entry.schema = name.schema;
  entry.name = name.name;
  int64_t rows = 0;
  if (statement.has_options || !statement.using_format.empty()) {
    ARROW_ASSIGN_OR_RAISE(entry, FileTableEntry(statement, name, declared));
  } else if (statement.select) {
    ARROW_ASSIGN_OR_RAISE(const auto checked, Check(statement));
    const auto& query = checked.query;
    std::unordered_set<std::string> seen;
    arrow::FieldVector fields;
    for (const auto& field : query.schema->fields()) {
      if (!seen.insert(ToLower(field->name())).second) {
        return FailAt(statement.place, ErrorCode::kDuplicateColumn,
                      "a column name appears twice: " + field->name(),
                      "Give one of them an alias.");
      }
      // A column of NULLs alone is text, as PostgreSQL has it: rows can be put into it.
      const bool is_untyped = field->type()->id() == arrow::Type::NA;
      fields.push_back(
          field->WithNullable(true)->WithType(is_untyped ? arrow::utf8() : field->type()));
    }
    ARROW_ASSIGN_OR_RAISE(auto batches, RunToBatches(query));
    const auto schema = arrow::schema(std::move(fields));
    entry.table = std::make_shared<storage::Table>(schema);
    for (auto& batch : batches) {
      rows += batch->num_rows();
      auto columns = batch->columns();
      for (auto& column : columns) {
        if (column->type_id() != arrow::Type::NA) continue;
        ARROW_ASSIGN_OR_RAISE(
            column, arrow::MakeArrayOfNull(arrow::utf8(), batch->num_rows(), context_->pool()));
      }
      batch = arrow::RecordBatch::Make(schema, batch->num_rows(), std::move(columns));
    }
    ARROW_RETURN_NOT_OK(entry.table->Append(batches));
  } else {
    if (!declared)
      return FailAt(statement.place, ErrorCode::kSyntaxError,
                    "a table needs columns: " + name.name);
    ARROW_ASSIGN_OR_RAISE(auto rules, RulesFrom(statement, name.name, &declared));
    entry.table = std::make_shared<storage::Table>(declared, std::move(rules));
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  ARROW_RETURN_NOT_OK(Enter(entry, IfExistsOf(statement), statement.name.back().place));
  return Done(statement, rows);
}

Result<StatementResult> StatementRunner::CreateView(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NewNameOf(statement));
  ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, Bind()));
  CatalogEntry entry;
  entry.kind = RelationKind::kView;
  entry.schema = name.schema;
  entry.name = name.name;
  entry.view_schema = query.schema;
  entry.view_sql = statement.text;
  entry.view_path = catalog().path();
  const auto is_itself = [&](const logical::RelationUse& use) {
    return use.kind == logical::UseKind::kView && use.schema == entry.schema &&
           EqualsIgnoreCase(use.name, entry.name);
  };
  if (std::any_of(query.uses.begin(), query.uses.end(), is_itself)) {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                  "the view would read itself: " + name.name,
                  "Read the tables below it, or give the new view another name.");
  }
  const auto found = std::find_if(query.uses.begin(), query.uses.end(),
                                  [](const auto& use) { return use.schema == kTemporarySchema; });
  if (found != query.uses.end() && name.schema != kTemporarySchema) {
    return FailAt(statement.place, ErrorCode::kWrongObjectKind,
                  "a view that outlives its connection reads a temporary object: " + found->schema +
                      "." + found->name,
                  "Use CREATE TEMP VIEW.");
  }
  ARROW_RETURN_NOT_OK(Enter(entry, IfExistsOf(statement), statement.name.back().place));
  return Done(statement, 0);
}

Result<StatementResult> StatementRunner::CreateStream(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NewNameOf(statement));
  ARROW_RETURN_NOT_OK(
      WithPlaceIfFailed(connection_.CheckOutside("CREATE STREAM"), statement.place));
  if (name.schema == kTemporarySchema) {
    return FailAt(statement.place, ErrorCode::kWrongObjectKind,
                  "a stream cannot be temporary: " + name.name);
  }
  if (statement.watermark) {
    return FailAt(statement.watermark->place, ErrorCode::kUnsupportedStatement,
                  "WATERMARK is not supported", "Leave it out: emission is PER BATCH.");
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, sql::SchemaFromColumns(statement.columns));
  CatalogEntry entry;
  entry.kind = RelationKind::kStream;
  entry.schema = name.schema;
  entry.name = name.name;
  entry.table = std::make_shared<storage::Table>(std::move(schema));
  ARROW_RETURN_NOT_OK(Enter(entry, IfExistsOf(statement), statement.name.back().place));
  return Done(statement, 0);
}

Result<EntryPtr> StatementRunner::WritableEntry(const std::vector<sql::Name>& parts) {
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
    ARROW_RETURN_NOT_OK(
        WithPlaceIfFailed(connection_.CheckOutside("a streaming query"), statement.place));
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

RelationKind DroppedKind(const Statement& drop) {
  switch (drop.drop) {
    case sql::DropKind::kView: return RelationKind::kView;
    case sql::DropKind::kStream: return RelationKind::kStream;
    case sql::DropKind::kIndex: return RelationKind::kIndex;
    default: return RelationKind::kTable;
  }
}

/// All of the names or none.
Result<StatementResult> StatementRunner::Drop(const Statement& statement) {
  if (statement.drop == sql::DropKind::kSchema) return DropSchemas(statement);
  const RelationKind kind = DroppedKind(statement);
  if (kind == RelationKind::kStream) {
    ARROW_RETURN_NOT_OK(
        WithPlaceIfFailed(connection_.CheckOutside("DROP STREAM"), statement.place));
  }
  std::vector<std::pair<ObjectName, Place>> dropped;
  std::map<EntryPtr, std::vector<EntryPtr>> unique;  // indexes by their tables
  for (const auto& parts : statement.drop_names) {
    ARROW_ASSIGN_OR_RAISE(auto name, NameOf(parts, catalog()));
    const auto held = catalog().Find(name.schema, name.name);
    if (!held && statement.if_exists) continue;
    if (!held) return NothingToDrop(parts, kind);
    name.schema = held->schema;
    if (held->unique && kind == RelationKind::kIndex) {
      unique[catalog().Find(held->schema, held->index_table)].push_back(held);
    }
    dropped.emplace_back(std::move(name), parts.back().place);
  }
  std::vector<std::pair<EntryPtr, CatalogEntry>> bared;  // tables, and what they are without keys
  std::vector<ReplacedTable> replaced;
  for (const auto& [table, indexes] : unique) {
    ARROW_ASSIGN_OR_RAISE(auto without, WithoutKeysOf(table, indexes));
    replaced.push_back({table->table, catalog().VersionOf(table->table)});
    bared.emplace_back(table, std::move(without));
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  const Status edited = connection_.Edit(
      [&](CatalogRoot& names, CatalogRoot& temporary) -> Status {
        for (const auto& [name, place] : dropped) {
          auto& root = name.schema == kTemporarySchema ? temporary : names;
          ARROW_RETURN_NOT_OK(WithPlaceIfFailed(root.Drop(name.schema, name.name, kind), place));
        }
        for (const auto& [table, without] : bared) {
          auto& root = table->schema == kTemporarySchema ? temporary : names;
          ARROW_RETURN_NOT_OK(root.Replace(*table, without));
        }
        return Status::OK();
      },
      replaced);
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(edited, statement.place));
  return Done(statement, 0);
}

}  // namespace velaria::session
