#include "io/open_file.hpp"

#include "base/text.hpp"
#include "io/arrow_table.hpp"
#include "io/csv_sniff.hpp"
#include "io/csv_table.hpp"
#include "io/file_probe.hpp"
#include "io/file_set.hpp"
#include "io/json_table.hpp"
#include "io/line_table.hpp"
#include "io/parquet_table.hpp"
#include "io/unpacked_text.hpp"

namespace velaria::io {
namespace {

Status NotWhatItsNameSays(const std::string& format, const std::string& path) {
  return Fail(ErrorCode::kFileFormat,
              "file is not " + format + ", whatever its name says: " + path);
}

bool HasEndingOfJson(const std::string& name) {
  return name.ends_with(".json") || name.ends_with(".jsonl") || name.ends_with(".ndjson");
}

/// The options with the format that the file has; a format that was named stays.
Result<FileOptions> WithFormat(const OpenedFile& file, FileOptions options) {
  if (!options.format.empty()) return options;
  VELARIA_ASSIGN_OR_RETURN(auto probed, ProbeOpened(file, options));
  options.format = probed.kind == "line" ? "line" : probed.final_format;
  if (probed.kind == "line") options.line = probed.line;
  return options;
}

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenFile(const std::string& path,
                                                  const AllowedRoots& roots,
                                                  const FileOptions& options) {
  const std::string compression = CompressionOf(path, options.compression);
  VELARIA_ASSIGN_OR_RETURN(auto file, OpenText(roots, path, options));
  // Lines of JSON may be none: it is what COPY writes of no rows.
  const bool may_be_empty = options.declared && options.format.starts_with("json");
  if (file.byte_count == 0 && !may_be_empty) {
    return Fail(ErrorCode::kFileFormat, "file is empty: " + path);
  }
  VELARIA_ASSIGN_OR_RETURN(const auto kind, MagicOf(file));
  const bool looks = options.format.empty();
  if (options.format == "parquet" || (looks && kind == Magic::kParquet)) {
    return OpenParquet(file, roots, options);
  }
  const bool is_arrow = kind == Magic::kArrow || kind == Magic::kArrowStream;
  if (options.format == "arrow" || (looks && is_arrow)) {
    return OpenArrow(file, roots, options);
  }
  if (looks && UncompressedName(path).ends_with(".parquet")) {
    return NotWhatItsNameSays("Parquet", path);
  }
  if (looks && UncompressedName(path).ends_with(".arrow")) return NotWhatItsNameSays("Arrow", path);
  VELARIA_ASSIGN_OR_RETURN(auto told, WithFormat(file, options));
  told.compression = compression;
  if (looks && !told.format.starts_with("json") && HasEndingOfJson(UncompressedName(path))) {
    told.format = "json";  // whose reader says what of the file is none, and on which line
  }
  if (told.format.starts_with("json")) return OpenJson(file, roots, told);
  if (told.format == "line") return OpenLine(file, roots, told);
  return OpenCsv(file, roots, told);
}

Result<std::shared_ptr<const FileTable>> OpenFiles(const std::vector<std::string>& paths,
                                                   const AllowedRoots& roots,
                                                   const FileOptions& options) {
  std::vector<std::string> all;
  for (const auto& path : paths) {
    VELARIA_ASSIGN_OR_RETURN(auto found, roots.Expand(path));
    all.insert(all.end(), found.begin(), found.end());
  }
  if (all.empty()) return BadOption("no file is named", "[]", "Give at least one path.");
  if (all.size() == 1 && !options.filename) return OpenFile(all[0], roots, options);
  return OpenFileSet(all, Join(paths, ", "), roots, options);
}

}  // namespace velaria::io
