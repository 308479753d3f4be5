// What tests of files share: a folder of their own, and a whole scan read by two threads.
#pragma once

#include <arrow/api.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "io/open_file.hpp"

namespace velaria::io {

namespace fs = std::filesystem;
using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

/// A directory of its own for one test, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "velaria_io_XXXXXX").string();
    path_ = fs::canonical(::mkdtemp(name.data()));
  }
  ~Folder() { fs::remove_all(path_); }
  std::string Write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline ErrorInfo ErrorOf(const Status& status) {
  return status.ok() ? ErrorInfo{ErrorCode::kInternal, "no error", "", "", {}}
                     : ErrorInfoOf(status);
}

inline FileOptions Options(const GivenOptions& options, SchemaPtr declared = nullptr,
                           const std::string& format = "") {
  return ParseFileOptions(format, options, std::move(declared)).ValueOrDie();
}

/// All rows of a scan in file order, read by two threads.
inline Result<std::shared_ptr<arrow::Table>> ReadAll(FileScan& scan) {
  std::mutex mutex;
  std::map<uint64_t, Batches> by_sequence;
  Status failure;
  const auto work = [&] {
    while (true) {
      auto morsel = scan.NextMorsel();
      auto batches = morsel.ok() && *morsel ? scan.Read(**morsel, arrow::default_memory_pool())
                                            : Result<Batches>(Batches{});
      std::lock_guard lock(mutex);
      if (failure.ok()) failure = morsel.ok() ? batches.status() : morsel.status();
      if (!failure.ok() || !*morsel) return;
      by_sequence[(*morsel)->sequence] = *batches;
    }
  };
  std::thread other(work);
  work();
  other.join();
  VELARIA_RETURN_NOT_OK(failure);
  Batches all;
  for (const auto& [sequence, batches] : by_sequence)
    all.insert(all.end(), batches.begin(), batches.end());
  return arrow::Table::FromRecordBatches(scan.schema(), all);
}

inline Result<std::shared_ptr<arrow::Table>> ReadFile(
    const std::string& path, const FileOptions& options = {},
    std::optional<std::vector<int>> columns = std::nullopt) {
  VELARIA_ASSIGN_OR_RETURN(auto table, OpenFile(path, AllowedRoots(), options));
  FileScanSpec spec;
  for (int i = 0; i < table->schema()->num_fields(); ++i) spec.columns.push_back(i);
  if (columns) spec.columns = *columns;
  VELARIA_ASSIGN_OR_RETURN(auto scan, table->Open(spec, arrow::default_memory_pool()));
  return ReadAll(*scan);
}

}  // namespace velaria::io
