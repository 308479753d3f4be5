#include "io/csv_layout_cache.hpp"

#include <chrono>
#include <list>
#include <mutex>

namespace velaria::io {
namespace {

constexpr size_t kEntryCountMax = 64;
/// A file changed this recently may change again without a new time stamp.
constexpr int64_t kSettledAfterNs = 2'000'000'000;

struct Entry {
  std::string path;
  int64_t byte_count;
  int64_t modified_ns;
  std::string format;
  std::optional<char> delimiter;
  std::optional<bool> header;
  std::vector<std::string> null_texts;
  std::string compression;
  int64_t skip_lines;
  std::string encoding;
  CsvForm csv;
  CsvLayout layout;

  bool IsOf(const OpenedFile& file, const FileOptions& options) const {
    return path == file.resolved_path && byte_count == file.byte_count &&
           modified_ns == file.modified_ns && format == options.format &&
           delimiter == options.delimiter && header == options.header &&
           null_texts == options.null_texts && compression == options.compression &&
           skip_lines == options.skip_lines && encoding == options.encoding && csv == options.csv;
  }
};

struct Cache {
  std::mutex mutex;
  std::list<Entry> entries;  // the latest first
};

Cache& TheCache() {
  static Cache cache;
  return cache;
}

bool IsSettled(const OpenedFile& file) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  return now_ns - file.modified_ns > kSettledAfterNs;
}

}  // namespace

Result<CsvLayout> LayoutOf(const OpenedFile& file, const FileOptions& options) {
  // Declared columns need no look at the rows, and a file still being written must be read anew.
  if (options.declared || options.types || !IsSettled(file)) return SniffCsv(file, options);
  Cache& cache = TheCache();
  {
    std::lock_guard lock(cache.mutex);
    for (const Entry& entry : cache.entries) {
      if (entry.IsOf(file, options)) return entry.layout;
    }
  }
  VELARIA_ASSIGN_OR_RETURN(CsvLayout layout, SniffCsv(file, options));
  std::lock_guard lock(cache.mutex);
  cache.entries.push_front({file.resolved_path, file.byte_count, file.modified_ns, options.format,
                            options.delimiter, options.header, options.null_texts,
                            options.compression, options.skip_lines, options.encoding, options.csv,
                            layout});
  if (cache.entries.size() > kEntryCountMax) cache.entries.pop_back();
  return layout;
}

}  // namespace velaria::io
