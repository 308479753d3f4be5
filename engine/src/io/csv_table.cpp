#include "io/csv_table.hpp"

#include <arrow/array/builder_primitive.h>
#include <arrow/compute/cast.h>
#include <arrow/csv/converter.h>
#include <arrow/csv/parser.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "base/text.hpp"
#include "interop/array_rules.hpp"
#include "interop/schema_rules.hpp"
#include "io/csv_errors.hpp"
#include "io/csv_layout_cache.hpp"
#include "io/csv_records.hpp"
#include "io/csv_sniff.hpp"
#include "io/csv_tolerant.hpp"
#include "io/csv_types.hpp"
#include "io/unpacked_text.hpp"

namespace velaria::io {
namespace {

/// What a table and its scans share.
struct CsvFile {
  CsvLayout layout;
  FileOptions options;
  AllowedRoots roots;
  std::string name;
  bool empty_lines_are_rows = false;
  arrow::csv::ParseOptions parse;
  arrow::csv::ConvertOptions convert;
  CsvTexts texts;
};

class CsvScan : public FileScan {
 public:
  CsvScan(std::shared_ptr<const CsvFile> csv, OpenedFile file, int64_t data_offset,
          std::vector<int> columns)
      : csv_(std::move(csv)),
        file_(std::move(file)),
        columns_(std::move(columns)),
        offset_(data_offset),
        bytes_read_(data_offset),
        rejects_(csv_->options.rejects, file_.name) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (int column : columns_) fields.push_back(csv_->layout.schema->field(column));
    schema_ = arrow::schema(std::move(fields));
  }

  Result<std::optional<FileMorsel>> NextMorsel() override;
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> Read(const FileMorsel& morsel,
                                                                arrow::MemoryPool* pool) override;
  const SchemaPtr& schema() const override { return schema_; }
  int64_t bytes_total() const override {
    return file_.unpacked ? file_.stored_byte_count : file_.byte_count;
  }
  int64_t bytes_read() const override { return bytes_read_.load(std::memory_order_relaxed); }
  int64_t morsels_skipped() const override { return 0; }

 private:
  /// `text` are whole records from `offset` on.
  CsvBlock BlockOf(int64_t offset, std::string_view text) const {
    return {file_,
            offset,
            text,
            csv_->layout.delimiter,
            csv_->empty_lines_are_rows,
            csv_->options.form};
  }
  /// arrow::csv takes the end of the file for the end of a quote; here it is an error.
  Status CheckQuotesClose(std::string_view last_block) const;
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> ReadBlock(CsvBlock block,
                                                                     arrow::MemoryPool* pool) const;
  Result<std::shared_ptr<arrow::RecordBatch>> Convert(const arrow::csv::BlockParser& parser,
                                                      const CsvBlock& block,
                                                      arrow::MemoryPool* pool) const;
  bool IsDeclared(const arrow::Field& column) const {
    const FileOptions& options = csv_->options;
    if (options.declared) return true;
    const auto& types = options.types ? options.types->fields() : arrow::FieldVector{};
    return std::any_of(types.begin(), types.end(), [&](const auto& type) {
      return EqualsIgnoreCase(type->name(), column.name());
    });
  }
  /// The values of a column whose dates or times are of a format of their own.
  Result<std::shared_ptr<arrow::Array>> ParseTimes(const arrow::StringArray& texts,
                                                   const dates::Format& format,
                                                   const CsvBlock& block, const arrow::Field& field,
                                                   arrow::MemoryPool* pool) const;

  const std::shared_ptr<const CsvFile> csv_;
  const OpenedFile file_;
  const std::vector<int> columns_;
  SchemaPtr schema_;
  std::mutex mutex_;  // guards the next four: blocks are cut one after another
  int64_t offset_;
  int64_t lines_ = -1;                        // before offset_, when rows may be rejected
  std::map<uint64_t, int64_t> lines_before_;  // then: of the morsels that are not read yet
  uint64_t sequence_ = 0;
  std::atomic<int64_t> bytes_read_;
  RejectCounter rejects_;
};

Result<std::optional<FileMorsel>> CsvScan::NextMorsel() {
  std::lock_guard lock(mutex_);
  if (offset_ >= file_.byte_count) return std::nullopt;
  if (csv_->options.ignore_errors && lines_ < 0) {
    VELARIA_ASSIGN_OR_RETURN(lines_, LinesBefore(file_, offset_));
  }
  for (int64_t length = kCsvBlockBytes;; length *= 2) {
    length = std::min(length, file_.byte_count - offset_);
    VELARIA_ASSIGN_OR_RETURN(auto bytes, ReadBytes(file_, offset_, length));
    const bool ends_here = bytes->size() < length;
    if (ends_here && !file_.unpacked) {
      return Fail(ErrorCode::kFileIo, "file shrank while it was read: " + file_.name);
    }
    length = bytes->size();
    if (length == 0) return std::nullopt;
    const bool is_last = ends_here || offset_ + length >= file_.byte_count;
    const int64_t end =
        is_last ? length : LastRecordEnd(std::string_view(*bytes), csv_->layout.delimiter);
    if (end == 0 && length < kCsvRecordBytesMax) continue;
    FileMorsel morsel;
    morsel.sequence = sequence_;
    morsel.offset = offset_;
    morsel.bytes = arrow::SliceBuffer(std::move(bytes), 0, end == 0 ? length : end);
    if (end == 0 || morsel.bytes->size() > kCsvRecordBytesMax) {
      return RaggedRecordError(BlockOf(offset_, std::string_view(*morsel.bytes)),
                               csv_->layout.schema->num_fields(),
                               Status::Invalid("a record is too long"));
    }
    if (is_last && !csv_->options.ignore_errors) {
      VELARIA_RETURN_NOT_OK(CheckQuotesClose(std::string_view(*morsel.bytes)));
    }
    ++sequence_;
    if (lines_ >= 0) {
      lines_before_[morsel.sequence] = lines_;
      lines_ += CountLineEnds(std::string_view(*morsel.bytes));
    }
    offset_ += end;
    bytes_read_.fetch_add(end, std::memory_order_relaxed);
    return morsel;
  }
}

Status CsvScan::CheckQuotesClose(std::string_view last_block) const {
  const char delimiter = csv_->layout.delimiter;
  const int64_t end = LastRecordEnd(last_block, delimiter);
  CsvRecordScanner scanner(last_block.substr(end), delimiter);
  std::vector<CsvField> fields;
  while (scanner.Next(&fields)) {
    if (!scanner.open_quote()) continue;
    return RaggedRecordError(BlockOf(offset_ + end, last_block.substr(end)),
                             csv_->layout.schema->num_fields(), Status::OK());
  }
  return Status::OK();
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> CsvScan::Read(const FileMorsel& morsel,
                                                                       arrow::MemoryPool* pool) {
  const int field_count = csv_->layout.schema->num_fields();
  const CsvBlock block = BlockOf(morsel.offset, std::string_view(*morsel.bytes));
  if (csv_->options.ignore_errors) {
    int64_t lines_before;
    {
      std::lock_guard lock(mutex_);
      lines_before = lines_before_.extract(morsel.sequence).mapped();
    }
    return ReadTolerant(block, field_count, lines_before, &rejects_,
                        [&](const CsvBlock& part) { return ReadBlock(part, pool); });
  }
  return ReadBlock(block, pool);
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> CsvScan::ReadBlock(
    CsvBlock block, arrow::MemoryPool* pool) const {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  const int field_count = csv_->layout.schema->num_fields();
  // arrow::csv takes the text for a part of the field.
  if (HasTextBehindQuote(block.text, block.delimiter)) {
    return RaggedRecordError(block, field_count, Status::Invalid(kTextBehindQuote));
  }
  while (!block.text.empty()) {
    // At most arrow::csv::kMaxParserNumRows rows a round; a block of very short rows takes several.
    arrow::csv::BlockParser parser(pool, csv_->parse, field_count);
    uint32_t parsed = 0;
    const Status status = parser.ParseFinal(block.text, &parsed);
    if (!status.ok()) return RaggedRecordError(block, field_count, status);
    if (parsed == 0) break;
    if (parser.num_rows() > 0) {
      VELARIA_ASSIGN_OR_RETURN(auto batch, Convert(parser, block, pool));
      batches.push_back(std::move(batch));
    }
    block.text.remove_prefix(parsed);
    block.offset += parsed;
  }
  return batches;
}

Result<std::shared_ptr<arrow::RecordBatch>> CsvScan::Convert(const arrow::csv::BlockParser& parser,
                                                             const CsvBlock& block,
                                                             arrow::MemoryPool* pool) const {
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  std::vector<int> columns = columns_;
  if (csv_->options.ignore_errors) {
    // Which rows fit must not depend on the columns that a query reads.
    for (int i = 0; i < csv_->layout.schema->num_fields(); ++i) {
      if (std::find(columns_.begin(), columns_.end(), i) == columns_.end()) columns.push_back(i);
    }
  }
  for (int column : columns) {
    const auto& field = *csv_->layout.schema->field(column);
    const auto* format = csv_->texts.FormatOf(*field.type());
    auto array = ConvertCsvColumn(parser, column, format ? arrow::utf8() : field.type(),
                                  csv_->convert, pool);
    if (!array.ok()) {
      return BadValueError(block, column, field, IsDeclared(field), csv_->convert, array.status());
    }
    if (format) {
      const auto texts = std::static_pointer_cast<arrow::StringArray>(*array);
      VELARIA_ASSIGN_OR_RETURN(array, ParseTimes(*texts, *format, block, field, pool));
    }
    if (auto status = interop::CheckTimes(field.name(), *(*array)->data()); !status.ok()) {
      return Fail(ErrorCode::kFileFormat, file_.name + ": " + ErrorInfoOf(status).message);
    }
    if (!field.nullable() && (*array)->null_count() > 0) {
      return Fail(ErrorCode::kFileFormat,
                  "a column declared NOT NULL holds nulls in " + file_.name + ": " + field.name());
    }
    arrays.push_back(std::move(*array));
  }
  arrays.resize(columns_.size());
  return arrow::RecordBatch::Make(schema_, parser.num_rows(), std::move(arrays));
}

Result<std::shared_ptr<arrow::Array>> CsvScan::ParseTimes(const arrow::StringArray& texts,
                                                          const dates::Format& format,
                                                          const CsvBlock& block,
                                                          const arrow::Field& field,
                                                          arrow::MemoryPool* pool) const {
  const bool is_date = field.type()->id() == arrow::Type::DATE32;
  const auto& form = csv_->options.csv;
  arrow::Int64Builder values(pool);
  VELARIA_RETURN_NOT_OK(values.Reserve(texts.length()));
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsNull(i)) {
      values.UnsafeAppendNull();
      continue;
    }
    const auto read = dates::ReadMoment(format, texts.GetView(i), 1900, is_date);
    if (!read.ok() || !*read) {
      return BadTimeError(block, i, field, texts.GetString(i),
                          is_date ? form.date_format : form.timestamp_format);
    }
    values.UnsafeAppend(**read);
  }
  VELARIA_ASSIGN_OR_RETURN(auto array, values.Finish());
  arrow::compute::ExecContext context(pool);
  auto from = arrow::int32();
  if (!is_date) {
    const auto& type = static_cast<const arrow::TimestampType&>(*field.type());
    from = arrow::timestamp(arrow::TimeUnit::MICRO, type.timezone());
    VELARIA_ASSIGN_OR_RETURN(array, array->View(from));
  } else {
    VELARIA_ASSIGN_OR_RETURN(
        array, arrow::compute::Cast(*array, from, arrow::compute::CastOptions::Safe(), &context));
  }
  auto options = arrow::compute::CastOptions::Safe();
  options.allow_time_truncate = true;  // to a column of seconds, as CAST
  return arrow::compute::Cast(*array, field.type(), options, &context);
}

class CsvTable : public FileTable {
 public:
  CsvTable(std::shared_ptr<const CsvFile> csv, int64_t byte_count)
      : csv_(std::move(csv)), byte_count_(byte_count) {}

  const SchemaPtr& schema() const override { return csv_->layout.schema; }
  const std::string& name() const override { return csv_->name; }
  const char* format() const override { return csv_->layout.delimiter == '\t' ? "tsv" : "csv"; }
  int64_t estimated_row_count() const override {
    return static_cast<int64_t>((byte_count_ - csv_->layout.data_offset) /
                                csv_->layout.record_bytes_mean);
  }
  bool skips_by_predicates() const override { return false; }

  Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                         arrow::MemoryPool*) const override {
    VELARIA_ASSIGN_OR_RETURN(auto file, OpenText(csv_->roots, csv_->name, csv_->options));
    VELARIA_ASSIGN_OR_RETURN(const int64_t data_offset, DataOffset(file));
    return std::unique_ptr<FileScan>(new CsvScan(csv_, std::move(file), data_offset, spec.columns));
  }

 private:
  /// Behind the mark and the header, which must be the header that was there at first.
  Result<int64_t> DataOffset(const OpenedFile& file) const {
    const CsvLayout& layout = csv_->layout;
    VELARIA_ASSIGN_OR_RETURN(auto bytes, ReadHead(file, layout.delimiter));
    const int64_t mark = BeginOfRecords(std::string_view(*bytes), csv_->options);
    if (!layout.has_header) return mark;
    CsvRecordScanner scanner(std::string_view(*bytes).substr(mark), layout.delimiter);
    std::vector<CsvField> fields;
    bool same = scanner.Next(&fields) && fields.size() == layout.header.size();
    for (size_t i = 0; same && i < fields.size(); ++i) same = fields[i].Text() == layout.header[i];
    if (!same)
      return Fail(ErrorCode::kFileFormat, "file has another header than before: " + file.name);
    return mark + scanner.position();
  }

  std::shared_ptr<const CsvFile> csv_;
  int64_t byte_count_;
};

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenCsv(const OpenedFile& file, const AllowedRoots& roots,
                                                 const FileOptions& options) {
  auto csv = std::make_shared<CsvFile>();
  VELARIA_ASSIGN_OR_RETURN(csv->layout, LayoutOf(file, options));
  csv->options = options;
  csv->roots = roots;
  csv->name = file.name;
  VELARIA_ASSIGN_OR_RETURN(csv->texts, CsvTexts::Of(options));
  csv->parse = arrow::csv::ParseOptions::Defaults();
  csv->parse.delimiter = csv->layout.delimiter;
  csv->parse.newlines_in_values = true;
  // In more columns an empty line would lack fields. A comment leaves its line empty.
  csv->empty_lines_are_rows = csv->layout.schema->num_fields() == 1 && options.csv.comment == '\0';
  csv->parse.ignore_empty_lines = !csv->empty_lines_are_rows;
  csv->convert = arrow::csv::ConvertOptions::Defaults();
  csv->convert.null_values = {""};
  for (const auto& text : options.null_texts) csv->convert.null_values.push_back(text);
  csv->convert.strings_can_be_null = true;
  csv->convert.quoted_strings_can_be_null = false;
  csv->convert.true_values = {"true", "TRUE", "True", "t", "1"};
  csv->convert.false_values = {"false", "FALSE", "False", "f", "0"};
  for (const auto& field : csv->layout.schema->fields()) {
    if (arrow::csv::Converter::Make(field->type(), csv->convert).ok()) continue;
    return Fail(ErrorCode::kFileFormat,
                "column " + field->name() + " of " + file.name +
                    " has a type that CSV cannot hold: " + SqlName(*field->type()));
  }
  // Text is packed to about a fifth: what the number of rows is estimated from.
  const int64_t bytes = EstimatedBytes(file, options);
  return std::make_shared<const CsvTable>(std::move(csv), bytes);
}

}  // namespace velaria::io
