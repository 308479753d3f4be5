#include "io/allowed_paths.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

Status TooManyOpen(const std::string& what) {
  return Fail(ErrorCode::kFileIo, "too many open files: " + what);
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

bool IsBelow(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
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

Result<AllowedRoots> AllowedRoots::Of(const std::vector<std::string>& roots,
                                      const std::vector<std::string>& closed) {
  AllowedRoots out;
  out.closed_told_ = closed;
  for (const auto& path : closed) out.closed_.push_back(Canonical(path).value_or(path));
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
  if (IsClosed(canonical)) return false;
  return std::any_of(roots_->begin(), roots_->end(),
                     [&](const auto& root) { return root == "/" || IsBelow(canonical, root); });
}

bool AllowedRoots::IsClosed(const std::string& canonical) const {
  return std::any_of(closed_.begin(), closed_.end(), [&](const auto& path) {
    return canonical == path || IsBelow(canonical, path);
  });
}

bool AllowedRoots::IsClosedFile(const struct stat& file) const {
  return std::any_of(closed_told_.begin(), closed_told_.end(), [&](const auto& path) {
    struct stat closed;
    return ::stat(path.c_str(), &closed) == 0 && closed.st_dev == file.st_dev &&
           closed.st_ino == file.st_ino;
  });
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
      !S_ISREG(info.st_mode) || IsClosedFile(info)) {
    return NotAllowed(path);
  }
  return *canonical;
}

Result<OpenedFile> AllowedRoots::Open(const std::string& path) const {
  auto found = Resolve(path);
  if (!found.ok()) {
    const std::string near = NearestPath(path);
    if (near.empty()) return found.status();
    ErrorInfo error = ErrorInfoOf(found.status());
    error.hint = "Did you mean " + near + "?";
    return MakeError(std::move(error));
  }
  std::string resolved = std::move(*found);
  // Not blocking: between the check and the open, a pipe could take the file's place.
  const int descriptor = ::open(resolved.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == EMFILE || errno == ENFILE) {
      return TooManyOpen(path);
    }
    return NotAllowed(path);
  }
  struct stat info;
  const auto opened = PathOfDescriptor(descriptor);
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode) || !opened || !Contains(*opened) ||
      IsClosedFile(info)) {
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

// ---- patterns

namespace {

constexpr int64_t kVisitedMax = 1'000'000;  // entries of folders that one pattern looks at
constexpr size_t kFilesMax = 10'000;
constexpr size_t kNamesComparedMax = 1'000;  // of a folder, for one that is not there

bool IsPattern(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

std::string Below(const std::string& folder, const std::string& name) {
  if (folder.empty() || folder.back() == '/') return folder + name;
  return folder + "/" + name;
}

/// Names in a folder, sorted; those that begin with a dot are hidden. At most `count_max` of them.
Result<std::vector<std::string>> NamesIn(const std::string& folder,
                                         size_t count_max = static_cast<size_t>(kVisitedMax) + 1) {
  std::vector<std::string> names;
  DIR* open = ::opendir(folder.c_str());
  if (open == nullptr) {
    if (errno == EMFILE || errno == ENFILE) return TooManyOpen("a folder");
    return names;
  }
  while (const dirent* entry = names.size() < count_max ? ::readdir(open) : nullptr) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(open);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool AllowedRoots::ContainsFolder(const std::string& canonical) const {
  if (Contains(canonical)) return true;
  if (IsClosed(canonical)) return false;
  return std::find(roots_->begin(), roots_->end(), canonical) != roots_->end();
}

std::string AllowedRoots::NearestPath(const std::string& path) const {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  const bool relative = folder.empty() || folder[0] != '/';
  if (relative && roots_ && roots_->empty()) return "";
  const std::string base = relative && roots_ ? roots_->front() : "";
  const std::string here = relative ? Below(base, folder.empty() ? "." : folder) : folder;
  const auto canonical = Canonical(here);
  if (!canonical || !ContainsFolder(*canonical)) return "";
  const std::string near =
      NearestName(path.substr(folder.size()),
                  NamesIn(*canonical, kNamesComparedMax).ValueOr(std::vector<std::string>()));
  return !near.empty() && Resolve(folder + near).ok() ? folder + near : "";
}

/// `shown` is a folder as the pattern spells it; parts from `at` on are still to match.
Status AllowedRoots::Walk(const std::string& shown, const std::vector<std::string>& parts,
                          size_t at, int64_t* visited, std::vector<std::string>* found) const {
  const bool relative = shown.empty() || shown[0] != '/';
  const std::string base = relative && roots_ && !roots_->empty() ? roots_->front() : "";
  const std::string here = relative ? Below(base, shown.empty() ? "." : shown) : shown;
  if (!IsPattern(parts[at])) {
    const std::string next = Below(shown, parts[at]);
    if (at + 1 < parts.size()) return Walk(next, parts, at + 1, visited, found);
    if (Resolve(next).ok()) found->push_back(next);
    return Status::OK();
  }
  const auto canonical = Canonical(here);
  if (!canonical || !ContainsFolder(*canonical)) return Status::OK();
  const bool any_depth = parts[at] == "**";
  if (any_depth && at + 1 < parts.size()) {
    ARROW_RETURN_NOT_OK(Walk(shown, parts, at + 1, visited, found));
  }
  ARROW_ASSIGN_OR_RAISE(const auto names, NamesIn(*canonical));
  for (const auto& name : names) {
    if (++*visited > kVisitedMax || found->size() > kFilesMax) return Status::OK();
    const std::string next = Below(shown, name);
    struct stat info;
    if (any_depth) {
      // Links to folders are not followed: they could lead in circles.
      const bool there = ::lstat(Below(*canonical, name).c_str(), &info) == 0;
      if (there && S_ISDIR(info.st_mode)) {
        ARROW_RETURN_NOT_OK(Walk(next, parts, at, visited, found));
      }
      if (at + 1 == parts.size() && Resolve(next).ok()) found->push_back(next);
    } else if (::fnmatch(parts[at].c_str(), name.c_str(), FNM_PERIOD) == 0) {
      if (at + 1 < parts.size()) {
        ARROW_RETURN_NOT_OK(Walk(next, parts, at + 1, visited, found));
      } else if (Resolve(next).ok()) {
        found->push_back(next);
      }
    }
  }
  return Status::OK();
}

Result<std::vector<std::string>> AllowedRoots::Expand(const std::string& path) const {
  if (!IsPattern(path) || Resolve(path).ok()) return std::vector<std::string>{path};
  if (path.find('\0') != std::string::npos || (roots_ && roots_->empty())) return NotAllowed(path);
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  std::vector<std::string> found;
  int64_t visited = 0;
  ARROW_RETURN_NOT_OK(Walk(path[0] == '/' ? "/" : "", parts, 0, &visited, &found));
  if (visited > kVisitedMax || found.size() > kFilesMax) {
    return Fail(ErrorCode::kBadOption, "the pattern matches too many files: " + path,
                "Write a narrower pattern: at most " + std::to_string(kFilesMax) + " files.");
  }
  if (found.empty()) {
    return Fail(ErrorCode::kPathNotAllowed, "no file that may be read matches the pattern: " + path,
                "Name regular files below one of the server's allowed roots.");
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// ---- files to write

Result<AllowedRoots::Target> AllowedRoots::ResolveTarget(const std::string& path) const {
  const auto refused = [&] {
    return Fail(ErrorCode::kPathNotAllowed, "path is not allowed for writing: " + path,
                "Name a regular file in an existing folder below one of the allowed roots.");
  };
  if (path.empty() || path.find('\0') != std::string::npos || path.back() == '/') return refused();
  std::string absolute = path;
  if (path[0] != '/' && roots_) {
    if (roots_->empty()) return refused();
    absolute = roots_->front() + "/" + path;
  }
  const size_t slash = absolute.rfind('/');
  Target target;
  target.name = slash == std::string::npos ? absolute : absolute.substr(slash + 1);
  if (target.name == "." || target.name == ".." || target.name.size() > 200) return refused();
  const std::string folder = slash == std::string::npos ? "." : absolute.substr(0, slash + 1);
  auto canonical = Canonical(folder);
  struct stat info;
  if (!canonical || !ContainsFolder(*canonical) || ::stat(canonical->c_str(), &info) != 0 ||
      !S_ISDIR(info.st_mode)) {
    return refused();
  }
  target.folder = std::move(*canonical);
  // A link would be replaced, not followed: that it is not what was meant is likelier.
  const std::string full = Below(target.folder, target.name);
  if (IsClosed(full)) return refused();
  if (::lstat(full.c_str(), &info) == 0 && (!S_ISREG(info.st_mode) || IsClosedFile(info))) {
    return refused();
  }
  return target;
}

}  // namespace velaria::io
