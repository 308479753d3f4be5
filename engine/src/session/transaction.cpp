#include "session/transaction.hpp"

#include "base/text.hpp"

namespace velaria::session {
namespace {

/// The rows that the transaction has added and not removed, as one commit adds them.
Result<storage::TableChange> NetChange(const storage::TableVersion& base,
                                       const storage::TableVersion& now,
                                       std::vector<int64_t> removed) {
  storage::TableChange change;
  std::sort(removed.begin(), removed.end());
  change.removed = std::move(removed);
  ARROW_ASSIGN_OR_RAISE(
      auto rows, storage::LiveRowsOf(now, base.end_position(), arrow::default_memory_pool()));
  for (auto& live : rows) change.added.push_back(std::move(live.batch));
  return change;
}

/// Whether a commit since `base` took away one of its rows that are removed here.
bool WasChangedSince(const storage::TableVersion& base, const storage::TableVersion& newest,
                     const std::vector<int64_t>& removed) {
  return std::any_of(removed.begin(), removed.end(), [&](int64_t position) {
    return position < base.end_position() && !newest.IsLive(position);
  });
}

void ForgetGone(const CatalogRoot& names, const CatalogRoot& temporary, auto* writes) {
  std::erase_if(*writes, [&](const auto& item) {
    return !names.FindTable(item.first) && !temporary.FindTable(item.first);
  });
}

}  // namespace

Transaction::Transaction(SnapshotPtr snapshot, RootPtr temporary) : snapshot_(std::move(snapshot)) {
  state_.names = snapshot_->root;
  state_.temporary = std::move(temporary);
}

std::shared_ptr<const CatalogView> Transaction::View(const Viewpoint& from,
                                                     Session& session) const {
  TableVersions own;
  for (const auto& [table, writes] : state_.writes) own[table] = writes.now;
  return std::make_shared<CatalogView>(snapshot_, state_.names, state_.temporary, from,
                                       std::move(own), session);
}

storage::VersionPtr Transaction::BaseOf(const storage::TablePtr& table) const {
  if (const auto it = state_.writes.find(table.get()); it != state_.writes.end())
    return it->second.base;
  const auto it = snapshot_->versions.find(table.get());
  return it == snapshot_->versions.end() ? table->version() : it->second;
}

Transaction::Writes& Transaction::WritesOf(const storage::TablePtr& table) {
  const auto it = state_.writes.find(table.get());
  if (it != state_.writes.end()) return it->second;
  const auto base = BaseOf(table);
  return state_.writes[table.get()] = {table, base, base, {}};
}

Result<TableRules*> Transaction::OwnKeys(const Writes& writes) {
  const TableRules* rules = RulesOf(*writes.table);
  if (rules == nullptr) return nullptr;
  auto& own = own_keys_[writes.table.get()];
  if (!own) {
    auto made = rules->Emptied();
    ARROW_ASSIGN_OR_RAISE(const auto rows,
                          storage::LiveRowsOf(*writes.now, writes.base->end_position(),
                                              arrow::default_memory_pool()));
    ARROW_RETURN_NOT_OK(made->Note(rows));
    own = std::move(made);
  }
  return own.get();
}

/// Rows with the same key as the transaction sees them: its own, and those of the table. A row that
/// somebody has committed since the snapshot is in the way and not seen.
Result<std::vector<int64_t>> Transaction::FindKeys(const Writes& writes, size_t key,
                                                   const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(TableRules * own, OwnKeys(writes));
  ARROW_ASSIGN_OR_RAISE(auto positions, own->FindRows(key, batch));
  ARROW_ASSIGN_OR_RAISE(const auto shared, writes.table->UnderWriterLock([&] {
    return RulesOf(*writes.table)->FindRows(key, batch);
  }));
  for (size_t row = 0; row < positions.size(); ++row) {
    if (positions[row] != kNoPosition || shared[row] == kNoPosition) continue;
    if (shared[row] >= writes.base->end_position()) {
      return velaria::Fail(ErrorCode::kWriteConflict,
                           "another transaction added a row with the same key first",
                           "Run the transaction again.");
    }
    if (writes.now->IsLive(shared[row])) positions[row] = shared[row];
  }
  return positions;
}

/// The keys of added rows against the table's own rows, those removed by the transaction excepted.
/// Who changed a row that the transaction changes, too, mostly left one with the same key in its
/// place: then the transaction has lost already, and no key of its own is wrong.
Status Transaction::CheckKeys(const Writes& writes, const storage::TableVersion& next,
                              const storage::TableChange& change) const {
  TableRules& rules = *RulesOf(*writes.table);
  return writes.table->UnderWriterLock([&]() -> Status {
    for (size_t key = 0; key < rules.keys().size(); ++key) {
      for (const auto& batch : change.added) {
        ARROW_ASSIGN_OR_RAISE(const auto positions, rules.FindRows(key, *batch));
        for (size_t row = 0; row < positions.size(); ++row) {
          const int64_t there = positions[row];
          if (there == kNoPosition) continue;
          if (there < writes.base->end_position() && !next.IsLive(there)) continue;
          const auto newest = writes.table->version();
          if (there >= writes.base->end_position() &&
              (WasChangedSince(*writes.base, *newest, writes.removed) ||
               WasChangedSince(*writes.base, *newest, change.removed))) {
            return velaria::Fail(ErrorCode::kWriteConflict,
                                 "another transaction changed the same row first",
                                 "Run the transaction again.");
          }
          return rules.Duplicate(key, *batch, static_cast<int64_t>(row), change.removed.empty());
        }
      }
    }
    return Status::OK();
  });
}

Status Transaction::Apply(Writes* writes, const storage::TableChange& change) {
  const auto& table = writes->table;
  const int64_t base_end = writes->base->end_position();
  for (const auto& batch : change.added) ARROW_RETURN_NOT_OK(table->CheckNotNull(*batch));
  ARROW_ASSIGN_OR_RAISE(auto next, table->With(*writes->now, change));
  ARROW_ASSIGN_OR_RAISE(TableRules * own, OwnKeys(*writes));
  const auto first_own = std::lower_bound(change.removed.begin(), change.removed.end(), base_end);
  if (own != nullptr) {
    const storage::TableChange of_own{{first_own, change.removed.end()}, change.added};
    ARROW_RETURN_NOT_OK(
        own->Admit(*writes->now, of_own, writes->now->end_position(), change.removed.empty())
            .status());
    const Status checked = CheckKeys(*writes, *next, change);
    if (!checked.ok()) {
      own_keys_.erase(table.get());
      return checked;
    }
  }
  writes->removed.insert(writes->removed.end(), change.removed.begin(), first_own);
  writes->now = std::move(next);
  return Status::OK();
}

Status Transaction::Change(const storage::TablePtr& table, const DecideChange& decide) {
  Writes& writes = WritesOf(table);
  ARROW_ASSIGN_OR_RAISE(const auto change,
                        decide(*writes.now, [&](size_t key, const arrow::RecordBatch& batch) {
                          return FindKeys(writes, key, batch);
                        }));
  return Apply(&writes, change);
}

Status Transaction::Edit(const EditNames& edit, const std::vector<ReplacedTable>& replaced) {
  auto names = std::make_shared<CatalogRoot>(*state_.names);
  auto temporary = std::make_shared<CatalogRoot>(*state_.temporary);
  ARROW_RETURN_NOT_OK(edit(*names, *temporary));
  for (const auto& [table, seen] : replaced) {
    state_.replaced[table.get()] = {table, BaseOf(table)};
  }
  ForgetGone(*names, *temporary, &state_.writes);
  state_.names = std::move(names);
  state_.temporary = std::move(temporary);
  return Status::OK();
}

// ---- savepoints

void Transaction::Save(const std::string& name) { savepoints_.push_back({name, state_}); }

Result<std::vector<Transaction::Savepoint>::iterator> Transaction::FindSavepoint(
    const std::string& name) {
  std::vector<std::string> names;
  for (auto at = savepoints_.end(); at != savepoints_.begin();) {
    --at;
    if (EqualsIgnoreCase(at->name, name)) return at;
    names.push_back(at->name);
  }
  const std::string near = NearestName(name, names);
  return velaria::Fail(ErrorCode::kTransactionState, "no savepoint of that name: " + name,
                       near.empty() ? "" : "Did you mean " + near + "?");
}

Status Transaction::Release(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const auto at, FindSavepoint(name));
  savepoints_.erase(at, savepoints_.end());
  return Status::OK();
}

Status Transaction::RollbackTo(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const auto at, FindSavepoint(name));
  state_ = at->state;
  savepoints_.erase(at + 1, savepoints_.end());
  own_keys_.clear();
  failed_ = false;
  return Status::OK();
}

// ---- commit

Result<std::vector<storage::TableCommit>> Transaction::Prepare() const {
  std::map<const storage::Table*, storage::TablePtr> tables;  // locks are taken by address
  for (const auto& [key, writes] : state_.writes) tables[key] = writes.table;
  for (const auto& [key, replaced] : state_.replaced) tables[key] = replaced.table;
  std::vector<storage::TableCommit> parts;
  for (const auto& [key, table] : tables) {
    auto& part = parts.emplace_back(table);
    if (const auto it = state_.replaced.find(key); it != state_.replaced.end()) {
      ARROW_RETURN_NOT_OK(part.PrepareReplaced(it->second.seen));
      continue;
    }
    const Writes& writes = state_.writes.at(key);
    ARROW_ASSIGN_OR_RAISE(const auto change, NetChange(*writes.base, *writes.now, writes.removed));
    ARROW_RETURN_NOT_OK(part.Prepare(change));
  }
  return parts;
}

std::vector<storage::TablePtr> Transaction::Written() const {
  std::vector<storage::TablePtr> tables;
  for (const auto& [key, writes] : state_.writes) tables.push_back(writes.table);
  return tables;
}

}  // namespace velaria::session
