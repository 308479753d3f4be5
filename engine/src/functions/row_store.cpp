#include "functions/row_store.hpp"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>

#include <cmath>
#include <cstring>

#include "functions/aggregate_states.hpp"

namespace velaria {
namespace {

/// The bits of a value in one word, and back in a value's own width: little-endian, low bytes.
template <typename T>
uint64_t ToWord(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof(T));
    return word;
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(value));
  }
}

template <typename T>
int CompareValues(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {  // NaN is the greatest
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) - std::isnan(b);
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

template <typename T>
int CompareWords(uint64_t a, uint64_t b) {
  T left, right;
  std::memcpy(&left, &a, sizeof(T));
  std::memcpy(&right, &b, sizeof(T));
  return CompareValues(left, right);
}

int64_t BufferBytes(const arrow::ArrayData& data) {
  int64_t bytes = data.dictionary ? BufferBytes(*data.dictionary) : 0;
  for (const auto& buffer : data.buffers) bytes += buffer ? buffer->size() : 0;
  for (const auto& child : data.child_data) bytes += BufferBytes(*child);
  return bytes;
}

bool IsText(Physical physical) {
  return physical == Physical::kString || physical == Physical::kBinary;
}

}  // namespace

TypePtr KeptType(const TypePtr& type) {
  const TypePtr plain = LogicalType(type);
  switch (plain->id()) {
    case arrow::Type::NA: return arrow::int32();
    case arrow::Type::STRING_VIEW: return arrow::utf8();
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY: return arrow::binary();
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(*plain);
      return arrow::decimal128(decimal.precision(), decimal.scale());
    }
    default: return plain;
  }
}

RowStore::RowStore(const std::vector<TypePtr>& types) {
  for (const auto& type : types) columns_.push_back({type, PhysicalOf(*type), {}, {}, {}, {}, {}});
}

template <typename T>
void RowStore::AppendFixed(Column* column, const Vector& vector, std::span<const uint32_t> rows) {
  const auto view = ViewFixed<T>(vector);
  const size_t begin = column->words.size();
  column->words.resize(begin + rows.size());
  uint64_t* out = column->words.data() + begin;
  for (const uint32_t row : rows) *out++ = view.IsValid(row) ? ToWord(view[row]) : 0;
}

Status RowStore::AppendNested(Column* column, const Vector& vector,
                              std::span<const uint32_t> rows) const {
  if (rows.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto piece, velaria::Gather(vector, rows, pool_));
  ARROW_ASSIGN_OR_RAISE(piece, Expand(piece, static_cast<int64_t>(rows.size()), pool_));
  column->pieces.push_back(
      {piece.array(), OrderKeyWriter(piece), static_cast<int64_t>(column->valid.size())});
  column->piece_bytes += BufferBytes(*piece.data);
  return Status::OK();
}

Status RowStore::AppendTo(Column* column, const Vector& vector,
                          std::span<const uint32_t> rows) const {
  switch (column->physical) {
    case Physical::kNull: break;
    case Physical::kBool: {
      const BoolView view = ViewBool(vector);
      for (const uint32_t row : rows) column->words.push_back(view.IsValid(row) && view[row]);
      break;
    }
    case Physical::kInt8: AppendFixed<int8_t>(column, vector, rows); break;
    case Physical::kInt16: AppendFixed<int16_t>(column, vector, rows); break;
    case Physical::kInt32: AppendFixed<int32_t>(column, vector, rows); break;
    case Physical::kInt64: AppendFixed<int64_t>(column, vector, rows); break;
    case Physical::kUInt8: AppendFixed<uint8_t>(column, vector, rows); break;
    case Physical::kUInt16: AppendFixed<uint16_t>(column, vector, rows); break;
    case Physical::kUInt32: AppendFixed<uint32_t>(column, vector, rows); break;
    case Physical::kUInt64: AppendFixed<uint64_t>(column, vector, rows); break;
    case Physical::kFloat: AppendFixed<float>(column, vector, rows); break;
    case Physical::kDouble: AppendFixed<double>(column, vector, rows); break;
    case Physical::kDecimal: {
      const auto view = ViewFixed<std::array<uint64_t, 2>>(vector);
      for (const uint32_t row : rows) {
        const auto words = view.IsValid(row) ? view[row] : std::array<uint64_t, 2>{};
        column->words.insert(column->words.end(), words.begin(), words.end());
      }
      break;
    }
    case Physical::kString:
    case Physical::kBinary: {
      const StringView view(vector);
      for (const uint32_t row : rows) {
        const std::string_view text = view[row];
        column->texts.emplace_back(column->heap.size(), text.size());
        column->heap.append(text);
      }
      break;
    }
    case Physical::kNested: ARROW_RETURN_NOT_OK(AppendNested(column, vector, rows)); break;
  }
  const Validity validity = ValidityOf(vector);
  const size_t begin = column->valid.size();
  column->valid.resize(begin + rows.size());
  uint8_t* valid = column->valid.data() + begin;
  for (const uint32_t row : rows) *valid++ = validity.IsValid(row);
  return Status::OK();
}

Status RowStore::Append(std::span<const Vector> vectors, std::span<const uint32_t> rows) {
  if (vectors.size() < columns_.size()) return Bug("an aggregate got too few arguments");
  if (row_count_ + static_cast<int64_t>(rows.size()) >= int64_t{UINT32_MAX}) {
    return Fail(ErrorCode::kOverflow,
                "an aggregate keeps too many rows: " + std::to_string(row_count_ + rows.size()));
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    ARROW_RETURN_NOT_OK(AppendTo(&columns_[i], vectors[i], rows));
  }
  row_count_ += static_cast<int64_t>(rows.size());
  return Status::OK();
}

std::string_view RowStore::Text(size_t column, uint32_t row) const {
  const auto& [begin, size] = columns_[column].texts[row];
  return std::string_view(columns_[column].heap).substr(begin, size);
}

int RowStore::Compare(size_t index, uint32_t a, uint32_t b) const {
  const Column& column = columns_[index];
  if (IsText(column.physical)) return Text(index, a).compare(Text(index, b));
  if (column.physical == Physical::kDecimal) {
    return CompareValues(FromWords(&column.words[size_t{2} * a]),
                         FromWords(&column.words[size_t{2} * b]));
  }
  if (column.physical == Physical::kNull) return 0;
  if (column.physical == Physical::kNested) return KeyOf(column, a).compare(KeyOf(column, b));
  const uint64_t x = column.words[a], y = column.words[b];
  switch (column.physical) {
    case Physical::kFloat: return CompareWords<float>(x, y);
    case Physical::kDouble: return CompareWords<double>(x, y);
    case Physical::kUInt64: return CompareValues(x, y);
    default: return CompareWords<int64_t>(x, y);  // narrower ones are sign- or zero-extended
  }
}

const RowStore::Piece& RowStore::PieceOf(const Column& column, int64_t row) {
  const auto behind =
      std::upper_bound(column.pieces.begin(), column.pieces.end(), row,
                       [](int64_t at, const Piece& piece) { return at < piece.first_row; });
  return *(behind - 1);
}

std::string RowStore::KeyOf(const Column& column, int64_t row) {
  const Piece& piece = PieceOf(column, row);
  std::string key;
  piece.keys.Append(row - piece.first_row, &key);
  return key;
}

Result<Vector> RowStore::GatherBuilt(const Column& column, std::span<const int64_t> rows,
                                     arrow::MemoryPool* pool) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, column.type, &builder));
  const auto id = column.type->id();
  const std::string_view heap = column.heap;
  for (const int64_t row : rows) {
    if (row == kNoRow || !column.valid[static_cast<size_t>(row)]) {
      ARROW_RETURN_NOT_OK(builder->AppendNull());
    } else if (column.physical == Physical::kNested) {
      const Piece& piece = PieceOf(column, row);
      ARROW_RETURN_NOT_OK(
          builder->AppendArraySlice(*piece.values->data(), row - piece.first_row, 1));
    } else if (column.physical == Physical::kBool) {
      ARROW_RETURN_NOT_OK(static_cast<arrow::BooleanBuilder&>(*builder).Append(
          column.words[static_cast<size_t>(row)] != 0));
    } else {
      const auto& [begin, size] = column.texts[static_cast<size_t>(row)];
      const std::string_view text = heap.substr(begin, size);
      if (id == arrow::Type::STRING || id == arrow::Type::BINARY) {
        ARROW_RETURN_NOT_OK(static_cast<arrow::BinaryBuilder&>(*builder).Append(text));
      } else {
        ARROW_RETURN_NOT_OK(static_cast<arrow::LargeBinaryBuilder&>(*builder).Append(text));
      }
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
  return MakeVector(array);
}

Result<Vector> RowStore::Gather(size_t index, std::span<const int64_t> rows,
                                arrow::MemoryPool* pool) const {
  const Column& column = columns_[index];
  if (IsText(column.physical) || column.physical == Physical::kNested ||
      column.physical == Physical::kBool) {
    return GatherBuilt(column, rows, pool);
  }
  const auto count = static_cast<int64_t>(rows.size());
  const auto width = static_cast<size_t>(FixedWidthOf(column.physical));
  const size_t words = column.physical == Physical::kDecimal ? 2 : 1;
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(column.type, count, pool));
  ARROW_ASSIGN_OR_RAISE(auto validity, AllocateBitmap(count, false, pool));
  uint8_t* out = data->buffers[1]->mutable_data();
  int64_t nulls = 0;
  // A copy of a width that the compiler knows is one move, any other a call.
  const auto copy = [&]<size_t kWidth>(std::integral_constant<size_t, kWidth>) {
    for (int64_t i = 0; i < count; ++i, out += kWidth) {
      if (i + kRowsAhead < count) Prefetch(index, rows[static_cast<size_t>(i + kRowsAhead)]);
      const auto at = static_cast<size_t>(rows[static_cast<size_t>(i)]);
      const bool present = rows[static_cast<size_t>(i)] != kNoRow && column.valid[at] != 0;
      nulls += !present;
      if (present) {
        std::memcpy(out, &column.words[at * words], kWidth);
        arrow::bit_util::SetBit(validity->mutable_data(), i);
      } else {
        std::memset(out, 0, kWidth);
      }
    }
  };
  switch (width) {
    case 1: copy(std::integral_constant<size_t, 1>()); break;
    case 2: copy(std::integral_constant<size_t, 2>()); break;
    case 4: copy(std::integral_constant<size_t, 4>()); break;
    case 8: copy(std::integral_constant<size_t, 8>()); break;
    case 16: copy(std::integral_constant<size_t, 16>()); break;
    default: nulls = count;  // of the type NULL
  }
  if (nulls > 0) data->buffers[0] = std::move(validity);
  data->null_count = nulls;
  return Vector{std::move(data), false};
}

Status RowStore::AppendKept(const Column& from, const std::vector<uint32_t>& rows,
                            Column* to) const {
  if (from.physical == Physical::kNested) {
    std::vector<int64_t> wide(rows.begin(), rows.end());
    ARROW_ASSIGN_OR_RAISE(auto values, GatherBuilt(from, wide, pool_));
    std::vector<uint32_t> all(rows.size());
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    return AppendTo(to, values, all);
  }
  for (const uint32_t row : rows) {
    to->valid.push_back(from.valid[row]);
    if (IsText(from.physical)) {
      const auto& [begin, size] = from.texts[row];
      to->texts.emplace_back(to->heap.size(), size);
      to->heap.append(from.heap, begin, size);
    } else if (from.physical == Physical::kDecimal) {
      to->words.push_back(from.words[size_t{2} * row]);
      to->words.push_back(from.words[size_t{2} * row + 1]);
    } else {
      to->words.push_back(from.words[row]);
    }
  }
  return Status::OK();
}

Status RowStore::Keep(const std::vector<uint32_t>& rows) {
  for (auto& column : columns_) {
    Column kept{column.type, column.physical, {}, {}, {}, {}, {}};
    ARROW_RETURN_NOT_OK(AppendKept(column, rows, &kept));
    column = std::move(kept);
  }
  row_count_ = static_cast<int64_t>(rows.size());
  return Status::OK();
}

int64_t RowStore::MemoryBytes() const {
  int64_t bytes = 0;
  for (const auto& column : columns_) {
    bytes += static_cast<int64_t>(column.valid.capacity() + column.words.capacity() * 8 +
                                  column.texts.capacity() * 16 + column.heap.capacity());
    if (pool_ == arrow::default_memory_pool()) bytes += column.piece_bytes;
  }
  return bytes;
}

bool RowOrder::Less(const RowStore& store, uint32_t a, uint32_t b) const {
  for (const auto& key : keys) {
    const bool has_a = store.IsValid(key.argument, a), has_b = store.IsValid(key.argument, b);
    if (has_a != has_b) return has_a != key.nulls_first;
    if (!has_a) continue;
    const int order = store.Compare(key.argument, a, b);
    if (order != 0) return (order < 0) != key.descending;
  }
  if (place < 0) return a < b;
  const auto column = static_cast<size_t>(place);
  const auto x = static_cast<int64_t>(store.Word(column, a));
  const auto y = static_cast<int64_t>(store.Word(column, b));
  return x < y;
}

}  // namespace velaria
