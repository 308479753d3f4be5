// The door to files: which format a path holds, and what OPTIONS say about it. The content decides:
// Parquet by its magic bytes, anything else that is text by looking at its first lines; an explicit
// format (USING csv) wins.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/allowed_paths.hpp"
#include "io/file_table.hpp"

namespace velaria::io {

struct FileOptions {
  std::string format;             // "" (look), "csv", "tsv" or "parquet"
  std::optional<char> delimiter;  // absent: found among , ; tab |
  std::optional<bool> header;     // absent: found
  std::string null_text;  // text that is NULL where it stands unquoted; an empty field always is
  SchemaPtr declared;  // columns of CREATE TABLE: names must be the file's in order; null: inferred
};

/// FileOptions from an OPTIONS clause; keys `path` (taken by the caller), `delimiter`, `header`,
/// `null`, in any case. VEL4004 for an unknown key or a wrong value. `format` is the USING word, ""
/// for FROM 'path'.
Result<FileOptions> ParseFileOptions(const std::string& format,
                                     const std::map<std::string, std::string>& options,
                                     SchemaPtr declared = nullptr);

/// Opens the file and learns its schema. CSV types are inferred from the whole file up to 64 MB,
/// beyond that from its beginning and samples across it; a value that breaks an inferred type later
/// is VEL4002 with its line.
Result<std::shared_ptr<const FileTable>> OpenFile(const std::string& path,
                                                  const AllowedRoots& roots,
                                                  const FileOptions& options = {});

}  // namespace velaria::io
