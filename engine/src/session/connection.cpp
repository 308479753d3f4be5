#include "session/connection.hpp"

#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "logical/null_types.hpp"
#include "session/statement_runner.hpp"
#include "sql/parser.hpp"

namespace velaria::session {

using sql::Statement;
using sql::StatementKind;

namespace {

bool IsControl(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kBegin:
    case StatementKind::kCommit:
    case StatementKind::kRollback:
    case StatementKind::kSavepoint:
    case StatementKind::kReleaseSavepoint:
    case StatementKind::kRollbackTo: return true;
    default: return false;
  }
}

Status NoTransaction(const Statement& statement) {
  return FailAt(statement.place, ErrorCode::kTransactionState, "there is no open transaction",
                "Start one with BEGIN.");
}

}  // namespace

Connection::Connection(std::shared_ptr<Session> session, bool lasts, std::string user)
    : session_(std::move(session)),
      lasts_(lasts),
      user_(std::move(user)),
      temporary_(std::make_shared<CatalogRoot>(session_->catalog().commits(),
                                               std::set<std::string>{kTemporarySchema})) {}

// ---- statements

/// The ids that the server's clients may choose, too: they stand in tickets, logs and tables.
Status Connection::CheckQueryId(const std::string& query_id) {
  constexpr size_t kCharactersMax = 64;
  const auto may_stand = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:-").find(c) != std::string_view::npos;
  };
  if (query_id.size() <= kCharactersMax &&
      std::all_of(query_id.begin(), query_id.end(), may_stand)) {
    return Status::OK();
  }
  return Fail(ErrorCode::kBadCommand, "query_id is no id of a query",
              "An id has up to 64 letters, digits and the signs . _ : -");
}

Connection::Turn Connection::InTurn() {
  Turn turn;
  turn.beside = std::shared_lock(statement_);
  if (in_transaction()) TakeAlone(&turn);
  return turn;
}

void Connection::TakeAlone(Turn* turn) {
  if (turn->alone.owns_lock()) return;
  turn->beside.unlock();
  turn->alone = std::unique_lock(statement_);
}

void Connection::NoteFailure() {
  if (const auto open = Transact()) open->MarkFailed();
}

/// What `look` finds out about a statement without running it. In a transaction a wrong statement
/// fails it here already: callers look before they run.
template <typename Look>
auto Connection::Looked(const std::string& sql, const Look& look, bool spares)
    -> decltype(look(std::declval<const Statement&>())) {
  const auto turn = InTurn();
  auto result = Contained([&]() -> decltype(look(std::declval<const Statement&>())) {
    ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
    if (!IsControl(*statement)) ARROW_RETURN_NOT_OK(RefuseWhenFailed(statement->place));
    return look(*statement);
  });
  if (!result.ok() && !spares) NoteFailure();
  return result;
}

Result<StatementInfo> Connection::Describe(const std::string& sql,
                                           const std::optional<Parameters>& parameters,
                                           NamedRelations* named, bool spares, bool opens_files) {
  const auto look = [&](const Statement& statement) -> Result<StatementInfo> {
    StatementRunner runner(*this, sql, parameters.value_or(Parameters{}), "");
    if (!opens_files) runner.KeepFromFiles();
    const logical::NullTypes inferred;
    const bool is_whole = parameters.has_value() || statement.parameter_count == 0;
    auto described = runner.Describe(statement, is_whole);
    if (!described.ok() && named) *named = runner.view()->named();
    ARROW_ASSIGN_OR_RAISE(auto info, std::move(described));
    if (info.kind == "query" && !in_transaction()) info.view = runner.view();
    for (size_t i = 0; i < static_cast<size_t>(info.parameter_count); ++i) {
      const auto& places = statement.parameter_places;
      info.parameter_types.push_back(parameters          ? (*parameters)[i]->type
                                     : i < places.size() ? inferred.At(places[i])
                                                         : arrow::null());
    }
    return info;
  };
  return Looked(sql, look, spares);
}

Result<StatementResult> Connection::Execute(const std::string& sql, const Parameters& parameters,
                                            std::string query_id, const CatalogView* view) {
  ARROW_RETURN_NOT_OK(CheckQueryId(query_id));
  if (query_id.empty()) query_id = Session::NewQueryId();
  auto turn = InTurn();
  StatementRunner runner(*this, sql, parameters, query_id);
  if (view) runner.SetView(view->For(user_));
  const auto& context = runner.context();
  ARROW_RETURN_NOT_OK(session_->Track(query_id, sql, context));
  bool aborts = true;  // what fails takes the transaction along
  auto result = Contained([&]() -> Result<StatementResult> {
    ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
    if (IsControl(*statement)) {
      TakeAlone(&turn);
      aborts = statement->kind != StatementKind::kBegin;
      return runner.Control(*statement);
    }
    ARROW_RETURN_NOT_OK(RefuseWhenFailed(statement->place));
    const CancelScope planning([&] { return context->CheckCancelled(); });
    return runner.Execute(*statement);
  });
  // What Cancel has promised holds, whatever else the statement failed of; no promise from here on.
  const Status fate = result.ok() ? Status::OK() : context->BeginCommit();
  session_->ExecuteEnded(query_id, result.ok() && result->query);
  if (!result.ok() && aborts) NoteFailure();
  if (result.ok() && result->query) {
    result->query->OnFailure([weak = std::weak_ptr<Transaction>(transaction())] {
      if (const auto open = weak.lock()) open->MarkFailed();
    });
  }
  ARROW_RETURN_NOT_OK(fate);
  return result;
}

Result<ExplainSections> Connection::Explain(const std::string& sql) {
  return Looked(sql, [&](const Statement& statement) {
    return StatementRunner(*this, sql, {}, "").Explain(statement);
  });
}

Result<ExplainSections> Connection::ExplainStream(const std::string& sql) {
  return Looked(sql, [&](const Statement& statement) {
    return StatementRunner(*this, sql, {}, "").ExplainStream(statement);
  });
}

Result<std::shared_ptr<stream::StreamingQuery>> Connection::StartStream(
    const std::string& sql, const StreamOptions& options) {
  ARROW_RETURN_NOT_OK(CheckQueryId(options.query_id));
  const auto turn = InTurn();
  ARROW_RETURN_NOT_OK(CheckOutside("a streaming query"));
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(sql));
  StatementRunner runner(*this, sql, options.parameters,
                         options.query_id.empty() ? Session::NewQueryId() : options.query_id);
  ARROW_ASSIGN_OR_RAISE(auto query, runner.MakeStream(*statement, options));
  if (options.start) query->Start();
  return query;
}

// ---- what statements see and change

std::shared_ptr<const CatalogView> Connection::View() {
  const auto& catalog = session_->catalog();
  if (const auto open = Transact()) return open->View({path(), user_}, *session_);
  auto snapshot = catalog.snapshot();
  const RootPtr names = snapshot->root;
  std::lock_guard lock(mutex_);
  TableVersions temporary;
  for (const auto& [key, entry] : temporary_->entries()) {
    if (entry->table) temporary[entry->table.get()] = entry->table->version();
  }
  return std::make_shared<CatalogView>(std::move(snapshot), names, temporary_,
                                       Viewpoint{path_, user_}, std::move(temporary), *session_);
}

std::string Connection::path() const {
  std::lock_guard lock(mutex_);
  return path_;
}

Status Connection::SetPath(const std::string& schema) {
  ARROW_RETURN_NOT_OK(CheckLasts("SET schema"));
  const auto view = View();
  if (!view->HasSchema(schema)) {
    const std::string near = NearestName(schema, view->SchemaNames());
    return Fail(ErrorCode::kUnknownSchema, "no schema of that name: " + schema,
                near.empty() ? "" : "Did you mean " + near + "?",
                "schemas: " + Join(view->SchemaNames(), ", "));
  }
  std::lock_guard lock(mutex_);
  path_ = ToLower(schema);
  return Status::OK();
}

Status Connection::CheckLasts(const std::string& what) const {
  if (lasts_) return Status::OK();
  return Fail(ErrorCode::kUnsupportedRequest, "a call of its own cannot keep what it does: " + what,
              "Open a session: velaria.Session() in process; over Flight velaria.connect, or the "
              "action session.open and its id in the header velaria-session.");
}

Status Connection::CheckOutside(const std::string& what) const {
  if (!in_transaction()) return Status::OK();
  return Fail(ErrorCode::kTransactionState, "not possible inside a transaction: " + what,
              "Do it before BEGIN or after COMMIT.");
}

Status Connection::CheckWritable() const {
  std::lock_guard lock(mutex_);
  if (!is_open_ || !is_read_only_) return Status::OK();
  return Fail(ErrorCode::kTransactionState, "the transaction is read only",
              "Leave READ ONLY out of its BEGIN.");
}

Status Connection::Append(const storage::TablePtr& table, const storage::Batches& batches) {
  ARROW_RETURN_NOT_OK(CheckWritable());
  const auto open = Transact();
  if (!open) return table->Append(batches);
  return open->Change(
      table, [&](const storage::TableVersion&, const FindRows&) -> Result<storage::TableChange> {
        return storage::TableChange{{}, batches};
      });
}

Result<int64_t> Connection::Delete(const storage::TablePtr& table,
                                   const std::vector<int64_t>& positions) {
  ARROW_RETURN_NOT_OK(CheckWritable());
  const auto open = Transact();
  if (!open) return table->DeletePositions(positions);
  ARROW_RETURN_NOT_OK(open->Change(
      table, [&](const storage::TableVersion&, const FindRows&) -> Result<storage::TableChange> {
        return storage::TableChange{positions, {}};
      }));
  return static_cast<int64_t>(positions.size());
}

Status Connection::Change(const storage::TablePtr& table, const DecideChange& decide) {
  ARROW_RETURN_NOT_OK(CheckWritable());
  if (const auto open = Transact()) return open->Change(table, decide);
  return table->Change([&](const storage::TableVersion& now) {
    return decide(now, [&](size_t key, const arrow::RecordBatch& batch) {
      return RulesOf(*table)->FindRows(key, batch);
    });
  });
}

Status Connection::Edit(const EditNames& edit, const std::vector<ReplacedTable>& replaced) {
  ARROW_RETURN_NOT_OK(CheckWritable());
  if (const auto open = Transact()) {
    const auto before = open->names();
    ARROW_RETURN_NOT_OK(open->Edit(edit, replaced));
    return session_->CheckUnused(*before, *open->names());
  }
  std::lock_guard editing(editing_);
  RootPtr next;  // after the exchange the old one, which ends after mutex_
  std::vector<storage::TableCommit> parts;
  auto by_address = replaced;
  std::sort(by_address.begin(), by_address.end(),
            [](const auto& a, const auto& b) { return a.table < b.table; });
  for (const auto& [table, seen] : by_address) {
    ARROW_RETURN_NOT_OK(parts.emplace_back(table).PrepareReplaced(seen));
  }
  ARROW_RETURN_NOT_OK(session_->EditNames(
      [&](CatalogRoot& names) {
        auto temporary = std::make_shared<CatalogRoot>(*temporary_);
        next = temporary;
        return edit(names, *temporary);
      },
      &parts));
  std::lock_guard lock(mutex_);
  temporary_.swap(next);
  return Status::OK();
}

Status Connection::Enter(const CatalogEntry& entry, Catalog::IfExists if_exists) {
  return Edit([&](CatalogRoot& names, CatalogRoot& temporary) {
    auto& root = entry.schema == kTemporarySchema ? temporary : names;
    return root.Create(entry, if_exists).status();
  });
}

// ---- transactions

bool Connection::in_transaction() const {
  std::lock_guard lock(mutex_);
  return is_open_;
}

std::shared_ptr<Transaction> Connection::transaction() const {
  std::lock_guard lock(mutex_);
  return transaction_;
}

int64_t Connection::boundaries() const {
  std::lock_guard lock(mutex_);
  return boundaries_;
}

std::shared_ptr<Transaction> Connection::Transact() {
  {
    std::lock_guard lock(mutex_);
    if (!is_open_ || transaction_) return transaction_;
  }
  auto snapshot = session_->catalog().snapshot();
  std::lock_guard lock(mutex_);
  if (is_open_ && !transaction_) {
    transaction_ = std::make_shared<Transaction>(std::move(snapshot), temporary_);
  }
  return transaction_;
}

Status Connection::RefuseWhenFailed(Place place) const {
  const auto open = transaction();
  if (!open || !open->has_failed()) return Status::OK();
  return FailAt(place, ErrorCode::kTransactionState,
                "the transaction has failed, and this statement is not run",
                "Use ROLLBACK, or ROLLBACK TO a savepoint.");
}

Result<std::shared_ptr<Transaction>> Connection::TakeTransaction(const Statement& statement) {
  std::lock_guard lock(mutex_);
  if (!is_open_) return NoTransaction(statement);
  is_open_ = false;
  ++boundaries_;
  return std::exchange(transaction_, nullptr);
}

Status Connection::Control(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kBegin: return Begin(statement);
    case StatementKind::kCommit: return Commit(statement);
    case StatementKind::kRollback: return TakeTransaction(statement).status();
    default: return ControlSavepoint(statement);
  }
}

Status Connection::Begin(const Statement& statement) {
  ARROW_RETURN_NOT_OK(WithPlaceIfFailed(CheckLasts("BEGIN"), statement.place));
  std::lock_guard lock(mutex_);
  if (is_open_) {
    return FailAt(statement.place, ErrorCode::kTransactionState, "a transaction is open already",
                  "Use SAVEPOINT for a part that can be undone by itself.");
  }
  is_open_ = true;
  ++boundaries_;
  is_read_only_ = statement.text == "read only";
  return Status::OK();
}

/// What a commit failed of is told of the transaction: a part of it cannot be run again alone.
static Status OfTransaction(const Status& status, Place place) {
  if (status.ok()) return status;
  ErrorInfo info = ErrorInfoOf(status);
  info.place = place;
  if (info.code == ErrorCode::kWriteConflict) info.hint = "Run the transaction again.";
  if (info.code == ErrorCode::kConstraint)
    info.hint = "Another transaction has put the key meanwhile. Run this one again.";
  return MakeError(std::move(info));
}

Status Connection::Commit(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto ended, TakeTransaction(statement));
  if (!ended) return Status::OK();
  if (ended->has_failed()) {
    return FailAt(statement.place, ErrorCode::kTransactionState,
                  "the transaction had failed, and was rolled back instead");
  }
  std::lock_guard editing(editing_);
  auto parts = ended->Prepare();
  ARROW_RETURN_NOT_OK(OfTransaction(parts.status(), statement.place));
  const auto committed = session_->EditNames(
      [&](CatalogRoot& names) -> Status {
        ARROW_RETURN_NOT_OK(names.Merge(*ended->snapshot()->root, *ended->names()));
        for (const auto& table : ended->Written()) {
          if (names.FindTable(table.get()) || ended->temporary()->FindTable(table.get())) continue;
          return Fail(ErrorCode::kWriteConflict,
                      "another transaction dropped or replaced a table that this one changed",
                      "Run the transaction again.");
        }
        return Status::OK();
      },
      &*parts);
  ARROW_RETURN_NOT_OK(OfTransaction(committed, statement.place));
  RootPtr temporary = ended->temporary();
  std::lock_guard lock(mutex_);
  temporary_.swap(temporary);
  return Status::OK();
}

Status Connection::ControlSavepoint(const Statement& statement) {
  if (!in_transaction()) return NoTransaction(statement);
  const auto open = Transact();
  Status status;
  if (statement.kind == StatementKind::kRollbackTo) {
    status = open->RollbackTo(statement.text);
    std::lock_guard lock(mutex_);
    if (status.ok()) ++boundaries_;
  } else {
    ARROW_RETURN_NOT_OK(RefuseWhenFailed(statement.place));
    if (statement.kind == StatementKind::kSavepoint) {
      open->Save(statement.text);
    } else {
      status = open->Release(statement.text);
    }
  }
  return WithPlaceIfFailed(status, statement.text_place);
}

void Connection::Close() {
  RootPtr temporary = std::make_shared<CatalogRoot>(session_->catalog().commits(),
                                                    std::set<std::string>{kTemporarySchema});
  std::shared_ptr<Transaction> ended;
  std::lock_guard lock(mutex_);
  is_open_ = false;
  ++boundaries_;
  ended.swap(transaction_);
  temporary_.swap(temporary);
}

}  // namespace velaria::session
