#include "io/csv_infer.hpp"

#include <limits>

#include "io/csv_records.hpp"

namespace velaria::io {
namespace {

constexpr int kSampleCount = 64;
constexpr int64_t kSampleBytes = int64_t{64} << 10;

class KindCollector {
 public:
  KindCollector(const CsvLayout& layout, size_t column_count, const CsvTexts& texts,
                int64_t record_count_max)
      : delimiter_(layout.delimiter),
        texts_(texts),
        records_left_(record_count_max),
        kinds_(column_count, CsvKind::kNull) {}

  /// Every record of a text that begins and ends with one. Ragged records are the reader's to
  /// report.
  void AddRecords(std::string_view text) {
    CsvRecordScanner scanner(text, delimiter_);
    while (records_left_ > 0 && scanner.Next(&fields_)) {
      --records_left_;
      AddFields();
    }
  }

  /// The records of a piece cut out anywhere: from its first line end to its last record that is
  /// whole. A piece that does not look like records (it may begin inside quotes) teaches nothing.
  void AddPiece(std::string_view text) {
    const size_t line_end = text.find('\n');
    if (line_end == std::string_view::npos) return;
    text.remove_prefix(line_end + 1);
    const int64_t end = LastRecordEnd(text, delimiter_);
    CsvRecordScanner check(text.substr(0, end), delimiter_);
    while (check.Next(&fields_)) {
      if (fields_.size() != kinds_.size()) return;
    }
    AddRecords(text.substr(0, end));
  }

  bool has_enough() const { return records_left_ == 0; }
  std::vector<CsvKind> kinds() const { return kinds_; }

 private:
  void AddFields() {
    const size_t count = std::min(fields_.size(), kinds_.size());
    for (size_t i = 0; i < count; ++i) {
      if (kinds_[i] == CsvKind::kText) continue;
      kinds_[i] = CommonKind(kinds_[i], KindOfField(fields_[i], texts_), texts_);
    }
  }

  char delimiter_;
  const CsvTexts& texts_;
  int64_t records_left_;
  std::vector<CsvKind> kinds_;
  std::vector<CsvField> fields_;
};

}  // namespace

Result<std::vector<CsvKind>> InferKinds(const OpenedFile& file, const CsvLayout& layout,
                                        size_t column_count, const CsvTexts& texts,
                                        int64_t sample_rows) {
  const bool all_asked = sample_rows < 0;
  KindCollector collector(layout, column_count, texts,
                          sample_rows > 0 ? sample_rows : std::numeric_limits<int64_t>::max());
  // What is compressed has no samples across it: its beginning is read, and no more.
  const bool packed = file.byte_count == kByteCountUnknown;
  const bool all_rows =
      all_asked || sample_rows > 0 || file.byte_count <= kCsvFullInferenceBytesMax;
  const int64_t stop = all_asked || sample_rows > 0 ? file.byte_count
                       : packed                     ? layout.data_offset + kCsvFullInferenceBytesMax
                       : all_rows                   ? file.byte_count
                                                    : layout.data_offset + kCsvBlockBytes;
  int64_t block_bytes = kCsvBlockBytes;
  for (int64_t offset = layout.data_offset; offset < stop && !collector.has_enough();) {
    VELARIA_ASSIGN_OR_RETURN(auto block, ReadBytes(file, offset, block_bytes));
    if (block->size() == 0) break;
    const bool last = block->size() < block_bytes || offset + block->size() >= file.byte_count;
    const int64_t end =
        last ? block->size() : LastRecordEnd(std::string_view(*block), layout.delimiter);
    if (end == 0) {
      if (block_bytes >= kCsvRecordBytesMax) break;  // the reader reports the endless record
      block_bytes *= 2;
      continue;
    }
    collector.AddRecords(std::string_view(*block).substr(0, end));
    offset += end;
  }
  if (!all_rows && !packed) {
    for (int i = 1; i <= kSampleCount; ++i) {
      const int64_t offset = (file.byte_count - kSampleBytes) / kSampleCount * i;
      VELARIA_ASSIGN_OR_RETURN(auto piece, ReadBytes(file, offset, kSampleBytes));
      collector.AddPiece(std::string_view(*piece));
    }
  }
  return collector.kinds();
}

}  // namespace velaria::io
