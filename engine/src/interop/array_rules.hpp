// Rules about values, for columns whose types ValidateSchema has passed. `column` is the name said
// in errors.
#pragma once

#include <arrow/array/data.h>

#include <string>

#include "base/status.hpp"

namespace velaria::interop {

/// utf8 and large_utf8: the same verdict as arrow::Array::ValidateFull, several times faster on
/// text that is mostly ASCII, since it looks at the column's bytes as a whole and at single strings
/// only when that does not settle it.
Status CheckStrings(const std::string& column, const arrow::ArrayData& data);

/// What ValidateFull lets pass, here, in all children and dictionaries: dates and timestamps
/// outside the years 0001 to 9999. Values under nulls do not count.
Status CheckTimes(const std::string& column, const arrow::ArrayData& data);

/// Arrow's own full validation with its verdict as VEL4006 in one line.
Status CheckWithArrow(const std::string& column, const arrow::ArrayData& data);

}  // namespace velaria::interop
