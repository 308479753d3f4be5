#include "io/csv_errors.hpp"

#include <arrow/csv/parser.h>

#include "base/text.hpp"
#include "interop/schema_rules.hpp"
#include "io/csv_types.hpp"
#include "io/text_filters.hpp"

namespace velaria::io {
namespace {

/// Whether the first `length` bytes of the block convert.
bool Converts(const CsvBlock& block, size_t length, int index, int field_count, const TypePtr& type,
              const arrow::csv::ConvertOptions& convert) {
  auto options = arrow::csv::ParseOptions::Defaults();
  options.delimiter = block.delimiter;
  options.newlines_in_values = true;
  options.ignore_empty_lines = !block.empty_lines_are_rows;
  arrow::csv::BlockParser parser(options, field_count, -1, std::numeric_limits<int32_t>::max());
  uint32_t parsed = 0;
  if (!parser.ParseFinal(block.text.substr(0, length), &parsed).ok()) return false;
  return ConvertCsvColumn(parser, index, type, convert, arrow::default_memory_pool()).ok();
}

}  // namespace

Result<int64_t> LinesBefore(const OpenedFile& file, int64_t position) {
  int64_t lines = 0;
  for (int64_t offset = 0; offset < position;) {
    const int64_t length = std::min(kCsvBlockBytes, position - offset);
    VELARIA_ASSIGN_OR_RETURN(auto bytes, ReadBytes(file, offset, length));
    if (bytes->size() == 0) break;
    const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    lines += CountLineEnds(text);
    // A CRLF cut in two would count twice.
    if (text.back() == '\r' && offset + length < position) --lines;
    offset += bytes->size();
  }
  return lines;
}

namespace {

Result<int64_t> LinesBeforeBlock(const CsvBlock& block) {
  if (block.lines_before >= 0) return block.lines_before;
  return LinesBefore(block.file, block.offset);
}

constexpr int64_t kNoteLinesMax = 32;  // above the rows of a file

/// What would read a file whose record, on `line` of it, has another number of fields.
std::string HintOfRagged(const CsvBlock& block, std::string_view record, int field_count,
                         size_t found, int64_t line) {
  const auto written = [&](const std::string& name, const std::string& value) {
    return WrittenOption(block.form, name, value);
  };
  if (record.starts_with('#')) {
    return "Leave lines that begin with # out: " + written("comment", "'#'") + ".";
  }
  if (field_count == 1 && found > 1 && line > 1 && line <= kNoteLinesMax) {
    return "Leave the lines above out if they are no rows: " +
           written("skip", std::to_string(line - 1)) + ".";
  }
  return "Quote fields that hold the delimiter, name the delimiter: " +
         written("delimiter", "';'") +
         ", or leave such rows out: " + written("ignore_errors", "true") + ".";
}

/// What would read a text that is no value of its column's type.
std::string HintOfValue(const CsvBlock& block, const arrow::Field& column, bool declared) {
  std::string hint;
  if (!declared) hint = "The type was inferred from other rows. ";
  if (block.form == OptionForm::kArguments) {
    hint += "Read the column as text: types := {'" + column.name() + "': 'VARCHAR'}, ";
  } else if (block.form == OptionForm::kOptions) {
    hint += "Declare the column as VARCHAR, ";
  }
  const bool is_date = column.type()->id() == arrow::Type::DATE32;
  if (is_date || column.type()->id() == arrow::Type::TIMESTAMP) {
    hint += "say how values are written: " +
            (is_date ? WrittenOption(block.form, "dateformat", "'%d.%m.%Y'")
                     : WrittenOption(block.form, "timestampformat", "'%d.%m.%Y %H:%M'")) +
            ", ";
  }
  const std::string say_null =
      "say which text is NULL: " + WrittenOption(block.form, "null", "'NA'") + ".";
  hint += hint.empty() ? say_null : "or " + say_null;
  hint[0] = ToUpper(hint.substr(0, 1))[0];
  return hint;
}

std::string PlaceIn(const CsvBlock& block, int64_t line, const arrow::Field& column) {
  return "line " + std::to_string(line) + " of " + block.file.name + ", column " +
         interop::PrintableName(column.name());
}

}  // namespace

Status RaggedRecordError(const CsvBlock& block, int field_count, const Status& cause) {
  CsvRecordScanner scanner = block.Records();
  std::vector<CsvField> fields;
  while (scanner.Next(&fields)) {
    const bool fits = static_cast<int>(fields.size()) == field_count;
    if (fits && !scanner.open_quote() && !scanner.text_behind_quote()) continue;
    VELARIA_ASSIGN_OR_RETURN(const int64_t before, LinesBeforeBlock(block));
    const std::string line = std::to_string(before + scanner.line());
    if (scanner.open_quote()) {
      return Fail(ErrorCode::kFileFormat,
                  "a quote is open to the end of " + block.file.name + ", from line " + line);
    }
    if (scanner.text_behind_quote()) {
      return Fail(ErrorCode::kFileFormat,
                  "line " + line + " of " + block.file.name + ": " + kTextBehindQuote,
                  kDoubleQuotes);
    }
    return Fail(ErrorCode::kFileFormat,
                "line " + line + " of " + block.file.name + " has another number of fields than " +
                    std::to_string(field_count) + ": " + std::to_string(fields.size()),
                HintOfRagged(block, block.text.substr(static_cast<size_t>(scanner.record_begin())),
                             field_count, fields.size(), before + scanner.line()));
  }
  return Fail(ErrorCode::kFileFormat,
              "records of " + block.file.name + " do not parse: " + FirstLine(cause.message()));
}

Status BadTimeError(const CsvBlock& block, int64_t record, const arrow::Field& column,
                    const std::string& text, const std::string& format) {
  if (!block.explain) return Fail(ErrorCode::kFileFormat, "a value does not convert");
  CsvRecordScanner scanner = block.Records();
  std::vector<CsvField> fields;
  for (int64_t i = 0; i <= record; ++i) scanner.Next(&fields);
  VELARIA_ASSIGN_OR_RETURN(const int64_t before, LinesBeforeBlock(block));
  return Fail(ErrorCode::kFileFormat, PlaceIn(block, before + scanner.line(), column) +
                                          ", is not of the format " + format + ": " +
                                          interop::PrintableName(text));
}

Status BadValueError(const CsvBlock& block, int index, const arrow::Field& column, bool declared,
                     const arrow::csv::ConvertOptions& convert, const Status& cause) {
  if (!block.explain) return Fail(ErrorCode::kFileFormat, "a value does not convert");
  CsvRecordScanner scanner = block.Records();
  std::vector<CsvField> fields;
  std::vector<int64_t> ends;
  int field_count = 0;
  while (scanner.Next(&fields)) {
    ends.push_back(scanner.position());
    field_count = static_cast<int>(fields.size());
  }
  const auto converts = [&](size_t records) {
    return records == 0 || Converts(block, static_cast<size_t>(ends[records - 1]), index,
                                    field_count, column.type(), convert);
  };
  // The first record whose prefix does not convert.
  size_t good = 0, bad = ends.size();
  if (bad == 0 || converts(bad)) {
    return Fail(ErrorCode::kFileFormat,
                "records of " + block.file.name + " do not convert: " + FirstLine(cause.message()));
  }
  while (bad - good > 1) {
    const size_t middle = good + (bad - good) / 2;
    (converts(middle) ? good : bad) = middle;
  }
  CsvRecordScanner again = block.Records();
  for (size_t i = 0; i < bad; ++i) again.Next(&fields);
  VELARIA_ASSIGN_OR_RETURN(const int64_t before, LinesBeforeBlock(block));
  const std::string place = PlaceIn(block, before + again.line(), column);
  const std::string value = interop::PrintableName(fields[index].Text());
  if (IsString(*column.type())) {
    return Fail(ErrorCode::kFileFormat, place + ", " + kNotUtf8 + ": " + value, kSayEncoding);
  }
  return Fail(ErrorCode::kFileFormat, place + ", is not " + SqlName(*column.type()) + ": " + value,
              HintOfValue(block, column, declared));
}

}  // namespace velaria::io
