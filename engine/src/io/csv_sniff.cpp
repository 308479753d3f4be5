#include "io/csv_sniff.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.hpp"
#include "functions/utf8.hpp"
#include "interop/ingest_gate.hpp"
#include "interop/schema_rules.hpp"
#include "io/csv_errors.hpp"
#include "io/csv_infer.hpp"
#include "io/csv_records.hpp"
#include "io/unpacked_text.hpp"

namespace velaria::io {
namespace {

constexpr int kSniffRecords = 128;

Status BadFile(const std::string& what, const OpenedFile& file, std::string hint = "") {
  return Fail(ErrorCode::kFileFormat, what + ": " + file.name, std::move(hint));
}

/// How many fields the sample's records have under a delimiter, if nearly all have equally many;
/// else 1.
size_t FieldCountUnder(char delimiter, std::string_view sample, bool sample_is_whole_file) {
  CsvRecordScanner scanner(sample, delimiter);
  std::vector<CsvField> fields;
  std::map<size_t, int> records_by_count;
  int record_count = 0;
  while (record_count < kSniffRecords && scanner.Next(&fields)) {
    if (!scanner.terminated() && !sample_is_whole_file) break;
    ++records_by_count[fields.size()];
    ++record_count;
  }
  for (const auto& [count, records] : records_by_count) {
    // One record in sixteen may be ragged: its error should speak of the record, not of the
    // delimiter.
    if (records * 16 >= record_count * 15) return count;
  }
  return 1;
}

char FindDelimiter(std::string_view sample, bool sample_is_whole_file) {
  char best = ',';
  size_t best_count = 1;
  for (const char delimiter : std::string_view(kCsvDelimiters)) {
    const size_t count = FieldCountUnder(delimiter, sample, sample_is_whole_file);
    if (count > best_count) {
      best = delimiter;
      best_count = count;
    }
  }
  return best;
}

bool LooksLikeAName(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  const auto letter = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
  };
  if (!letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == ' ' || c == '.' || c == '-' || c == '/' ||
           c == '(' || c == ')' || c == '%' || c == '#';
  });
}

/// What stands for a missing number in files that say nothing of it.
bool IsWordForNothing(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kWords = {"na", "n/a", "nil", "none", "null"};
  return std::find(kWords.begin(), kWords.end(), ToLower(text)) != kWords.end();
}

/// A first record of texts is a header when one stands over a column whose other values are none,
/// or when all of them are distinct and could be names. Beside values, as years are, a text must be
/// both: a name, and over a column whose other values are no texts.
bool LooksLikeAHeader(const std::vector<CsvField>& first, const std::vector<CsvKind>& body,
                      const CsvTexts& texts) {
  std::set<std::string> names;
  bool are_names = true;
  bool has_values = false;
  bool body_differs = false;
  bool name_differs = false;
  for (size_t i = 0; i < first.size(); ++i) {
    const bool is_text = KindOfField(first[i], texts) == CsvKind::kText;
    const bool is_name = LooksLikeAName(first[i].raw) && names.insert(ToLower(first[i].raw)).second;
    const bool differs = is_text && body[i] != CsvKind::kText && body[i] != CsvKind::kNull;
    has_values |= !is_text && !first[i].raw.empty();
    are_names &= is_name;
    body_differs |= differs;
    name_differs |= differs && is_name && !IsWordForNothing(first[i].raw);
  }
  return has_values ? name_differs : are_names || body_differs;
}

std::string Trimmed(std::string text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Status CheckDeclared(const OpenedFile& file, const CsvLayout& layout, size_t count,
                     const FileOptions& options) {
  const arrow::Schema& declared = *options.declared;
  if (static_cast<size_t>(declared.num_fields()) != count) {
    return Fail(ErrorCode::kSchemaMismatch,
                "declared columns and columns of " + file.name + " differ in number: declared " +
                    std::to_string(declared.num_fields()) + ", found " + std::to_string(count));
  }
  if (!layout.has_header || options.declared_by_position) return Status::OK();
  for (size_t i = 0; i < count; ++i) {
    const std::string& want = declared.field(static_cast<int>(i))->name();
    if (!EqualsIgnoreCase(want, Trimmed(layout.header[i]))) {
      return Fail(ErrorCode::kSchemaMismatch,
                  "declared column " + want + " is not the column at its place in " + file.name +
                      ": " + interop::PrintableName(layout.header[i]),
                  "Declare the columns by the file's names, in the file's order.");
    }
  }
  return Status::OK();
}

/// With declared columns the first record is a header when it names one of them, or when a field of
/// it cannot be a value of its column.
bool HeaderByDeclaration(const std::vector<CsvField>& first, const arrow::Schema& declared,
                         const CsvTexts& texts) {
  bool names_one = false;
  bool fits = true;
  for (size_t i = 0; i < first.size() && i < static_cast<size_t>(declared.num_fields()); ++i) {
    const auto& field = *declared.field(static_cast<int>(i));
    names_one |= EqualsIgnoreCase(field.name(), Trimmed(first[i].Text()));
    const bool column_is_text =
        IsString(*field.type()) || PhysicalOf(*field.type()) == Physical::kBinary;
    fits &= column_is_text || KindOfField(first[i], texts) != CsvKind::kText;
  }
  return names_one || !fits;
}

}  // namespace

Status CheckIsText(const OpenedFile& file, std::string_view head) {
  static constexpr std::string_view kGzip = "\x1f\x8b", kZip = "PK\x03\x04",
                                    kZstd = "\x28\xb5\x2f\xfd";
  if (head.starts_with(kZip)) return BadFile("file is a zip archive", file, "Unpack it first.");
  if (head.starts_with(kGzip) || head.starts_with(kZstd)) {
    const std::string kind = head.starts_with(kGzip) ? "gzip" : "zstd";
    return BadFile("file is compressed by " + kind, file,
                   "Say its compression: '" + kind + "', or let its name end in " +
                       (kind == "gzip" ? ".gz." : ".zst."));
  }
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) {
    return BadFile("file is UTF-16 text", file, "Say its encoding: 'utf-16'.");
  }
  if (head.find('\0') != std::string_view::npos) {
    return BadFile("file is neither delimited text nor Parquet", file);
  }
  return Status::OK();
}

std::vector<std::string> UsableNames(const std::vector<std::string>& given) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (size_t i = 0; i < given.size(); ++i) {
    std::string name = Trimmed(given[i]);
    if (name.empty()) name = "column" + std::to_string(i + 1);
    std::string unique = name;
    for (int n = 2; !taken.insert(ToLower(unique)).second; ++n)
      unique = name + "_" + std::to_string(n);
    names.push_back(std::move(unique));
  }
  return names;
}

bool IsWhole(const OpenedFile& file, const arrow::Buffer& head) {
  if (file.byte_count != kByteCountUnknown) return head.size() >= file.byte_count;
  return head.size() % kCsvBlockBytes != 0;  // heads are whole blocks until the text ends
}

int64_t BeginOfRecords(std::string_view head, const FileOptions& options) {
  auto at = static_cast<size_t>(ByteOrderMarkBytes(head));
  for (int64_t line = 0; line < options.skip_lines && at < head.size(); ++line) {
    at = std::min(head.find_first_of("\r\n", at), head.size());
    if (at < head.size()) at += head.substr(at, 2) == "\r\n" ? 2 : 1;
  }
  return static_cast<int64_t>(at);
}

int64_t ByteOrderMarkBytes(std::string_view head) {
  return head.starts_with("\xef\xbb\xbf") ? 3 : 0;
}

Result<std::shared_ptr<arrow::Buffer>> ReadBytes(const OpenedFile& file, int64_t offset,
                                                 int64_t length) {
  if (file.unpacked) return file.unpacked->ReadAt(offset, length);
  auto bytes = file.file->ReadAt(offset, length);
  if (!bytes.ok()) return Fail(ErrorCode::kFileIo, "file cannot be read: " + file.name);
  return bytes;
}

Result<std::shared_ptr<arrow::Buffer>> ReadHead(const OpenedFile& file, char delimiter) {
  for (int64_t length = kCsvBlockBytes;; length *= 4) {
    VELARIA_ASSIGN_OR_RETURN(auto head, ReadBytes(file, 0, length));
    const std::string_view text = std::string_view(*head);
    if (head->size() < length) return head;  // the whole file
    if (delimiter == '\0' || LastRecordEnd(text.substr(ByteOrderMarkBytes(text)), delimiter) > 0) {
      return head;
    }
    if (length >= kCsvRecordBytesMax) {
      return BadFile("the first record is too long", file, "A quote may be open without an end.");
    }
  }
}

Result<SchemaPtr> WithTypes(const std::string& file, const arrow::Schema& schema,
                            const arrow::Schema& types) {
  auto fields = schema.fields();
  for (const auto& type : types.fields()) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
      return EqualsIgnoreCase(field->name(), type->name());
    });
    if (found == fields.end()) {
      const std::string near = NearestName(type->name(), schema.field_names());
      return Fail(ErrorCode::kSchemaMismatch,
                  "no column of that name in " + file + ": " + type->name(),
                  near.empty() ? "" : "Did you mean " + near + "?");
    }
    *found = (*found)->WithType(type->type());
  }
  return arrow::schema(std::move(fields));
}

Result<CsvLook> LookAtCsv(const OpenedFile& file, const FileOptions& options) {
  CsvLook look;
  CsvLayout& layout = look.layout;
  VELARIA_ASSIGN_OR_RETURN(auto head_bytes, ReadHead(file, options.delimiter.value_or('\0')));
  VELARIA_RETURN_NOT_OK(CheckIsText(file, std::string_view(*head_bytes)));
  const bool whole = IsWhole(file, *head_bytes);
  const int64_t mark = BeginOfRecords(std::string_view(*head_bytes), options);
  if (options.delimiter) {
    layout.delimiter = *options.delimiter;
  } else if (options.format == "tsv") {
    layout.delimiter = '\t';
  } else {
    layout.delimiter = FindDelimiter(std::string_view(*head_bytes).substr(mark), whole);
  }
  VELARIA_ASSIGN_OR_RETURN(head_bytes, ReadHead(file, layout.delimiter));
  look.head = head_bytes;
  const std::string_view head = std::string_view(*head_bytes).substr(mark);
  look.head_text = head;

  CsvRecordScanner scanner(head, layout.delimiter);
  std::vector<CsvField> first, fields;
  if (!scanner.Next(&first)) {
    // Empty lines alone: NULLs of one column, where they are said to be no header.
    if (head.empty() || options.header.value_or(true)) return BadFile("file is empty", file);
    first.emplace_back();
  }
  const int64_t behind_first = scanner.position();
  const bool header_is_malformed = scanner.text_behind_quote();
  const size_t count = first.size();
  if (count > 4096) return BadFile("file has too many columns, " + std::to_string(count), file);

  VELARIA_ASSIGN_OR_RETURN(const auto texts, CsvTexts::Of(options));
  std::vector<CsvKind> body(count, CsvKind::kNull);
  int64_t record_count = 1;
  while (record_count < 1000 && scanner.Next(&fields)) {
    ++record_count;
    for (size_t i = 0; i < count && i < fields.size(); ++i) {
      body[i] = CommonKind(body[i], KindOfField(fields[i], texts), texts);
    }
  }
  layout.record_bytes_mean = std::max(1.0, static_cast<double>(scanner.position()) / record_count);
  if (options.header) {
    layout.has_header = *options.header;
  } else if (options.declared) {
    layout.has_header = HeaderByDeclaration(first, *options.declared, texts);
  } else {
    layout.has_header = LooksLikeAHeader(first, body, texts);
  }
  layout.data_offset = mark;
  if (layout.has_header) {
    if (header_is_malformed) {
      return BadFile(std::string("the header, ") + kTextBehindQuote, file, kDoubleQuotes);
    }
    layout.data_offset += behind_first;
    for (const auto& field : first) layout.header.push_back(field.Text());
  }
  look.count = count;
  return look;
}

Result<CsvLayout> SniffCsv(const OpenedFile& file, const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(CsvLook look, LookAtCsv(file, options));
  CsvLayout& layout = look.layout;
  const size_t count = look.count;
  if (options.declared) {
    VELARIA_RETURN_NOT_OK(CheckDeclared(file, layout, count, options));
    layout.schema = options.declared;
    return std::move(layout);
  }
  std::vector<CsvKind> kinds(count, CsvKind::kText);
  if (!options.csv.all_text) {
    VELARIA_ASSIGN_OR_RETURN(const auto texts, CsvTexts::Of(options));
    VELARIA_ASSIGN_OR_RETURN(kinds,
                             InferKinds(file, layout, count, texts, options.csv.sample_rows));
  }
  const auto names =
      UsableNames(layout.has_header ? layout.header : std::vector<std::string>(count));
  std::vector<std::shared_ptr<arrow::Field>> columns;
  for (size_t i = 0; i < count; ++i)
    columns.push_back(arrow::field(names[i], TypeOfKind(kinds[i])));
  layout.schema = arrow::schema(std::move(columns));
  if (options.types) {
    VELARIA_ASSIGN_OR_RETURN(layout.schema, WithTypes(file.name, *layout.schema, *options.types));
  }
  if (auto bad = interop::ValidateSchema(*layout.schema); !bad.ok()) {
    const bool is_text = std::all_of(names.begin(), names.end(), utf8::IsValid);
    return BadFile("the header is not usable, " + ErrorInfoOf(bad).message, file,
                   is_text ? "" : kSayEncoding);
  }
  return std::move(layout);
}

}  // namespace velaria::io
