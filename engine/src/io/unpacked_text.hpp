// The text of a file that is packed by gzip or zstd, or is not UTF-8 and RFC 4180 as it stands,
// read by position. Unpacking goes forward only; a position before the last one read from starts
// anew, which readers of text do a few times and never per block.
#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>

#include <memory>
#include <mutex>
#include <string>

#include "io/allowed_paths.hpp"
#include "io/text_filters.hpp"

namespace velaria::io {

class UnpackedText {
 public:
  static Result<std::shared_ptr<UnpackedText>> Open(const OpenedFile& file,
                                                    const FileOptions& options);
  /// Less than `length` at the end only. VEL4002 when the file is damaged or cut short.
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t offset, int64_t length);

 private:
  UnpackedText(const OpenedFile& file, const FileOptions& options,
               std::unique_ptr<arrow::util::Codec> codec)
      : file_(file.file),
        byte_count_(file.byte_count),
        name_(file.name),
        options_(options),
        codec_(std::move(codec)) {}
  Status Restart();
  /// More text behind the window; `ended_` when there is none.
  Status ReadOn();
  /// Through the filters from one of them on.
  Status Filter(size_t first, std::string piece);
  Status Damaged(const Status& cause) const;

  const std::shared_ptr<arrow::io::ReadableFile> file_;
  const int64_t byte_count_;
  const std::string name_;
  const FileOptions options_;
  const std::unique_ptr<arrow::util::Codec> codec_;  // null: not packed
  std::mutex mutex_;                                 // guards the rest
  std::shared_ptr<arrow::io::InputStream> stream_;
  TextFilters filters_;
  int64_t begin_ = 0;  // position of window_
  std::string window_;
  bool ended_ = false;
};

/// Opens a file whose text may be packed, as CompressionOf says, or otherwise differ from what
/// readers read.
Result<OpenedFile> OpenText(const AllowedRoots& roots, const std::string& path,
                            const FileOptions& options);
/// What the number of rows is estimated from; packed text has about a fifth of its bytes.
int64_t EstimatedBytes(const OpenedFile& file, const FileOptions& options);

}  // namespace velaria::io
