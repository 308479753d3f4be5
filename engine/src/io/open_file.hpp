// The door to files: which format a path holds, and what OPTIONS say about it. The content decides:
// Parquet and Arrow by their magic bytes, anything else that is text by looking at its first lines;
// an explicit format (USING csv, read_csv) wins.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/allowed_paths.hpp"
#include "io/file_table.hpp"
#include "io/file_words.hpp"
#include "io/rejects.hpp"

namespace velaria::io {

/// How a line of text becomes columns.
struct LineRule {
  std::string split_delimiter;  // mode split
  std::string regex_pattern;    // mode regex; one of the two is not empty
  /// Names and what they stand for: the n-th part from 0 (split), the n-th group (regex, 0: the
  /// whole match). Empty: every part, or every group, by number.
  std::vector<std::pair<std::string, int>> mappings;
  bool skip_empty_lines = true;
};

/// Who was given the options of a file: hints spell them as that statement does.
enum class OptionForm {
  kArguments,  // of a reader: nullstr := 'NA'
  kOptions,    // of CREATE TABLE ... USING: OPTIONS(null: 'NA')
  kCopy,       // of COPY: (NULL 'NA')
};

/// What a delimiter is looked for among.
inline constexpr char kCsvDelimiters[] = ",;\t|";

/// Where a csv file differs from RFC 4180, and how its values read.
struct CsvForm {
  char quote = '"';                           // '\0': none; a quote is then a letter like others
  char escape = '"';                          // inside quotes, before a quote or itself
  char comment = '\0';                        // lines that begin with it are no records; '\0': none
  std::string date_format, timestamp_format;  // letters of strftime; empty: ISO 8601
  int64_t sample_rows = 0;  // that types are inferred from; -1: all; 0: as OpenFile says
  bool all_text = false;    // every column is VARCHAR

  bool operator==(const CsvForm&) const = default;
  bool rewrites_text() const { return quote != '"' || escape != '"' || comment != '\0'; }
};

struct FileOptions {
  std::string format;                   // "" (look), "csv", "tsv", "line", "json", "json_lines",
                                        // "json_array", "parquet" or "arrow"
  std::optional<char> delimiter;        // absent: found among , ; tab |
  std::optional<bool> header;           // absent: found
  std::vector<std::string> null_texts;  // NULL where they stand unquoted; an empty field always is
  int64_t skip_lines = 0;               // at the beginning of a csv file, before the header
  bool ignore_errors = false;           // rows that do not fit are left out and counted (csv, json)
  std::string compression;              // "" (by the path's ending), "none", "gzip" or "zstd"
  std::string encoding;                 // "" (UTF-8), "latin-1" or "utf-16"
  CsvForm csv;
  LineRule line;
  std::vector<std::string> selected;  // json: these keys alone; line: names of the columns
  SchemaPtr declared;  // columns of CREATE TABLE: names must be the file's in order; null: inferred
  bool declared_by_position = false;  // COPY FROM: the names are the table's, not the file's
  SchemaPtr types;                    // types of some columns, by name, instead of the inferred
  // of several files
  bool union_by_name = false;  // columns are matched by name; one that a file lacks is NULL there
  bool filename = false;       // adds a column that says which file a row is from
  std::shared_ptr<RejectLog> rejects;  // null: nobody asks
  OptionForm form = OptionForm::kArguments;
};

/// An option with a value as SQL writes it, in a statement's own form; `name` is the one that COPY
/// and OPTIONS have.
std::string WrittenOption(OptionForm form, const std::string& name, const std::string& value);

/// FileOptions from an OPTIONS clause or a reader's arguments; keys in any case, `path` is taken by
/// the caller. VEL4004 for an unknown key, one that is not the format's, or a wrong value, at its
/// place. `format` is the USING word, "" for FROM 'path'.
Result<FileOptions> ParseFileOptions(const std::string& format, const GivenOptions& options,
                                     SchemaPtr declared = nullptr);

/// Opens the file and learns its schema. Types of text are inferred from the whole file up to 64
/// MB, beyond that from its beginning and samples across it; a value that breaks an inferred type
/// later is VEL4002 with its line.
Result<std::shared_ptr<const FileTable>> OpenFile(const std::string& path,
                                                  const AllowedRoots& roots,
                                                  const FileOptions& options = {});

/// One table over all files that the paths and patterns name, in the order of the paths, and of a
/// pattern's files by name.
Result<std::shared_ptr<const FileTable>> OpenFiles(const std::vector<std::string>& paths,
                                                   const AllowedRoots& roots,
                                                   const FileOptions& options = {});

/// "gzip", "zstd" or "none": as the option says, else by the path's ending.
std::string CompressionOf(const std::string& path, const std::string& option);
/// The path without the ending of a compression, in lower case: its last ending names the format.
std::string UncompressedName(const std::string& path);

/// Values of options, also of COPY's. VEL4004 for one that is none.
Result<char> ParseDelimiter(const std::string& text);
Result<bool> ParseBoolean(const std::string& key, const std::string& text);
/// One character, or '\\0' for none.
Status ParseMark(const std::string& key, const std::string& text, char* out);
/// VEL4004 when the reader could not tell two of them apart.
Status CheckMarksDiffer(char delimiter, const CsvForm& csv);
Status BadOption(const std::string& what, const std::string& value, std::string hint);

}  // namespace velaria::io
