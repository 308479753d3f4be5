// What a JSON file says about itself: shape, keys, types.
#pragma once

#include <string>
#include <vector>

#include "io/json_records.hpp"
#include "io/open_file.hpp"

namespace velaria::io {

struct JsonLayout {
  JsonShape shape = JsonShape::kLines;
  int64_t data_offset = 0;
  std::vector<std::string> keys;  // of the columns, as they stand in the file
  SchemaPtr schema;
  double record_bytes_mean = 1;
  bool keys_are_sampled = false;  // the file is larger than what was looked at
};

/// VEL4002 for what is no JSON of objects; VEL4005 for a selected key that no object has.
Result<JsonLayout> InferJson(const OpenedFile& file, const FileOptions& options);

/// VEL4002 with the line of the value at `position` of the file.
Status BadJsonError(const OpenedFile& file, int64_t position, const std::string& why,
                    const std::string& hint = "");

}  // namespace velaria::io
