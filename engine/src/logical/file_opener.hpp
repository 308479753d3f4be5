// What a catalog that reads files can do beside FROM 'path'.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "logical/catalog_reader.hpp"

namespace velaria::logical {

/// Files as a reader's arguments name them: read_csv(['a.csv', 'b.csv'], header := false).
struct FileRequest {
  std::string format;
  std::vector<std::string> paths;  // or patterns of paths
  std::map<std::string, std::string> options;
  SchemaPtr columns;  // all columns of the file, instead of those that it names; may be null
  SchemaPtr types;    // types of some columns; may be null
};

class FileOpener {
 public:
  virtual ~FileOpener() = default;
  virtual Result<RelationPtr> OpenFiles(const FileRequest& request) const = 0;
};

}  // namespace velaria::logical
