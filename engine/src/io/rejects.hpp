// Rows that a reading left out because it was told to (ignore_errors, lines that a pattern does not
// match). Nothing is dropped in silence: each reading that rejects rows is one entry here, which
// system.rejects shows.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace velaria::io {

struct RejectEntry {
  std::string file;
  int64_t rejected_rows = 0;
  int64_t first_line = 0;  // 0: unknown
  std::string first_reason;
};

/// The latest readings of one database that rejected rows, the oldest first. Safe from many
/// threads.
class RejectLog {
 public:
  static constexpr size_t kEntryCountMax = 1000;

  std::shared_ptr<RejectEntry> Begin(const std::string& file) {
    std::lock_guard lock(mutex_);
    if (entries_.size() == kEntryCountMax) entries_.pop_front();
    entries_.push_back(std::make_shared<RejectEntry>(RejectEntry{file, 0, 0, ""}));
    return entries_.back();
  }
  void Add(RejectEntry* entry, int64_t line, const std::string& reason) {
    std::lock_guard lock(mutex_);
    // Blocks are read in any order: the first is the one with the lowest line.
    if (entry->rejected_rows++ == 0 || (line > 0 && line < entry->first_line)) {
      entry->first_line = line;
      entry->first_reason = reason;
    }
  }
  std::vector<RejectEntry> Entries() const {
    std::lock_guard lock(mutex_);
    std::vector<RejectEntry> out;
    for (const auto& entry : entries_) out.push_back(*entry);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<RejectEntry>> entries_;
};

/// The rejects of one scan: an entry is made with the first of them.
class RejectCounter {
 public:
  RejectCounter(std::shared_ptr<RejectLog> log, std::string file)
      : log_(std::move(log)), file_(std::move(file)) {}
  void Add(int64_t line, const std::string& reason) {
    if (!log_) return;
    std::call_once(begun_, [this] { entry_ = log_->Begin(file_); });
    log_->Add(entry_.get(), line, reason);
  }

 private:
  const std::shared_ptr<RejectLog> log_;
  const std::string file_;
  std::once_flag begun_;
  std::shared_ptr<RejectEntry> entry_;
};

}  // namespace velaria::io
