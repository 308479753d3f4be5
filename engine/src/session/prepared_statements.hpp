// The statements that PREPARE has named. They are kept as text and read anew by each EXECUTE: what
// they name is what it is then. Safe from many threads at once.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"

namespace velaria::session {

struct PreparedStatement {
  std::string name;  // as it was written
  std::string sql;   // the PREPARE statement, whose inner one is meant
  std::vector<TypePtr> types;
  int parameter_count = 0;  // at least as many as types
};
using PreparedPtr = std::shared_ptr<const PreparedStatement>;

class PreparedStatements {
 public:
  /// VEL2024 when the name is taken.
  Status Add(PreparedStatement statement);
  /// VEL2030, with the nearest name, when there is none. Names match without regard to ASCII case.
  Result<PreparedPtr> Get(const std::string& name) const;
  Status Remove(const std::string& name);
  void Clear();

 private:
  Status Unknown(const std::string& name) const;  // the caller holds mutex_

  mutable std::mutex mutex_;
  std::map<std::string, PreparedPtr> statements_;  // by name in lower case
};

}  // namespace velaria::session
