#include "io/unpacked_text.hpp"

#include <arrow/buffer.h>

#include "base/text.hpp"

namespace velaria::io {

Result<std::shared_ptr<UnpackedText>> UnpackedText::Open(const OpenedFile& file,
                                                         const std::string& compression) {
  const auto kind = compression == "gzip" ? arrow::Compression::GZIP : arrow::Compression::ZSTD;
  VELARIA_ASSIGN_OR_RETURN(auto codec, arrow::util::Codec::Create(kind));
  std::shared_ptr<UnpackedText> text(
      new UnpackedText(file.file, file.byte_count, file.name, std::move(codec)));
  VELARIA_RETURN_NOT_OK(text->Restart());
  return text;
}

Status UnpackedText::Damaged(const Status& cause) const {
  if (cause.IsOutOfMemory()) return cause;
  return Fail(ErrorCode::kFileFormat, "compressed file is damaged or cut short: " + name_, "",
              FirstLine(cause.message()));
}

Status UnpackedText::Restart() {
  VELARIA_ASSIGN_OR_RETURN(auto raw, arrow::io::RandomAccessFile::GetStream(file_, 0, byte_count_));
  VELARIA_ASSIGN_OR_RETURN(stream_, arrow::io::CompressedInputStream::Make(codec_.get(), raw));
  begin_ = 0;
  window_.clear();
  ended_ = false;
  return Status::OK();
}

Result<std::shared_ptr<arrow::Buffer>> UnpackedText::ReadAt(int64_t offset, int64_t length) {
  constexpr int64_t kStepBytes = int64_t{1} << 18;
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
    const size_t size = window_.size();
    window_.resize(size + kStepBytes);
    auto read = stream_->Read(kStepBytes, window_.data() + size);
    if (!read.ok()) {
      window_.resize(size);
      return Damaged(read.status());
    }
    window_.resize(size + static_cast<size_t>(*read));
    ended_ = *read == 0;
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
                            const std::string& compression) {
  VELARIA_ASSIGN_OR_RETURN(auto file, roots.Open(path));
  if (compression == "none" || file.byte_count == 0) return file;
  VELARIA_ASSIGN_OR_RETURN(file.unpacked, UnpackedText::Open(file, compression));
  file.stored_byte_count = file.byte_count;
  file.byte_count = kByteCountUnknown;
  return file;
}

}  // namespace velaria::io
