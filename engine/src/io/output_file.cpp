#include "io/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "base/text.hpp"

namespace velaria::io {
namespace {

constexpr int kAttempts = 16;

std::string RandomLetters() {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device device;
  std::string out;
  for (int i = 0; i < 8; ++i) out += kLetters[device() % kLetters.size()];
  return out;
}

Status CannotWrite(const std::string& path, int error) {
  return Fail(ErrorCode::kFileIo,
              "file cannot be written, " + std::string(std::strerror(error)) + ": " + path);
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path,
                                                       const AllowedRoots& roots) {
  VELARIA_ASSIGN_OR_RETURN(const auto target, roots.ResolveTarget(path));
  // Not through a link: between the check and the open, one could take the folder's place.
  const int folder = ::open(target.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (folder < 0) return CannotWrite(path, errno);
  int descriptor = -1, error = EEXIST;
  std::string hidden_name;
  for (int attempt = 0; attempt < kAttempts && descriptor < 0 && error == EEXIST; ++attempt) {
    hidden_name = "." + target.name + "." + RandomLetters() + ".tmp";
    descriptor = ::openat(folder, hidden_name.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    error = errno;
  }
  if (descriptor < 0) {
    ::close(folder);
    return CannotWrite(path, error);
  }
  std::unique_ptr<OutputFile> out(
      new OutputFile(path, folder, target.name, std::move(hidden_name)));
  auto stream = arrow::io::FileOutputStream::Open(descriptor);
  if (!stream.ok()) {
    ::close(descriptor);
    return CannotWrite(path, EIO);
  }
  out->stream_ = std::move(*stream);
  out->descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (out->descriptor_ < 0) return CannotWrite(path, errno);
  return out;
}

OutputFile::~OutputFile() {
  if (stream_ && !stream_->closed()) (void)stream_->Close();
  if (descriptor_ >= 0) ::close(descriptor_);
  Discard();
  ::close(folder_);
}

void OutputFile::Discard() {
  if (hidden_.exchange(false)) (void)::unlinkat(folder_, hidden_name_.c_str(), 0);
}

Status OutputFile::WriteFailed(const Status& cause) const {
  if (cause.IsOutOfMemory() || cause.IsCancelled() || !cause.IsIOError()) return cause;
  const std::string text = FirstLine(cause.ToString());
  const size_t detail = text.find("[errno");
  return Fail(ErrorCode::kFileIo, "file cannot be written: " + path_, "",
              detail == std::string::npos ? text : text.substr(detail));
}

Status OutputFile::Commit() {
  if (!stream_->closed()) {  // a stream that packs has closed it
    if (Status closed = stream_->Close(); !closed.ok()) return WriteFailed(closed);
  }
  if (::fsync(descriptor_) != 0) return CannotWrite(path_, errno);
  struct stat info;
  if (::fstatat(folder_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(info.st_mode)) {
    return CannotWrite(path_, EEXIST);
  }
  if (::renameat(folder_, hidden_name_.c_str(), folder_, name_.c_str()) != 0) {
    return CannotWrite(path_, errno);
  }
  hidden_ = false;
  (void)::fsync(folder_);  // the rename has happened either way
  return Status::OK();
}

}  // namespace velaria::io
