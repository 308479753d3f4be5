// What a delimited text file says about itself: delimiter, header, column names and types.
#pragma once

#include <string>
#include <vector>

#include "io/open_file.hpp"

namespace velaria::io {

inline constexpr int64_t kCsvBlockBytes = int64_t{1} << 20;
/// Longest record; a quote that is never closed ends here instead of in memory.
inline constexpr int64_t kCsvRecordBytesMax = int64_t{64} << 20;
/// Files up to this size have their types inferred from every row.
inline constexpr int64_t kCsvFullInferenceBytesMax = int64_t{64} << 20;

struct CsvLayout {
  char delimiter = ',';
  bool has_header = false;
  std::vector<std::string> header;  // fields of the first record as they stand; empty without one
  int64_t data_offset = 0;          // behind the byte order mark and the header
  double record_bytes_mean = 1;
  SchemaPtr schema;
};

/// A layout without types, from the file's beginning alone.
struct CsvLook {
  CsvLayout layout;
  size_t count = 0;  // of columns
  std::shared_ptr<arrow::Buffer> head;
  std::string_view head_text;  // of it, from the header on
};
Result<CsvLook> LookAtCsv(const OpenedFile& file, const FileOptions& options);

/// VEL4002 for an empty file, for text that is no text, for a header that does not fit; VEL4005
/// when declared columns are not the file's.
Result<CsvLayout> SniffCsv(const OpenedFile& file, const FileOptions& options);

/// The schema with the given types of some of its columns. VEL4005 for a name that is none of them.
Result<SchemaPtr> WithTypes(const std::string& file, const arrow::Schema& schema,
                            const arrow::Schema& types);

/// Bytes [offset, offset + length) of the file, less at its end.
Result<std::shared_ptr<arrow::Buffer>> ReadBytes(const OpenedFile& file, int64_t offset,
                                                 int64_t length);

/// The file's beginning, at least one whole record of it unless the file holds none.
Result<std::shared_ptr<arrow::Buffer>> ReadHead(const OpenedFile& file, char delimiter);
/// Whether the head is the whole file.
bool IsWhole(const OpenedFile& file, const arrow::Buffer& head);
/// Length of the byte order mark.
int64_t ByteOrderMarkBytes(std::string_view head);
/// Where the header, or the first row, begins: behind the byte order mark and the lines to skip.
int64_t BeginOfRecords(std::string_view head, const FileOptions& options);
/// VEL4002 for what is no UTF-8 text at all: compressed, UTF-16, binary.
Status CheckIsText(const OpenedFile& file, std::string_view head);
/// Names as SQL can use them: an empty one is columnN, one that came before gets a number behind
/// it.
std::vector<std::string> UsableNames(const std::vector<std::string>& names);

}  // namespace velaria::io
