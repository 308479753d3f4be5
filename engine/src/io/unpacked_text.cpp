#include "io/unpacked_text.hpp"

#include <arrow/buffer.h>
#include <arrow/io/compressed.h>

#include "base/text.hpp"

namespace velaria::io {
namespace {

constexpr int64_t kStepBytes = int64_t{1} << 18;

Result<std::unique_ptr<arrow::util::Codec>> CodecFor(const std::string& compression) {
  if (compression == "none") return nullptr;
  return arrow::util::Codec::Create(compression == "gzip" ? arrow::Compression::GZIP
                                                          : arrow::Compression::ZSTD);
}

}  // namespace

Result<std::shared_ptr<UnpackedText>> UnpackedText::Open(const OpenedFile& file,
                                                         const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto codec, CodecFor(CompressionOf(file.name, options.compression)));
  std::shared_ptr<UnpackedText> text(new UnpackedText(file, options, std::move(codec)));
  VELARIA_RETURN_NOT_OK(text->Restart());
  return text;
}

Status UnpackedText::Damaged(const Status& cause) const {
  if (cause.IsOutOfMemory()) return cause;
  if (!codec_) return Fail(ErrorCode::kFileIo, "file cannot be read: " + name_);
  return Fail(ErrorCode::kFileFormat, "compressed file is damaged or cut short: " + name_, "",
              FirstLine(cause.message()));
}

Status UnpackedText::Restart() {
  VELARIA_ASSIGN_OR_RETURN(auto raw, arrow::io::RandomAccessFile::GetStream(file_, 0, byte_count_));
  stream_ = raw;
  if (codec_) {
    VELARIA_ASSIGN_OR_RETURN(stream_, arrow::io::CompressedInputStream::Make(codec_.get(), raw));
  }
  filters_ = FiltersFor(name_, options_);
  begin_ = 0;
  window_.clear();
  ended_ = false;
  return Status::OK();
}

Status UnpackedText::ReadOn() {
  if (filters_.empty()) {
    const size_t size = window_.size();
    window_.resize(size + kStepBytes);
    auto read = stream_->Read(kStepBytes, window_.data() + size);
    window_.resize(size + static_cast<size_t>(read.ValueOr(0)));
    ended_ = read.ok() && *read == 0;
    return read.ok() ? Status::OK() : Damaged(read.status());
  }
  std::string piece(kStepBytes, '\0');
  auto read = stream_->Read(kStepBytes, piece.data());
  if (!read.ok()) return Damaged(read.status());
  piece.resize(static_cast<size_t>(*read));
  if (*read > 0) return Filter(0, std::move(piece));
  ended_ = true;
  for (size_t i = 0; i < filters_.size(); ++i) {
    std::string rest;
    VELARIA_RETURN_NOT_OK(filters_[i]->Finish(&rest));
    VELARIA_RETURN_NOT_OK(Filter(i + 1, std::move(rest)));
  }
  return Status::OK();
}

Status UnpackedText::Filter(size_t first, std::string piece) {
  for (size_t i = first; i < filters_.size(); ++i) {
    std::string changed;
    VELARIA_RETURN_NOT_OK(filters_[i]->Append(piece, &changed));
    piece = std::move(changed);
  }
  window_ += piece;
  return Status::OK();
}

Result<std::shared_ptr<arrow::Buffer>> UnpackedText::ReadAt(int64_t offset, int64_t length) {
  std::lock_guard lock(mutex_);
  if (offset < begin_) VELARIA_RETURN_NOT_OK(Restart());
  const int64_t end = offset + length;
  while (!ended_ && begin_ + static_cast<int64_t>(window_.size()) < end) {
    // What lies before the position is not asked for again.
    const auto before = std::min<int64_t>(offset - begin_, static_cast<int64_t>(window_.size()));
    if (before >= kStepBytes) {
      window_.erase(0, static_cast<size_t>(before));
      begin_ += before;
    }
    VELARIA_RETURN_NOT_OK(ReadOn());
  }
  const int64_t have = begin_ + static_cast<int64_t>(window_.size());
  const int64_t count = std::clamp<int64_t>(have - offset, 0, length);
  VELARIA_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> out, arrow::AllocateBuffer(count));
  if (count > 0) {
    std::copy_n(window_.data() + (offset - begin_), count,
                reinterpret_cast<char*>(out->mutable_data()));
  }
  return out;
}

Result<OpenedFile> OpenText(const AllowedRoots& roots, const std::string& path,
                            const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto file, roots.Open(path));
  const bool as_it_stands =
      CompressionOf(path, options.compression) == "none" && !NeedsFilters(options);
  if (as_it_stands || file.byte_count == 0) return file;
  VELARIA_ASSIGN_OR_RETURN(file.unpacked, UnpackedText::Open(file, options));
  file.stored_byte_count = file.byte_count;
  file.byte_count = kByteCountUnknown;
  return file;
}

int64_t EstimatedBytes(const OpenedFile& file, const FileOptions& options) {
  if (!file.unpacked) return file.byte_count;
  const bool is_packed = CompressionOf(file.name, options.compression) != "none";
  return file.stored_byte_count * (is_packed ? 5 : 1);
}

}  // namespace velaria::io
