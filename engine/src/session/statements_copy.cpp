// COPY: rows of a table or query into a file, and rows of files into a table.
#include <set>

#include "base/text.hpp"
#include "execution/file_sink.hpp"
#include "io/file_probe.hpp"
#include "io/open_file.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

namespace {

/// No name that a statement can write: it holds a zero byte.
const std::string kFileName("copied file\0", 12);

/// The catalog with the file of one COPY ... FROM in it.
class CatalogWithFile final : public logical::CatalogReader {
 public:
  CatalogWithFile(const logical::CatalogReader& catalog, logical::RelationPtr file)
      : catalog_(catalog), file_(std::move(file)) {}
  Result<logical::RelationPtr> FindRelation(const std::string& schema, const std::string& name,
                                            bool quoted) const override {
    if (name == kFileName) return file_;
    return catalog_.FindRelation(schema, name, quoted);
  }
  Result<logical::RelationPtr> OpenFile(const std::string& path) const override {
    return catalog_.OpenFile(path);
  }
  std::vector<std::string> RelationNames() const override { return catalog_.RelationNames(); }
  bool HasSchema(const std::string& schema) const override { return catalog_.HasSchema(schema); }

 private:
  const logical::CatalogReader& catalog_;
  const logical::RelationPtr file_;
};

sql::ExprPtr ColumnOrStar(const sql::Name* name, Place place) {
  auto expr = std::make_unique<sql::Expr>(
      name == nullptr ? sql::ExprKind::kStar : sql::ExprKind::kColumn, place);
  if (name != nullptr) expr->names = {*name};
  return expr;
}

/// SELECT columns (all when there are none) FROM name.
sql::SelectPtr SelectFrom(std::vector<sql::Name> name, const std::vector<sql::Name>& columns,
                          Place place) {
  auto select = std::make_unique<sql::Select>();
  select->place = place;
  if (columns.empty()) select->items.push_back({ColumnOrStar(nullptr, place), {}});
  for (const auto& column : columns) {
    select->items.push_back({ColumnOrStar(&column, column.place), {}});
  }
  select->from = std::make_unique<sql::TableRef>(sql::TableKind::kNamed, place);
  select->from->names = std::move(name);
  return select;
}

/// What a text file's column is read as, so that the table's type comes of it without a detour:
/// the type itself where text files hold it, else its text, which the table casts.
TypePtr ReadAs(const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::BOOL:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DATE32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP: return type;
    default:
      return arrow::is_integer(type->id()) || arrow::is_floating(type->id()) ? type : arrow::utf8();
  }
}

/// The format that FORMAT or the path's ending names; empty when neither does.
std::string SourceFormat(const Statement& statement) {
  for (const auto& option : statement.options) {
    if (option.key.text == "format") return ToLower(option.value);
  }
  const std::string name = io::UncompressedName(statement.path);
  const size_t dot = name.rfind('.');
  const std::string ending = dot == std::string::npos ? "" : name.substr(dot + 1);
  for (const std::string_view known :
       {"csv", "tsv", "json", "ndjson", "jsonl", "parquet", "arrow"}) {
    if (ending == known) return ending;
  }
  return "";
}

/// In a format whose columns are told apart by name.
Status CheckNamesDiffer(const arrow::Schema& schema) {
  std::set<std::string> seen;
  for (const auto& field : schema.fields()) {
    if (seen.insert(ToLower(field->name())).second) continue;
    return Fail(ErrorCode::kDuplicateColumn, "a column name appears twice: " + field->name(),
                "Give one of them an alias.");
  }
  return Status::OK();
}

/// The columns a file's are read into: those listed, or all.
Result<SchemaPtr> TargetColumns(const Statement& statement, const arrow::Schema& table) {
  if (statement.insert_columns.empty()) return arrow::schema(table.fields());
  arrow::FieldVector fields;
  for (const auto& name : statement.insert_columns) {
    const auto& all = table.fields();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& field) {
      return EqualsIgnoreCase(field->name(), name.text);
    });
    if (found == all.end()) {
      const auto near = NearestName(name.text, table.field_names());
      return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                    near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?");
    }
    fields.push_back(*found);
  }
  return arrow::schema(std::move(fields));
}

}  // namespace

Result<StatementResult> StatementRunner::Copy(const Statement& statement) {
  return statement.copy_from ? CopyFrom(statement) : CopyTo(statement);
}

Result<logical::BoundQuery> StatementRunner::PlanCopy(const Statement& statement,
                                                      const sql::BindContext& bind) {
  if (statement.select) return sql::PlanSelect(*statement.select, bind);
  const auto select = SelectFrom(statement.name, statement.insert_columns, statement.place);
  select->from->place = statement.name.back().place;
  return sql::PlanSelect(*select, bind);
}

Result<StatementResult> StatementRunner::CopyTo(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto options, OptionsOf(statement));
  ARROW_ASSIGN_OR_RAISE(
      const auto write,
      WithPlaceIfFailed(io::ParseWriteOptions(statement.path, options), statement.path_place));
  ARROW_ASSIGN_OR_RAISE(auto query, PlanCopy(statement, Bind()));
  if (!query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput,
                  "COPY reads a stream, which never ends",
                  "Write to a table by INSERT INTO ... SELECT, and copy the table.");
  }
  if (write.format != "csv" && write.format != "tsv") {
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(CheckNamesDiffer(*query.schema), statement.place));
  }
  ARROW_RETURN_NOT_OK(session_.Rewrite(&query, *context_));
  const auto sink = std::make_shared<execution::FileSinkNode>(
      statement.path, statement.path_place, session_.catalog().roots(), write, query.schema);
  execution::LowerOptions lower;
  lower.reproducible_sums = session_.settings().sums_are_reproducible();
  ARROW_ASSIGN_OR_RAISE(const auto plan, execution::LowerToSink(query.root, sink, lower));
  auto execution = execution::Execution::Make(plan, context_, session_.scheduler_);
  if (!execution.ok()) return WithPlace(execution.status(), statement.place);
  session_.Attach(query_id_, *execution);
  auto& file =
      static_cast<execution::FileSink&>(*(*execution)->states()[static_cast<size_t>(plan->result)]);
  Status done = (*execution)->RunOnce();
  if (done.ok()) done = context_->BeginCommit();
  if (done.ok()) done = WithPlaceIfFailed(file.Commit(), statement.path_place);
  if (!done.ok()) {
    file.Discard();
    return done;
  }
  return Done(statement, file.row_count());
}

Result<StatementResult> StatementRunner::CopyFrom(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
  const auto& catalog = session_.catalog();
  ARROW_ASSIGN_OR_RAISE(const auto columns, TargetColumns(statement, *target->ArrowSchema()));
  const Place place = statement.path_place;
  ARROW_ASSIGN_OR_RAISE(auto options, OptionsOf(statement));
  const std::string format = SourceFormat(statement);
  const auto named = options.extract("format");
  bool holds_types = false, is_json = false;
  if (format.empty()) {
    auto probed = io::Probe(statement.path, catalog.roots());
    if (!probed.ok()) return WithPlace(probed.status(), place);
    holds_types = probed->kind == "parquet" || probed->kind == "arrow";
    is_json = probed->kind == "json";
  }
  auto parsed = WithPlaceIfFailed(io::ParseFileOptions(format, options),
                                  named ? named.mapped().value_place : place);
  if (!parsed.ok()) return parsed.status();
  if (!format.empty()) {
    holds_types = parsed->format == "parquet" || parsed->format == "arrow";
    is_json = parsed->format.starts_with("json");
  }
  if (!holds_types) {
    arrow::FieldVector fields;
    for (const auto& field : columns->fields()) {
      // That a column is NOT NULL, the table checks.
      const bool nested = is_json && arrow::is_nested(field->type()->id());
      fields.push_back(arrow::field(field->name(), nested ? field->type() : ReadAs(field->type())));
    }
    parsed->declared = arrow::schema(std::move(fields));
    parsed->declared_by_position = true;
  }
  parsed->rejects = catalog.rejects();
  parsed->form = io::OptionForm::kCopy;
  auto file = io::OpenFiles({statement.path}, catalog.roots(), *parsed);
  if (!file.ok()) return WithPlace(file.status(), place);
  const int found = (*file)->schema()->num_fields();
  if (!is_json && found != columns->num_fields()) {
    return FailAt(place, ErrorCode::kSchemaMismatch,
                  "columns to fill and columns of " + statement.path +
                      " differ in number: to fill " + std::to_string(columns->num_fields()) +
                      ", found " + std::to_string(found),
                  "Name the columns that the file has: COPY table (columns) FROM.");
  }
  const auto relation = std::make_shared<execution::FileRelation>(
      RelationKind::kFile, "'" + statement.path + "'", *file);

  Statement insert(StatementKind::kInsert, place);
  insert.name = statement.name;
  insert.insert_columns = statement.insert_columns;
  insert.select = SelectFrom({{kFileName, true, place}}, {}, place);
  auto bind = Bind();
  const CatalogWithFile with_file(*bind.catalog, relation);
  bind.catalog = &with_file;
  ARROW_ASSIGN_OR_RAISE(
      auto query, sql::PlanInsertSource(insert, *target->ArrowSchema(), DefaultsOf(*target), bind));
  ARROW_RETURN_NOT_OK(session_.Rewrite(&query, *context_));
  ARROW_ASSIGN_OR_RAISE(auto batches, WithPlaceIfFailed(RunToBatches(query), place));
  for (auto& batch : batches) {
    batch = arrow::RecordBatch::Make(target->table->schema(), batch->num_rows(), batch->columns());
  }
  auto inserted = InsertRows(insert, target->table, std::move(batches));
  if (!inserted.ok()) {
    return WithDuplicateHint(inserted.status(),
                             "Copy into a table without keys, and take its rows by INSERT INTO ... "
                             "SELECT ... ON CONFLICT.");
  }
  return Done(statement, inserted->rows_affected);
}

}  // namespace velaria::session
