// A dictionary may hold NULL among its values. In the kernel none does: a row that refers to such a
// value is a null row, and everybody finds nulls in one place, the column's own validity.
#pragma once

#include <arrow/array/data.h>
#include <arrow/memory_pool.h>

#include <memory>

#include "base/status.hpp"

namespace velaria::interop {

/// The dictionary with empty values in place of its nulls.
Result<std::shared_ptr<arrow::ArrayData>> WithoutNulls(const arrow::ArrayData& dictionary,
                                                       arrow::MemoryPool* pool);

/// `column` with those rows null that refer to a null of `dictionary`. The indexes are known to be
/// in bounds.
Result<std::shared_ptr<arrow::ArrayData>> WithDictionaryNulls(
    const std::shared_ptr<arrow::ArrayData>& column,
    const std::shared_ptr<arrow::ArrayData>& dictionary, arrow::MemoryPool* pool);

}  // namespace velaria::interop
