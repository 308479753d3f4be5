#include "sql/planner_scope.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kNamesInDetail = 20;

Status UnknownColumn(const Scope& scope, const std::vector<Name>& names,
                     const std::vector<std::string>& aliases) {
  const Name& last = names.back();
  const bool qualified = names.size() > 1;
  std::vector<std::string> candidates;
  for (const auto& column : scope.columns) {
    const bool counts =
        qualified ? NameMatches(names[names.size() - 2], column.table) : column.by_bare_name;
    const bool is_new =
        std::find(candidates.begin(), candidates.end(), column.name) == candidates.end();
    if (counts && is_new) candidates.push_back(column.name);
  }
  std::vector<std::string> nameable = candidates;
  if (!qualified) nameable.insert(nameable.end(), aliases.begin(), aliases.end());
  const std::string near = NearestName(last.text, nameable);
  std::string detail;
  if (!candidates.empty()) {
    if (candidates.size() > kNamesInDetail) {
      candidates.resize(kNamesInDetail);
      candidates.push_back("...");
    }
    detail = "columns: " + Join(candidates, ", ");
  }
  std::string hint = near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?";
  if (hint.empty() && last.quoted && !qualified) {
    hint = "Double quotes name a column; a text stands in single quotes.";
  }
  return FailAt(names[0].place, ErrorCode::kUnknownColumn, "unknown column: " + DottedName(names),
                std::move(hint), detail);
}

}  // namespace

bool NameMatches(const Name& name, const std::string& candidate) {
  return EqualsIgnoreCase(name.text, candidate);
}

std::string DottedName(const std::vector<Name>& names) {
  std::vector<std::string> parts;
  for (const auto& name : names) parts.push_back(name.text);
  return Join(parts, ".");
}

bool Scope::HasTable(const std::string& name) const {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const auto& table) { return EqualsIgnoreCase(table, name); });
}

Result<const ScopeColumn*> Scope::Find(const std::vector<Name>& names) const {
  const Name& last = names.back();
  const Name* table = names.size() > 1 ? &names[names.size() - 2] : nullptr;
  const ScopeColumn* found = nullptr;
  bool found_exact = false, ambiguous = false;
  for (const auto& column : columns) {
    if (!NameMatches(last, column.name)) continue;
    if (table ? !NameMatches(*table, column.table) : !column.by_bare_name) continue;
    const bool exact = column.name == last.text;
    if (found && exact == found_exact) {
      ambiguous = true;
    } else if (!found || exact) {
      found = &column;
      found_exact = exact;
      ambiguous = false;
    }
  }
  if (!ambiguous) return found;
  return FailAt(names[0].place, ErrorCode::kAmbiguousColumn,
                "ambiguous column: " + DottedName(names),
                table ? "Give the tables different aliases."
                      : "Write the table's name before the column: table." + last.text + ".");
}

Result<const ScopeColumn*> Scope::Get(const std::vector<Name>& names,
                                      const std::vector<std::string>& aliases) const {
  VELARIA_ASSIGN_OR_RETURN(const auto* column, Find(names));
  if (column) return column;
  if (names.size() > 1 && !HasTable(names[names.size() - 2].text)) {
    const std::string& wanted = names[names.size() - 2].text;
    const std::string near = NearestName(wanted, tables);
    return FailAt(names[0].place, ErrorCode::kUnknownTable,
                  "no table of that name in FROM: " + wanted,
                  near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                  tables.empty() ? "" : "tables: " + Join(tables, ", "));
  }
  return UnknownColumn(*this, names, aliases);
}

Result<Scope> ScopeOf(const std::vector<logical::OutputColumn>& output, const std::string& table,
                      const std::vector<Name>& aliases) {
  if (aliases.size() > output.size()) {
    return FailAt(aliases[output.size()].place, ErrorCode::kColumnCountMismatch,
                  "more column aliases than columns: " + std::to_string(aliases.size()),
                  table + " has " + std::to_string(output.size()) +
                      (output.size() == 1 ? " column." : " columns."));
  }
  Scope scope;
  scope.tables.push_back(table);
  for (size_t i = 0; i < output.size(); ++i) {
    ScopeColumn column;
    column.table = table;
    column.name = i < aliases.size() ? aliases[i].text : output[i].name;
    column.expr = logical::MakeColumn(static_cast<int>(i), output[i].type, column.name);
    column.nullable = output[i].nullable;
    column.metadata = output[i].metadata;
    scope.columns.push_back(std::move(column));
  }
  return scope;
}

}  // namespace velaria::sql
