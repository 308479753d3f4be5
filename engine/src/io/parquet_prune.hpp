// Which row groups can hold a row that passes, by their statistics alone.
#pragma once

#include <parquet/metadata.h>

#include "io/file_table.hpp"

namespace velaria::io {

/// False only when no row of the column chunk satisfies the predicate. `type` is the column's Arrow
/// type.
bool MayHold(const parquet::ColumnChunkMetaData& chunk, const arrow::DataType& type,
             const SimplePredicate& predicate);

}  // namespace velaria::io
