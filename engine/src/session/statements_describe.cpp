// What a statement is, known without running it: its rows, and all that it reads and writes.
#include "base/text.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using logical::RelationUses;
using logical::UseKind;
using sql::Statement;
using sql::StatementKind;

const char* UseKindName(const logical::RelationUse& use) {
  switch (use.kind) {
    case UseKind::kSchema: return "schema";
    case UseKind::kFile: return "file";
    case UseKind::kSystem: return "system";
    default: break;
  }
  if (use.schema == kTemporarySchema) return "temporary";
  switch (use.kind) {
    case UseKind::kView: return "view";
    case UseKind::kStream: return "stream";
    default: return "table";
  }
}

std::vector<std::string> ShownUses(const RelationUses& uses, bool written) {
  std::vector<std::string> shown;
  for (const auto& use : uses) {
    const bool bare = use.kind == UseKind::kSchema || use.schema == kMainSchema;
    const bool beside = use.kind == UseKind::kSchema || use.kind == UseKind::kView;
    if (use.is_write != written || (beside && !written)) continue;
    shown.push_back(use.kind == UseKind::kFile ? "'" + use.name + "'"
                    : bare                     ? use.name
                                               : use.schema + "." + use.name);
  }
  return shown;
}

namespace {

/// Whether only later calls of the same connection can see what the statement does.
bool NeedsConnection(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kCreateTable:
    case StatementKind::kCreateView: return statement.temporary;
    case StatementKind::kSet:
    case StatementKind::kReset: return StatementRunner::IsSchemaSetting(statement.text);
    case StatementKind::kPrepare:
    case StatementKind::kBegin: return true;
    default: return false;
  }
}

/// Values of rows that are there come out of it, or decide what becomes of them.
bool ReadsTarget(const Statement& insert) {
  return !insert.returning.empty() ||
         (insert.on_conflict && insert.on_conflict->action == sql::ConflictAction::kUpdate);
}

/// The use of an object that is not there, and may be when the statement runs.
logical::RelationUse UseOfMissing(RelationKind kind, const ObjectName& name,
                                  const CatalogView& catalog) {
  CatalogEntry entry;
  entry.kind = kind;
  entry.schema = name.schema.empty() ? catalog.path() : name.schema;
  entry.name = entry.index_table = name.name;
  return entry.Use();
}

/// The table that has the rows of a SHOW; null for what any connection has of its own.
const char* ShownTable(const Statement& show) {
  const std::string& text = show.text;
  if (text == "tables" || text == "views") return "tables";
  if (text == "indexes" || text == "functions") return text == "indexes" ? "indexes" : "functions";
  return StatementRunner::IsSchemaSetting(text) ? nullptr : "settings";
}

}  // namespace

Result<StatementInfo> StatementRunner::Describe(const Statement& statement, bool parameters_known) {
  StatementInfo info;
  info.kind = StatementKindName(statement);
  info.parameter_count = statement.parameter_count;
  if (parameters_known) ARROW_RETURN_NOT_OK(CheckParameters(statement));
  info.needs_connection = NeedsConnection(statement);
  // A look at names would start the snapshot of a transaction that is open, and this changes none.
  if (statement.kind == StatementKind::kBegin) return info;
  auto bind = Bind();
  bind.parameters_known = parameters_known;
  switch (statement.kind) {
    case StatementKind::kPrepare: {
      info.parameter_count = 0;
      ARROW_ASSIGN_OR_RAISE(auto prepared, DescribePrepared(statement));
      info.uses = std::move(prepared.uses);
      return info;
    }
    case StatementKind::kExecute: {
      if (!parameters_known) {
        ARROW_ASSIGN_OR_RAISE(auto named, DescribeNamed(statement));
        info.uses = std::move(named.uses);
        return info;
      }
      ARROW_ASSIGN_OR_RAISE(const auto call, CallOf(statement));
      StatementRunner inner(*this, call.sql, call.arguments);
      auto described = inner.Describe(*call.prepare->inner, true);
      if (!described.ok()) return AtExecute(statement, described.status());
      described->parameter_count = statement.parameter_count;
      return described;
    }
    case StatementKind::kExplain:
      info.schema = ExplainSchema();
      if (HasPlan(*statement.inner)) {
        ARROW_ASSIGN_OR_RAISE(auto inner, Describe(*statement.inner, parameters_known));
        info.uses = std::move(inner.uses);
      }
      return info;
    case StatementKind::kSelect:
    case StatementKind::kUpdate:
    case StatementKind::kDelete:
    case StatementKind::kCopy: ARROW_RETURN_NOT_OK(DescribeQuery(statement, bind, &info)); break;
    case StatementKind::kInsert: ARROW_RETURN_NOT_OK(DescribeInsert(statement, bind, &info)); break;
    case StatementKind::kShow:
    case StatementKind::kDescribe:
      info.schema = ShowSchema(statement);
      ARROW_RETURN_NOT_OK(UsesOfShow(statement, bind, &info.uses));
      break;
    case StatementKind::kSummarize: {
      info.schema = SummarizeSchema();
      ARROW_ASSIGN_OR_RAISE(auto query, PlanCopy(statement, bind));
      info.uses = std::move(query.uses);
      break;
    }
    default: ARROW_RETURN_NOT_OK(DescribeNames(statement, bind, &info)); break;
  }
  return info;
}

Status StatementRunner::DescribeQuery(const Statement& statement, const sql::BindContext& bind,
                                      StatementInfo* info) {
  if (statement.kind == StatementKind::kSelect) {
    ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
    info->schema = query.schema;
    info->uses = std::move(query.uses);
    if (!query.is_bounded) info->kind = "stream";
    return Status::OK();
  }
  if (statement.kind == StatementKind::kCopy) {
    if (statement.copy_from) {
      ARROW_ASSIGN_OR_RAISE(const auto target, WritableEntry(statement.name));
      info->uses = {logical::FileUse(statement.path), target->Use().Written()};
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(auto query, PlanCopy(statement, bind));
    info->uses = std::move(query.uses);
    info->uses.insert(logical::FileUse(statement.path).Written());
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(auto change, BindChange(statement, bind));
  info->schema = change.rows.returning.schema;
  info->uses = std::move(change.rows.query.uses);
  info->uses.insert(change.target->Use().Written());
  return Status::OK();
}

Status StatementRunner::DescribeInsert(const Statement& statement, const sql::BindContext& bind,
                                       StatementInfo* info) {
  ARROW_ASSIGN_OR_RAISE(const auto target, WritableEntry(statement.name));
  const auto& schema = *target->ArrowSchema();
  ARROW_ASSIGN_OR_RAISE(auto query,
                        sql::PlanInsertSource(statement, schema, DefaultsOf(*target), bind));
  info->uses = std::move(query.uses);
  info->uses.insert(target->Use().Written());
  if (ReadsTarget(statement)) info->uses.insert(target->Use());
  if (!query.is_bounded) info->kind = "insert_stream";
  if (statement.returning.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto list, sql::BindReturning(statement, schema, bind));
  info->schema = std::move(list.schema);
  return Status::OK();
}

/// Statements about names: CREATE, DROP, ALTER, TRUNCATE, SET schema.
Status StatementRunner::DescribeNames(const Statement& statement, const sql::BindContext& bind,
                                      StatementInfo* info) {
  auto& uses = info->uses;
  switch (statement.kind) {
    case StatementKind::kCreateTable:
    case StatementKind::kCreateView:
    case StatementKind::kCreateStream:
      if (statement.select) {
        ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
        uses = std::move(query.uses);
      }
      return UsesOfCreate(statement, &uses);
    case StatementKind::kCreateSchema:
      uses.insert(logical::SchemaUse(ToLower(statement.name.back().text)).Written());
      return Status::OK();
    case StatementKind::kCreateIndex: {
      ARROW_ASSIGN_OR_RAISE(const auto table, ExistingEntry(statement.index_table));
      uses.insert(table->Use().Written());
      return Status::OK();
    }
    case StatementKind::kTruncate: {
      ARROW_ASSIGN_OR_RAISE(const auto table, ExistingEntry(statement.name));
      uses.insert(table->Use().Written());
      return Status::OK();
    }
    case StatementKind::kDrop: return UsesOfDrop(statement, &uses);
    case StatementKind::kAlterTable: return UsesOfAlter(statement, &uses);
    case StatementKind::kSet: {
      const bool is_told = bind.parameters_known || statement.parameter_count == 0;
      if (!is_told || !IsSchemaSetting(statement.text)) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(const auto schema, SettingText(statement, bind));
      uses.insert(logical::SchemaUse(ToLower(schema)));
      return Status::OK();
    }
    case StatementKind::kReset:
      if (IsSchemaSetting(statement.text) || statement.text == "all") {
        uses.insert(logical::SchemaUse(kMainSchema));
      }
      return Status::OK();
    default: return Status::OK();
  }
}

Status StatementRunner::UsesOfCreate(const Statement& statement, RelationUses* uses) {
  ARROW_ASSIGN_OR_RAISE(const auto name, MadeNameOf(statement));
  CatalogEntry made;
  made.kind = statement.kind == StatementKind::kCreateView     ? RelationKind::kView
              : statement.kind == StatementKind::kCreateStream ? RelationKind::kStream
                                                               : RelationKind::kTable;
  made.schema = name.schema;
  made.name = name.name;
  uses->insert(made.Use().Written());
  const auto held = catalog().Find(name.schema, name.name);  // which may go, under another case
  if (held) uses->insert(held->Use().Written());
  for (const auto& option : statement.options) {
    if (option.key.text == "path") uses->insert(logical::FileUse(option.value));
  }
  return Status::OK();
}

Status StatementRunner::UsesOfDrop(const Statement& statement, RelationUses* uses) {
  for (const auto& parts : statement.drop_names) {
    if (statement.drop == sql::DropKind::kSchema) {
      uses->insert(logical::SchemaUse(ToLower(parts.back().text)).Written());
      continue;
    }
    const RelationKind kind = DroppedKind(statement);
    ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(parts, catalog()));
    const auto held = catalog().Find(name.schema, name.name);
    if (!held && !statement.if_exists) return NothingToDrop(parts, kind);
    const auto use = held ? held->Use() : UseOfMissing(kind, name, catalog());
    uses->insert(use.Written());
  }
  return Status::OK();
}

Status StatementRunner::UsesOfAlter(const Statement& statement, RelationUses* uses) {
  ARROW_ASSIGN_OR_RAISE(const auto name, NameOf(statement.name, catalog()));
  auto use = UseOfMissing(RelationKind::kTable, name, catalog());
  if (!statement.if_exists || catalog().Find(name.schema, name.name)) {
    ARROW_ASSIGN_OR_RAISE(const auto table, ExistingEntry(statement.name));
    use = table->Use();
  }
  uses->insert(use.Written());
  if (statement.alter != sql::AlterKind::kRenameTable) return Status::OK();
  use.name = statement.new_name.text;
  uses->insert(use.Written());
  return Status::OK();
}

/// What is shown of names and settings stands in a table of the schema system, too.
Status StatementRunner::UsesOfShow(const Statement& statement, const sql::BindContext& bind,
                                   RelationUses* uses) {
  if (statement.select) {
    ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
    *uses = std::move(query.uses);
    return Status::OK();
  }
  if (statement.kind == StatementKind::kDescribe || statement.text == "columns") {
    ARROW_ASSIGN_OR_RAISE(const auto entry, DescribedEntry(statement.name));
    uses->insert(entry->Use());
    return Status::OK();
  }
  if (!statement.name.empty()) {
    uses->insert(logical::SchemaUse(ToLower(statement.name.back().text)));
  }
  if (statement.text == "schemas") {
    uses->insert({UseKind::kSystem, kInformationSchema, "schemata"});
  } else if (const char* table = ShownTable(statement)) {
    uses->insert({UseKind::kSystem, kSystemSchema, table});
  }
  return Status::OK();
}

}  // namespace velaria::session
