// What the text of a CSV field could be, and the one type that fits all fields of a column. A field
// has a kind only if arrow::csv converts it to the kind's type without loss: numbers with leading
// zeros, numbers beyond BIGINT and timestamps finer than microseconds stay text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "columnar/types.hpp"
#include "io/csv_records.hpp"

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

/// The narrowest kind of one field. `null_text` as in FileOptions.
CsvKind KindOfField(const CsvField& field, std::string_view null_text);
/// The narrowest kind that holds values of both.
CsvKind CommonKind(CsvKind a, CsvKind b);
/// VARCHAR for a column of nulls alone.
TypePtr TypeOfKind(CsvKind kind);

}  // namespace velaria::io
