// Types. A kernel type is an Arrow type: what came in by Arrow goes out as it came. This file names
// the families that operators and functions dispatch on, and the SQL spelling of each type.
//
// A dictionary of strings is a string to every rule of meaning (`LogicalType` strips the encoding),
// but stays encoded as it travels; so do large_utf8 and utf8_view.
#pragma once

#include <arrow/type.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status.hpp"

namespace velaria {

using TypePtr = std::shared_ptr<arrow::DataType>;
using arrow::Field;
using SchemaPtr = std::shared_ptr<arrow::Schema>;

/// How a column's values lie in memory once an operator looks at them.
enum class Physical : uint8_t {
  kNull,
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat,
  kDouble,
  kDecimal,  // 16 bytes
  kString,   // utf8, large_utf8, utf8_view, or a dictionary of one of these
  kBinary,   // binary, large_binary, binary_view, fixed-size binary
  kNested,   // list, struct, map, interval: compared and grouped by functions/order_key.hpp
};

/// The type without dictionary encoding.
TypePtr LogicalType(const TypePtr& type);
/// kInt32 for date32 and time32, kInt64 for timestamp, time64, date64 and duration.
Physical PhysicalOf(const arrow::DataType& type);

bool IsString(const arrow::DataType& type);   // dictionary of strings included
bool IsInteger(const arrow::DataType& type);  // signed and unsigned; not dates
bool IsFloating(const arrow::DataType& type);
bool IsDecimal(const arrow::DataType& type);
bool IsNumeric(const arrow::DataType& type);
bool IsTemporal(const arrow::DataType& type);  // date, time, timestamp
bool IsNested(const arrow::DataType& type);
bool IsDictionary(const arrow::DataType& type);
/// Types that `=`, `<`, GROUP BY, DISTINCT, ORDER BY and join keys accept.
bool IsComparable(const arrow::DataType& type);
/// Bytes of one value; 0 for boolean, strings and nested types.
int FixedWidthOf(Physical physical);

/// "INTEGER", "DECIMAL(10,2)", "TIMESTAMP_MS WITH TIME ZONE", "BIGINT[]".
std::string SqlName(const arrow::DataType& type);
/// A type by its SQL name in upper case with its arguments, or VEL2017 with a suggestion.
Result<TypePtr> TypeFromSqlName(const std::string& name, const std::vector<int64_t>& arguments,
                                bool with_time_zone);

/// The type both sides are brought to before they are compared, joined by UNION or returned by CASE
/// branches (PostgreSQL's preferences: NULL yields to anything, integers widen, integer with
/// decimal gives decimal, anything numeric with a float gives DOUBLE, date with timestamp gives
/// timestamp). VEL2016 when there is none.
Result<TypePtr> CommonType(const TypePtr& a, const TypePtr& b);
/// Whether a value of `from` may stand where `to` is asked without a written cast.
bool ImplicitlyCastable(const arrow::DataType& from, const arrow::DataType& to);

}  // namespace velaria
