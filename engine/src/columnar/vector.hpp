// A Vector is an untouched Arrow array, or one constant standing for any number of rows. A Chunk is
// a set of vectors of equal length plus a selection of the rows that count. Nothing here does I/O;
// buffers come from the caller's pool, so every byte is accounted to a query.
#pragma once

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/util/bit_util.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"

namespace velaria {

/// Rows of one chunk at most; a morsel is a run of chunks.
inline constexpr int64_t kChunkRows = 4096;
inline constexpr int64_t kMorselRows = 65536;

using ArrayDataPtr = std::shared_ptr<arrow::ArrayData>;

/// Row positions inside a chunk, ascending. Shared, never changed after it is made.
using Selection = std::vector<uint32_t>;
using SelectionPtr = std::shared_ptr<const Selection>;

struct Vector {
  ArrayDataPtr data;  // its offset is honoured everywhere; length 1 when `constant`
  bool constant = false;

  const TypePtr& type() const { return data->type; }
  int64_t length() const { return data->length; }
  bool MayHaveNulls() const { return data->MayHaveNulls() || data->type->id() == arrow::Type::NA; }
  std::shared_ptr<arrow::Array> array() const { return arrow::MakeArray(data); }
};

/// Where each row of a chunk stood in its table or stream. Shared, never changed after it is made.
using Positions = std::vector<int64_t>;
using PositionsPtr = std::shared_ptr<const Positions>;

struct Chunk {
  std::vector<Vector> columns;
  int64_t row_count = 0;   // physical rows of every column
  SelectionPtr selection;  // null: all rows count
  uint64_t ordinal = 0;    // ordinal of physical row 0; rows of one chunk are consecutive
  /// By physical row, from scans that are asked for it: a row keeps its position through filters,
  /// projections, joins and limits, where ordinals are no longer those of the log. Null: none.
  PositionsPtr positions;

  int64_t selected_count() const {
    return selection ? static_cast<int64_t>(selection->size()) : row_count;
  }
  bool empty() const { return selected_count() == 0; }
  uint32_t row_at(int64_t i) const {
    return selection ? (*selection)[i] : static_cast<uint32_t>(i);
  }
};

/// Read access to a validity bitmap; all rows are valid when `bits` is null.
struct Validity {
  const uint8_t* bits = nullptr;
  int64_t offset = 0;
  bool all_null = false;   // type NULL
  bool broadcast = false;  // a constant: row 0 stands for all

  bool IsValid(int64_t row) const {
    if (all_null) return false;
    return bits == nullptr || arrow::bit_util::GetBit(bits, offset + (broadcast ? 0 : row));
  }
  bool all_valid() const { return bits == nullptr && !all_null; }
};
Validity ValidityOf(const Vector& vector);

/// Values of a fixed-width vector; `stride` is 0 for a constant, so `values[i * stride]` is always
/// right.
template <typename T>
struct FixedView {
  const T* values;
  int64_t stride;
  Validity validity;
  const T& operator[](int64_t row) const { return values[row * stride]; }
  bool IsValid(int64_t row) const { return validity.IsValid(row); }
};
template <typename T>
FixedView<T> ViewFixed(const Vector& vector) {
  const auto& data = *vector.data;
  const T* values = data.buffers.size() > 1 && data.buffers[1]
                        ? reinterpret_cast<const T*>(data.buffers[1]->data()) + data.offset
                        : nullptr;
  return {values, vector.constant ? 0 : 1, ValidityOf(vector)};
}

struct BoolView {
  const uint8_t* bits;
  int64_t offset;
  int64_t stride;
  Validity validity;
  bool operator[](int64_t row) const {
    return arrow::bit_util::GetBit(bits, offset + row * stride);
  }
  bool IsValid(int64_t row) const { return validity.IsValid(row); }
};
BoolView ViewBool(const Vector& vector);

/// String views over any string or binary layout, dictionaries included, made when an operator asks
/// for them. The views point into the vector's buffers and live as long as it does; the view of a
/// null row is empty.
class StringView {
 public:
  explicit StringView(const Vector& vector);
  std::string_view operator[](int64_t row) const { return views_[row * stride_]; }
  bool IsValid(int64_t row) const { return validity_.IsValid(row); }
  const Validity& validity() const { return validity_; }

 private:
  std::vector<std::string_view> views_;
  int64_t stride_;
  Validity validity_;
};

/// A dictionary-encoded string vector taken apart: code per row (widened to int32) and the
/// dictionary's values. A dictionary holds no nulls: the ingest gate has moved them into the rows.
struct DictionaryView {
  std::vector<int32_t> codes;  // -1 for null rows
  Vector values;               // utf8 or large_utf8, never a dictionary
};
DictionaryView ViewDictionary(const Vector& vector);

Vector MakeVector(const std::shared_ptr<arrow::Array>& array);
Result<Vector> MakeConstant(const std::shared_ptr<arrow::Scalar>& scalar, arrow::MemoryPool* pool);
Result<Vector> MakeNullConstant(const TypePtr& type, arrow::MemoryPool* pool);
/// The value of a constant vector.
Result<std::shared_ptr<arrow::Scalar>> ConstantValue(const Vector& vector);
/// A fresh fixed-width vector: values uninitialised; `validity` may be null (all valid).
Result<ArrayDataPtr> AllocateFixed(const TypePtr& type, int64_t row_count, arrow::MemoryPool* pool);
Result<std::shared_ptr<arrow::Buffer>> AllocateBitmap(int64_t bit_count, bool value,
                                                      arrow::MemoryPool* pool);

/// The positions at `rows`; null when there are none.
PositionsPtr GatherPositions(const PositionsPtr& positions, std::span<const uint32_t> rows);

/// The rows of `vector` at `rows`, dense. Dictionaries stay encoded; nested types go through
/// arrow::compute::Take.
Result<Vector> Gather(const Vector& vector, std::span<const uint32_t> rows,
                      arrow::MemoryPool* pool);
/// Gather in which position -1 gives null (the unmatched side of an outer join).
Result<Vector> GatherOrNull(const Vector& vector, std::span<const int32_t> rows,
                            arrow::MemoryPool* pool);
/// A constant repeated, anything else as it is.
Result<Vector> Expand(const Vector& vector, int64_t row_count, arrow::MemoryPool* pool);
Vector Slice(const Vector& vector, int64_t offset, int64_t length);
/// The AND of the arguments' validity as a fresh bitmap; null when every row is valid.
Result<std::shared_ptr<arrow::Buffer>> CombineValidity(std::span<const Vector> arguments,
                                                       int64_t row_count, arrow::MemoryPool* pool);
/// A dictionary vector turned into its value type; others as they are.
Result<Vector> Decode(const Vector& vector, arrow::MemoryPool* pool);

/// Applies the selection: every column dense, no selection left. The ordinal keeps the first
/// selected row's.
Result<Chunk> Compact(const Chunk& chunk, arrow::MemoryPool* pool);
/// Compact, then a record batch of `schema`: constants are repeated, widened columns narrowed, and
/// DoesNotFit (join_arrays.hpp) when that takes smaller batches.
Result<std::shared_ptr<arrow::RecordBatch>> ToRecordBatch(const Chunk& chunk,
                                                          const SchemaPtr& schema,
                                                          arrow::MemoryPool* pool);
Chunk FromRecordBatch(const arrow::RecordBatch& batch);

}  // namespace velaria
