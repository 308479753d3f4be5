#include "io/json_table.hpp"

#include <arrow/builder.h>

#include <algorithm>

#include "base/text.hpp"
#include "functions/utf8.hpp"
#include "interop/array_rules.hpp"
#include "interop/schema_rules.hpp"
#include "io/csv_errors.hpp"
#include "io/json_cells.hpp"
#include "io/json_infer.hpp"
#include "io/text_blocks.hpp"
#include "io/unpacked_text.hpp"

namespace velaria::io {
namespace {

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

/// What a table and its scans share.
struct JsonFile {
  JsonLayout layout;
  FileOptions options;
  AllowedRoots roots;
  std::string name;
};

class JsonScan final : public FileScan {
 public:
  JsonScan(std::shared_ptr<const JsonFile> json, OpenedFile file, int64_t data_offset,
           std::vector<int> columns)
      : json_(std::move(json)),
        columns_(std::move(columns)),
        rejects_(json_->options.rejects, file.name),
        blocks_(
            std::move(file), data_offset,
            [this](std::string_view block, bool first, bool is_last) {
              return LastEnd(block, first, is_last);
            },
            json_->options.ignore_errors),
        data_offset_(data_offset) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (int column : columns_) {
      fields.push_back(json_->layout.schema->field(column));
      keys_.push_back(json_->layout.keys[static_cast<size_t>(column)]);
    }
    schema_ = arrow::schema(fields);
    if (json_->options.ignore_errors) {
      // Which rows fit must not depend on the columns that a query reads.
      for (int i = 0; i < json_->layout.schema->num_fields(); ++i) {
        if (std::find(columns_.begin(), columns_.end(), i) != columns_.end()) continue;
        fields.push_back(json_->layout.schema->field(i));
        keys_.push_back(json_->layout.keys[static_cast<size_t>(i)]);
      }
    }
    built_schema_ = arrow::schema(std::move(fields));
  }

  Result<std::optional<FileMorsel>> NextMorsel() override { return blocks_.Next(); }
  Result<Batches> Read(const FileMorsel& morsel, arrow::MemoryPool* pool) override;
  const SchemaPtr& schema() const override { return schema_; }
  int64_t bytes_total() const override { return blocks_.bytes_total(); }
  int64_t bytes_read() const override { return blocks_.bytes_read(); }
  int64_t morsels_skipped() const override { return 0; }

 private:
  Result<int64_t> LastEnd(std::string_view block, bool first, bool is_last);

  const std::shared_ptr<const JsonFile> json_;
  const std::vector<int> columns_;
  SchemaPtr schema_;
  std::vector<std::string> keys_;  // of the next
  SchemaPtr built_schema_;         // the scan's columns, then those that are only looked at
  RejectCounter rejects_;
  bool closed_ = false;    // the array has ended; under the lock of blocks_
  int64_t cut_bytes_ = 0;  // of the blocks so far; under the lock of blocks_
  TextBlocks blocks_;
  const int64_t data_offset_;
};

Result<int64_t> JsonScan::LastEnd(std::string_view block, bool first, bool is_last) {
  const auto fault = [&](int64_t at, const std::string& why) {
    return BadJsonError(blocks_.file(), data_offset_ + cut_bytes_ + at, why);
  };
  const auto size = static_cast<int64_t>(block.size());
  int64_t end = 0;
  if (json_->layout.shape == JsonShape::kLines) {
    const size_t newline = block.rfind('\n');
    end = is_last                             ? size
          : newline == std::string_view::npos ? 0
                                              : static_cast<int64_t>(newline) + 1;
  } else if (closed_) {
    const size_t text = block.find_first_not_of(" \t\r\n");
    if (text != std::string_view::npos) {
      return fault(static_cast<int64_t>(text), "there is text behind the array");
    }
    end = size;
  } else {
    JsonValueScanner scanner(block, json_->layout.shape, first);
    std::string_view value;
    while (scanner.Next(&value, !is_last)) {
    }
    if (scanner.fault() != nullptr) return fault(scanner.position(), scanner.fault());
    closed_ = scanner.closed();
    end = scanner.position();
    if (is_last) {
      const bool rest_is_blank =
          block.find_first_not_of(" \t\r\n", static_cast<size_t>(end)) == std::string_view::npos;
      if (!rest_is_blank) return fault(end, "a value is not closed at the end of the file");
      if (json_->layout.shape == JsonShape::kArray && !closed_) {
        return fault(size, "the array is not closed at the end of the file");
      }
      end = size;
    }
  }
  cut_bytes_ += end;
  return end;
}

/// Builds the batches of one block.
class BlockReader {
 public:
  BlockReader(const JsonFile& json, const SchemaPtr& schema, const std::vector<std::string>& keys,
              arrow::MemoryPool* pool)
      : json_(json),
        schema_(schema),
        members_(keys, json.options.declared != nullptr),
        pool_(pool) {
    for (const auto& field : schema->fields()) {
      is_inferred_vector_.push_back(IsInferredVector(*field, json.options));
    }
  }

  /// Message of what is wrong with the value; empty when it became a row.
  Result<std::string> Add(std::string_view value) {
    if (builders_.empty()) VELARIA_RETURN_NOT_OK(MakeBuilders());
    std::string error;
    if (!document_.TryParse(value, &error)) return "is not JSON, " + error;
    if (document_.node(0).kind != json::Kind::kObject) return std::string("is not an object");
    uint32_t unknown;
    const auto& found = members_.Find(document_, 0, &unknown);
    if (json_.layout.keys_are_sampled && unknown != JsonMembers::kMissing && IsNewKey(unknown)) {
      return "has a key that the beginning of the file has not: " +
             std::string(document_.raw(unknown));
    }
    for (size_t i = 0; i < builders_.size(); ++i) {
      const auto& field = *schema_->field(static_cast<int>(i));
      const bool is_null =
          found[i] == JsonMembers::kMissing || document_.node(found[i]).kind == json::Kind::kNull;
      if (is_null && !field.nullable()) {
        VELARIA_RETURN_NOT_OK(Flush());
        return "a column declared NOT NULL is null: " + field.name();
      }
      if (!is_null && is_inferred_vector_[i] && HasLongInteger(document_, found[i])) {
        VELARIA_RETURN_NOT_OK(Flush());
        return RoundsAnInteger(field, found[i]);
      }
      const Status appended =
          is_null ? builders_[i]->AppendNull()
                  : AppendNode(*field.type(), document_, found[i], builders_[i].get());
      if (appended.ok()) continue;
      if (ErrorInfoOf(appended).code != ErrorCode::kFileFormat) return appended;
      VELARIA_RETURN_NOT_OK(Flush());
      return "column " + interop::PrintableName(field.name()) + ", is not " +
             SqlName(*field.type()) + ": " + interop::PrintableName(ErrorInfoOf(appended).message);
    }
    ++row_count_;
    return std::string();
  }

  /// What would help against the last message; empty when nothing is known.
  const std::string& hint() const { return hint_; }

  Result<Batches> Finish() {
    if (!builders_.empty() || schema_->num_fields() == 0) VELARIA_RETURN_NOT_OK(Flush());
    return std::move(batches_);
  }

 private:
  static bool IsInferredVector(const arrow::Field& field, const FileOptions& options) {
    if (options.declared || field.type()->id() != arrow::Type::FIXED_SIZE_LIST) return false;
    if (!options.types) return true;
    const auto& said = options.types->fields();
    return std::none_of(said.begin(), said.end(), [&](const auto& other) {
      return EqualsIgnoreCase(other->name(), field.name());
    });
  }

  /// The beginning of the file had vectors of floats, and this integer would be another number.
  std::string RoundsAnInteger(const arrow::Field& field, uint32_t node) {
    const std::string name = interop::PrintableName(field.name());
    const std::string type = KindOfNode(document_, node).has_fraction ? "DOUBLE[]" : "BIGINT[]";
    hint_ = json_.options.form == OptionForm::kArguments
                ? "Say the column's type: types := {'" + name + "': '" + type + "'}."
                : "Declare the column as " + type + ".";
    return "column " + name + ", has an integer that " + SqlName(*field.type()) + " would round: " +
           interop::PrintableName(std::string(document_.raw(node).substr(0, 100)));
  }

  Status MakeBuilders() {
    for (const auto& field : schema_->fields()) {
      std::unique_ptr<arrow::ArrayBuilder> builder;
      VELARIA_RETURN_NOT_OK(arrow::MakeBuilder(pool_, field->type(), &builder));
      builders_.push_back(std::move(builder));
    }
    return Status::OK();
  }

  bool IsNewKey(uint32_t key) const {
    const auto& keys = json_.layout.keys;
    return std::none_of(keys.begin(), keys.end(),
                        [&](const auto& known) { return document_.KeyIs(key, known); });
  }

  /// The rows so far as a batch. A row that failed half way leaves the columns before it longer:
  /// they are cut to the rows that are whole.
  Status Flush() {
    arrow::ArrayVector columns;
    for (auto& builder : builders_) {
      VELARIA_ASSIGN_OR_RETURN(auto array, builder->Finish());
      columns.push_back(array->length() == row_count_ ? array : array->Slice(0, row_count_));
    }
    for (int i = 0; i < schema_->num_fields() && row_count_ > 0; ++i) {
      VELARIA_RETURN_NOT_OK(
          interop::CheckTimes(schema_->field(i)->name(), *columns[static_cast<size_t>(i)]->data()));
    }
    builders_.clear();
    if (row_count_ > 0) {
      batches_.push_back(arrow::RecordBatch::Make(schema_, row_count_, std::move(columns)));
    }
    row_count_ = 0;
    return schema_->num_fields() == 0 ? Status::OK() : MakeBuilders();
  }

  const JsonFile& json_;
  const SchemaPtr& schema_;
  JsonMembers members_;
  arrow::MemoryPool* const pool_;
  json::Document document_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::vector<bool> is_inferred_vector_;  // by column
  std::string hint_;
  int64_t row_count_ = 0;
  Batches batches_;
};

Result<Batches> JsonScan::Read(const FileMorsel& morsel, arrow::MemoryPool* pool) {
  const std::string_view text = ViewOf(*morsel.bytes);
  const bool is_utf8 = utf8::IsValid(text);
  BlockReader reader(*json_, built_schema_, keys_, pool);
  JsonValueScanner scanner(text, json_->layout.shape, morsel.offset == data_offset_);
  LineCounter lines(text, json_->options.ignore_errors ? blocks_.TakeLine(morsel.sequence) : 0);
  std::string_view value;
  while (scanner.Next(&value, false)) {
    std::string why = kNotUtf8;
    if (is_utf8 || utf8::IsValid(value)) {
      VELARIA_ASSIGN_OR_RETURN(why, reader.Add(value));
    }
    if (why.empty()) continue;
    const int64_t position = value.data() - text.data();
    if (!json_->options.ignore_errors) {
      return BadJsonError(blocks_.file(), morsel.offset + position, why, reader.hint());
    }
    rejects_.Add(lines.LineAt(position), why);
  }
  VELARIA_ASSIGN_OR_RETURN(auto batches, reader.Finish());
  for (auto& batch : batches) {
    auto columns = batch->columns();
    columns.resize(columns_.size());
    batch = arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns));
  }
  return batches;
}

class JsonTable final : public FileTable {
 public:
  JsonTable(std::shared_ptr<const JsonFile> json, int64_t byte_count)
      : json_(std::move(json)), byte_count_(byte_count) {}
  const SchemaPtr& schema() const override { return json_->layout.schema; }
  const std::string& name() const override { return json_->name; }
  const char* format() const override {
    return json_->layout.shape == JsonShape::kArray ? "json_array" : "json_lines";
  }
  int64_t estimated_row_count() const override {
    return static_cast<int64_t>(static_cast<double>(byte_count_) / json_->layout.record_bytes_mean);
  }
  bool skips_by_predicates() const override { return false; }
  Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                         arrow::MemoryPool*) const override {
    VELARIA_ASSIGN_OR_RETURN(auto file, OpenText(json_->roots, json_->name, json_->options));
    VELARIA_ASSIGN_OR_RETURN(auto head, ReadBytes(file, 0, kCsvBlockBytes));
    int64_t data_offset = 0;
    if (FindJsonShape(ViewOf(*head), &data_offset) != json_->layout.shape) {
      return Fail(ErrorCode::kFileFormat, "file has another shape than before: " + file.name);
    }
    return std::unique_ptr<FileScan>(
        new JsonScan(json_, std::move(file), data_offset, spec.columns));
  }

 private:
  const std::shared_ptr<const JsonFile> json_;
  const int64_t byte_count_;
};

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenJson(const OpenedFile& file, const AllowedRoots& roots,
                                                  const FileOptions& options) {
  auto json = std::make_shared<JsonFile>();
  VELARIA_ASSIGN_OR_RETURN(json->layout, InferJson(file, options));
  json->options = options;
  json->roots = roots;
  json->name = file.name;
  const int64_t bytes = EstimatedBytes(file, options);
  return std::make_shared<const JsonTable>(std::move(json), bytes);
}

}  // namespace velaria::io
