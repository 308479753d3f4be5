// Writes rows to one file. Order of calls: Encode() of any batch, by many threads at once; Write()
// of what came of it, in row order, one call at a time; Finish() behind the last; Commit(). Letting
// go of a writer before Commit() leaves nothing behind.
#pragma once

#include <arrow/record_batch.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "functions/registry.hpp"
#include "io/file_words.hpp"
#include "io/output_file.hpp"

namespace velaria::io {

struct WriteOptions {
  std::string format;  // "csv", "tsv", "json_lines", "json_array", "parquet" or "arrow"
  char delimiter = ',';
  char quote = '"', escape = '"';
  bool header = true;
  std::string null_text;    // csv: how NULL is written
  std::string compression;  // text: "none", "gzip", "zstd"; parquet and arrow: a codec of theirs
};

/// Options of COPY ... TO; the format is FORMAT's or, without it, the path's ending. VEL4004 for an
/// unknown key or a wrong value, at its place.
Result<WriteOptions> ParseWriteOptions(const std::string& path, const GivenOptions& options);

/// Rows on their way into a file.
struct EncodedRows {
  std::shared_ptr<arrow::Buffer> text;        // of text formats
  std::shared_ptr<arrow::RecordBatch> batch;  // of the others
  int64_t row_count = 0;

  int64_t byte_count() const;
};

class FileWriter {
 public:
  virtual ~FileWriter() = default;
  virtual Result<EncodedRows> Encode(std::shared_ptr<arrow::RecordBatch> batch,
                                     const FunctionContext& context) const = 0;
  virtual Status Write(const EncodedRows& rows) = 0;
  virtual Status Finish() = 0;
  Status Commit() { return file_->Commit(); }
  void Discard() { file_->Discard(); }

 protected:
  explicit FileWriter(std::unique_ptr<OutputFile> file) : file_(std::move(file)) {}
  std::unique_ptr<OutputFile> file_;
};

/// VEL2016 for a column whose type the format cannot hold.
Result<std::unique_ptr<FileWriter>> OpenWriter(const std::string& path, const AllowedRoots& roots,
                                               const WriteOptions& options, const SchemaPtr& schema,
                                               arrow::MemoryPool* pool);

// The kinds of them; OpenWriter chooses.
Result<std::unique_ptr<FileWriter>> OpenTextWriter(std::unique_ptr<OutputFile> file,
                                                   const WriteOptions& options,
                                                   const SchemaPtr& schema);
Result<std::unique_ptr<FileWriter>> OpenParquetWriter(std::unique_ptr<OutputFile> file,
                                                      const WriteOptions& options,
                                                      const SchemaPtr& schema,
                                                      arrow::MemoryPool* pool);
Result<std::unique_ptr<FileWriter>> OpenArrowWriter(std::unique_ptr<OutputFile> file,
                                                    const WriteOptions& options,
                                                    const SchemaPtr& schema,
                                                    arrow::MemoryPool* pool);

}  // namespace velaria::io
