#include "io/allowed_paths.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace velaria::io {
namespace {

Status NotAllowed(const std::string& path) {
  return Fail(ErrorCode::kPathNotAllowed, "path is not allowed or not there: " + path,
              "Name an existing regular file below one of the server's allowed roots.");
}

std::optional<std::string> Canonical(const std::string& path) {
  // A zero byte would cut the path that the system sees short of the one that was checked.
  if (path.empty() || path.find('\0') != std::string::npos) return std::nullopt;
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return std::nullopt;
  std::string out(resolved);
  std::free(resolved);
  return out;
}

/// The canonical path of what a descriptor has open.
std::optional<std::string> PathOfDescriptor(int descriptor) {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), target, sizeof(target));
  if (length <= 0 || length == static_cast<ssize_t>(sizeof(target))) return std::nullopt;
  return std::string(target, static_cast<size_t>(length));
}

}  // namespace

Result<AllowedRoots> AllowedRoots::Of(const std::vector<std::string>& roots) {
  AllowedRoots out;
  out.roots_.emplace();
  for (const auto& root : roots) {
    auto canonical = Canonical(root);
    struct stat info;
    if (!canonical || ::stat(canonical->c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      return Fail(ErrorCode::kPathNotAllowed, "allowed root is not a directory: " + root);
    }
    out.roots_->push_back(std::move(*canonical));
  }
  return out;
}

bool AllowedRoots::Contains(const std::string& canonical) const {
  if (!roots_) return true;
  for (const auto& root : *roots_) {
    if (root == "/") return true;
    if (canonical.size() > root.size() && canonical.compare(0, root.size(), root) == 0 &&
        canonical[root.size()] == '/') {
      return true;
    }
  }
  return false;
}

Result<std::string> AllowedRoots::Resolve(const std::string& path) const {
  std::string absolute = path;
  if (!path.empty() && path[0] != '/' && roots_) {
    if (roots_->empty()) return NotAllowed(path);
    absolute = roots_->front() + "/" + path;
  }
  auto canonical = Canonical(absolute);
  struct stat info;
  if (!canonical || !Contains(*canonical) || ::stat(canonical->c_str(), &info) != 0 ||
      !S_ISREG(info.st_mode)) {
    return NotAllowed(path);
  }
  return *canonical;
}

Result<OpenedFile> AllowedRoots::Open(const std::string& path) const {
  VELARIA_ASSIGN_OR_RETURN(std::string resolved, Resolve(path));
  // Not blocking: between the check and the open, a pipe could take the file's place.
  const int descriptor = ::open(resolved.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == EMFILE || errno == ENFILE) {
      return Fail(ErrorCode::kFileIo, "too many open files: " + path);
    }
    return NotAllowed(path);
  }
  struct stat info;
  const auto opened = PathOfDescriptor(descriptor);
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode) || !opened || !Contains(*opened)) {
    ::close(descriptor);
    return NotAllowed(path);
  }
  auto file = arrow::io::ReadableFile::Open(descriptor);
  if (!file.ok()) {
    ::close(descriptor);
    return Fail(ErrorCode::kFileIo, "file cannot be read: " + path);
  }
  OpenedFile out;
  out.file = *file;
  out.name = path;
  out.resolved_path = std::move(resolved);
  out.byte_count = info.st_size;
  out.modified_ns = int64_t{info.st_mtim.tv_sec} * 1000000000 + info.st_mtim.tv_nsec;
  return out;
}

}  // namespace velaria::io
