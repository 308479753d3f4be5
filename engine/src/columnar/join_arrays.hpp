// Arrays end to end, and what does not fit the type it is to have: dictionaries whose values
// together outgrow the index type, text past the 2 GiB that 32-bit offsets reach.
//
// Between operators such a column is widened (dictionaries to 32-bit indexes, text to 64-bit
// offsets) and nobody minds, since operators look at a column through views. Where a column leaves
// the kernel or enters a table it has its declared type again: `FitTo` narrows a piece of it, and a
// piece that cannot be narrowed is cut until it can. One row always fits.
#pragma once

#include "columnar/vector.hpp"

namespace velaria {

/// Text of more bytes than this is widened; a parameter below for tests.
inline constexpr int64_t kTextBytesMax = std::numeric_limits<int32_t>::max();

/// Whether a status says that values do not fit their type, and smaller pieces would.
inline bool DoesNotFit(const Status& status) { return status.IsCapacityError(); }

/// `arrays`, one at least, of one type, in that type; DoesNotFit when it cannot hold them all.
Result<std::shared_ptr<arrow::Array>> JoinArrays(const arrow::ArrayVector& arrays,
                                                 arrow::MemoryPool* pool);

/// The same, widened when there is need. The arrays may be of one type and its widened forms.
Result<std::shared_ptr<arrow::Array>> JoinWide(const arrow::ArrayVector& arrays,
                                               arrow::MemoryPool* pool,
                                               int64_t text_bytes_max = kTextBytesMax);

/// A dictionary column of text with the values that its rows refer to and no others, under the
/// index type that `type` has; DoesNotFit when that cannot number them.
Result<Vector> UsedValues(const Vector& vector, const TypePtr& type, arrow::MemoryPool* pool);

/// A widened column in its declared type; any other as it is. DoesNotFit when it holds too much.
Result<Vector> FitTo(const Vector& vector, const TypePtr& type, arrow::MemoryPool* pool);

}  // namespace velaria
