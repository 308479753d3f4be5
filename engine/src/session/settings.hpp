// Session settings: one table gives name, type, default, range and meaning; SET, RESET, SHOW and
// docs read it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/status.hpp"

namespace velaria::session {

class Settings {
 public:
  /// VEL1007 for an unknown name or a value outside the setting's range.
  Status Set(const std::string& name, const std::string& value);
  Status Reset(const std::string& name);
  Result<std::string> Get(const std::string& name) const;
  int64_t GetInteger(const std::string& name) const;
  bool sums_are_reproducible() const { return Get("float_sum").ValueOr("") == "reproducible"; }
  std::map<std::string, std::string> All() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> values_;  // those that were set
};

}  // namespace velaria::session
