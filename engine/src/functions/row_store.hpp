// Rows that an aggregate keeps until its end: the arguments of the rows it may still need, as
// columns that grow. Values are copied, so nothing of a chunk is held on to, and rows are looked at
// by number without building an array first.
#pragma once

#include <string>
#include <string_view>

#include "functions/order_key.hpp"
#include "functions/registry.hpp"

namespace velaria {

/// What an aggregate keeps a value of `type` as, and what its argument is cast to for that: no
/// dictionaries, no views, 16-byte decimals.
TypePtr KeptType(const TypePtr& type);

class RowStore {
 public:
  static constexpr int64_t kNoRow = -1;
  static constexpr int64_t kRowsAhead = 16;

  /// `types` are kept types.
  explicit RowStore(const std::vector<TypePtr>& types);

  /// Where values of nested types are copied to: before the first row. MemoryBytes counts them only
  /// in the default pool, in which nobody else does.
  void UsePool(arrow::MemoryPool* pool) { pool_ = pool; }
  int64_t row_count() const { return row_count_; }
  size_t column_count() const { return columns_.size(); }
  const TypePtr& type(size_t column) const { return columns_[column].type; }
  /// Appends the given rows of `vectors`, one vector per column.
  Status Append(std::span<const Vector> vectors, std::span<const uint32_t> rows);
  bool IsValid(size_t column, uint32_t row) const { return columns_[column].valid[row] != 0; }
  /// <0, 0, >0 by the order of `<`. Neither value is NULL.
  int Compare(size_t column, uint32_t a, uint32_t b) const;
  /// A value of up to 8 bytes, its bits in the low bytes (integers sign-extended).
  uint64_t Word(size_t column, uint32_t row) const { return columns_[column].words[row]; }
  /// Asks for a fixed-width value that will be read after kRowsAhead others: the rows of a group
  /// lie far from each other.
  void Prefetch(size_t column, int64_t row) const {
    if (row == kNoRow) return;
    const Column& from = columns_[column];
    const size_t words = from.physical == Physical::kDecimal ? 2 : 1;
    __builtin_prefetch(from.words.data() + static_cast<size_t>(row) * words);
    __builtin_prefetch(from.valid.data() + row);
  }
  std::string_view Text(size_t column, uint32_t row) const;
  /// The values of these rows, NULL for kNoRow.
  Result<Vector> Gather(size_t column, std::span<const int64_t> rows,
                        arrow::MemoryPool* pool) const;
  /// Drops all rows but these, which are numbered anew in the order given.
  Status Keep(const std::vector<uint32_t>& rows);
  int64_t MemoryBytes() const;

 private:
  struct Piece {
    std::shared_ptr<arrow::Array> values;
    OrderKeyWriter keys;
    int64_t first_row;
  };
  struct Column {
    TypePtr type;
    Physical physical;
    std::vector<uint8_t> valid;
    std::vector<uint64_t> words;                       // one a value, two (low, high) for decimals
    std::vector<std::pair<uint64_t, uint64_t>> texts;  // begin and size in heap
    std::string heap;
    std::vector<Piece> pieces;  // nested types
    int64_t piece_bytes = 0;
  };

  Status AppendTo(Column* column, const Vector& vector, std::span<const uint32_t> rows) const;
  template <typename T>
  static void AppendFixed(Column* column, const Vector& vector, std::span<const uint32_t> rows);
  Status AppendNested(Column* column, const Vector& vector, std::span<const uint32_t> rows) const;
  Status AppendKept(const Column& from, const std::vector<uint32_t>& rows, Column* to) const;
  static const Piece& PieceOf(const Column& column, int64_t row);
  static std::string KeyOf(const Column& column, int64_t row);
  static Result<Vector> GatherBuilt(const Column& column, std::span<const int64_t> rows,
                                    arrow::MemoryPool* pool);

  arrow::MemoryPool* pool_ = arrow::default_memory_pool();
  std::vector<Column> columns_;
  int64_t row_count_ = 0;
};

/// The order of kept rows: sort keys, then place in row order. Keys and place are columns.
struct RowOrder {
  std::vector<AggregateOrder> keys;
  int place = -1;  // column of the place; -1: there is none

  bool Less(const RowStore& store, uint32_t a, uint32_t b) const;
};

}  // namespace velaria
