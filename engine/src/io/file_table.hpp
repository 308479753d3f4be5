// A file that SQL can read as a table, and one reading of it. A FileTable is immutable and shared;
// a FileScan belongs to one query. Calls of a scan: NextMorsel() until it is empty, from any
// thread, and Read() of each morsel once, by several threads at the same time; nothing is locked
// while a morsel is decoded.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"

namespace velaria::io {

enum class Comparison {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIsNull,
  kIsNotNull
};

/// `column op value`, one conjunct of a filter. Not applied to rows: it only lets a scan leave out
/// parts of the file in which no row can pass, so the filter stays above the scan.
struct SimplePredicate {
  int column = 0;  // of the file's schema
  Comparison op = Comparison::kEqual;
  std::shared_ptr<arrow::Scalar>
      value;  // of the column's type; not read for kIsNull and kIsNotNull
};

struct FileScanSpec {
  std::vector<int>
      columns;  // of the file's schema, in output order; none: batches hold a row count only
  std::vector<SimplePredicate> predicates;
};

/// A part of the file. Sequence numbers run from 0 without gaps, in file order: they order rows
/// across threads.
struct FileMorsel {
  uint64_t sequence = 0;
  int64_t row_count = -1;                // -1: not known before it is read
  int64_t offset = 0;                    // csv: byte in the file; parquet: row group
  std::shared_ptr<arrow::Buffer> bytes;  // csv: whole records
};

class FileScan {
 public:
  virtual ~FileScan() = default;
  /// Empty at the end of the file.
  virtual Result<std::optional<FileMorsel>> NextMorsel() = 0;
  /// The morsel's rows, in file order, with the scan's columns. Buffers come from `pool`.
  virtual Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> Read(
      const FileMorsel& morsel, arrow::MemoryPool* pool) = 0;
  virtual const SchemaPtr& schema() const = 0;
  virtual int64_t bytes_total() const = 0;      // of the file
  virtual int64_t bytes_read() const = 0;       // so far; what was left out never counts
  virtual int64_t morsels_skipped() const = 0;  // so far, by predicates
};

class FileTable {
 public:
  virtual ~FileTable() = default;
  virtual const SchemaPtr& schema() const = 0;
  virtual const std::string& name() const = 0;      // the path as it was given
  virtual const char* format() const = 0;           // "csv" | "tsv" | "parquet"
  virtual int64_t estimated_row_count() const = 0;  // exact for parquet
  virtual bool skips_by_predicates() const = 0;
  /// Opens the file anew; VEL4002 when it is no longer the file that the schema was made from.
  virtual Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                                 arrow::MemoryPool* pool) const = 0;
};

}  // namespace velaria::io
