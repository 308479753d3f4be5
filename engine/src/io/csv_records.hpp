// Where records and fields of delimited text begin and end (RFC 4180): a quote opens a field only
// as its first byte, is doubled inside it, and lets delimiters and line ends stand for themselves.
// Lines end with LF, CRLF or CR. Empty lines are no records, but in a file of one column, where
// they are NULLs. The rows themselves are parsed by arrow::csv, which draws the same lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace velaria::io {

struct CsvField {
  std::string_view raw;  // without the outer quotes, inner quotes still doubled
  bool quoted = false;

  std::string Text() const;  // with inner quotes single
};

class CsvRecordScanner {
 public:
  CsvRecordScanner(std::string_view text, char delimiter, bool empty_lines_are_rows = false)
      : text_(text), delimiter_(delimiter), empty_lines_are_rows_(empty_lines_are_rows) {}

  /// The fields of the next record; false at the end of the text. The last record may lack its line
  /// end.
  bool Next(std::vector<CsvField>* fields);

  int64_t record_begin() const { return begin_; }  // of the record last returned
  int64_t position() const { return at_; }         // behind it
  int64_t line() const { return record_line_; }    // 1-based line on which it began
  bool terminated() const { return terminated_; }  // by a line end, not by the end of the text
  bool open_quote() const { return open_quote_; }  // the text ended inside quotes
  /// In a field of the record last returned; RFC 4180 has no such field.
  bool text_behind_quote() const { return text_behind_quote_; }

 private:
  CsvField NextField();
  void SkipLineEnd();

  std::string_view text_;
  char delimiter_;
  bool empty_lines_are_rows_;
  int64_t at_ = 0;
  int64_t begin_ = 0;
  int64_t line_ = 1;
  int64_t record_line_ = 1;
  bool terminated_ = false;
  bool open_quote_ = false;
  bool text_behind_quote_ = false;
};

/// Bytes of `block`, which begins with a record, up to the end of its last terminated record; 0
/// when it has none.
int64_t LastRecordEnd(std::string_view block, char delimiter);

/// Whether a field of `block`, which begins with a record, has text behind its closing quote.
bool HasTextBehindQuote(std::string_view block, char delimiter);

/// Line ends in `text`; CRLF counts once.
int64_t CountLineEnds(std::string_view text);

}  // namespace velaria::io
