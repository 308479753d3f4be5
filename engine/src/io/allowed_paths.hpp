// Which files a database may open. A server lists its roots; a Session inside a user's own process
// has no limit. Links are resolved before the check, and what was really opened is checked again,
// so that a link swapped in between gains nothing. One refusal (VEL4001) says nothing about what
// lies outside: whether a file is there or not, it reads alike.
#pragma once

#include <arrow/io/file.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace velaria::io {

struct OpenedFile {
  std::shared_ptr<arrow::io::ReadableFile> file;  // ReadAt is safe from many threads at once
  std::string name;  // the path as it was given: the only one errors may show
  std::string resolved_path;
  int64_t byte_count = 0;
  int64_t modified_ns = 0;
};

class AllowedRoots {
 public:
  /// No limit; relative paths start at the working directory.
  AllowedRoots() = default;
  /// Only files below one of `roots` (existing directories, made canonical here); relative paths
  /// start at the first.
  static Result<AllowedRoots> Of(const std::vector<std::string>& roots);

  /// The canonical path of a regular file inside the roots.
  Result<std::string> Resolve(const std::string& path) const;
  Result<OpenedFile> Open(const std::string& path) const;

 private:
  bool Contains(const std::string& canonical) const;

  std::optional<std::vector<std::string>> roots_;
};

}  // namespace velaria::io
