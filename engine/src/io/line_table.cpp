#include "io/line_table.hpp"

#include <arrow/builder.h>
#include <arrow/compute/api.h>

#include "base/text.hpp"
#include "functions/utf8.hpp"
#include "interop/array_rules.hpp"
#include "interop/ingest_gate.hpp"
#include "interop/schema_rules.hpp"
#include "io/csv_errors.hpp"
#include "io/csv_types.hpp"
#include "io/line_split.hpp"
#include "io/unpacked_text.hpp"

namespace velaria::io {
namespace {

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

struct LineFile {
  std::shared_ptr<const LineSplitter> splitter;
  FileOptions options;
  AllowedRoots roots;
  std::string name;
  SchemaPtr schema;
  double record_bytes_mean = 1;
};

int64_t LastLineEnd(std::string_view block, bool is_last) {
  if (is_last) return static_cast<int64_t>(block.size());
  const size_t end = block.rfind('\n');
  return end == std::string_view::npos ? 0 : static_cast<int64_t>(end) + 1;
}

TextBlocks BlocksOf(OpenedFile file, int64_t offset, bool count_lines) {
  return TextBlocks(
      std::move(file), offset,
      [](std::string_view block, bool, bool is_last) -> Result<int64_t> {
        return LastLineEnd(block, is_last);
      },
      count_lines);
}

Status BadLine(const OpenedFile& file, int64_t position, const std::string& why,
               std::string hint = "") {
  VELARIA_ASSIGN_OR_RETURN(const int64_t before, LinesBefore(file, position));
  return Fail(ErrorCode::kFileFormat,
              "line " + std::to_string(before + 1) + " of " + file.name + why, std::move(hint));
}

Status CheckUtf8(const OpenedFile& file, std::string_view block, int64_t offset) {
  if (utf8::IsValid(block)) return Status::OK();
  for (size_t at = 0; at < block.size();) {
    const size_t end = std::min(block.find('\n', at), block.size());
    if (!utf8::IsValid(block.substr(at, end - at))) {
      return BadLine(file, offset + static_cast<int64_t>(at), std::string(", ") + kNotUtf8,
                     kSayEncoding);
    }
    at = end + 1;
  }
  return Status::OK();
}

class LineScan final : public FileScan {
 public:
  LineScan(std::shared_ptr<const LineFile> line, OpenedFile file, int64_t offset,
           std::vector<int> columns)
      : line_(std::move(line)),
        columns_(std::move(columns)),
        rejects_(line_->options.rejects, file.name),
        blocks_(BlocksOf(std::move(file), offset, IsRegex())) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (int column : columns_) fields.push_back(line_->schema->field(column));
    schema_ = arrow::schema(std::move(fields));
  }

  Result<std::optional<FileMorsel>> NextMorsel() override { return blocks_.Next(); }
  Result<Batches> Read(const FileMorsel& morsel, arrow::MemoryPool* pool) override;
  const SchemaPtr& schema() const override { return schema_; }
  int64_t bytes_total() const override { return blocks_.bytes_total(); }
  int64_t bytes_read() const override { return blocks_.bytes_read(); }
  int64_t morsels_skipped() const override { return 0; }

 private:
  bool IsRegex() const { return !line_->options.line.regex_pattern.empty(); }
  Result<std::shared_ptr<arrow::Array>> Convert(const arrow::StringArray& texts,
                                                const arrow::Field& field, const FileMorsel& morsel,
                                                const std::vector<int64_t>& positions,
                                                arrow::MemoryPool* pool) const;

  const std::shared_ptr<const LineFile> line_;
  const std::vector<int> columns_;
  SchemaPtr schema_;
  RejectCounter rejects_;
  TextBlocks blocks_;
};

Result<std::shared_ptr<arrow::Array>> LineScan::Convert(const arrow::StringArray& texts,
                                                        const arrow::Field& field,
                                                        const FileMorsel& morsel,
                                                        const std::vector<int64_t>& positions,
                                                        arrow::MemoryPool* pool) const {
  VELARIA_ASSIGN_OR_RETURN(auto trimmed, NumberTexts(texts, *field.type(), pool));
  arrow::compute::ExecContext context(pool);
  const auto options = arrow::compute::CastOptions::Safe();
  auto cast = arrow::compute::Cast(*trimmed, field.type(), options, &context);
  if (cast.ok()) return cast;
  if (!cast.status().IsInvalid()) return cast.status();
  for (int64_t row = 0; row < texts.length(); ++row) {
    if (arrow::compute::Cast(*trimmed->Slice(row, 1), field.type(), options, &context).ok()) {
      continue;
    }
    return BadLine(blocks_.file(), morsel.offset + positions[static_cast<size_t>(row)],
                   ", column " + interop::PrintableName(field.name()) + ", is not " +
                       SqlName(*field.type()) + ": " +
                       interop::PrintableName(std::string(texts.GetView(row))),
                   "Declare the column as VARCHAR.");
  }
  return cast.status();
}

Result<Batches> LineScan::Read(const FileMorsel& morsel, arrow::MemoryPool* pool) {
  const std::string_view block = ViewOf(*morsel.bytes);
  VELARIA_RETURN_NOT_OK(CheckUtf8(blocks_.file(), block, morsel.offset));
  VELARIA_ASSIGN_OR_RETURN(
      auto split,
      line_->splitter->Split(block, static_cast<size_t>(line_->schema->num_fields()), pool));
  if (IsRegex()) {
    LineCounter lines(block, blocks_.TakeLine(morsel.sequence));
    for (const int64_t position : split.rejected) {
      rejects_.Add(lines.LineAt(position), "the pattern does not match");
    }
  }
  const auto row_count = static_cast<int64_t>(split.positions.size());
  if (row_count == 0) return Batches{};
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const auto& field = *schema_->field(static_cast<int>(i));
    std::shared_ptr<arrow::Array> array = split.columns[static_cast<size_t>(columns_[i])];
    if (!IsString(*field.type()) || field.type()->id() != arrow::Type::STRING) {
      VELARIA_ASSIGN_OR_RETURN(array, Convert(static_cast<const arrow::StringArray&>(*array), field,
                                              morsel, split.positions, pool));
    }
    if (auto status = interop::CheckTimes(field.name(), *array->data()); !status.ok()) {
      return Fail(ErrorCode::kFileFormat, line_->name + ": " + ErrorInfoOf(status).message);
    }
    if (!field.nullable() && array->null_count() > 0) {
      return Fail(ErrorCode::kFileFormat,
                  "a column declared NOT NULL holds nulls in " + line_->name + ": " + field.name());
    }
    arrays.push_back(std::move(array));
  }
  return Batches{arrow::RecordBatch::Make(schema_, row_count, std::move(arrays))};
}

class LineTable final : public FileTable {
 public:
  LineTable(std::shared_ptr<const LineFile> line, int64_t byte_count)
      : line_(std::move(line)), byte_count_(byte_count) {}
  const SchemaPtr& schema() const override { return line_->schema; }
  const std::string& name() const override { return line_->name; }
  const char* format() const override {
    return line_->options.line.regex_pattern.empty() ? "line_split" : "line_regex";
  }
  int64_t estimated_row_count() const override {
    return static_cast<int64_t>(static_cast<double>(byte_count_) / line_->record_bytes_mean);
  }
  bool skips_by_predicates() const override { return false; }
  Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                         arrow::MemoryPool*) const override {
    VELARIA_ASSIGN_OR_RETURN(auto file, OpenText(line_->roots, line_->name, line_->options));
    VELARIA_ASSIGN_OR_RETURN(auto head, ReadBytes(file, 0, 3));
    const int64_t mark = ByteOrderMarkBytes(ViewOf(*head));
    return std::unique_ptr<FileScan>(new LineScan(line_, std::move(file), mark, spec.columns));
  }

 private:
  const std::shared_ptr<const LineFile> line_;
  const int64_t byte_count_;
};

/// Names and types from the file's first 64 MB.
Status InferLines(const OpenedFile& file, LineFile* line) {
  VELARIA_ASSIGN_OR_RETURN(auto head, ReadBytes(file, 0, kCsvBlockBytes));
  VELARIA_RETURN_NOT_OK(CheckIsText(file, ViewOf(*head)));
  auto* pool = arrow::default_memory_pool();
  const auto& splitter = *line->splitter;
  const int64_t mark = ByteOrderMarkBytes(ViewOf(*head));
  size_t count = splitter.names().size();
  if (splitter.takes_every_part()) {
    auto blocks = BlocksOf(file, mark, false);
    for (count = 1; blocks.bytes_read() < kCsvFullInferenceBytesMax;) {
      VELARIA_ASSIGN_OR_RETURN(const auto block, blocks.Next());
      if (!block) break;
      count = std::max(count, splitter.MostParts(ViewOf(*block->bytes)));
    }
    if (count > interop::kColumnCountMax) {
      return Fail(ErrorCode::kFileFormat,
                  "a line has too many parts, " + std::to_string(count) + ": " + file.name);
    }
  }
  std::vector<CsvKind> kinds(count, CsvKind::kNull);
  int64_t row_count = 1;
  auto blocks = BlocksOf(file, mark, false);
  while (blocks.bytes_read() < kCsvFullInferenceBytesMax) {
    VELARIA_ASSIGN_OR_RETURN(const auto block, blocks.Next());
    if (!block) break;
    VELARIA_RETURN_NOT_OK(CheckUtf8(file, ViewOf(*block->bytes), block->offset));
    VELARIA_ASSIGN_OR_RETURN(const auto split, splitter.Split(ViewOf(*block->bytes), count, pool));
    row_count += static_cast<int64_t>(split.positions.size());
    for (size_t i = 0; i < count; ++i) {
      const auto& texts = *split.columns[i];
      for (int64_t row = 0; row < texts.length() && kinds[i] != CsvKind::kText; ++row) {
        if (texts.IsNull(row)) continue;
        kinds[i] = CommonKind(kinds[i], KindOfField({texts.GetView(row), false}, {}), {});
      }
    }
    line->record_bytes_mean =
        std::max(1.0, static_cast<double>(blocks.bytes_read()) / static_cast<double>(row_count));
    if (line->options.declared) break;
  }
  if (line->options.declared) {
    line->schema = line->options.declared;
    if (static_cast<size_t>(line->schema->num_fields()) == count) return Status::OK();
    return Fail(ErrorCode::kSchemaMismatch, "declared columns and columns of " + file.name +
                                                " differ in number: declared " +
                                                std::to_string(line->schema->num_fields()) +
                                                ", found " + std::to_string(count));
  }
  std::vector<std::string> names = splitter.names();
  names.resize(count);
  names = UsableNames(names);
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (size_t i = 0; i < count; ++i) fields.push_back(arrow::field(names[i], TypeOfKind(kinds[i])));
  line->schema = arrow::schema(std::move(fields));
  if (line->options.types) {
    VELARIA_ASSIGN_OR_RETURN(line->schema,
                             WithTypes(file.name, *line->schema, *line->options.types));
  }
  return interop::ValidateSchema(*line->schema);
}

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenLine(const OpenedFile& file, const AllowedRoots& roots,
                                                  const FileOptions& options) {
  auto line = std::make_shared<LineFile>();
  line->options = options;
  line->roots = roots;
  line->name = file.name;
  VELARIA_ASSIGN_OR_RETURN(line->splitter, LineSplitter::Make(options));
  VELARIA_RETURN_NOT_OK(InferLines(file, line.get()));
  const int64_t bytes = EstimatedBytes(file, options);
  return std::make_shared<const LineTable>(std::move(line), bytes);
}

}  // namespace velaria::io
