#include "io/csv_tolerant.hpp"

namespace velaria::io {
namespace {

struct Record {
  int64_t begin, end;  // in the block
  int64_t line;        // of the block
};

class TolerantReader {
 public:
  TolerantReader(const CsvBlock& block, int64_t lines_before, RejectCounter* rejects,
                 const ReadCsvBlock& read)
      : block_(block), lines_before_(lines_before), rejects_(rejects), read_(read) {}

  Result<CsvBatches> Run(int field_count) {
    CsvRecordScanner scanner = block_.Records();
    std::vector<CsvField> fields;
    while (scanner.Next(&fields)) {
      const Record record{scanner.record_begin(), scanner.position(), scanner.line()};
      if (scanner.open_quote()) {
        Reject(record, "a quote is open to the end");
      } else if (scanner.text_behind_quote()) {
        Reject(record, kTextBehindQuote);
      } else if (static_cast<int>(fields.size()) != field_count) {
        Reject(record, "the number of fields is not " + std::to_string(field_count) + ": " +
                           std::to_string(fields.size()));
      } else {
        records_.push_back(record);
      }
    }
    // Runs of records that lie side by side are read in one go.
    for (size_t from = 0; from < records_.size();) {
      size_t to = from + 1;
      while (to < records_.size() && records_[to].begin == records_[to - 1].end) ++to;
      VELARIA_RETURN_NOT_OK(Read(from, to));
      from = to;
    }
    return std::move(batches_);
  }

 private:
  void Reject(const Record& record, const std::string& reason) {
    rejects_->Add(lines_before_ + record.line, reason);
  }

  Status Read(size_t from, size_t to) {
    const int64_t begin = records_[from].begin;
    const CsvBlock part{block_.file,
                        block_.offset + begin,
                        block_.text.substr(static_cast<size_t>(begin),
                                           static_cast<size_t>(records_[to - 1].end - begin)),
                        block_.delimiter,
                        block_.empty_lines_are_rows,
                        block_.form,
                        lines_before_ + records_[from].line - 1,
                        to - from == 1};
    auto batches = read_(part);
    if (batches.ok()) {
      for (auto& batch : *batches) batches_.push_back(std::move(batch));
      return Status::OK();
    }
    const ErrorInfo error = ErrorInfoOf(batches.status());
    if (error.code != ErrorCode::kFileFormat) return batches.status();
    if (to - from == 1) {
      Reject(records_[from], error.message);
      return Status::OK();
    }
    const size_t middle = from + (to - from) / 2;
    VELARIA_RETURN_NOT_OK(Read(from, middle));
    return Read(middle, to);
  }

  const CsvBlock& block_;
  const int64_t lines_before_;
  RejectCounter* const rejects_;
  const ReadCsvBlock& read_;
  std::vector<Record> records_;
  CsvBatches batches_;
};

}  // namespace

Result<CsvBatches> ReadTolerant(const CsvBlock& block, int field_count, int64_t lines_before,
                                RejectCounter* rejects, const ReadCsvBlock& read) {
  auto whole = read({block.file, block.offset, block.text, block.delimiter,
                     block.empty_lines_are_rows, block.form, lines_before, false});
  // A quote that is open to the end reads as a value; it is one of the faults.
  if (whole.ok() && block.text.find('"') == std::string_view::npos) return whole;
  if (!whole.ok() && ErrorInfoOf(whole.status()).code != ErrorCode::kFileFormat) return whole;
  return TolerantReader(block, lines_before, rejects, read).Run(field_count);
}

}  // namespace velaria::io
