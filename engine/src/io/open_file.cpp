#include "io/open_file.hpp"

#include "base/text.hpp"
#include "io/csv_sniff.hpp"
#include "io/csv_table.hpp"
#include "io/parquet_table.hpp"

namespace velaria::io {
namespace {

constexpr std::string_view kParquetMagic = "PAR1";

Status BadOption(const std::string& what, const std::string& value, std::string hint) {
  return Fail(ErrorCode::kBadOption, what + ": " + value, std::move(hint));
}

Result<char> ParseDelimiter(const std::string& text) {
  if (text == "\\t" || EqualsIgnoreCase(text, "tab")) return '\t';
  const bool fits = text.size() == 1 && text[0] != '"' && text[0] != '\n' && text[0] != '\r' &&
                    static_cast<unsigned char>(text[0]) < 0x80 && text[0] != '\0';
  if (fits) return text[0];
  return BadOption("delimiter is not one character", text,
                   "Use a single ASCII character other than a quote, or 'tab'.");
}

Result<bool> ParseBoolean(const std::string& key, const std::string& text) {
  if (EqualsIgnoreCase(text, "true")) return true;
  if (EqualsIgnoreCase(text, "false")) return false;
  return BadOption(key + " is not true or false", text, "Write header: true or header: false.");
}

Result<std::string> ParseFormat(const std::string& text) {
  const std::string format = ToLower(text);
  if (format.empty() || format == "csv" || format == "tsv" || format == "parquet") return format;
  return BadOption("unknown file format", text, "Formats are csv, tsv and parquet.");
}

}  // namespace

Result<FileOptions> ParseFileOptions(const std::string& format,
                                     const std::map<std::string, std::string>& options,
                                     SchemaPtr declared) {
  FileOptions out;
  VELARIA_ASSIGN_OR_RETURN(out.format, ParseFormat(format));
  out.declared = std::move(declared);
  for (const auto& [written_key, value] : options) {
    const std::string key = ToLower(written_key);
    if (key == "path") continue;
    const bool known = key == "delimiter" || key == "header" || key == "null";
    if (!known) {
      const std::string near = NearestName(key, {"path", "delimiter", "header", "null"});
      return BadOption("unknown option", written_key,
                       near.empty() ? "Options are path, delimiter, header and null."
                                    : "Did you mean " + near + "?");
    }
    if (out.format == "parquet") {
      return BadOption("option does not apply to parquet", written_key,
                       "Parquet takes path alone.");
    }
    if (key == "delimiter") {
      VELARIA_ASSIGN_OR_RETURN(out.delimiter, ParseDelimiter(value));
    } else if (key == "header") {
      VELARIA_ASSIGN_OR_RETURN(out.header, ParseBoolean(key, value));
    } else {
      out.null_text = value;
    }
  }
  return out;
}

Result<std::shared_ptr<const FileTable>> OpenFile(const std::string& path,
                                                  const AllowedRoots& roots,
                                                  const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto file, roots.Open(path));
  if (file.byte_count == 0) return Fail(ErrorCode::kFileFormat, "file is empty: " + path);
  VELARIA_ASSIGN_OR_RETURN(auto magic, ReadBytes(file, 0, 4));
  const std::string_view start(reinterpret_cast<const char*>(magic->data()), magic->size());
  const bool is_parquet = start == kParquetMagic;
  if (options.format == "parquet" || (options.format.empty() && is_parquet)) {
    return OpenParquet(file, roots, options);
  }
  if (options.format.empty() && ToLower(path).ends_with(".parquet")) {
    return Fail(ErrorCode::kFileFormat, "file is not Parquet, whatever its name says: " + path);
  }
  return OpenCsv(file, roots, options);
}

}  // namespace velaria::io
