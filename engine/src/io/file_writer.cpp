#include "io/file_writer.hpp"

#include <arrow/array/array_dict.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include <algorithm>

#include "base/text.hpp"
#include "io/file_words.hpp"
#include "io/open_file.hpp"

namespace velaria::io {
namespace {

constexpr int64_t kRowGroupRows = 122'880;

Result<const FormatRow*> FormatOf(const std::string& path, const std::string& named) {
  if (!named.empty()) return FindFormat(named, Direction::kWrite);
  const std::string name = UncompressedName(path);
  const size_t dot = name.rfind('.');
  if (dot != std::string::npos) {
    if (const auto* row = FormatOfWord(name.substr(dot + 1), Direction::kWrite)) return row;
  }
  return BadOption("the path's ending names no format", path, "Write (FORMAT csv).");
}

Status CheckCompression(const FormatRow& format, const std::string& path, WriteOptions* out) {
  static constexpr std::string_view kOfText[] = {"none", "gzip", "zstd"};
  static constexpr std::string_view kOfParquet[] = {"snappy", "zstd", "gzip", "lz4", "none"};
  static constexpr std::string_view kOfArrow[] = {"none", "lz4", "zstd"};
  std::span<const std::string_view> known = kOfText;
  if (format.group == kParquet) known = kOfParquet;
  if (format.group == kArrow) known = kOfArrow;
  std::string word = ToLower(out->compression);
  if (word == "uncompressed") word = "none";
  if (word.empty() || word == "auto") {
    const bool is_text = (format.group & (kCsv | kJson)) != 0;
    word = is_text ? CompressionOf(path, "") : std::string(known[0]);
  }
  out->compression = word;
  if (std::find(known.begin(), known.end(), word) != known.end()) return Status::OK();
  return BadOption("unknown compression", word,
                   HintOfWords(word, {known.begin(), known.end()}, "Compressions"));
}

Status SetQuote(const char* word, const std::string& value, char* mark) {
  if (value.empty()) return BadOption("a written csv file needs a mark", word, "");
  return ParseMark(word, value, mark);
}

/// `format` is looked at elsewhere.
Status SetWriteOption(std::string_view meaning, const std::string& value, WriteOptions* out) {
  if (meaning == "delimiter") return ParseDelimiter(value).Value(&out->delimiter);
  if (meaning == "header") return ParseBoolean("header", value).Value(&out->header);
  if (meaning == "quote") return SetQuote("quote", value, &out->quote);
  if (meaning == "escape") return SetQuote("escape", value, &out->escape);
  if (meaning == "null") out->null_text = value;
  if (meaning == "compression") out->compression = value;
  if (meaning != "array") return Status::OK();
  VELARIA_ASSIGN_OR_RETURN(const bool array, ParseBoolean("array", value));
  out->format = array ? "json_array" : "json_lines";
  return Status::OK();
}

Status CheckWrittenMarks(const WriteOptions& options) {
  CsvForm form;
  form.quote = options.quote;
  form.escape = options.escape;
  VELARIA_RETURN_NOT_OK(CheckMarksDiffer(options.delimiter, form));
  const char special[] = {options.delimiter, options.quote, '\r', '\n'};
  if (options.null_text.find_first_of(std::string_view(special, 4)) != std::string::npos) {
    return BadOption("the text of NULL would need quotes", options.null_text, "");
  }
  return Status::OK();
}

arrow::Compression::type CodecOf(const std::string& word, bool arrow_frames) {
  if (word == "snappy") return arrow::Compression::SNAPPY;
  if (word == "gzip") return arrow::Compression::GZIP;
  if (word == "zstd") return arrow::Compression::ZSTD;
  if (word == "lz4") return arrow_frames ? arrow::Compression::LZ4_FRAME : arrow::Compression::LZ4;
  return arrow::Compression::UNCOMPRESSED;
}

Status CannotHold(const std::string& format, const Status& cause) {
  if (!cause.IsNotImplemented() && !cause.IsTypeError()) return cause;
  return Fail(ErrorCode::kTypeMismatch,
              "a column's type cannot be written as " + format + ": " + FirstLine(cause.message()),
              "Cast the column to another type.");
}

/// Batches as they are, in a format that holds Arrow's types.
class BatchWriter : public FileWriter {
 public:
  using FileWriter::FileWriter;
  Result<EncodedRows> Encode(std::shared_ptr<arrow::RecordBatch> batch,
                             const FunctionContext&) const override {
    const int64_t rows = batch->num_rows();
    return EncodedRows{nullptr, std::move(batch), rows};
  }
};

class ParquetWriter final : public BatchWriter {
 public:
  ParquetWriter(std::unique_ptr<OutputFile> file,
                std::unique_ptr<parquet::arrow::FileWriter> writer)
      : BatchWriter(std::move(file)), writer_(std::move(writer)) {}
  Status Write(const EncodedRows& rows) override {
    return Guarded([&] { return writer_->WriteRecordBatch(*rows.batch); });
  }
  Status Finish() override {
    return Guarded([&] { return writer_->Close(); });
  }

  /// The Parquet library throws; nothing of that leaves this file.
  template <typename Call>
  Status Guarded(Call&& call) {
    try {
      const Status status = call();
      return status.ok() ? status : file_->WriteFailed(CannotHold("Parquet", status));
    } catch (const parquet::ParquetStatusException& error) {
      return file_->WriteFailed(error.status());
    } catch (const std::bad_alloc&) {
      return Status::OutOfMemory("out of memory while writing Parquet");
    } catch (const std::exception& error) {
      return file_->WriteFailed(Status::IOError(error.what()));
    }
  }

 private:
  const std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

class ArrowWriter final : public BatchWriter {
 public:
  ArrowWriter(std::unique_ptr<OutputFile> file,
              std::shared_ptr<arrow::ipc::RecordBatchWriter> writer)
      : BatchWriter(std::move(file)), writer_(std::move(writer)) {}
  Status Write(const EncodedRows& rows) override {
    VELARIA_ASSIGN_OR_RETURN(const auto batch, WithGrowingDictionaries(rows.batch));
    const Status status = writer_->WriteRecordBatch(*batch);
    return status.ok() ? status : file_->WriteFailed(status);
  }
  Status Finish() override {
    const Status status = writer_->Close();
    return status.ok() ? status : file_->WriteFailed(status);
  }

 private:
  /// A file's dictionaries may grow and never change: values that a batch brings anew go behind
  /// those that are there.
  Result<std::shared_ptr<arrow::RecordBatch>> WithGrowingDictionaries(
      std::shared_ptr<arrow::RecordBatch> batch) {
    for (int i = 0; i < batch->num_columns(); ++i) {
      if (batch->column(i)->type_id() != arrow::Type::DICTIONARY) continue;
      const auto& column = static_cast<const arrow::DictionaryArray&>(*batch->column(i));
      const auto& type = static_cast<const arrow::DictionaryType&>(*column.type());
      Dictionary& known = dictionaries_[i];
      if (known.values && known.values->Equals(*column.dictionary())) continue;
      if (!known.unifier) {
        VELARIA_ASSIGN_OR_RETURN(known.unifier, arrow::DictionaryUnifier::Make(type.value_type()));
      }
      std::shared_ptr<arrow::Buffer> places;
      VELARIA_RETURN_NOT_OK(known.unifier->Unify(*column.dictionary(), &places));
      VELARIA_RETURN_NOT_OK(
          known.unifier->GetResultWithIndexType(type.index_type(), &known.values));
      VELARIA_ASSIGN_OR_RETURN(auto moved,
                               column.Transpose(column.type(), known.values,
                                                reinterpret_cast<const int32_t*>(places->data())));
      VELARIA_ASSIGN_OR_RETURN(batch, batch->SetColumn(i, batch->schema()->field(i), moved));
    }
    return batch;
  }

  struct Dictionary {
    std::unique_ptr<arrow::DictionaryUnifier> unifier;
    std::shared_ptr<arrow::Array> values;
  };
  const std::shared_ptr<arrow::ipc::RecordBatchWriter> writer_;
  std::map<int, Dictionary> dictionaries_;  // by column
};

}  // namespace

int64_t EncodedRows::byte_count() const {
  if (text) return text->size();
  if (!batch) return 0;
  const auto bytes = arrow::util::ReferencedBufferSize(*batch);
  return bytes.ok() ? *bytes : 0;
}

Result<WriteOptions> ParseWriteOptions(const std::string& path, const GivenOptions& options) {
  std::map<std::string, const GivenOption*> given;  // by the meaning of their words
  for (const auto& [word, value] : options) {
    VELARIA_ASSIGN_OR_RETURN(
        const auto* row,
        WithPlaceIfFailed(FindOption(word, Direction::kWrite, 0, ""), value.word_place));
    if (!given.emplace(std::string(row->meaning), &value).second) {
      return WithPlace(BadOption("option is given twice", word, ""), value.word_place);
    }
  }
  const auto place_of = [&](const char* meaning) {
    return given.contains(meaning) ? given.at(meaning)->value_place : Place{};
  };
  const std::string named = given.contains("format") ? given.at("format")->Text() : "";
  VELARIA_ASSIGN_OR_RETURN(const auto* format,
                           WithPlaceIfFailed(FormatOf(path, named), place_of("format")));
  WriteOptions out;
  out.format = format->written;
  for (const auto& [word, value] : options) {
    VELARIA_RETURN_NOT_OK(WithPlaceIfFailed(
        FindOption(word, Direction::kWrite, format->group, out.format).status(), value.word_place));
  }
  if (out.format == "tsv") out.delimiter = '\t';
  for (const auto& [meaning, value] : given) {
    VELARIA_RETURN_NOT_OK(
        WithPlaceIfFailed(SetWriteOption(meaning, value->Text(), &out), value->value_place));
  }
  if (!given.contains("escape")) out.escape = out.quote;
  VELARIA_RETURN_NOT_OK(CheckWrittenMarks(out));
  VELARIA_RETURN_NOT_OK(
      WithPlaceIfFailed(CheckCompression(*format, path, &out), place_of("compression")));
  return out;
}

Result<std::unique_ptr<FileWriter>> OpenParquetWriter(std::unique_ptr<OutputFile> file,
                                                      const WriteOptions& options,
                                                      const SchemaPtr& schema,
                                                      arrow::MemoryPool* pool) {
  parquet::WriterProperties::Builder properties;
  properties.compression(CodecOf(options.compression, false))
      ->max_row_group_length(kRowGroupRows)
      ->memory_pool(pool);
  // With Arrow's own schema beside Parquet's, every type comes back as it was.
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  try {
    auto writer = parquet::arrow::FileWriter::Open(*schema, pool, file->stream(),
                                                   properties.build(), arrow_properties);
    if (!writer.ok()) return file->WriteFailed(CannotHold("Parquet", writer.status()));
    return std::make_unique<ParquetWriter>(std::move(file), std::move(*writer));
  } catch (const parquet::ParquetStatusException& error) {
    return file->WriteFailed(error.status());
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory("out of memory while writing Parquet");
  } catch (const std::exception& error) {
    return file->WriteFailed(Status::IOError(error.what()));
  }
}

Result<std::unique_ptr<FileWriter>> OpenArrowWriter(std::unique_ptr<OutputFile> file,
                                                    const WriteOptions& options,
                                                    const SchemaPtr& schema,
                                                    arrow::MemoryPool* pool) {
  auto write_options = arrow::ipc::IpcWriteOptions::Defaults();
  write_options.memory_pool = pool;
  write_options.use_threads = false;
  write_options.emit_dictionary_deltas = true;
  if (options.compression != "none") {
    VELARIA_ASSIGN_OR_RETURN(write_options.codec,
                             arrow::util::Codec::Create(CodecOf(options.compression, true)));
  }
  auto writer = arrow::ipc::MakeFileWriter(file->stream(), schema, write_options);
  if (!writer.ok()) return file->WriteFailed(CannotHold("Arrow", writer.status()));
  return std::make_unique<ArrowWriter>(std::move(file), std::move(*writer));
}

Result<std::unique_ptr<FileWriter>> OpenWriter(const std::string& path, const AllowedRoots& roots,
                                               const WriteOptions& options, const SchemaPtr& schema,
                                               arrow::MemoryPool* pool) {
  VELARIA_ASSIGN_OR_RETURN(auto file, OutputFile::Create(path, roots));
  if (options.format == "parquet") {
    return OpenParquetWriter(std::move(file), options, schema, pool);
  }
  if (options.format == "arrow") return OpenArrowWriter(std::move(file), options, schema, pool);
  return OpenTextWriter(std::move(file), options, schema);
}

}  // namespace velaria::io
