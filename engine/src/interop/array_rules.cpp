#include "interop/array_rules.hpp"

#include <arrow/array/validate.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/utf8.h>

#include <limits>

#include "base/text.hpp"
#include "columnar/types.hpp"

namespace velaria::interop {
namespace {

constexpr int64_t kFirstDay = -719162;  // 0001-01-01, days from 1970-01-01
constexpr int64_t kLastDay = 2932896;   // 9999-12-31

Status RefuseColumn(const std::string& column, const std::string& what) {
  return Fail(ErrorCode::kMalformedBatch, "column " + column + " " + what);
}

bool IsValid(const arrow::ArrayData& data, int64_t row) {
  return data.buffers[0] == nullptr ||
         arrow::bit_util::GetBit(data.buffers[0]->data(), data.offset + row);
}

/// Ascending offsets inside the data; the first and last are already known to be.
template <typename Offset>
bool OffsetsAscend(const Offset* offsets, int64_t length) {
  bool descends = false;
  for (int64_t i = 0; i < length; ++i) descends |= offsets[i + 1] < offsets[i];
  return !descends;
}

bool IsAscii(const uint8_t* bytes, int64_t size) {
  uint64_t seen = 0;
  int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + i, 8);
    seen |= word;
  }
  for (; i < size; ++i) seen |= uint64_t{bytes[i]} << 56;
  return (seen & 0x8080808080808080u) == 0;
}

/// Text that is UTF-8 as a whole, and in which no string begins inside a character, is UTF-8 string
/// by string.
template <typename Offset>
bool StringsAreUtf8(const arrow::ArrayData& data, const Offset* offsets, const uint8_t* bytes) {
  const int64_t begin = offsets[0];
  const int64_t end = offsets[data.length];
  if (IsAscii(bytes + begin, end - begin)) return true;
  if (!arrow::util::ValidateUTF8(bytes + begin, end - begin)) return false;
  bool inside_character = false;
  for (int64_t i = 0; i < data.length; ++i) {
    if (offsets[i] < end) inside_character |= (bytes[offsets[i]] & 0xC0) == 0x80;
  }
  return !inside_character;
}

template <typename Offset>
Status CheckStringsOf(const std::string& column, const arrow::ArrayData& data) {
  // The cheap check: lengths, sizes of buffers, first and last offset.
  const Status shape = arrow::internal::ValidateArray(data);
  if (!shape.ok() || data.length == 0)
    return shape.ok() ? Status::OK() : CheckWithArrow(column, data);
  if (data.buffers[1] == nullptr || data.buffers[1]->size() == 0)
    return CheckWithArrow(column, data);
  const auto* offsets = data.GetValues<Offset>(1);
  const auto* bytes = data.buffers[2] == nullptr ? nullptr : data.buffers[2]->data();
  const int64_t size = data.buffers[2] == nullptr ? 0 : data.buffers[2]->size();
  if (offsets[0] < 0 || offsets[data.length] > size || !OffsetsAscend(offsets, data.length)) {
    return CheckWithArrow(column, data);
  }
  const bool text_is_good =
      offsets[0] == offsets[data.length] || StringsAreUtf8(data, offsets, bytes);
  // Bytes under a null may be anything: Arrow looks string by string, and at the rest of the rules
  // as well.
  if (!text_is_good) return CheckWithArrow(column, data);
  const int64_t said = data.null_count.load();
  if (said != arrow::kUnknownNullCount && data.buffers[0] != nullptr) {
    const int64_t valid =
        arrow::internal::CountSetBits(data.buffers[0]->data(), data.offset, data.length);
    if (data.length - valid != said)
      return RefuseColumn(column, "has a wrong null count: " + std::to_string(said));
  }
  return Status::OK();
}

/// Whether all values lie in [low, high], low < 0 < high. Two's complement does the comparison:
/// either difference of a value outside is negative, and never wraps back; the loop is additions
/// and an OR, which vectorise on any CPU.
template <typename Value>
bool AllWithin(const Value* values, int64_t length, Value low, Value high) {
  using Bits = std::make_unsigned_t<Value>;
  Bits outside = 0;
  for (int64_t i = 0; i < length; ++i) {
    const auto value = static_cast<Bits>(values[i]);
    outside |= (value - static_cast<Bits>(low)) | (static_cast<Bits>(high) - value);
  }
  return static_cast<std::make_signed_t<Bits>>(outside) >= 0;
}

template <typename Value>
Status CheckRange(const std::string& column, const arrow::ArrayData& data, Value low, Value high) {
  const auto* values = data.GetValues<Value>(1);
  if (data.length == 0 || AllWithin(values, data.length, low, high)) return Status::OK();
  for (int64_t i = 0; i < data.length; ++i) {
    if (IsValid(data, i) && (values[i] < low || values[i] > high)) {
      return RefuseColumn(column, "holds a date or time outside the years 0001 to 9999 at row " +
                                      std::to_string(i) + ": " + std::to_string(values[i]));
    }
  }
  return Status::OK();
}

Status CheckTimestamps(const std::string& column, const arrow::ArrayData& data) {
  int64_t per_second = 1;
  switch (static_cast<const arrow::TimestampType&>(*data.type).unit()) {
    case arrow::TimeUnit::SECOND: break;
    case arrow::TimeUnit::MILLI: per_second = 1000; break;
    case arrow::TimeUnit::MICRO: per_second = 1000000; break;
    case arrow::TimeUnit::NANO: return Status::OK();  // 64 bits reach from 1677 to 2262
  }
  return CheckRange<int64_t>(column, data, kFirstDay * 86400 * per_second,
                             (kLastDay + 1) * 86400 * per_second - 1);
}

}  // namespace

Status CheckStrings(const std::string& column, const arrow::ArrayData& data) {
  return data.type->id() == arrow::Type::STRING ? CheckStringsOf<int32_t>(column, data)
                                                : CheckStringsOf<int64_t>(column, data);
}

Status CheckTimes(const std::string& column, const arrow::ArrayData& data) {
  switch (data.type->id()) {
    case arrow::Type::DATE32:
      return CheckRange<int32_t>(column, data, static_cast<int32_t>(kFirstDay),
                                 static_cast<int32_t>(kLastDay));
    case arrow::Type::DATE64:
      return CheckRange<int64_t>(column, data, kFirstDay * 86400000, (kLastDay + 1) * 86400000 - 1);
    case arrow::Type::TIMESTAMP: return CheckTimestamps(column, data);
    default: break;
  }
  for (const auto& child : data.child_data) VELARIA_RETURN_NOT_OK(CheckTimes(column, *child));
  return data.dictionary ? CheckTimes(column, *data.dictionary) : Status::OK();
}

Status CheckWithArrow(const std::string& column, const arrow::ArrayData& data) {
  const Status status = arrow::internal::ValidateArrayFull(data);
  if (status.ok()) return Status::OK();
  return RefuseColumn(column, "is damaged: " + FirstLine(status.message()));
}

}  // namespace velaria::interop
