#include "execution/batch_cut.hpp"

#include <arrow/array.h>
#include <arrow/array/builder_base.h>
#include <arrow/builder.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/byte_size.h>

#include <numeric>

#include "columnar/join_arrays.hpp"

namespace velaria::execution {

using arrow::Type;
using ArrayPtr = std::shared_ptr<arrow::Array>;

namespace {

/// Arrow counts by arrays of the ranges of every buffer, dearer than all else that is done about a
/// batch before it is sent; of columns of one width it is arithmetic.
int64_t ColumnBytes(const arrow::Array& column) {
  const arrow::Type::type id = column.type_id();
  if (!arrow::is_primitive(id) && !arrow::is_decimal(id))
    return arrow::util::ReferencedBufferSize(column).ValueOr(0);
  const int64_t width = column.type()->bit_width();
  const int64_t validity = column.null_bitmap_data() == nullptr ? 0 : 1;
  return arrow::bit_util::BytesForBits(column.length() * width) +
         arrow::bit_util::BytesForBits(column.length() * validity);
}

}  // namespace

int64_t ReferencedBytes(const arrow::RecordBatch& batch) {
  int64_t bytes = 0;
  for (const auto& column : batch.columns()) bytes += ColumnBytes(*column);
  return bytes;
}

namespace {

/// What the rows of a batch or nested column take: `each` for every one, `more` beside it by row
/// (empty: nothing).
struct RowBytes {
  int64_t each = 0;
  std::vector<int64_t> more;

  void AddMore(size_t row_count, size_t row, int64_t bytes) {
    if (more.empty()) more.resize(row_count);
    more[row] += bytes;
  }
};

void AddRowBytes(const arrow::Array& array, RowBytes* rows);

template <typename Text>
void AddTextBytes(const Text& array, RowBytes* rows) {
  rows->each += static_cast<int64_t>(sizeof(typename Text::offset_type));
  for (int64_t i = 0; i < array.length(); ++i) {
    rows->AddMore(array.length(), i, array.value_length(i));
  }
}

void AddViewBytes(const arrow::BinaryViewArray& array, RowBytes* rows) {
  rows->each += static_cast<int64_t>(sizeof(arrow::BinaryViewType::c_type));
  const auto* views = array.raw_values();
  for (int64_t i = 0; i < array.length(); ++i) {
    const bool is_apart = array.IsValid(i) && !views[i].is_inline();
    if (is_apart) rows->AddMore(array.length(), i, views[i].size());
  }
}

/// The index and, as when it is written out, the value.
void AddDictionaryBytes(const arrow::DictionaryArray& array, RowBytes* rows) {
  RowBytes values;
  AddRowBytes(*array.dictionary(), &values);
  rows->each += values.each + 4;
  if (values.more.empty()) return;
  for (int64_t i = 0; i < array.length(); ++i) {
    if (array.IsNull(i)) continue;
    const auto value = static_cast<size_t>(array.GetValueIndex(i));
    rows->AddMore(array.length(), i, values.more[value]);
  }
}

/// `values` are those of all rows, which end at `end_of(row)`, counted from the first of them.
template <typename EndOf>
void AddListBytes(const arrow::Array& values, int64_t row_count, EndOf end_of, RowBytes* rows) {
  RowBytes inner;
  AddRowBytes(values, &inner);
  int64_t at = 0;
  for (int64_t i = 0; i < row_count; ++i) {
    const int64_t begin = at;
    at = end_of(i);
    const auto first = inner.more.begin() + (inner.more.empty() ? 0 : begin);
    const auto last = inner.more.begin() + (inner.more.empty() ? 0 : at);
    rows->AddMore(row_count, i, std::accumulate(first, last, (at - begin) * inner.each));
  }
}

template <typename List>
void AddOffsetListBytes(const List& array, RowBytes* rows) {
  rows->each += static_cast<int64_t>(sizeof(typename List::offset_type));
  if (array.length() == 0) return;
  const int64_t first = array.value_offset(0);
  const auto values = array.values()->Slice(first, array.value_offset(array.length()) - first);
  AddListBytes(
      *values, array.length(), [&](int64_t row) { return array.value_offset(row + 1) - first; },
      rows);
}

void AddRowBytes(const arrow::Array& array, RowBytes* rows) {
  switch (array.type_id()) {
    case Type::STRING:
    case Type::BINARY: AddTextBytes(static_cast<const arrow::BinaryArray&>(array), rows); return;
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      AddTextBytes(static_cast<const arrow::LargeBinaryArray&>(array), rows);
      return;
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      AddViewBytes(static_cast<const arrow::BinaryViewArray&>(array), rows);
      return;
    case Type::DICTIONARY:
      AddDictionaryBytes(static_cast<const arrow::DictionaryArray&>(array), rows);
      return;
    case Type::LIST:
    case Type::MAP: AddOffsetListBytes(static_cast<const arrow::ListArray&>(array), rows); return;
    case Type::LARGE_LIST:
      AddOffsetListBytes(static_cast<const arrow::LargeListArray&>(array), rows);
      return;
    case Type::FIXED_SIZE_LIST: {
      const auto& list = static_cast<const arrow::FixedSizeListArray&>(array);
      const int64_t width = list.value_length();
      const auto values = list.values()->Slice(list.value_offset(0), list.length() * width);
      AddListBytes(*values, list.length(), [&](int64_t row) { return (row + 1) * width; }, rows);
      return;
    }
    case Type::STRUCT:
      for (const auto& field : static_cast<const arrow::StructArray&>(array).fields()) {
        AddRowBytes(*field, rows);
      }
      return;
    default: {
      const auto* fixed = dynamic_cast<const arrow::FixedWidthType*>(array.type().get());
      if (fixed != nullptr) rows->each += (fixed->bit_width() + 7) / 8;
      return;
    }
  }
}

bool IsDictionaryOfText(const arrow::DataType& type) {
  return type.id() == Type::DICTIONARY && IsString(type);
}

/// At most what the values of such a column take when they are written out.
int64_t WrittenOutMost(const arrow::DictionaryArray& array) {
  RowBytes rows;
  if (array.length() < array.dictionary()->length()) {
    AddDictionaryBytes(array, &rows);
    return std::accumulate(rows.more.begin(), rows.more.end(), rows.each * array.length());
  }
  AddRowBytes(*array.dictionary(), &rows);
  const auto most = std::max_element(rows.more.begin(), rows.more.end());
  return (rows.each + (most == rows.more.end() ? 0 : *most)) * array.length();
}

/// As it is, or with its coded texts written out, whichever takes more.
int64_t BytesMost(const arrow::RecordBatch& batch) {
  int64_t bytes = ReferencedBytes(batch);
  for (const auto& column : batch.columns()) {
    if (!IsDictionaryOfText(*column->type())) continue;
    const auto& coded = static_cast<const arrow::DictionaryArray&>(*column);
    const auto held = arrow::util::ReferencedBufferSize(*coded.data());
    bytes += std::max<int64_t>(0, WrittenOutMost(coded) - held.ValueOr(0));
  }
  return bytes;
}

bool MayShare(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW: return true;
    case Type::DICTIONARY:
      return !arrow::is_nested(static_cast<const arrow::DictionaryType&>(type).value_type()->id());
    default: {
      const auto& fields = type.fields();
      return std::any_of(fields.begin(), fields.end(),
                         [](const auto& field) { return MayShare(*field->type()); });
    }
  }
}

Result<ArrayPtr> Copied(const arrow::Array& array, arrow::MemoryPool* pool) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilderExactIndex(pool, array.type(), &builder));
  ARROW_RETURN_NOT_OK(builder->AppendArraySlice(*array.data(), 0, array.length()));
  return builder->Finish();
}

/// The column with no text and no dictionary but what its rows refer to.
Result<ArrayPtr> WithItsOwn(const ArrayPtr& array, arrow::MemoryPool* pool) {
  const auto& type = array->type();
  if (!MayShare(*type)) return array;
  if (type->id() == Type::STRING_VIEW || type->id() == Type::BINARY_VIEW) {
    std::vector<uint32_t> all(static_cast<size_t>(array->length()));
    std::iota(all.begin(), all.end(), 0U);
    ARROW_ASSIGN_OR_RAISE(const auto copied, Gather(MakeVector(array), all, pool));
    return copied.array();
  }
  if (IsDictionaryOfText(*type)) {
    ARROW_ASSIGN_OR_RAISE(const auto used, UsedValues(MakeVector(array), type, pool));
    return used.array();
  }
  return Copied(*array, pool);
}

Result<std::shared_ptr<arrow::RecordBatch>> WithItsOwn(const arrow::RecordBatch& batch,
                                                       arrow::MemoryPool* pool) {
  arrow::ArrayVector columns;
  for (const auto& column : batch.columns()) {
    ARROW_ASSIGN_OR_RAISE(auto own, WithItsOwn(column, pool));
    columns.push_back(std::move(own));
  }
  return arrow::RecordBatch::Make(batch.schema(), batch.num_rows(), std::move(columns));
}

template <typename List>
bool HoldsUnreadOffsets(const List& array);

/// Whether some lists of the rows are all empty, and cut out of others that are not: Arrow writes
/// the offsets of all values below then, of which the rows need none.
bool HoldsUnreadOffsets(const arrow::Array& array) {
  switch (array.type_id()) {
    case Type::LIST:
    case Type::MAP: return HoldsUnreadOffsets(static_cast<const arrow::ListArray&>(array));
    case Type::LARGE_LIST:
      return HoldsUnreadOffsets(static_cast<const arrow::LargeListArray&>(array));
    case Type::FIXED_SIZE_LIST:
      return HoldsUnreadOffsets(*static_cast<const arrow::FixedSizeListArray&>(array).values());
    case Type::STRUCT: {
      const auto& fields = static_cast<const arrow::StructArray&>(array).fields();
      return std::any_of(fields.begin(), fields.end(),
                         [](const auto& field) { return HoldsUnreadOffsets(*field); });
    }
    default: return false;
  }
}

template <typename List>
bool HoldsUnreadOffsets(const List& array) {
  if (array.length() == 0) return array.values()->length() > 0;
  const int64_t first = array.value_offset(0);
  const int64_t count = array.value_offset(array.length()) - first;
  if (count == 0) return array.values()->length() > 0;
  return HoldsUnreadOffsets(*array.values()->Slice(first, count));
}

Status Put(std::shared_ptr<arrow::RecordBatch> batch, arrow::MemoryPool* pool,
           arrow::RecordBatchVector* out) {
  for (int i = 0; i < batch->num_columns(); ++i) {
    const auto& column = batch->column(i);
    if (!HoldsUnreadOffsets(*column)) continue;
    ARROW_ASSIGN_OR_RAISE(auto copied, Copied(*column, pool));
    ARROW_ASSIGN_OR_RAISE(batch, batch->SetColumn(i, batch->schema()->field(i), copied));
  }
  out->push_back(std::move(batch));
  return Status::OK();
}

/// Cuts by the bytes of each row.
Status CutByRows(const arrow::RecordBatch& batch, arrow::MemoryPool* pool,
                 arrow::RecordBatchVector* out) {
  RowBytes rows;
  for (const auto& column : batch.columns()) AddRowBytes(*column, &rows);
  for (int64_t begin = 0; begin < batch.num_rows();) {
    int64_t end = begin, bytes = 0;
    while (end < batch.num_rows() && end - begin < kResultBatchRows) {
      const int64_t more = rows.more.empty() ? 0 : rows.more[static_cast<size_t>(end)];
      if (end > begin && bytes + rows.each + more > kResultBatchBytes) break;
      bytes += rows.each + more;
      ++end;
    }
    auto piece = batch.Slice(begin, end - begin);
    if (ReferencedBytes(*piece) > kResultBatchBytesMax) {
      ARROW_ASSIGN_OR_RAISE(piece, WithItsOwn(*piece, pool));
    }
    ARROW_RETURN_NOT_OK(Put(std::move(piece), pool, out));
    begin = end;
  }
  return Status::OK();
}

}  // namespace

Status CutBatch(std::shared_ptr<arrow::RecordBatch> batch, arrow::MemoryPool* pool,
                arrow::RecordBatchVector* out) {
  const int64_t rows = batch->num_rows();
  const int64_t by_bytes = BytesMost(*batch) / kResultBatchBytes + 1;
  const int64_t by_rows = (rows + kResultBatchRows - 1) / kResultBatchRows;
  if (rows == 0 || std::max(by_bytes, by_rows) == 1) {
    return Put(std::move(batch), pool, out);
  }
  const int64_t pieces = std::min(std::max(by_bytes, by_rows), rows);
  const int64_t step = (rows + pieces - 1) / pieces;
  // Rows are mostly of one size: even pieces do, without a look at each row.
  arrow::RecordBatchVector even;
  for (int64_t at = 0; at < rows; at += step) {
    even.push_back(batch->Slice(at, std::min(step, rows - at)));
    if (BytesMost(*even.back()) > kResultBatchBytesMax) return CutByRows(*batch, pool, out);
  }
  for (auto& piece : even) ARROW_RETURN_NOT_OK(Put(std::move(piece), pool, out));
  return Status::OK();
}

}  // namespace velaria::execution
