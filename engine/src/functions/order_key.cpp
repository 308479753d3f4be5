#include "functions/order_key.hpp"

#include <arrow/array/builder_binary.h>
#include <arrow/util/binary_view_util.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace velaria {
namespace {

using arrow::Type;
using arrow::internal::checked_cast;

// What stands before each inner value, and behind the last one of a list.
constexpr char kEnd = 0, kValue = 1, kNull = 2;
constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr __int128 kDaysPerMonth = 30, kNanosPerDay = __int128{86'400} * 1'000'000'000;

void AppendWord(uint64_t word, std::string* out) {
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  out->append(reinterpret_cast<const char*>(&word), sizeof(word));
}

void AppendSigned(int64_t value, std::string* out) {
  AppendWord(static_cast<uint64_t>(value) ^ kSignBit, out);
}

void AppendWide(__int128 value, std::string* out) {
  AppendSigned(static_cast<int64_t>(value >> 64), out);
  AppendWord(static_cast<uint64_t>(value), out);
}

/// NaN is one value above all numbers, and -0 is 0.
void AppendFloat(double value, std::string* out) {
  if (std::isnan(value)) return AppendWord(~uint64_t{0}, out);
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  AppendWord((bits & kSignBit) != 0 ? ~bits : bits | kSignBit, out);
}

/// Bytes with an end that sorts before any further byte.
void AppendBytes(std::string_view bytes, std::string* out) {
  for (const char byte : bytes) {
    out->push_back(byte);
    if (byte == 0) out->push_back('\xFF');
  }
  out->append(2, '\0');
}

template <typename T>
T ValueAt(const arrow::ArrayData& data, int64_t row) {
  T value;
  std::memcpy(&value,
              data.buffers[1]->data() + (data.offset + row) * static_cast<int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

template <typename Offset>
std::string_view TextAt(const arrow::ArrayData& data, int64_t row) {
  const Offset* offsets = data.GetValues<Offset>(1) + row;
  const char* bytes = data.buffers[2] ? reinterpret_cast<const char*>(data.buffers[2]->data()) : "";
  return {bytes + offsets[0], static_cast<size_t>(offsets[1] - offsets[0])};
}

std::string_view BytesAt(const arrow::ArrayData& data, int64_t row) {
  switch (data.type->id()) {
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY: return TextAt<int64_t>(data, row);
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      return arrow::util::FromBinaryView(data.GetValues<arrow::BinaryViewType::c_type>(1)[row],
                                         data.buffers.data() + 2);
    case Type::FIXED_SIZE_BINARY: {
      const auto width = checked_cast<const arrow::FixedSizeBinaryType&>(*data.type).byte_width();
      return {reinterpret_cast<const char*>(data.buffers[1]->data()) + (data.offset + row) * width,
              static_cast<size_t>(width)};
    }
    default: return TextAt<int32_t>(data, row);
  }
}

int64_t CodeAt(const arrow::ArrayData& data, int64_t row) {
  switch (checked_cast<const arrow::DictionaryType&>(*data.type).index_type()->id()) {
    case Type::INT8: return ValueAt<int8_t>(data, row);
    case Type::UINT8: return ValueAt<uint8_t>(data, row);
    case Type::INT16: return ValueAt<int16_t>(data, row);
    case Type::UINT16: return ValueAt<uint16_t>(data, row);
    case Type::INT32: return ValueAt<int32_t>(data, row);
    case Type::UINT32: return ValueAt<uint32_t>(data, row);
    default: return ValueAt<int64_t>(data, row);
  }
}

}  // namespace

OrderKeyWriter::OrderKeyWriter(const Vector& vector)
    : root_(vector.data), constant_(vector.constant) {}

OrderKeyWriter::Column::Column(ArrayDataPtr values)
    : data(std::move(values)), validity(ValidityOf({data, false})) {
  for (const auto& child : data->child_data) children.emplace_back(child);
  if (data->dictionary) children.emplace_back(data->dictionary);
}

void OrderKeyWriter::Column::AppendWithNull(int64_t row, std::string* out) const {
  const bool valid = validity.IsValid(row);
  out->push_back(valid ? kValue : kNull);
  if (valid) Append(row, out);
}

void OrderKeyWriter::Column::AppendElements(int64_t begin, int64_t end, std::string* out) const {
  for (int64_t i = begin; i < end; ++i) children[0].AppendWithNull(i, out);
  out->push_back(kEnd);
}

void OrderKeyWriter::Column::Append(int64_t row, std::string* out) const {
  switch (data->type->id()) {
    case Type::LIST:
    case Type::MAP: {
      const auto* offsets = data->GetValues<int32_t>(1) + row;
      return AppendElements(offsets[0], offsets[1], out);
    }
    case Type::LARGE_LIST: {
      const auto* offsets = data->GetValues<int64_t>(1) + row;
      return AppendElements(offsets[0], offsets[1], out);
    }
    case Type::FIXED_SIZE_LIST: {
      const int64_t size = checked_cast<const arrow::FixedSizeListType&>(*data->type).list_size();
      return AppendElements((data->offset + row) * size, (data->offset + row + 1) * size, out);
    }
    case Type::STRUCT:
      for (const auto& child : children) child.AppendWithNull(data->offset + row, out);
      return;
    case Type::DICTIONARY: return children.back().AppendWithNull(CodeAt(*data, row), out);
    case Type::INTERVAL_MONTH_DAY_NANO: {
      const auto value = ValueAt<arrow::MonthDayNanoIntervalType::MonthDayNanos>(*data, row);
      const __int128 days = value.months * kDaysPerMonth + value.days;
      return AppendWide(days * kNanosPerDay + value.nanoseconds, out);
    }
    default: break;
  }
  switch (PhysicalOf(*data->type)) {
    case Physical::kBool:
      out->push_back(arrow::bit_util::GetBit(data->buffers[1]->data(), data->offset + row) ? '\1'
                                                                                           : '\0');
      return;
    case Physical::kInt8: return AppendSigned(ValueAt<int8_t>(*data, row), out);
    case Physical::kInt16: return AppendSigned(ValueAt<int16_t>(*data, row), out);
    case Physical::kInt32: return AppendSigned(ValueAt<int32_t>(*data, row), out);
    case Physical::kInt64: return AppendSigned(ValueAt<int64_t>(*data, row), out);
    case Physical::kUInt8: return AppendWord(ValueAt<uint8_t>(*data, row), out);
    case Physical::kUInt16: return AppendWord(ValueAt<uint16_t>(*data, row), out);
    case Physical::kUInt32: return AppendWord(ValueAt<uint32_t>(*data, row), out);
    case Physical::kUInt64: return AppendWord(ValueAt<uint64_t>(*data, row), out);
    case Physical::kFloat: return AppendFloat(static_cast<double>(ValueAt<float>(*data, row)), out);
    case Physical::kDouble: return AppendFloat(ValueAt<double>(*data, row), out);
    case Physical::kDecimal: return AppendWide(ValueAt<__int128>(*data, row), out);
    case Physical::kString:
    case Physical::kBinary: return AppendBytes(BytesAt(*data, row), out);
    default: return;  // of the type NULL there are no values
  }
}

Result<Vector> MakeOrderKeys(const Vector& vector, arrow::MemoryPool* pool) {
  const OrderKeyWriter writer(vector);
  arrow::LargeBinaryBuilder builder(pool);
  const int64_t rows = vector.constant ? 1 : vector.length();
  VELARIA_RETURN_NOT_OK(builder.Reserve(rows));
  std::string key;
  for (int64_t i = 0; i < rows; ++i) {
    if (!writer.IsValid(i)) {
      VELARIA_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    key.clear();
    writer.Append(i, &key);
    VELARIA_RETURN_NOT_OK(builder.Append(key));
  }
  VELARIA_ASSIGN_OR_RETURN(auto keys, builder.Finish());
  return Vector{keys->data(), vector.constant};
}

}  // namespace velaria
