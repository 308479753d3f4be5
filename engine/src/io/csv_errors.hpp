// Where and what in a block of CSV is wrong. Called when parsing or converting the block failed: it
// reads the block again, record by record, and counts lines from the file's beginning, which nobody
// pays for while all is well.
#pragma once

#include <arrow/csv/options.h>

#include <string>

#include "io/csv_records.hpp"
#include "io/csv_sniff.hpp"
#include "io/file_table.hpp"

namespace velaria::io {

struct CsvBlock {
  const OpenedFile& file;
  int64_t offset;         // of the block in the file
  std::string_view text;  // whole records
  char delimiter;
  bool empty_lines_are_rows;
  OptionForm form;            // that hints are to be of
  int64_t lines_before = -1;  // -1: counted when an error needs them
  bool explain = true;        // false: the caller looks for the fault itself

  CsvRecordScanner Records() const { return {text, delimiter, empty_lines_are_rows}; }
};

/// What is said of text behind a closing quote, and of how it may be meant.
inline constexpr char kTextBehindQuote[] = "there is text behind a closing quote";
inline constexpr char kDoubleQuotes[] =
    "A quote inside of a field in quotes is doubled: \"say \"\"hi\"\"\".";

/// Line ends before a position in the file.
Result<int64_t> LinesBefore(const OpenedFile& file, int64_t position);

/// VEL4002 with the line of the first record that has not `field_count` fields, or has text behind
/// a closing quote.
Status RaggedRecordError(const CsvBlock& block, int field_count, const Status& cause);

/// VEL4002 with the line and the text of the first value of column `index` that is no value of its
/// type. `declared`: the type was said, not inferred.
Status BadValueError(const CsvBlock& block, int index, const arrow::Field& column, bool declared,
                     const arrow::csv::ConvertOptions& convert, const Status& cause);

/// VEL4002 with the line of a record and the text in it that is not of the format.
Status BadTimeError(const CsvBlock& block, int64_t record, const arrow::Field& column,
                    const std::string& text, const std::string& format);

}  // namespace velaria::io
