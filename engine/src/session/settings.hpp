// Session settings: one table gives name, value at start, range and meaning; SET, RESET, SHOW and
// the reference page read it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace velaria::session {

struct SettingRow {
  const char* name;
  const char* fallback;              // the value at start
  int64_t least, most;               // of a number
  std::vector<std::string> choices;  // of a word; empty for a number
  const char* meaning;

  /// "0 to 100", or "fast, reproducible".
  std::string Range() const;
};

const std::vector<SettingRow>& SettingRows();

class Settings {
 public:
  /// VEL1007 for an unknown name or a value outside the setting's range.
  Status Set(const std::string& name, const std::string& value);
  Status Reset(const std::string& name);
  void ResetAll();
  Result<std::string> Get(const std::string& name) const;
  int64_t GetInteger(const std::string& name) const;
  bool sums_are_reproducible() const { return Get("float_sum").ValueOr("") == "reproducible"; }
  std::map<std::string, std::string> All() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> values_;  // those that were set
};

}  // namespace velaria::session
