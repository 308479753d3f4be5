// The text inside a gzip or zstd file, read by position. Unpacking goes forward only; a position
// before the last one read from starts anew, which readers of text do a few times and never per
// block.
#pragma once

#include <arrow/io/compressed.h>
#include <arrow/util/compression.h>

#include <memory>
#include <mutex>
#include <string>

#include "io/allowed_paths.hpp"

namespace velaria::io {

class UnpackedText {
 public:
  /// `compression` is "gzip" or "zstd".
  static Result<std::shared_ptr<UnpackedText>> Open(const OpenedFile& file,
                                                    const std::string& compression);
  /// Less than `length` at the end only. VEL4002 when the file is damaged or cut short.
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t offset, int64_t length);

 private:
  UnpackedText(std::shared_ptr<arrow::io::ReadableFile> file, int64_t byte_count, std::string name,
               std::unique_ptr<arrow::util::Codec> codec)
      : file_(std::move(file)),
        byte_count_(byte_count),
        name_(std::move(name)),
        codec_(std::move(codec)) {}
  Status Restart();
  Status Damaged(const Status& cause) const;

  const std::shared_ptr<arrow::io::ReadableFile> file_;
  const int64_t byte_count_;
  const std::string name_;
  const std::unique_ptr<arrow::util::Codec> codec_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<arrow::io::CompressedInputStream> stream_;
  int64_t begin_ = 0;  // position of window_
  std::string window_;
  bool ended_ = false;
};

/// Opens a file whose text may be packed: by `compression` as CompressionOf gives it.
Result<OpenedFile> OpenText(const AllowedRoots& roots, const std::string& path,
                            const std::string& compression);

}  // namespace velaria::io
