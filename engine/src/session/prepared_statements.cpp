#include "session/prepared_statements.hpp"

#include "base/text.hpp"

namespace velaria::session {

Status PreparedStatements::Unknown(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [key, statement] : statements_) names.push_back(statement->name);
  const std::string near = NearestName(name, names);
  return Fail(ErrorCode::kUnknownPrepared, "no prepared statement of that name: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

Status PreparedStatements::Add(PreparedStatement statement) {
  const std::string name = statement.name;
  auto added = std::make_shared<const PreparedStatement>(std::move(statement));
  std::lock_guard lock(mutex_);
  if (statements_.emplace(ToLower(name), std::move(added)).second) return Status::OK();
  return Fail(ErrorCode::kTableExists, "a prepared statement of that name exists: " + name,
              "Write DEALLOCATE " + QuoteIdentifier(name) + " first.");
}

Result<PreparedPtr> PreparedStatements::Get(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = statements_.find(ToLower(name));
  if (found == statements_.end()) return Unknown(name);
  return found->second;
}

Status PreparedStatements::Remove(const std::string& name) {
  std::lock_guard lock(mutex_);
  return statements_.erase(ToLower(name)) > 0 ? Status::OK() : Unknown(name);
}

void PreparedStatements::Clear() {
  std::lock_guard lock(mutex_);
  statements_.clear();
}

}  // namespace velaria::session
