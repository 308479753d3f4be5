#include "session/settings.hpp"

#include <charconv>

#include "base/text.hpp"

namespace velaria::session {
namespace {

const std::vector<SettingRow> kSettings = {
    {"debug_trigger_rows",
     "0",
     0,
     int64_t{1} << 40,
     {},
     "Runs queries over tables as micro-batches of so many rows (0: as one batch); the result must "
     "not change."},
    {"debug_no_rewrite",
     "0",
     0,
     1,
     {},
     "1 runs plans as they were bound, without rewrites; the result must not change."},
    {"float_sum",
     "fast",
     0,
     0,
     {"fast", "reproducible"},
     "How sum and avg add floats over tables: in the order of the rows, or so that the result does "
     "not depend on order, threads or cut, at three to four times the cost of an addition. Streams "
     "and the lane always add reproducibly."},
    {"memory_limit_bytes",
     "0",
     0,
     int64_t{1} << 50,
     {},
     "Most memory of one query (0: the session's own limit)."},
    {"stream_trigger_rows",
     "262144",
     1,
     int64_t{1} << 30,
     {},
     "Most rows a streaming query takes at one trigger."},
};

const SettingRow* FindSetting(const std::string& name) {
  for (const auto& row : kSettings) {
    if (EqualsIgnoreCase(row.name, name)) return &row;
  }
  return nullptr;
}

Status Unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& row : kSettings) names.emplace_back(row.name);
  // SHOW tabels is read as a setting's name, too.
  std::vector<std::string> shown = names;
  shown.insert(shown.end(), {"tables", "views", "indexes", "schemas", "functions", "columns"});
  const std::string near = NearestName(name, shown);
  return Fail(ErrorCode::kBadSetting, "no setting of that name: " + name,
              near.empty() ? "" : "Did you mean " + near + "?", "settings: " + Join(names, ", "));
}

Status CheckValue(const SettingRow& row, const std::string& value) {
  if (!row.choices.empty()) {
    for (const auto& choice : row.choices) {
      if (EqualsIgnoreCase(choice, value)) return Status::OK();
    }
    return Fail(ErrorCode::kBadSetting,
                std::string("value out of range for ") + row.name + ": " + value,
                "Use one of: " + row.Range() + ".");
  }
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (fault == std::errc() && end == value.data() + value.size() && number >= row.least &&
      number <= row.most) {
    return Status::OK();
  }
  return Fail(ErrorCode::kBadSetting,
              std::string("value out of range for ") + row.name + ": " + value,
              "Use an integer from " + row.Range() + ".");
}

}  // namespace

const std::vector<SettingRow>& SettingRows() { return kSettings; }

std::string SettingRow::Range() const {
  if (!choices.empty()) return Join(choices, ", ");
  return std::to_string(least) + " to " + std::to_string(most);
}

Status Settings::Set(const std::string& name, const std::string& value) {
  const SettingRow* row = FindSetting(name);
  if (row == nullptr) return Unknown(name);
  ARROW_RETURN_NOT_OK(CheckValue(*row, value));
  std::lock_guard lock(mutex_);
  values_[row->name] = row->choices.empty() ? value : ToLower(value);
  return Status::OK();
}

Status Settings::Reset(const std::string& name) {
  const SettingRow* row = FindSetting(name);
  if (row == nullptr) return Unknown(name);
  std::lock_guard lock(mutex_);
  values_.erase(row->name);
  return Status::OK();
}

void Settings::ResetAll() {
  std::lock_guard lock(mutex_);
  values_.clear();
}

Result<std::string> Settings::Get(const std::string& name) const {
  const SettingRow* row = FindSetting(name);
  if (row == nullptr) return Unknown(name);
  std::lock_guard lock(mutex_);
  const auto it = values_.find(row->name);
  return it == values_.end() ? row->fallback : it->second;
}

int64_t Settings::GetInteger(const std::string& name) const {
  auto text = Get(name);
  return text.ok() ? std::stoll(*text) : 0;
}

std::map<std::string, std::string> Settings::All() const {
  std::map<std::string, std::string> out;
  for (const auto& row : kSettings) out[row.name] = Get(row.name).ValueOrDie();
  return out;
}

}  // namespace velaria::session
