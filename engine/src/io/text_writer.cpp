// CSV (RFC 4180) and JSON. A value's text is that of CAST(... AS VARCHAR), in JSON that of to_json.
#include <arrow/io/compressed.h>
#include <arrow/util/compression.h>

#include "functions/json_document.hpp"
#include "io/file_writer.hpp"

namespace velaria::io {
namespace {

class TextWriter : public FileWriter {
 public:
  TextWriter(std::unique_ptr<OutputFile> file, SchemaPtr schema, std::vector<ScalarBinding> to_text)
      : FileWriter(std::move(file)), schema_(std::move(schema)), to_text_(std::move(to_text)) {}

  Status OpenStream(const std::string& compression) {
    stream_ = file_->stream();
    if (compression == "none") return Status::OK();
    const auto kind = compression == "gzip" ? arrow::Compression::GZIP : arrow::Compression::ZSTD;
    VELARIA_ASSIGN_OR_RETURN(codec_, arrow::util::Codec::Create(kind));
    VELARIA_ASSIGN_OR_RETURN(packed_,
                             arrow::io::CompressedOutputStream::Make(codec_.get(), stream_));
    stream_ = packed_;
    return Status::OK();
  }

  Result<EncodedRows> Encode(std::shared_ptr<arrow::RecordBatch> batch,
                             const FunctionContext& context) const override {
    std::vector<Vector> texts;  // what the views look at
    std::vector<StringView> columns;
    for (int i = 0; i < batch->num_columns(); ++i) {
      const auto& binding = to_text_[static_cast<size_t>(i)];
      const Vector column = MakeVector(batch->column(i));
      VELARIA_ASSIGN_OR_RETURN(Vector text,
                               binding.kernel(context, binding, {&column, 1}, batch->num_rows()));
      VELARIA_ASSIGN_OR_RETURN(text, Expand(text, batch->num_rows(), context.pool));
      columns.emplace_back(text);
      texts.push_back(std::move(text));
    }
    std::string out;
    VELARIA_RETURN_NOT_OK(AppendRows(columns, batch->num_rows(), &out));
    const auto size = static_cast<int64_t>(out.size());
    VELARIA_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(size, context.pool));
    std::copy(out.begin(), out.end(), reinterpret_cast<char*>(buffer->mutable_data()));
    return EncodedRows{std::move(buffer), nullptr, batch->num_rows()};
  }

  Status Write(const EncodedRows& rows) override {
    if (rows.row_count == 0) return Status::OK();
    VELARIA_RETURN_NOT_OK(BeforeRows());
    return Put(
        {reinterpret_cast<const char*>(rows.text->data()), static_cast<size_t>(rows.text->size())});
  }

  Status Finish() override {
    VELARIA_RETURN_NOT_OK(AfterRows());
    if (!packed_) return Status::OK();
    const Status closed = packed_->Close();
    return closed.ok() ? closed : file_->WriteFailed(closed);
  }

 protected:
  virtual Status AppendRows(const std::vector<StringView>& columns, int64_t row_count,
                            std::string* out) const = 0;
  virtual Status BeforeRows() { return Status::OK(); }
  virtual Status AfterRows() { return Status::OK(); }
  Status Put(std::string_view text) {
    const Status status = stream_->Write(text.data(), static_cast<int64_t>(text.size()));
    return status.ok() ? status : file_->WriteFailed(status);
  }

  const SchemaPtr schema_;

 private:
  const std::vector<ScalarBinding> to_text_;
  std::unique_ptr<arrow::util::Codec> codec_;
  std::shared_ptr<arrow::io::CompressedOutputStream> packed_;
  std::shared_ptr<arrow::io::OutputStream> stream_;
};

class CsvWriter final : public TextWriter {
 public:
  CsvWriter(std::unique_ptr<OutputFile> file, const WriteOptions& options, SchemaPtr schema,
            std::vector<ScalarBinding> to_text)
      : TextWriter(std::move(file), std::move(schema), std::move(to_text)), options_(options) {}

 protected:
  Status AppendRows(const std::vector<StringView>& columns, int64_t row_count,
                    std::string* out) const override {
    for (int64_t row = 0; row < row_count; ++row) {
      for (size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) out->push_back(options_.delimiter);
        if (columns[i].IsValid(row)) {
          AppendField(columns[i][row], out);
        } else {
          *out += options_.null_text;
        }
      }
      out->push_back('\n');
    }
    return Status::OK();
  }

  Status BeforeRows() override {
    if (!options_.header || std::exchange(header_is_written_, true)) return Status::OK();
    std::string line;
    for (int i = 0; i < schema_->num_fields(); ++i) {
      if (i > 0) line.push_back(options_.delimiter);
      AppendField(schema_->field(i)->name(), &line);
    }
    line.push_back('\n');
    return Put(line);
  }
  Status AfterRows() override { return BeforeRows(); }

 private:
  /// In quotes where it would otherwise read as something else: an empty text as NULL.
  void AppendField(std::string_view text, std::string* out) const {
    const char special[] = {options_.delimiter, options_.quote, '\n', '\r'};
    const bool quote = text.empty() || text == options_.null_text ||
                       text.find_first_of(std::string_view(special, 4)) != std::string_view::npos;
    if (!quote) {
      *out += text;
      return;
    }
    out->push_back(options_.quote);
    for (const char c : text) {
      if (c == options_.quote || c == options_.escape) out->push_back(options_.escape);
      out->push_back(c);
    }
    out->push_back(options_.quote);
  }

  const WriteOptions options_;
  bool header_is_written_ = false;
};

class JsonWriter final : public TextWriter {
 public:
  JsonWriter(std::unique_ptr<OutputFile> file, bool is_array, SchemaPtr schema,
             std::vector<ScalarBinding> to_text)
      : TextWriter(std::move(file), std::move(schema), std::move(to_text)), is_array_(is_array) {
    for (const auto& field : schema_->fields()) {
      std::string key;
      json::AppendQuoted(field->name(), &key);
      keys_.push_back(key + ":");
    }
  }

 protected:
  Status AppendRows(const std::vector<StringView>& columns, int64_t row_count,
                    std::string* out) const override {
    for (int64_t row = 0; row < row_count; ++row) {
      if (is_array_ && row > 0) *out += ",\n";
      out->push_back('{');
      for (size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) out->push_back(',');
        *out += keys_[i];
        *out += columns[i].IsValid(row) ? columns[i][row] : std::string_view("null");
      }
      out->push_back('}');
      if (!is_array_) out->push_back('\n');
    }
    return Status::OK();
  }

  Status BeforeRows() override {
    if (!is_array_) return Status::OK();
    return Put(std::exchange(begun_, true) ? ",\n" : "[\n");
  }
  Status AfterRows() override {
    if (!is_array_) return Status::OK();
    return Put(begun_ ? "\n]\n" : "[]\n");
  }

 private:
  const bool is_array_;
  std::vector<std::string> keys_;
  bool begun_ = false;
};

}  // namespace

Result<std::unique_ptr<FileWriter>> OpenTextWriter(std::unique_ptr<OutputFile> file,
                                                   const WriteOptions& options,
                                                   const SchemaPtr& schema) {
  const bool is_json = options.format.starts_with("json");
  const auto* to_json = FunctionRegistry::Instance().FindScalar("to_json");
  if (to_json == nullptr) return Bug("there is no function to_json");
  std::vector<ScalarBinding> to_text;
  for (const auto& field : schema->fields()) {
    BindArguments arguments;
    arguments.types = {field->type()};
    arguments.constants = {nullptr};
    auto binding =
        is_json ? BindScalar(*to_json, arguments) : BindCast(field->type(), arrow::utf8(), false);
    if (!binding.ok()) {
      return Fail(ErrorCode::kTypeMismatch,
                  "a column's type cannot be written as " + options.format + ": " + field->name(),
                  "Cast the column to another type.");
    }
    to_text.push_back(std::move(*binding));
  }
  std::unique_ptr<TextWriter> writer;
  if (is_json) {
    writer = std::make_unique<JsonWriter>(std::move(file), options.format == "json_array", schema,
                                          std::move(to_text));
  } else {
    writer = std::make_unique<CsvWriter>(std::move(file), options, schema, std::move(to_text));
  }
  VELARIA_RETURN_NOT_OK(writer->OpenStream(options.compression));
  return writer;
}

}  // namespace velaria::io
