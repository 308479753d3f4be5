#include "session/ingest.hpp"

#include "base/text.hpp"
#include "interop/schema_rules.hpp"
#include "session/builtin_tables.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;

namespace {

/// "a BIGINT, b VARCHAR"
std::string ColumnList(const arrow::Schema& schema) {
  std::vector<std::string> parts;
  for (const auto& field : schema.fields())
    parts.push_back(field->name() + " " + SqlName(*field->type()));
  return Join(parts, ", ");
}

Status NoSuchTable(const std::string& name, const CatalogView& view) {
  const std::string near = NearestName(name, view.RelationNames());
  return Fail(ErrorCode::kUnknownTable, "no table of that name: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

/// Where the rows go by name, whether or not it is there.
struct Aim {
  CatalogEntry entry;  // schema and name
  EntryPtr held;       // null when nothing has the name
};

Result<Aim> AimOf(const IngestTarget& target, const CatalogView& view) {
  Aim aim;
  aim.entry.name = target.table;
  aim.entry.schema = view.path();
  if (target.temporary) {
    if (target.schema && ToLower(*target.schema) != kTemporarySchema) {
      return Fail(ErrorCode::kBadParameter, "a temporary table has no schema: " + *target.schema);
    }
    aim.entry.schema = kTemporarySchema;
  } else if (target.schema) {
    aim.entry.schema = ToLower(*target.schema);
  } else {
    aim.held = view.Find("", target.table);
    if (aim.held && aim.held->schema != kTemporarySchema) aim.entry.schema = aim.held->schema;
    const size_t dot = target.table.find('.');
    if (!aim.held && dot != std::string::npos && view.HasSchema(target.table.substr(0, dot))) {
      aim.entry.schema = ToLower(target.table.substr(0, dot));
      aim.entry.name = target.table.substr(dot + 1);
    }
  }
  ARROW_RETURN_NOT_OK(RefuseBuiltinName(aim.entry.schema, aim.entry.name));
  if (!view.HasSchema(aim.entry.schema)) return UnknownSchema(aim.entry.schema, view, {});
  // A new table may have the name of a temporary one, which hides it from statements.
  const bool makes = target.mode == IngestMode::kCreate || target.mode == IngestMode::kReplace;
  if (!aim.held || makes) aim.held = view.Find(aim.entry.schema, aim.entry.name);
  return aim;
}

/// Whether rows can be put into what is there.
Status CheckTakesRows(const CatalogEntry& held, const std::string& name,
                      const arrow::Schema& schema) {
  if (held.kind == RelationKind::kSource) {
    return Fail(ErrorCode::kSourceIsReadOnly, "a SOURCE table refuses INSERT: " + name);
  }
  if (!held.table) {
    return Fail(ErrorCode::kWrongObjectKind,
                "rows cannot be put into " + OneOfKind(held.kind) + ": " + name);
  }
  // Whether a column may be NULL is the table's rule, looked at with the values.
  if (interop::SchemaDifference(*held.table->schema(), schema).empty()) return Status::OK();
  return Fail(ErrorCode::kSchemaMismatch, "the schema differs from the table's: " + name,
              "Put batches with the table's column names and types, in its order.",
              "table: " + ColumnList(*held.table->schema()) + "; batch: " + ColumnList(schema));
}

}  // namespace

Result<IngestMode> ParseIngestMode(const std::string& mode) {
  if (mode == "append") return IngestMode::kAppend;
  if (mode == "existing") return IngestMode::kExisting;
  if (mode == "create") return IngestMode::kCreate;
  if (mode == "replace") return IngestMode::kReplace;
  return Fail(ErrorCode::kBadParameter, "unknown ingest mode: " + mode,
              "Use append, existing, create or replace.");
}

Ingest::Ingest(std::shared_ptr<Connection> connection, CatalogEntry entry,
               std::unique_ptr<interop::IngestGate> gate, IngestMode mode, bool is_new, bool atomic)
    : connection_(std::move(connection)),
      entry_(std::move(entry)),
      name_(entry_.ShownName()),
      gate_(std::move(gate)),
      mode_(mode),
      is_new_(is_new),
      atomic_(atomic),
      boundaries_(connection_->boundaries()) {}

Result<std::shared_ptr<Ingest>> Ingest::Open(std::shared_ptr<Connection> connection,
                                             const IngestTarget& target, const SchemaPtr& schema) {
  if (target.table.empty()) return Fail(ErrorCode::kBadRequest, "the table's name is empty");
  ARROW_RETURN_NOT_OK(interop::ValidateSchema(*schema));
  const auto turn = connection->InTurn();
  ARROW_RETURN_NOT_OK(connection->RefuseWhenFailed());
  ARROW_RETURN_NOT_OK(connection->CheckWritable());
  const auto view = connection->View();
  ARROW_ASSIGN_OR_RAISE(auto aim, AimOf(target, *view));
  if (aim.entry.schema == kTemporarySchema) {
    ARROW_RETURN_NOT_OK(connection->CheckLasts("a temporary table"));
  }
  const auto& name = target.table;
  if (target.mode == IngestMode::kExisting && !aim.held) return NoSuchTable(name, *view);
  bool atomic = target.atomic || connection->in_transaction();
  bool is_new = !aim.held;
  if (target.mode == IngestMode::kReplace) {
    if (aim.held && aim.held->kind != RelationKind::kTable) {
      return Fail(ErrorCode::kWrongObjectKind,
                  "the name belongs to " + OneOfKind(aim.held->kind) + ": " + name);
    }
    // Looked at again at its end: what is known now is not told only after all the rows.
    if (aim.held) ARROW_RETURN_NOT_OK(connection->session().CheckUnused(*aim.held));
    atomic = is_new = true;
  } else if (target.mode == IngestMode::kCreate && aim.held) {
    return Fail(ErrorCode::kTableExists,
                OneOfKind(aim.held->kind) + " of that name exists: " + name);
  }
  if (!is_new) {
    ARROW_RETURN_NOT_OK(CheckTakesRows(*aim.held, name, *schema));
    if (aim.held->kind == RelationKind::kStream) {
      ARROW_RETURN_NOT_OK(connection->CheckOutside("rows for a stream: " + name));
    }
    aim.entry = *aim.held;
  } else {
    aim.entry.table = std::make_shared<storage::Table>(schema);
    if (!atomic) {
      ARROW_RETURN_NOT_OK(connection->Enter(aim.entry, target.mode == IngestMode::kAppend
                                                           ? Catalog::IfExists::kKeep
                                                           : Catalog::IfExists::kFail));
      // Another may have made it in this moment, and then it is that one.
      const auto held = connection->View()->Find(aim.entry.schema, aim.entry.name);
      if (!held) return NoSuchTable(name, *view);
      ARROW_RETURN_NOT_OK(CheckTakesRows(*held, name, *schema));
      aim.entry = *held;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto gate, interop::IngestGate::Open(schema, target.origin));
  return std::shared_ptr<Ingest>(new Ingest(std::move(connection), std::move(aim.entry),
                                            std::move(gate), target.mode, is_new && atomic,
                                            atomic));
}

Result<int64_t> Ingest::Write(std::shared_ptr<arrow::RecordBatch> batch) {
  if (committed_)
    return Fail(ErrorCode::kQueryState, "a batch after the end of its ingest, table: " + name_);
  ARROW_RETURN_NOT_OK(CheckTransaction());
  // What must be copied goes where gRPC takes the rest of a batch from: there freed memory is kept
  // (docs/adr/0012).
  ARROW_ASSIGN_OR_RAISE(auto admitted, gate_->Admit(std::move(batch), arrow::system_memory_pool()));
  const int64_t rows = admitted->num_rows();
  const auto& table = entry_.table;
  auto own = arrow::RecordBatch::Make(table->schema(), rows, admitted->column_data());
  if (atomic_ && !is_new_) {
    gathered_.push_back(std::move(own));
  } else {
    ARROW_RETURN_NOT_OK(table->Append({std::move(own)}));
  }
  row_count_ += rows;
  return rows;
}

Status Ingest::Commit() {
  if (committed_) return Status::OK();
  const auto turn = connection_->InTurn();
  ARROW_RETURN_NOT_OK(CheckTransaction());
  ARROW_RETURN_NOT_OK(connection_->RefuseWhenFailed());
  const Status status = CommitRows();
  if (!status.ok()) connection_->NoteFailure();
  committed_ = status.ok();
  return status;
}

Status Ingest::CheckTransaction() const {
  if (!atomic_ || connection_->boundaries() == boundaries_) return Status::OK();
  return Fail(ErrorCode::kTransactionState,
              "a transaction was begun or ended while the rows came, and none of them is kept,"
              " table: " +
                  name_,
              "Put them again, and end a transaction when its puts have ended.");
}

Status Ingest::CommitRows() {
  if (!atomic_) return Status::OK();
  if (!is_new_) return connection_->Append(entry_.table, std::exchange(gathered_, {}));
  return connection_->Enter(entry_, mode_ == IngestMode::kReplace ? Catalog::IfExists::kReplace
                                                                  : Catalog::IfExists::kFail);
}

}  // namespace velaria::session
