// What a catalog that reads files can do beside FROM 'path'.
#pragma once

#include <string>
#include <vector>

#include "io/file_words.hpp"
#include "logical/catalog_reader.hpp"

namespace velaria::sql {

/// Files as a reader's arguments name them: read_csv(['a.csv', 'b.csv'], header := false).
struct FileRequest {
  std::string format;
  std::vector<std::string> paths;  // or patterns of paths
  io::GivenOptions options;
  SchemaPtr columns;  // all columns of the file, instead of those that it names; may be null
  SchemaPtr types;    // types of some columns; may be null
};

class FileOpener {
 public:
  virtual ~FileOpener() = default;
  virtual Result<logical::RelationPtr> OpenFiles(const FileRequest& request) const = 0;
};

}  // namespace velaria::sql
