// Sources: rows of a table version, of a file, of a literal list, and of a reader that somebody
// else owns.
#pragma once

#include <arrow/record_batch.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "execution/key_bounds.hpp"
#include "execution/roles.hpp"
#include "io/file_table.hpp"
#include "logical/expression.hpp"
#include "storage/table.hpp"

namespace velaria::execution {

/// Rows [begin, end) of a table version by position. `version` is asked for when the pipeline
/// starts, so that a stream's trigger sees the rows that came since.
struct TableRange {
  storage::VersionPtr version;
  int64_t begin = 0;
  int64_t end = 0;
};

class TableScanNode final : public SourceNode {
 public:
  /// `chunk_rows`: kChunkRows below operators; larger when rows go out untouched.
  /// `with_positions`: rows carry their positions in the table. `position_column`: the number in
  /// `columns` that stands for them, or -1.
  TableScanNode(std::string name, std::function<TableRange()> range, std::vector<int> columns,
                std::vector<io::SimplePredicate> predicates, std::vector<KeyBounds> bounds,
                int64_t chunk_rows, bool with_positions, int position_column)
      : name_(std::move(name)),
        range_(std::move(range)),
        columns_(std::move(columns)),
        predicates_(std::move(predicates)),
        bounds_(std::move(bounds)),
        chunk_rows_(chunk_rows),
        with_positions_(with_positions),
        position_column_(position_column) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const override;
  std::string Text() const override;

 private:
  const std::string name_;
  const std::function<TableRange()> range_;
  const std::vector<int> columns_;
  const std::vector<io::SimplePredicate> predicates_;
  const std::vector<KeyBounds> bounds_;
  const int64_t chunk_rows_;
  const bool with_positions_;
  const int position_column_;
};

class FileScanNode final : public SourceNode {
 public:
  /// `place`: of the file or its table in the statement, which errors of reading have.
  FileScanNode(std::shared_ptr<const io::FileTable> file, io::FileScanSpec spec,
               std::vector<KeyBounds> bounds, Place place)
      : file_(std::move(file)), spec_(std::move(spec)), bounds_(std::move(bounds)), place_(place) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const override;
  std::string Text() const override;

 private:
  const std::shared_ptr<const io::FileTable> file_;
  const io::FileScanSpec spec_;
  const std::vector<KeyBounds> bounds_;
  const Place place_;
};

/// Literal rows; one row without columns for SELECT without FROM.
class ValuesNode final : public SourceNode {
 public:
  ValuesNode(std::vector<TypePtr> types, std::vector<std::vector<logical::BoundExprPtr>> rows)
      : types_(std::move(types)), rows_(std::move(rows)) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const override;
  std::string Text() const override { return "values: rows=" + std::to_string(rows_.size()); }

 private:
  const std::vector<TypePtr> types_;
  const std::vector<std::vector<logical::BoundExprPtr>> rows_;
};

using ReaderFactory = std::function<Result<std::shared_ptr<arrow::RecordBatchReader>>()>;

/// A reader opened and drained on a thread of its own behind a bounded queue: it may wait for
/// whatever it likes. Its batches pass the ingest gate: somebody else made them.
class ReaderSourceNode final : public SourceNode {
 public:
  ReaderSourceNode(std::string name, ReaderFactory open, SchemaPtr schema, std::vector<int> columns)
      : name_(std::move(name)),
        open_(std::move(open)),
        schema_(std::move(schema)),
        columns_(std::move(columns)) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const override;
  std::string Text() const override { return "scan " + name_; }

 private:
  const std::string name_;
  const ReaderFactory open_;
  const SchemaPtr schema_;
  const std::vector<int> columns_;
};

}  // namespace velaria::execution
