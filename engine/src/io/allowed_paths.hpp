// Which files a database may open. A server lists its roots; a Session inside a user's own process
// has no limit. Links are resolved before the check, and what was really opened is checked again,
// so that a link swapped in between gains nothing. One refusal (VEL4001) says nothing about what
// lies outside: whether a file is there or not, it reads alike.
#pragma once

#include <arrow/io/file.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace velaria::io {

class UnpackedText;

/// Of a compressed file: it is known when the reading has come to its end.
inline constexpr int64_t kByteCountUnknown = int64_t{1} << 62;

struct OpenedFile {
  std::shared_ptr<arrow::io::ReadableFile> file;  // ReadAt is safe from many threads at once
  std::string name;  // the path as it was given: the only one errors may show
  std::string resolved_path;
  int64_t byte_count = 0;                  // of its text
  int64_t stored_byte_count = 0;           // of the file, when it is compressed
  std::shared_ptr<UnpackedText> unpacked;  // when it is compressed
  int64_t modified_ns = 0;
};

class AllowedRoots {
 public:
  /// No limit; relative paths start at the working directory.
  AllowedRoots() = default;
  /// Only files below one of `roots` (existing directories, made canonical here), but none that is
  /// one of `closed` or lies below it, nor any file that one of them is under another name: by a
  /// hard link, or since a link among them leads elsewhere. Relative paths start at the first root.
  static Result<AllowedRoots> Of(const std::vector<std::string>& roots,
                                 const std::vector<std::string>& closed = {});

  /// The canonical path of a regular file inside the roots.
  Result<std::string> Resolve(const std::string& path) const;
  Result<OpenedFile> Open(const std::string& path) const;
  /// The path itself, or the regular files inside the roots that the pattern (`*`, `?`, `[a-z]`
  /// inside a name, `**` for any folders) matches, sorted. VEL4001 when there are none, with one
  /// text whether files are missing or outside.
  Result<std::vector<std::string>> Expand(const std::string& path) const;
  /// A path for a file to write: its folder, which is there and inside the roots, and its name,
  /// which is nobody's or a regular file's.
  struct Target {
    std::string folder;  // canonical
    std::string name;
  };
  Result<Target> ResolveTarget(const std::string& path) const;

 private:
  bool Contains(const std::string& canonical) const;
  /// Whether the folder may be listed and written to.
  bool ContainsFolder(const std::string& canonical) const;
  /// The path as it is spelt with the nearest name of a file in its folder, which may be listed;
  /// empty when there is none.
  std::string NearestPath(const std::string& path) const;
  Status Walk(const std::string& shown, const std::vector<std::string>& parts, size_t at,
              int64_t* visited, std::vector<std::string>* found) const;

  bool IsClosed(const std::string& canonical) const;
  /// Whether the file is what one of the closed paths leads to now.
  bool IsClosedFile(const struct stat& file) const;

  std::optional<std::vector<std::string>> roots_;
  std::vector<std::string> closed_told_;
  std::vector<std::string> closed_;  // canonical, as they were at first
};

}  // namespace velaria::io
