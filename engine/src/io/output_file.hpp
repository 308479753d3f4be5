// A file that is there whole or not at all. What is written goes to a hidden file beside the path
// (".name.XXXXXX.tmp"); Commit() puts it in the path's place in one step, and letting go of it
// without Commit() removes it.
#pragma once

#include <arrow/io/file.h>

#include <atomic>
#include <memory>
#include <string>

#include "io/allowed_paths.hpp"

namespace velaria::io {

class OutputFile {
 public:
  /// VEL4001 for a path that may not be written, VEL4003 when the folder takes no new file.
  static Result<std::unique_ptr<OutputFile>> Create(const std::string& path,
                                                    const AllowedRoots& roots);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::shared_ptr<arrow::io::OutputStream>& stream() const { return stream_; }
  /// VEL4003 with the system's reason for a write that failed ("No space left on device").
  Status WriteFailed(const Status& cause) const;
  /// Removes what was written, though the stream may still be written to by a thread that does not
  /// know yet.
  void Discard();
  /// The stream is complete; nothing may be written afterwards.
  Status Commit();

 private:
  OutputFile(std::string path, int folder, std::string name, std::string hidden_name)
      : path_(std::move(path)),
        folder_(folder),
        name_(std::move(name)),
        hidden_name_(std::move(hidden_name)) {}

  const std::string path_;  // as it was given
  const int folder_;        // an open descriptor: renaming the folder meanwhile changes nothing
  const std::string name_, hidden_name_;
  int descriptor_ = -1;  // of the same file as the stream, which may be closed before Commit()
  std::shared_ptr<arrow::io::OutputStream> stream_;
  std::atomic<bool> hidden_{true};  // there is a hidden file to remove
};

}  // namespace velaria::io
