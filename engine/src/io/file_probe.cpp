#include "io/file_probe.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "functions/json_document.hpp"
#include "interop/schema_rules.hpp"
#include "io/csv_sniff.hpp"
#include "io/json_records.hpp"
#include "io/text_blocks.hpp"
#include "io/unpacked_text.hpp"

namespace velaria::io {
namespace {

// The scores of the seed contract.
constexpr int kJsonLines = 92, kJsonArray = 94, kJsonExtension = 8;
constexpr int kDelimited = 40, kPerColumn = 3, kColumnsMax = 12, kHeader = 25, kExtension = 20;
constexpr int kNoDelimiter = 15, kLineOverCsv = 10;
constexpr int kJsonSample = 20;  // values

std::string EndingOf(const std::string& path) {
  const std::string name = UncompressedName(path);
  const size_t dot = name.rfind('.');
  return dot == std::string::npos || name.find('/', dot) != std::string::npos
             ? ""
             : name.substr(dot + 1);
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// 0 when the beginning is not JSON of objects.
int JsonScore(std::string_view head, const std::string& ending, JsonShape* shape) {
  int64_t offset = 0;
  *shape = FindJsonShape(head, &offset);
  const bool whole = static_cast<int64_t>(head.size()) < kCsvBlockBytes;
  JsonValueScanner scanner(head.substr(static_cast<size_t>(offset)), *shape, true);
  std::string_view value;
  json::Document document;
  int count = 0;
  while (count < kJsonSample && scanner.Next(&value, !whole)) {
    ++count;
    if (value.empty() || value[0] != '{') return 0;
    // A fault behind the first value is the reader's to report.
    if (count == 1 && !document.TryParse(value, nullptr)) return 0;
  }
  const bool is_array = *shape == JsonShape::kArray;
  if (count == 0 && !(is_array && scanner.closed())) return 0;
  const bool ending_fits =
      is_array ? ending == "json" : IsOneOf(ending, {"json", "jsonl", "ndjson"});
  return (is_array ? kJsonArray : kJsonLines) + (ending_fits ? kJsonExtension : 0);
}

void AddDelimited(const CsvLook& look, const std::string& ending, ProbeResult* out,
                  std::vector<ProbeCandidate>* candidates) {
  const char delimiter = look.layout.delimiter;
  const bool has_delimiter = look.count > 1;
  const char* const csv = delimiter == '\t' ? "tsv" : "csv";
  const int base =
      has_delimiter
          ? kDelimited + kPerColumn * static_cast<int>(std::min<size_t>(look.count, kColumnsMax))
          : kNoDelimiter;
  const bool header = has_delimiter && look.layout.has_header;
  const bool csv_ending =
      delimiter == '\t' ? IsOneOf(ending, {"tsv", "tab"}) : IsOneOf(ending, {"csv"});
  candidates->push_back({csv, base + (header ? kHeader : 0) + (csv_ending ? kExtension : 0)});
  out->delimiter = delimiter;
  // Quotes mean something in CSV alone.
  const bool quoted = look.head_text.find('"') != std::string_view::npos;
  if (!has_delimiter || quoted) return;
  const bool line_like = !header && delimiter != ',' && delimiter != '\t';
  const int line = base + (IsOneOf(ending, {"log", "line"}) ? kExtension : 0) +
                   (line_like ? kLineOverCsv : -kLineOverCsv);
  candidates->push_back({"line_split", line});
  out->line.split_delimiter = std::string(1, delimiter);
}

void Judge(ProbeResult* out) {
  const int best = out->candidates[0].score;
  const int lead = out->candidates.size() > 1 ? best - out->candidates[1].score : best;
  out->score = best;
  out->confidence = best >= 90 && lead >= 15 ? "high" : best >= 65 && lead >= 8 ? "medium" : "low";
  if (out->confidence == "low") out->warnings.push_back("the format is a guess: name it");
  if (lead < 8 && out->candidates.size() > 1) {
    out->warnings.push_back("another format is nearly as likely: " + out->candidates[1].format);
  }
  if (best < 40) out->warnings.push_back("no delimiter was found");
}

void Certain(const char* format, ProbeResult* out) {
  out->kind = out->final_format = format;
  out->score = 100;
  out->confidence = "high";
  out->candidates = {{format, 100}};
}

/// The file's name up to its first dot as a plain identifier.
std::string TableNameOf(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  std::string name = ToLower(file.substr(0, file.find('.')));
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!plain) c = '_';
  }
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) name = "t_" + name;
  return name;
}

}  // namespace

Result<Magic> MagicOf(const OpenedFile& file) {
  if (file.unpacked) return Magic::kNone;
  VELARIA_ASSIGN_OR_RETURN(auto bytes, ReadBytes(file, 0, 8));
  const std::string_view start = ViewOf(*bytes);
  if (start.starts_with("PAR1")) return Magic::kParquet;
  if (start.starts_with("ARROW1")) return Magic::kArrow;
  return start.starts_with("\xff\xff\xff\xff") ? Magic::kArrowStream : Magic::kNone;
}

Status CheckDeclaredColumns(const std::string& file, const arrow::Schema& found,
                            const arrow::Schema& declared) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (int i = 0; i < declared.num_fields() && i < found.num_fields(); ++i) {
    const auto& want = declared.field(i);
    const auto& got = found.field(i);
    fields.push_back(EqualsIgnoreCase(want->name(), got->name()) ? want->WithType(got->type())
                                                                 : got);
  }
  for (int i = declared.num_fields(); i < found.num_fields(); ++i) fields.push_back(found.field(i));
  const std::string difference =
      interop::SchemaDifference(declared, *arrow::schema(std::move(fields)));
  if (difference.empty()) return Status::OK();
  return Fail(ErrorCode::kSchemaMismatch,
              "declared columns are not those of " + file + ", " + difference,
              "Declare the columns by the file's names and types, or leave the column list out.");
}

Result<ProbeResult> ProbeOpened(const OpenedFile& file, const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto head, ReadBytes(file, 0, kCsvBlockBytes));
  if (head->size() == 0) return Fail(ErrorCode::kFileFormat, "file is empty: " + file.name);
  VELARIA_RETURN_NOT_OK(CheckIsText(file, ViewOf(*head)));
  ProbeResult out;
  const std::string ending = EndingOf(file.name);
  JsonShape shape;
  const int json = JsonScore(ViewOf(*head), ending, &shape);
  if (json > 0) {
    out.candidates.push_back({shape == JsonShape::kArray ? "json_array" : "json_lines", json});
  }
  // JSON has commas, too: that it could be CSV is no candidate worth a warning.
  if (json == 0) {
    VELARIA_ASSIGN_OR_RETURN(const CsvLook look, LookAtCsv(file, options));
    AddDelimited(look, ending, &out, &out.candidates);
  }
  std::stable_sort(out.candidates.begin(), out.candidates.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  out.final_format = out.candidates[0].format;
  out.kind = out.final_format.starts_with("json")   ? "json"
             : out.final_format.starts_with("line") ? "line"
                                                    : "csv";
  if (out.kind != "line") out.line = {};
  if (out.kind == "line") out.delimiter.reset();
  Judge(&out);
  return out;
}

Result<ProbeResult> Probe(const std::string& path, const AllowedRoots& roots) {
  VELARIA_ASSIGN_OR_RETURN(const auto table, OpenFile(path, roots));
  const std::string_view format = table->format();
  ProbeResult out;
  if (format == "parquet" || format == "arrow") {
    Certain(table->format(), &out);
  } else {
    VELARIA_ASSIGN_OR_RETURN(const auto file, OpenText(roots, path, {}));
    VELARIA_ASSIGN_OR_RETURN(out, ProbeOpened(file, {}));
  }
  out.schema = table->schema();
  out.suggested_table_name = TableNameOf(path);
  return out;
}

}  // namespace velaria::io
