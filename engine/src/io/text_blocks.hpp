// Cuts a text file into blocks of about a megabyte that end with a record, one after another. What
// a record is, the reader of the format says.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "io/csv_errors.hpp"
#include "io/csv_records.hpp"
#include "io/csv_sniff.hpp"
#include "io/file_table.hpp"

namespace velaria::io {

inline std::string_view ViewOf(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())};
}

/// Lines of places in a block that are asked for in their order.
class LineCounter {
 public:
  LineCounter(std::string_view block, int64_t first_line) : block_(block), line_(first_line) {}
  int64_t LineAt(int64_t position) {
    line_ +=
        CountLineEnds(block_.substr(static_cast<size_t>(at_), static_cast<size_t>(position - at_)));
    at_ = position;
    return line_;
  }

 private:
  const std::string_view block_;
  int64_t line_;
  int64_t at_ = 0;
};

class TextBlocks {
 public:
  /// Bytes of a block up to the end of its last whole record; 0 when it has none. `first`: the
  /// block begins the records; `is_last`: it ends the file.
  using LastEnd = std::function<Result<int64_t>(std::string_view block, bool first, bool is_last)>;

  /// `count_lines`: TakeLine() will be asked for, of each block once.
  TextBlocks(OpenedFile file, int64_t offset, LastEnd last_end, bool count_lines)
      : file_(std::move(file)),
        begin_(offset),
        offset_(offset),
        bytes_read_(offset),
        last_end_(std::move(last_end)),
        count_lines_(count_lines) {}

  Result<std::optional<FileMorsel>> Next() {
    std::lock_guard lock(mutex_);
    for (int64_t length = kCsvBlockBytes; !ended_; length *= 2) {
      VELARIA_ASSIGN_OR_RETURN(auto bytes, ReadBytes(file_, offset_, length));
      const bool is_last = bytes->size() < length;
      VELARIA_ASSIGN_OR_RETURN(const int64_t end,
                               last_end_(ViewOf(*bytes), offset_ == begin_, is_last));
      if (end == 0 && !is_last) {
        if (length < kCsvRecordBytesMax) continue;
        return Fail(ErrorCode::kFileFormat, "a record is longer than " +
                                                std::to_string(kCsvRecordBytesMax >> 20) +
                                                " MB in: " + file_.name);
      }
      ended_ = is_last;
      if (end == 0) return std::nullopt;
      FileMorsel morsel;
      morsel.sequence = sequence_++;
      morsel.offset = offset_;
      morsel.bytes = arrow::SliceBuffer(std::move(bytes), 0, end);
      if (count_lines_) VELARIA_RETURN_NOT_OK(CountLines(morsel));
      offset_ += end;
      bytes_read_.store(offset_, std::memory_order_relaxed);
      return morsel;
    }
    return std::nullopt;
  }

  /// The 1-based line on which a block begins.
  int64_t TakeLine(uint64_t sequence) {
    std::lock_guard lock(mutex_);
    return lines_of_.extract(sequence).mapped();
  }

  const OpenedFile& file() const { return file_; }
  int64_t bytes_total() const {
    return file_.unpacked ? file_.stored_byte_count : file_.byte_count;
  }
  int64_t bytes_read() const { return bytes_read_.load(std::memory_order_relaxed); }

 private:
  Status CountLines(const FileMorsel& morsel) {
    if (line_ == 0) {
      VELARIA_ASSIGN_OR_RETURN(const int64_t before, LinesBefore(file_, begin_));
      line_ = before + 1;
    }
    lines_of_[morsel.sequence] = line_;
    line_ += CountLineEnds(ViewOf(*morsel.bytes));
    return Status::OK();
  }

  const OpenedFile file_;
  const int64_t begin_;
  std::mutex mutex_;  // guards the next five
  int64_t offset_;
  uint64_t sequence_ = 0;
  bool ended_ = false;
  int64_t line_ = 0;                      // of offset_; 0: not counted yet
  std::map<uint64_t, int64_t> lines_of_;  // of the blocks that are not read yet
  std::atomic<int64_t> bytes_read_;
  const LastEnd last_end_;
  const bool count_lines_;
};

}  // namespace velaria::io
