// What a file seems to be. The answer is advice: it is what FROM 'path' goes by, and reading the
// file with the format that it names gives the same columns and rows; a reader that was named
// explicitly asks nobody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/open_file.hpp"

namespace velaria::io {

enum class Magic { kNone, kParquet, kArrow, kArrowStream };
/// By the first bytes: no format of text begins so.
Result<Magic> MagicOf(const OpenedFile& file);

/// Declared columns are the file's, in order, by name in any case and by type; VEL4005 otherwise.
Status CheckDeclaredColumns(const std::string& file, const arrow::Schema& found,
                            const arrow::Schema& declared);

struct ProbeCandidate {
  std::string format;
  int score = 0;
};

struct ProbeResult {
  std::string kind;          // the word for USING: "csv", "line", "json", "parquet" or "arrow"
  std::string final_format;  // "csv", "tsv", "line_split", "json_lines", "json_array", ...
  int score = 0;
  std::string confidence;  // "high", "medium" or "low"
  SchemaPtr schema;
  std::string suggested_table_name;
  std::vector<ProbeCandidate> candidates;  // the best first
  std::vector<std::string> warnings;
  std::optional<char> delimiter;  // csv, tsv
  LineRule line;                  // line
};

/// All but the schema and the name, of a file that is text.
Result<ProbeResult> ProbeOpened(const OpenedFile& file, const FileOptions& options);

/// VEL4001 for a path that may not be read, VEL4002 for an empty file or one that is of no format.
Result<ProbeResult> Probe(const std::string& path, const AllowedRoots& roots);

}  // namespace velaria::io
