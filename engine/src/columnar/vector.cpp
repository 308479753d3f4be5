#include "columnar/vector.hpp"

#include "columnar/join_arrays.hpp"

#include <arrow/array/builder_primitive.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/util/bitmap_ops.h>

#include <cstring>
#include <utility>

namespace velaria {
namespace {

namespace bit = arrow::bit_util;

bool NullLayout(const arrow::DataType& type) { return type.id() == arrow::Type::NA; }

int64_t BytesPerValue(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return 0;
    case arrow::Type::DICTIONARY: {
      const auto& dict = static_cast<const arrow::DictionaryType&>(type);
      return static_cast<const arrow::FixedWidthType&>(*dict.index_type()).bit_width() / 8;
    }
    default:
      if (arrow::is_fixed_width(type.id()) && type.id() != arrow::Type::FIXED_SIZE_LIST) {
        return static_cast<const arrow::FixedWidthType&>(type).bit_width() / 8;
      }
      return -1;
  }
}

template <typename T, typename Index>
void GatherValues(const uint8_t* in, std::span<const Index> rows, uint8_t* out) {
  const T* source = reinterpret_cast<const T*>(in);
  T* target = reinterpret_cast<T*>(out);
  for (size_t i = 0; i < rows.size(); ++i) {
    if constexpr (std::is_signed_v<Index>) {
      target[i] = rows[i] < 0 ? T{} : source[rows[i]];
    } else {
      target[i] = source[rows[i]];
    }
  }
}

struct Wide16 {
  uint64_t low, high;
};

template <typename Index>
bool GatherFixed(int64_t width, const uint8_t* in, std::span<const Index> rows, uint8_t* out) {
  switch (width) {
    case 1: GatherValues<uint8_t, Index>(in, rows, out); return true;
    case 2: GatherValues<uint16_t, Index>(in, rows, out); return true;
    case 4: GatherValues<uint32_t, Index>(in, rows, out); return true;
    case 8: GatherValues<uint64_t, Index>(in, rows, out); return true;
    case 16: GatherValues<Wide16, Index>(in, rows, out); return true;
    default: return false;
  }
}

template <typename Index>
Result<std::shared_ptr<arrow::Buffer>> GatherBits(const uint8_t* bits, int64_t offset,
                                                  std::span<const Index> rows, bool if_absent,
                                                  arrow::MemoryPool* pool, int64_t* ones) {
  const int64_t count = static_cast<int64_t>(rows.size());
  ARROW_ASSIGN_OR_RAISE(auto buffer, AllocateBitmap(count, false, pool));
  uint8_t* out = buffer->mutable_data();
  int64_t total = 0;
  for (int64_t base = 0; base < count; base += 8) {
    uint8_t byte = 0;
    const int64_t end = std::min<int64_t>(8, count - base);
    for (int64_t i = 0; i < end; ++i) {
      const Index row = rows[base + i];
      bool value;
      if constexpr (std::is_signed_v<Index>) {
        value = row < 0 ? if_absent : (bits == nullptr || bit::GetBit(bits, offset + row));
      } else {
        value = bits == nullptr || bit::GetBit(bits, offset + row);
      }
      byte |= static_cast<uint8_t>(value) << i;
      total += value;
    }
    out[base / 8] = byte;
  }
  *ones = total;
  return buffer;
}

template <typename Offset, typename Index>
Status GatherStrings(const arrow::ArrayData& in, std::span<const Index> rows, arrow::ArrayData* out,
                     arrow::MemoryPool* pool) {
  const Offset* offsets = in.GetValues<Offset>(1);
  const uint8_t* bytes = in.buffers[2] ? in.buffers[2]->data() : nullptr;
  const int64_t count = static_cast<int64_t>(rows.size());
  ARROW_ASSIGN_OR_RAISE(auto offset_buffer,
                        arrow::AllocateBuffer((count + 1) * sizeof(Offset), pool));
  Offset* out_offsets = reinterpret_cast<Offset*>(offset_buffer->mutable_data());
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    out_offsets[i] = static_cast<Offset>(total);
    const Index row = rows[i];
    if constexpr (std::is_signed_v<Index>) {
      if (row < 0) continue;
    }
    total += offsets[row + 1] - offsets[row];
  }
  if (total > std::numeric_limits<Offset>::max())
    return arrow::Status::CapacityError("strings of one chunk exceed 2 GiB");
  out_offsets[count] = static_cast<Offset>(total);
  ARROW_ASSIGN_OR_RAISE(auto byte_buffer, arrow::AllocateBuffer(total, pool));
  uint8_t* target = byte_buffer->mutable_data();
  for (int64_t i = 0; i < count; ++i) {
    const Index row = rows[i];
    if constexpr (std::is_signed_v<Index>) {
      if (row < 0) continue;
    }
    const int64_t length = offsets[row + 1] - offsets[row];
    if (length > 0) std::memcpy(target + out_offsets[i], bytes + offsets[row], length);
  }
  out->buffers = {nullptr, std::move(offset_buffer), std::move(byte_buffer)};
  return Status::OK();
}

/// The views with a buffer of their own behind them. Sharing the source's would add up: rows picked
/// in pieces and joined again would hold the list of all its buffers once for every piece.
template <typename Index>
Status GatherViews(const arrow::ArrayData& in, std::span<const Index> rows, arrow::ArrayData* out,
                   arrow::MemoryPool* pool) {
  using View = arrow::BinaryViewType::c_type;
  const View* views = in.buffers[1] ? in.GetValues<View>(1) : nullptr;
  const int64_t count = static_cast<int64_t>(rows.size());
  ARROW_ASSIGN_OR_RAISE(auto view_buffer,
                        arrow::AllocateBuffer(count * int64_t{sizeof(View)}, pool));
  View* picked = reinterpret_cast<View*>(view_buffer->mutable_data());
  GatherFixed<Index>(sizeof(View), reinterpret_cast<const uint8_t*>(views), rows,
                     view_buffer->mutable_data());
  const bool may_be_null = in.MayHaveNulls();
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (may_be_null && !picked[i].is_inline() && in.IsNull(rows[i])) picked[i] = {};
    total += picked[i].is_inline() ? 0 : picked[i].size();
  }
  if (total > std::numeric_limits<int32_t>::max())
    return arrow::Status::CapacityError("strings of one chunk exceed 2 GiB");
  out->buffers = {nullptr, std::move(view_buffer)};
  if (total == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto byte_buffer, arrow::AllocateBuffer(total, pool));
  uint8_t* target = byte_buffer->mutable_data();
  int32_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    View& view = picked[i];
    if (view.is_inline()) continue;
    const auto& from = in.buffers[static_cast<size_t>(view.ref.buffer_index) + 2];
    std::memcpy(target + at, from->data() + view.ref.offset, static_cast<size_t>(view.size()));
    view.ref.buffer_index = 0;
    view.ref.offset = std::exchange(at, at + view.size());
  }
  out->buffers.push_back(std::move(byte_buffer));
  return Status::OK();
}

template <typename Index>
Result<Vector> GatherByTake(const Vector& vector, std::span<const Index> rows,
                            arrow::MemoryPool* pool) {
  arrow::Int64Builder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(rows.size())));
  for (Index row : rows) {
    if constexpr (std::is_signed_v<Index>) {
      if (row < 0) {
        builder.UnsafeAppendNull();
        continue;
      }
    }
    builder.UnsafeAppend(row);
  }
  ARROW_ASSIGN_OR_RAISE(auto indices, builder.Finish());
  arrow::compute::ExecContext context(pool);
  context.set_use_threads(false);
  ARROW_ASSIGN_OR_RAISE(
      auto taken, arrow::compute::Take(vector.data, indices->data(),
                                       arrow::compute::TakeOptions::NoBoundsCheck(), &context));
  return Vector{taken.array(), false};
}

template <typename Index>
Result<Vector> GatherImpl(const Vector& vector, std::span<const Index> rows,
                          arrow::MemoryPool* pool) {
  const auto& in = *vector.data;
  const int64_t count = static_cast<int64_t>(rows.size());
  auto out = std::make_shared<arrow::ArrayData>(in.type, count);
  if (NullLayout(*in.type)) {
    out->buffers = {nullptr};
    out->null_count = count;
    return Vector{std::move(out), false};
  }
  const int64_t width = BytesPerValue(*in.type);
  const auto id = in.type->id();
  if (id == arrow::Type::BOOL) {
    int64_t ones = 0;
    ARROW_ASSIGN_OR_RAISE(auto values,
                          GatherBits(in.buffers[1]->data(), in.offset, rows, false, pool, &ones));
    out->buffers = {nullptr, std::move(values)};
  } else if (width == 1 || width == 2 || width == 4 || width == 8 || width == 16) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(count * width, pool));
    const uint8_t* base = in.buffers[1] ? in.buffers[1]->data() + in.offset * width : nullptr;
    GatherFixed<Index>(width, base, rows, buffer->mutable_data());
    out->buffers = {nullptr, std::move(buffer)};
    out->dictionary = in.dictionary;
  } else if (id == arrow::Type::STRING_VIEW || id == arrow::Type::BINARY_VIEW) {
    ARROW_RETURN_NOT_OK(GatherViews(in, rows, out.get(), pool));
  } else if (id == arrow::Type::STRING || id == arrow::Type::BINARY) {
    ARROW_RETURN_NOT_OK((GatherStrings<int32_t, Index>(in, rows, out.get(), pool)));
  } else if (id == arrow::Type::LARGE_STRING || id == arrow::Type::LARGE_BINARY) {
    ARROW_RETURN_NOT_OK((GatherStrings<int64_t, Index>(in, rows, out.get(), pool)));
  } else {
    return GatherByTake(vector, rows, pool);
  }
  const bool source_nulls = in.MayHaveNulls();
  if (source_nulls || std::is_signed_v<Index>) {
    int64_t valid = 0;
    const uint8_t* bits = source_nulls && in.buffers[0] ? in.buffers[0]->data() : nullptr;
    ARROW_ASSIGN_OR_RAISE(auto validity, GatherBits(bits, in.offset, rows, false, pool, &valid));
    out->null_count = count - valid;
    if (valid < count) out->buffers[0] = std::move(validity);
  } else {
    out->null_count = 0;
  }
  return Vector{std::move(out), false};
}

template <typename Offset>
void CollectViews(const arrow::ArrayData& data, std::vector<std::string_view>* views) {
  const Offset* offsets = data.GetValues<Offset>(1);
  const char* bytes = data.buffers[2] ? reinterpret_cast<const char*>(data.buffers[2]->data()) : "";
  for (int64_t i = 0; i < data.length; ++i) {
    (*views)[i] =
        std::string_view(bytes + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i]));
  }
}

template <typename Code>
void WidenCodes(const arrow::ArrayData& data, std::vector<int32_t>* codes) {
  const Code* values = data.GetValues<Code>(1);
  for (int64_t i = 0; i < data.length; ++i) (*codes)[i] = static_cast<int32_t>(values[i]);
}

void CollectAnyViews(const arrow::ArrayData& data, std::vector<std::string_view>* views) {
  views->resize(data.length);
  if (data.length == 0) return;
  switch (data.type->id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY: CollectViews<int32_t>(data, views); return;
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY: CollectViews<int64_t>(data, views); return;
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW: {
      const arrow::BinaryViewArray array(std::make_shared<arrow::ArrayData>(data));
      for (int64_t i = 0; i < data.length; ++i) {
        if (array.IsValid(i)) (*views)[i] = array.GetView(i);
      }
      return;
    }
    case arrow::Type::FIXED_SIZE_BINARY: {
      const int64_t width = BytesPerValue(*data.type);
      const char* bytes =
          reinterpret_cast<const char*>(data.buffers[1]->data()) + data.offset * width;
      for (int64_t i = 0; i < data.length; ++i)
        (*views)[i] = std::string_view(bytes + i * width, width);
      return;
    }
    case arrow::Type::DICTIONARY: {
      std::vector<std::string_view> values;
      CollectAnyViews(*data.dictionary, &values);
      const auto view = ViewDictionary(Vector{std::make_shared<arrow::ArrayData>(data), false});
      for (int64_t i = 0; i < data.length; ++i) {
        if (view.codes[i] >= 0) (*views)[i] = values[view.codes[i]];
      }
      return;
    }
    default: return;  // type NULL: every view stays empty
  }
}

}  // namespace

Validity ValidityOf(const Vector& vector) {
  const auto& data = *vector.data;
  if (NullLayout(*data.type)) return {nullptr, 0, true, vector.constant};
  if (data.buffers.empty() || !data.buffers[0] || data.null_count == 0) return {};
  return {data.buffers[0]->data(), data.offset, false, vector.constant};
}

BoolView ViewBool(const Vector& vector) {
  const auto& data = *vector.data;
  return {data.buffers.size() > 1 && data.buffers[1] ? data.buffers[1]->data() : nullptr,
          data.offset, vector.constant ? 0 : 1, ValidityOf(vector)};
}

StringView::StringView(const Vector& vector)
    : stride_(vector.constant ? 0 : 1), validity_(ValidityOf(vector)) {
  CollectAnyViews(*vector.data, &views_);
}

DictionaryView ViewDictionary(const Vector& vector) {
  const auto& data = *vector.data;
  DictionaryView out;
  out.codes.resize(data.length);
  const auto& type = static_cast<const arrow::DictionaryType&>(*data.type);
  switch (type.index_type()->id()) {
    case arrow::Type::INT8: WidenCodes<int8_t>(data, &out.codes); break;
    case arrow::Type::UINT8: WidenCodes<uint8_t>(data, &out.codes); break;
    case arrow::Type::INT16: WidenCodes<int16_t>(data, &out.codes); break;
    case arrow::Type::UINT16: WidenCodes<uint16_t>(data, &out.codes); break;
    case arrow::Type::UINT32: WidenCodes<uint32_t>(data, &out.codes); break;
    case arrow::Type::INT64: WidenCodes<int64_t>(data, &out.codes); break;
    case arrow::Type::UINT64: WidenCodes<uint64_t>(data, &out.codes); break;
    default: WidenCodes<int32_t>(data, &out.codes); break;
  }
  const Validity validity = ValidityOf(vector);
  if (!validity.all_valid()) {
    for (int64_t i = 0; i < data.length; ++i) {
      if (!validity.IsValid(vector.constant ? 0 : i)) out.codes[i] = -1;
    }
  }
  out.values = Vector{data.dictionary, false};
  return out;
}

Vector MakeVector(const std::shared_ptr<arrow::Array>& array) { return {array->data(), false}; }

Result<Vector> MakeConstant(const std::shared_ptr<arrow::Scalar>& scalar, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto array, arrow::MakeArrayFromScalar(*scalar, 1, pool));
  return Vector{array->data(), true};
}

Result<Vector> MakeNullConstant(const TypePtr& type, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto array, arrow::MakeArrayOfNull(type, 1, pool));
  return Vector{array->data(), true};
}

Result<std::shared_ptr<arrow::Scalar>> ConstantValue(const Vector& vector) {
  return vector.array()->GetScalar(0);
}

Result<ArrayDataPtr> AllocateFixed(const TypePtr& type, int64_t row_count,
                                   arrow::MemoryPool* pool) {
  const int64_t width = BytesPerValue(*type);
  std::shared_ptr<arrow::Buffer> values;
  if (type->id() == arrow::Type::BOOL) {
    ARROW_ASSIGN_OR_RAISE(values, AllocateBitmap(row_count, false, pool));
  } else if (width > 0) {
    ARROW_ASSIGN_OR_RAISE(values, arrow::AllocateBuffer(row_count * width, pool));
  } else {
    return Bug("AllocateFixed of a type without fixed width: " + type->ToString());
  }
  return arrow::ArrayData::Make(type, row_count, {nullptr, std::move(values)}, 0);
}

Result<std::shared_ptr<arrow::Buffer>> AllocateBitmap(int64_t bit_count, bool value,
                                                      arrow::MemoryPool* pool) {
  // Whole 64-bit words, so that kernels may write word-wise.
  const int64_t bytes = bit::RoundUpToMultipleOf8(bit::BytesForBits(bit_count));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer,
                        arrow::AllocateBuffer(std::max<int64_t>(bytes, 8), pool));
  std::memset(buffer->mutable_data(), value ? 0xFF : 0, static_cast<size_t>(buffer->size()));
  return buffer;
}

Result<Vector> Gather(const Vector& vector, std::span<const uint32_t> rows,
                      arrow::MemoryPool* pool) {
  if (vector.constant) return vector;
  return GatherImpl<uint32_t>(vector, rows, pool);
}

Result<Vector> GatherOrNull(const Vector& vector, std::span<const int32_t> rows,
                            arrow::MemoryPool* pool) {
  if (!vector.constant) return GatherImpl<int32_t>(vector, rows, pool);
  std::vector<int32_t> zeros(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) zeros[i] = rows[i] < 0 ? -1 : 0;
  return GatherImpl<int32_t>(Vector{vector.data, false}, std::span<const int32_t>(zeros), pool);
}

Result<Vector> Expand(const Vector& vector, int64_t row_count, arrow::MemoryPool* pool) {
  if (!vector.constant) return vector;
  const std::vector<uint32_t> zeros(static_cast<size_t>(row_count), 0);
  return GatherImpl<uint32_t>(Vector{vector.data, false}, std::span<const uint32_t>(zeros), pool);
}

Vector Slice(const Vector& vector, int64_t offset, int64_t length) {
  if (vector.constant || (offset == 0 && length == vector.length())) return vector;
  return {vector.data->Slice(offset, length), false};
}

Result<std::shared_ptr<arrow::Buffer>> CombineValidity(std::span<const Vector> arguments,
                                                       int64_t row_count, arrow::MemoryPool* pool) {
  std::shared_ptr<arrow::Buffer> out;
  for (const auto& argument : arguments) {
    const Validity validity = ValidityOf(argument);
    if (validity.all_valid()) continue;
    if (validity.all_null || (validity.broadcast && !validity.IsValid(0)))
      return AllocateBitmap(row_count, false, pool);
    if (validity.broadcast) continue;
    if (!out) {
      ARROW_ASSIGN_OR_RAISE(out, AllocateBitmap(row_count, false, pool));
      arrow::internal::CopyBitmap(validity.bits, validity.offset, row_count, out->mutable_data(),
                                  0);
    } else {
      arrow::internal::BitmapAnd(out->data(), 0, validity.bits, validity.offset, row_count, 0,
                                 out->mutable_data());
    }
  }
  return out;
}

Result<Vector> Decode(const Vector& vector, arrow::MemoryPool* pool) {
  if (!IsDictionary(*vector.type())) return vector;
  const auto view = ViewDictionary(vector);
  ARROW_ASSIGN_OR_RAISE(auto out, GatherOrNull(view.values, view.codes, pool));
  out.constant = vector.constant;
  return out;
}

PositionsPtr GatherPositions(const PositionsPtr& positions, std::span<const uint32_t> rows) {
  if (!positions) return nullptr;
  auto gathered = std::make_shared<Positions>();
  gathered->reserve(rows.size());
  for (const uint32_t row : rows) gathered->push_back((*positions)[row]);
  return gathered;
}

Result<Chunk> Compact(const Chunk& chunk, arrow::MemoryPool* pool) {
  if (!chunk.selection) return chunk;
  Chunk out;
  out.row_count = chunk.selected_count();
  out.ordinal = chunk.ordinal + (out.row_count > 0 ? (*chunk.selection)[0] : 0);
  out.positions = GatherPositions(chunk.positions, *chunk.selection);
  out.columns.reserve(chunk.columns.size());
  for (const auto& column : chunk.columns) {
    ARROW_ASSIGN_OR_RAISE(auto dense, Gather(column, *chunk.selection, pool));
    out.columns.push_back(std::move(dense));
  }
  return out;
}

Result<std::shared_ptr<arrow::RecordBatch>> ToRecordBatch(const Chunk& chunk,
                                                          const SchemaPtr& schema,
                                                          arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto dense, Compact(chunk, pool));
  std::vector<ArrayDataPtr> columns;
  columns.reserve(dense.columns.size());
  for (const auto& column : dense.columns) {
    ARROW_ASSIGN_OR_RAISE(auto expanded, Expand(column, dense.row_count, pool));
    const auto& type = schema->field(static_cast<int>(columns.size()))->type();
    ARROW_ASSIGN_OR_RAISE(auto fitting, FitTo(expanded, type, pool));
    columns.push_back(std::move(fitting.data));
  }
  return arrow::RecordBatch::Make(schema, dense.row_count, std::move(columns));
}

Chunk FromRecordBatch(const arrow::RecordBatch& batch) {
  Chunk chunk;
  chunk.row_count = batch.num_rows();
  chunk.columns.reserve(static_cast<size_t>(batch.num_columns()));
  for (int i = 0; i < batch.num_columns(); ++i)
    chunk.columns.push_back({batch.column_data(i), false});
  return chunk;
}

}  // namespace velaria
