// Groups back to columns.
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>

#include <cstring>

#include "execution/key_layout.hpp"
#include "execution/key_table.hpp"

namespace velaria::execution {

template <typename T>
Result<Vector> KeyTable::ExportFixed(const Column& column, std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const {
  const int64_t count = static_cast<int64_t>(groups.size());
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(LogicalType(column.type), count, pool));
  T* out = data->GetMutableValues<T>(1);
  std::shared_ptr<arrow::Buffer> validity;
  int64_t nulls = 0;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(&out[i], KeyBytes(groups[i]) + column.offset, sizeof(T));
    if (!IsNull(column, groups[i])) continue;
    if (!validity) {
      ARROW_ASSIGN_OR_RAISE(validity, AllocateBitmap(count, true, pool));
    }
    arrow::bit_util::ClearBit(validity->mutable_data(), i);
    ++nulls;
  }
  data->buffers[0] = std::move(validity);
  data->null_count = nulls;
  return Vector{std::move(data), false};
}

inline std::string_view KeyTable::TextAt(size_t index, const uint8_t* key) const {
  if (key[15] != kLongTag) return {reinterpret_cast<const char*>(key), key[15]};
  uint32_t interned;
  std::memcpy(&interned, key + kLongNumberAt, sizeof interned);
  return interners_[index].text(interned);
}

/// Offsets first, then the bytes: most texts are copied as the words of their keys.
Result<Vector> KeyTable::ExportPlainText(size_t index, std::span<const uint32_t> groups,
                                         arrow::MemoryPool* pool) const {
  const int offset = columns_[index].offset;
  const auto count = static_cast<int64_t>(groups.size());
  ARROW_ASSIGN_OR_RAISE(auto offsets, arrow::AllocateBuffer((count + 1) * 4, pool));
  auto* ends = offsets->mutable_data_as<int32_t>();
  int64_t bytes = 0, nulls = 0;
  for (int64_t i = 0; i < count; ++i) {
    ends[i] = static_cast<int32_t>(bytes);
    const uint8_t* key = KeyBytes(groups[i]) + offset;
    if (key[15] == kNullTag) {
      ++nulls;
    } else {
      bytes += key[15] == kLongTag ? static_cast<int64_t>(TextAt(index, key).size()) : key[15];
    }
    if (bytes > INT32_MAX - 16) {
      return arrow::Status::CapacityError("texts of one array take more than 2 GiB: ", bytes);
    }
  }
  ends[count] = static_cast<int32_t>(bytes);
  // Inline texts are copied whole, so the last one may write past its own end.
  ARROW_ASSIGN_OR_RAISE(auto texts, arrow::AllocateResizableBuffer(bytes + 16, pool));
  std::shared_ptr<arrow::Buffer> validity;
  if (nulls > 0) {
    ARROW_ASSIGN_OR_RAISE(validity, AllocateBitmap(count, true, pool));
  }
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* key = KeyBytes(groups[i]) + offset;
    uint8_t* out = texts->mutable_data() + ends[i];
    if (key[15] <= kInlineBytes) {
      std::memcpy(out, key, 16);
    } else if (key[15] == kNullTag) {
      arrow::bit_util::ClearBit(validity->mutable_data(), i);
    } else {
      const std::string_view text = TextAt(index, key);
      std::memcpy(out, text.data(), text.size());
    }
  }
  ARROW_RETURN_NOT_OK(texts->Resize(bytes, false));
  return Vector{
      arrow::ArrayData::Make(columns_[index].type, count,
                             {std::move(validity), std::move(offsets), std::move(texts)}, nulls),
      false};
}

Result<Vector> KeyTable::ExportText(size_t index, std::span<const uint32_t> groups,
                                    arrow::MemoryPool* pool) const {
  const Column& column = columns_[index];
  const auto id = column.type->id();
  if (id == arrow::Type::STRING || id == arrow::Type::BINARY)
    return ExportPlainText(index, groups, pool);
  std::unique_ptr<arrow::ArrayBuilder> builder;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, column.type, &builder));
  ARROW_RETURN_NOT_OK(builder->Reserve(static_cast<int64_t>(groups.size())));
  for (uint32_t group : groups) {
    const uint8_t* key = KeyBytes(group) + column.offset;
    if (key[15] == kNullTag) {
      ARROW_RETURN_NOT_OK(builder->AppendNull());
      continue;
    }
    const std::string_view text = TextAt(index, key);
    if (id == arrow::Type::STRING_VIEW || id == arrow::Type::BINARY_VIEW) {
      ARROW_RETURN_NOT_OK(static_cast<arrow::BinaryViewBuilder&>(*builder).Append(text));
    } else if (id == arrow::Type::FIXED_SIZE_BINARY) {
      ARROW_RETURN_NOT_OK(static_cast<arrow::FixedSizeBinaryBuilder&>(*builder).Append(text));
    } else {
      ARROW_RETURN_NOT_OK(static_cast<arrow::LargeBinaryBuilder&>(*builder).Append(text));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
  return MakeVector(array);
}

Result<Vector> KeyTable::ExportNested(size_t index, std::span<const uint32_t> groups,
                                      arrow::MemoryPool* pool) const {
  const auto column = std::find(nested_.begin(), nested_.end(), index) - nested_.begin();
  const std::vector<int64_t> rows(groups.begin(), groups.end());
  return values_.Gather(static_cast<size_t>(column), rows, pool);
}

Result<Vector> KeyTable::ExportDictionary(size_t index, std::span<const uint32_t> groups,
                                          arrow::MemoryPool* pool) const {
  const Column& column = columns_[index];
  const auto& type = static_cast<const arrow::DictionaryType&>(*column.type);
  const Interner& interner = interners_[index];
  std::unique_ptr<arrow::ArrayBuilder> values;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, type.value_type(), &values));
  for (uint32_t id = 0; id < interner.size(); ++id) {
    ARROW_ASSIGN_OR_RAISE(
        auto scalar, arrow::MakeScalar(type.value_type(),
                                       arrow::Buffer::FromString(std::string(interner.text(id)))));
    ARROW_RETURN_NOT_OK(values->AppendScalar(*scalar));
  }
  std::unique_ptr<arrow::ArrayBuilder> codes;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, arrow::int64(), &codes));
  auto& code_builder = static_cast<arrow::Int64Builder&>(*codes);
  const int declared_bits =
      static_cast<const arrow::FixedWidthType&>(*type.index_type()).bit_width();
  const bool is_signed = arrow::is_signed_integer(type.index_type()->id());
  // Dictionaries of several batches may together outgrow their index type: then it is widened.
  const bool fits = declared_bits >= 32 ||
                    interner.size() <= size_t{1} << (is_signed ? declared_bits - 1 : declared_bits);
  const int bits = fits ? declared_bits : 32;
  ARROW_RETURN_NOT_OK(code_builder.Reserve(static_cast<int64_t>(groups.size())));
  for (uint32_t group : groups) {
    uint32_t id;
    std::memcpy(&id, KeyBytes(group) + column.offset, 4);
    if (id == kNullCode) {
      code_builder.UnsafeAppendNull();
      continue;
    }
    code_builder.UnsafeAppend(id);
  }
  ARROW_ASSIGN_OR_RAISE(auto dictionary, values->Finish());
  ARROW_ASSIGN_OR_RAISE(auto wide, codes->Finish());
  // Narrow the codes to the declared index type, byte by byte of a little-endian integer.
  const int width = bits / 8;
  ARROW_ASSIGN_OR_RAISE(auto narrow, arrow::AllocateBuffer(wide->length() * width, pool));
  const int64_t* in = wide->data()->GetValues<int64_t>(1);
  for (int64_t i = 0; i < wide->length(); ++i)
    std::memcpy(narrow->mutable_data() + i * width, &in[i], static_cast<size_t>(width));
  auto data = arrow::ArrayData::Make(
      fits ? column.type : arrow::dictionary(arrow::int32(), type.value_type()), wide->length(),
      {wide->data()->buffers[0], std::move(narrow)}, wide->null_count());
  data->dictionary = dictionary->data();
  return Vector{std::move(data), false};
}

Result<std::vector<Vector>> KeyTable::Export(std::span<const uint32_t> groups,
                                             arrow::MemoryPool* pool) const {
  std::vector<Vector> out;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    Vector vector;
    if (column.physical == Physical::kNested) {
      ARROW_ASSIGN_OR_RAISE(vector, ExportNested(i, groups, pool));
    } else if (column.form == Form::kText) {
      ARROW_ASSIGN_OR_RAISE(vector, ExportText(i, groups, pool));
    } else if (column.form == Form::kDictionary) {
      ARROW_ASSIGN_OR_RAISE(vector, ExportDictionary(i, groups, pool));
    } else if (column.physical == Physical::kNull) {
      ARROW_ASSIGN_OR_RAISE(
          auto nulls,
          arrow::MakeArrayOfNull(column.type, static_cast<int64_t>(groups.size()), pool));
      vector = MakeVector(nulls);
    } else if (column.physical == Physical::kBool) {
      arrow::BooleanBuilder builder(pool);
      for (uint32_t group : groups) {
        ARROW_RETURN_NOT_OK(IsNull(column, group)
                                ? builder.AppendNull()
                                : builder.Append(KeyBytes(group)[column.offset] != 0));
      }
      ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
      vector = MakeVector(array);
    } else {
      switch (column.width) {
        case 1: {
          ARROW_ASSIGN_OR_RAISE(vector, ExportFixed<uint8_t>(column, groups, pool));
          break;
        }
        case 2: {
          ARROW_ASSIGN_OR_RAISE(vector, ExportFixed<uint16_t>(column, groups, pool));
          break;
        }
        case 4: {
          ARROW_ASSIGN_OR_RAISE(vector, ExportFixed<uint32_t>(column, groups, pool));
          break;
        }
        case 8: {
          ARROW_ASSIGN_OR_RAISE(vector, ExportFixed<uint64_t>(column, groups, pool));
          break;
        }
        default: {
          ARROW_ASSIGN_OR_RAISE(vector, ExportFixed<Bits128>(column, groups, pool));
          break;
        }
      }
    }
    out.push_back(std::move(vector));
  }
  return out;
}

int64_t KeyTable::GrowthBytes(int64_t row_count) const {
  const auto groups = static_cast<size_t>(group_count_ + row_count);
  size_t slots = std::max<size_t>(1024, slots_.size());
  while (groups * 2 > slots) slots *= 2;
  // A vector that grows holds its old storage and the new one, twice as large, for a moment.
  const size_t key_bytes = static_cast<size_t>(words_) * 8;
  size_t bytes = slots > slots_.size() ? slots * 8 : 0;
  if (groups * static_cast<size_t>(words_) > keys_.capacity())
    bytes += std::max(2 * keys_.capacity() * 8, groups * key_bytes);
  if (groups > hashes_.capacity()) bytes += std::max(2 * hashes_.capacity(), groups) * 4;
  const auto rows = static_cast<size_t>(row_count);
  if (rows > scratch_.hashes.capacity()) bytes += rows * (key_bytes + 4);
  return static_cast<int64_t>(bytes);
}

int64_t KeyTable::MemoryBytes() const {
  int64_t bytes =
      static_cast<int64_t>(keys_.capacity() * 8 + hashes_.capacity() * 4 + slots_.capacity() * 8 +
                           scratch_.packed.capacity() * 8 + scratch_.hashes.capacity() * 4);
  return bytes + KeptBytes();
}

int64_t KeyTable::LiveBytes() const {
  constexpr int64_t kGroupBytes = 4 + 2 * 8;  // its hash, and slots of which half are empty
  return group_count_ * (words_ * 8 + kGroupBytes) + KeptBytes();
}

int64_t KeyTable::KeptBytes() const {
  int64_t bytes = values_.MemoryBytes();
  for (const auto& interner : interners_) bytes += interner.MemoryBytes();
  return bytes;
}

}  // namespace velaria::execution
