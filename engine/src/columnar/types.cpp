#include "columnar/types.hpp"

#include <algorithm>

namespace velaria {
namespace {

using arrow::Type;
using arrow::internal::checked_cast;

/// Decimal digits that every value of the integer type fits into.
int DigitsOf(Type::type id) {
  switch (id) {
    case Type::INT8:
    case Type::UINT8: return 3;
    case Type::INT16:
    case Type::UINT16: return 5;
    case Type::INT32:
    case Type::UINT32: return 10;
    case Type::INT64: return 19;
    default: return 20;
  }
}

bool IsUnsigned(Type::type id) {
  return id == Type::UINT8 || id == Type::UINT16 || id == Type::UINT32 || id == Type::UINT64;
}

int IntegerBytes(const arrow::DataType& type) {
  return checked_cast<const arrow::FixedWidthType&>(type).bit_width() / 8;
}

TypePtr SignedOfBytes(int bytes) {
  if (bytes <= 1) return arrow::int8();
  if (bytes <= 2) return arrow::int16();
  return bytes <= 4 ? arrow::int32() : arrow::int64();
}

TypePtr CommonInteger(const TypePtr& a, const TypePtr& b) {
  const int a_bytes = IntegerBytes(*a), b_bytes = IntegerBytes(*b);
  const bool a_unsigned = IsUnsigned(a->id()), b_unsigned = IsUnsigned(b->id());
  if (a_unsigned == b_unsigned) return a_bytes >= b_bytes ? a : b;
  const int unsigned_bytes = a_unsigned ? a_bytes : b_bytes;
  const int signed_bytes = a_unsigned ? b_bytes : a_bytes;
  // No signed type holds every UBIGINT; a decimal of 20 digits does.
  if (unsigned_bytes == 8) return arrow::decimal128(20, 0);
  return SignedOfBytes(std::max(signed_bytes, unsigned_bytes * 2));
}

struct DecimalShape {
  int integer_digits, scale;
};

DecimalShape ShapeOf(const arrow::DataType& type) {
  if (IsInteger(type)) return {DigitsOf(type.id()), 0};
  const auto& decimal = checked_cast<const arrow::DecimalType&>(type);
  return {decimal.precision() - decimal.scale(), decimal.scale()};
}

TypePtr CommonDecimal(const TypePtr& a, const TypePtr& b) {
  const DecimalShape x = ShapeOf(*a), y = ShapeOf(*b);
  const int scale = std::max(x.scale, y.scale);
  const int precision = std::min(38, std::max(x.integer_digits, y.integer_digits) + scale);
  return arrow::decimal128(std::max(precision, std::max(scale, 1)), scale);
}

bool IsDate(Type::type id) { return id == Type::DATE32 || id == Type::DATE64; }
bool IsTime(Type::type id) { return id == Type::TIME32 || id == Type::TIME64; }

bool IsBinary(Type::type id) {
  return id == Type::BINARY || id == Type::LARGE_BINARY || id == Type::BINARY_VIEW ||
         id == Type::FIXED_SIZE_BINARY;
}

arrow::TimeUnit::type UnitOfTime(const arrow::DataType& type) {
  return checked_cast<const arrow::TimeType&>(type).unit();
}

TypePtr TimeOfUnit(arrow::TimeUnit::type unit) {
  return unit <= arrow::TimeUnit::MILLI ? arrow::time32(unit) : arrow::time64(unit);
}

TypePtr CommonTemporal(const TypePtr& a, const TypePtr& b) {
  const auto x = a->id(), y = b->id();
  if (IsDate(x) && IsDate(y)) return arrow::date32();
  if (IsDate(x) && y == Type::TIMESTAMP) return b;
  if (x == Type::TIMESTAMP && IsDate(y)) return a;
  if (x == Type::TIMESTAMP && y == Type::TIMESTAMP) {
    const auto& left = checked_cast<const arrow::TimestampType&>(*a);
    const auto& right = checked_cast<const arrow::TimestampType&>(*b);
    std::string zone = left.timezone().empty() ? right.timezone() : left.timezone();
    const bool zones_differ = !left.timezone().empty() && !right.timezone().empty() &&
                              left.timezone() != right.timezone();
    return arrow::timestamp(std::max(left.unit(), right.unit()), zones_differ ? "UTC" : zone);
  }
  if (IsTime(x) && IsTime(y)) return TimeOfUnit(std::max(UnitOfTime(*a), UnitOfTime(*b)));
  return nullptr;
}

bool IsListType(Type::type id) {
  return id == Type::LIST || id == Type::LARGE_LIST || id == Type::FIXED_SIZE_LIST;
}

TypePtr CommonOrNull(const TypePtr& a, const TypePtr& b);

/// Lists meet in the list of their elements' common type, structs of the same fields in that of
/// their fields'; null when they do not.
TypePtr CommonNested(const TypePtr& a, const TypePtr& b) {
  const auto common = [](const TypePtr& x, const TypePtr& y) -> TypePtr {
    const TypePtr left = LogicalType(x), right = LogicalType(y);
    if (left->Equals(*right) || right->id() == Type::NA) return left;
    return left->id() == Type::NA ? right : CommonOrNull(left, right);
  };
  if (IsListType(a->id()) && IsListType(b->id())) {
    const TypePtr element = common(checked_cast<const arrow::BaseListType&>(*a).value_type(),
                                   checked_cast<const arrow::BaseListType&>(*b).value_type());
    return element ? arrow::list(element) : nullptr;
  }
  if (a->id() != Type::STRUCT || b->id() != Type::STRUCT || a->num_fields() != b->num_fields())
    return nullptr;
  arrow::FieldVector fields;
  for (int i = 0; i < a->num_fields(); ++i) {
    const TypePtr type = common(a->field(i)->type(), b->field(i)->type());
    if (!type || a->field(i)->name() != b->field(i)->name()) return nullptr;
    fields.push_back(arrow::field(a->field(i)->name(), type));
  }
  return arrow::struct_(std::move(fields));
}

TypePtr CommonOrNull(const TypePtr& a, const TypePtr& b) {
  const auto x = a->id(), y = b->id();
  if (IsString(*a) && IsString(*b)) {
    return x == Type::LARGE_STRING || y == Type::LARGE_STRING ? arrow::large_utf8() : arrow::utf8();
  }
  if (IsBinary(x) && IsBinary(y)) {
    return x == Type::LARGE_BINARY || y == Type::LARGE_BINARY ? arrow::large_binary()
                                                              : arrow::binary();
  }
  if (IsNumeric(*a) && IsNumeric(*b)) {
    if (IsFloating(*a) || IsFloating(*b)) return arrow::float64();
    if (IsDecimal(*a) || IsDecimal(*b)) return CommonDecimal(a, b);
    return CommonInteger(a, b);
  }
  if (x == Type::DURATION && y == Type::DURATION) {
    return arrow::duration(std::max(checked_cast<const arrow::DurationType&>(*a).unit(),
                                    checked_cast<const arrow::DurationType&>(*b).unit()));
  }
  if (IsNested(*a) || IsNested(*b)) return CommonNested(a, b);
  return CommonTemporal(a, b);
}

}  // namespace

TypePtr LogicalType(const TypePtr& type) {
  return type->id() == Type::DICTIONARY
             ? checked_cast<const arrow::DictionaryType&>(*type).value_type()
             : type;
}

Physical PhysicalOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::NA: return Physical::kNull;
    case Type::BOOL: return Physical::kBool;
    case Type::INT8: return Physical::kInt8;
    case Type::INT16: return Physical::kInt16;
    case Type::INT32:
    case Type::DATE32:
    case Type::TIME32: return Physical::kInt32;
    case Type::INT64:
    case Type::DATE64:
    case Type::TIME64:
    case Type::TIMESTAMP:
    case Type::DURATION: return Physical::kInt64;
    case Type::UINT8: return Physical::kUInt8;
    case Type::UINT16: return Physical::kUInt16;
    case Type::UINT32: return Physical::kUInt32;
    case Type::UINT64: return Physical::kUInt64;
    case Type::FLOAT: return Physical::kFloat;
    case Type::DOUBLE: return Physical::kDouble;
    case Type::DECIMAL128: return Physical::kDecimal;
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW: return Physical::kString;
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY: return Physical::kBinary;
    case Type::DICTIONARY: return IsString(type) ? Physical::kString : Physical::kNested;
    default: return Physical::kNested;
  }
}

bool IsString(const arrow::DataType& type) {
  if (type.id() == Type::DICTIONARY)
    return IsString(*checked_cast<const arrow::DictionaryType&>(type).value_type());
  return type.id() == Type::STRING || type.id() == Type::LARGE_STRING ||
         type.id() == Type::STRING_VIEW;
}

bool IsInteger(const arrow::DataType& type) { return arrow::is_integer(type.id()); }
bool IsFloating(const arrow::DataType& type) {
  return type.id() == Type::FLOAT || type.id() == Type::DOUBLE;
}
bool IsDecimal(const arrow::DataType& type) { return type.id() == Type::DECIMAL128; }
bool IsNumeric(const arrow::DataType& type) {
  return IsInteger(type) || IsFloating(type) || IsDecimal(type);
}
bool IsTemporal(const arrow::DataType& type) {
  return IsDate(type.id()) || IsTime(type.id()) || type.id() == Type::TIMESTAMP;
}
bool IsNested(const arrow::DataType& type) { return arrow::is_nested(type.id()); }
bool IsDictionary(const arrow::DataType& type) { return type.id() == Type::DICTIONARY; }
bool IsComparable(const arrow::DataType& type) {
  if (PhysicalOf(type) != Physical::kNested) return true;
  switch (type.id()) {
    case Type::INTERVAL_MONTH_DAY_NANO: return true;
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::MAP:
    case Type::STRUCT:
      return std::all_of(type.fields().begin(), type.fields().end(),
                         [](const auto& field) { return IsComparable(*field->type()); });
    default: return false;
  }
}

int FixedWidthOf(Physical physical) {
  switch (physical) {
    case Physical::kInt8:
    case Physical::kUInt8: return 1;
    case Physical::kInt16:
    case Physical::kUInt16: return 2;
    case Physical::kInt32:
    case Physical::kUInt32:
    case Physical::kFloat: return 4;
    case Physical::kInt64:
    case Physical::kUInt64:
    case Physical::kDouble: return 8;
    case Physical::kDecimal: return 16;
    default: return 0;
  }
}

Result<TypePtr> CommonType(const TypePtr& a, const TypePtr& b) {
  if (a->Equals(*b)) return a;
  if (a->id() == Type::NA) return b;
  if (b->id() == Type::NA) return a;
  const TypePtr left = LogicalType(a), right = LogicalType(b);
  if (left->Equals(*right)) return left;
  if (TypePtr common = CommonOrNull(left, right)) return common;
  return Fail(ErrorCode::kTypeMismatch, "no common type: " + SqlName(*a) + " and " + SqlName(*b),
              "Write a CAST on one side.");
}

bool ImplicitlyCastable(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.Equals(to) || from.id() == Type::NA) return true;
  if (from.id() == Type::DICTIONARY) {
    return ImplicitlyCastable(*checked_cast<const arrow::DictionaryType&>(from).value_type(), to);
  }
  if (IsString(from)) return IsString(to) && !IsDictionary(to);
  if (IsBinary(from.id())) return IsBinary(to.id()) && to.id() != Type::FIXED_SIZE_BINARY;
  if (IsNumeric(from) && IsNumeric(to)) {
    if (IsFloating(to)) return !IsFloating(from) || to.id() == Type::DOUBLE;
    if (IsFloating(from)) return false;
    if (IsDecimal(to)) {
      const DecimalShape x = ShapeOf(from), y = ShapeOf(to);
      return y.scale >= x.scale && (y.integer_digits >= x.integer_digits || IsInteger(from));
    }
    if (IsDecimal(from)) return false;
    const bool from_unsigned = IsUnsigned(from.id()), to_unsigned = IsUnsigned(to.id());
    if (from_unsigned == to_unsigned) return IntegerBytes(to) >= IntegerBytes(from);
    return from_unsigned && IntegerBytes(to) > IntegerBytes(from);
  }
  if (IsDate(from.id())) return IsDate(to.id()) || to.id() == Type::TIMESTAMP;
  if (IsTime(from.id())) return IsTime(to.id()) && UnitOfTime(to) >= UnitOfTime(from);
  return from.id() == Type::TIMESTAMP && to.id() == Type::TIMESTAMP;
}

}  // namespace velaria
