// What the text of a CSV field could be, and the one type that fits all fields of a column. A field
// has a kind only if it converts to the kind's type without loss: numbers with leading zeros,
// numbers beyond BIGINT and timestamps finer than microseconds stay text, and so do a + and seven
// digits or more, which may be a telephone number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/types.hpp"
#include "functions/date_format.hpp"
#include "io/csv_records.hpp"
#include "io/open_file.hpp"

namespace arrow::csv {
class BlockParser;
struct ConvertOptions;
}  // namespace arrow::csv

namespace velaria::io {

enum class CsvKind : uint8_t {
  kNull,
  kBoolean,
  kBigint,
  kDouble,
  kDate,
  kTimestamp,
  kTimestampZoned,
  kText
};

/// How the fields of a file read: what is NULL, and what dates and times look like.
struct CsvTexts {
  std::vector<std::string> null_texts;           // as in FileOptions
  std::optional<dates::Format> date, timestamp;  // else ISO 8601

  /// VEL2008 for a format with an unknown letter.
  static Result<CsvTexts> Of(const FileOptions& options);
  /// The format that values of the type have; null for one without.
  const dates::Format* FormatOf(const arrow::DataType& type) const;
};

/// The narrowest kind of one field.
CsvKind KindOfField(const CsvField& field, const CsvTexts& texts);
/// The narrowest kind that holds values of both. A date in a format of its own is no timestamp.
CsvKind CommonKind(CsvKind a, CsvKind b, const CsvTexts& texts);
/// VARCHAR for a column of nulls alone.
TypePtr TypeOfKind(CsvKind kind);

/// The texts of numbers as arrow::compute casts them: without blanks round them, and without the +
/// before an integer.
Result<std::shared_ptr<arrow::Array>> NumberTexts(const arrow::StringArray& texts,
                                                  const arrow::DataType& type,
                                                  arrow::MemoryPool* pool);

/// The values of a column of parsed rows. A + may stand before integers, too.
Result<std::shared_ptr<arrow::Array>> ConvertCsvColumn(const arrow::csv::BlockParser& parser,
                                                       int column, const TypePtr& type,
                                                       const arrow::csv::ConvertOptions& convert,
                                                       arrow::MemoryPool* pool);

}  // namespace velaria::io
