// The SQL spelling of types, both ways.
#include <map>

#include "base/text.hpp"
#include "columnar/types.hpp"

namespace velaria {
namespace {

using arrow::TimeUnit;
using arrow::Type;
using arrow::internal::checked_cast;

const std::map<std::string, TypePtr>& PlainTypes() {
  static const std::map<std::string, TypePtr> types = {
      {"BOOLEAN", arrow::boolean()},
      {"BOOL", arrow::boolean()},
      {"LOGICAL", arrow::boolean()},
      {"TINYINT", arrow::int8()},
      {"INT1", arrow::int8()},
      {"SMALLINT", arrow::int16()},
      {"INT2", arrow::int16()},
      {"SHORT", arrow::int16()},
      {"INTEGER", arrow::int32()},
      {"INT", arrow::int32()},
      {"INT4", arrow::int32()},
      {"SIGNED", arrow::int32()},
      {"BIGINT", arrow::int64()},
      {"INT8", arrow::int64()},
      {"LONG", arrow::int64()},
      {"UTINYINT", arrow::uint8()},
      {"USMALLINT", arrow::uint16()},
      {"UINTEGER", arrow::uint32()},
      {"UBIGINT", arrow::uint64()},
      {"REAL", arrow::float32()},
      {"FLOAT4", arrow::float32()},
      {"DOUBLE", arrow::float64()},
      {"FLOAT8", arrow::float64()},
      {"DOUBLE PRECISION", arrow::float64()},
      {"VARCHAR", arrow::utf8()},
      {"TEXT", arrow::utf8()},
      {"STRING", arrow::utf8()},
      {"CHAR", arrow::utf8()},
      {"CHARACTER", arrow::utf8()},
      {"CHARACTER VARYING", arrow::utf8()},
      {"BPCHAR", arrow::utf8()},
      {"BLOB", arrow::binary()},
      {"BYTEA", arrow::binary()},
      {"BINARY", arrow::binary()},
      {"VARBINARY", arrow::binary()},
      {"DATE", arrow::date32()},
      {"TIME_S", arrow::time32(TimeUnit::SECOND)},
      {"TIME_MS", arrow::time32(TimeUnit::MILLI)},
      {"TIME_NS", arrow::time64(TimeUnit::NANO)},
      {"INTERVAL", arrow::month_day_nano_interval()},
  };
  return types;
}

const std::map<std::string, TimeUnit::type>& TimestampNames() {
  static const std::map<std::string, TimeUnit::type> names = {
      {"TIMESTAMP_S", TimeUnit::SECOND}, {"TIMESTAMP_MS", TimeUnit::MILLI},
      {"TIMESTAMP_US", TimeUnit::MICRO}, {"TIMESTAMP_NS", TimeUnit::NANO},
      {"TIMESTAMP", TimeUnit::MICRO},    {"DATETIME", TimeUnit::MICRO},
      {"TIMESTAMPTZ", TimeUnit::MICRO}};
  return names;
}

Status UnknownType(const std::string& name) {
  std::vector<std::string> names = {"DECIMAL", "NUMERIC", "FLOAT", "TIME", "VECTOR"};
  for (const auto& [known, type] : PlainTypes()) names.push_back(known);
  for (const auto& [known, unit] : TimestampNames()) names.push_back(known);
  const std::string near = NearestName(name, names);
  return Fail(ErrorCode::kUnknownType, "unknown type: " + name,
              near.empty() ? "" : "Did you mean " + near + "?");
}

Status BadArguments(const std::string& name, const std::string& allowed) {
  return Fail(ErrorCode::kUnknownType, "wrong arguments for type: " + name, allowed);
}

TimeUnit::type UnitOfDigits(int64_t digits) {
  if (digits == 0) return TimeUnit::SECOND;
  if (digits <= 3) return TimeUnit::MILLI;
  return digits <= 6 ? TimeUnit::MICRO : TimeUnit::NANO;
}

Result<TypePtr> DecimalFromArguments(const std::string& name,
                                     const std::vector<int64_t>& arguments) {
  if (arguments.empty()) return arrow::decimal128(18, 3);
  const int64_t precision = arguments[0], scale = arguments.size() > 1 ? arguments[1] : 0;
  if (arguments.size() > 2 || precision < 1 || precision > 38 || scale < 0 || scale > precision) {
    return BadArguments(name,
                        "Write DECIMAL(p) or DECIMAL(p, s) with 1 <= p <= 38 and 0 <= s <= p.");
  }
  return arrow::decimal128(static_cast<int32_t>(precision), static_cast<int32_t>(scale));
}

Result<TypePtr> TimeFromArguments(const std::string& name, const std::vector<int64_t>& arguments,
                                  bool with_time_zone) {
  TimeUnit::type unit = TimeUnit::MICRO;
  const auto named = TimestampNames().find(name);
  if (named != TimestampNames().end()) unit = named->second;
  if (!arguments.empty()) {
    if (arguments.size() > 1 || arguments[0] < 0 || arguments[0] > 9 ||
        name.find('_') != std::string::npos) {
      return BadArguments(name, "Write " + name.substr(0, name.find('_')) +
                                    "(d) with 0 to 9 digits of the second.");
    }
    unit = UnitOfDigits(arguments[0]);
  }
  if (name == "TIME") {
    if (with_time_zone)
      return Fail(ErrorCode::kUnknownType, "unknown type: TIME WITH TIME ZONE", "Use TIMESTAMPTZ.");
    return unit <= TimeUnit::MILLI ? arrow::time32(unit) : arrow::time64(unit);
  }
  const bool zoned = with_time_zone || name == "TIMESTAMPTZ";
  return arrow::timestamp(unit, zoned ? "UTC" : "");
}

std::string WithUnit(const std::string& name, TimeUnit::type unit) {
  switch (unit) {
    case TimeUnit::SECOND: return name + "_S";
    case TimeUnit::MILLI: return name + "_MS";
    case TimeUnit::NANO: return name + "_NS";
    default: return name;
  }
}

std::string NestedName(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW: return SqlName(*type.field(0)->type()) + "[]";
    case Type::FIXED_SIZE_LIST: {
      const std::string size =
          std::to_string(checked_cast<const arrow::FixedSizeListType&>(type).list_size());
      if (type.field(0)->type()->id() == Type::FLOAT) return "VECTOR(" + size + ")";
      return SqlName(*type.field(0)->type()) + "[" + size + "]";
    }
    case Type::MAP: {
      const auto& map = checked_cast<const arrow::MapType&>(type);
      return "MAP(" + SqlName(*map.key_type()) + ", " + SqlName(*map.item_type()) + ")";
    }
    case Type::STRUCT: {
      std::vector<std::string> fields;
      for (const auto& field : type.fields())
        fields.push_back(QuoteIdentifier(field->name()) + " " + SqlName(*field->type()));
      return "STRUCT(" + Join(fields, ", ") + ")";
    }
    default: return ToUpper(type.ToString());
  }
}

}  // namespace

std::string SqlName(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::NA: return "NULL";
    case Type::BOOL: return "BOOLEAN";
    case Type::INT8: return "TINYINT";
    case Type::INT16: return "SMALLINT";
    case Type::INT32: return "INTEGER";
    case Type::INT64: return "BIGINT";
    case Type::UINT8: return "UTINYINT";
    case Type::UINT16: return "USMALLINT";
    case Type::UINT32: return "UINTEGER";
    case Type::UINT64: return "UBIGINT";
    case Type::FLOAT: return "REAL";
    case Type::DOUBLE: return "DOUBLE";
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256: {
      const auto& decimal = checked_cast<const arrow::DecimalType&>(type);
      return "DECIMAL(" + std::to_string(decimal.precision()) + "," +
             std::to_string(decimal.scale()) + ")";
    }
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW: return "VARCHAR";
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY: return "BLOB";
    case Type::DATE32:
    case Type::DATE64: return "DATE";
    case Type::TIME32:
    case Type::TIME64: return WithUnit("TIME", checked_cast<const arrow::TimeType&>(type).unit());
    case Type::TIMESTAMP: {
      const auto& timestamp = checked_cast<const arrow::TimestampType&>(type);
      return WithUnit("TIMESTAMP", timestamp.unit()) +
             (timestamp.timezone().empty() ? "" : " WITH TIME ZONE");
    }
    case Type::INTERVAL_MONTHS:
    case Type::INTERVAL_DAY_TIME:
    case Type::INTERVAL_MONTH_DAY_NANO: return "INTERVAL";
    case Type::DICTIONARY:
      return SqlName(*checked_cast<const arrow::DictionaryType&>(type).value_type());
    default: return NestedName(type);
  }
}

Result<TypePtr> TypeFromSqlName(const std::string& name, const std::vector<int64_t>& arguments,
                                bool with_time_zone) {
  if (name == "DECIMAL" || name == "NUMERIC" || name == "DEC")
    return DecimalFromArguments(name, arguments);
  if (name == "TIME" || TimestampNames().contains(name))
    return TimeFromArguments(name, arguments, with_time_zone);
  if (with_time_zone) return UnknownType(name + " WITH TIME ZONE");
  if (name == "FLOAT") {
    if (arguments.empty()) return arrow::float64();
    if (arguments.size() > 1 || arguments[0] < 1 || arguments[0] > 53) {
      return BadArguments(name, "Write FLOAT(n) with 1 to 53 binary digits.");
    }
    return arguments[0] <= 24 ? arrow::float32() : arrow::float64();
  }
  if (name == "VECTOR") {
    if (arguments.size() != 1 || arguments[0] < 1 || arguments[0] > 65536) {
      return BadArguments(name, "Write VECTOR(n) with a dimension of 1 to 65536.");
    }
    return arrow::fixed_size_list(arrow::float32(), static_cast<int32_t>(arguments[0]));
  }
  const auto plain = PlainTypes().find(name);
  if (plain == PlainTypes().end()) return UnknownType(name);
  // A length is accepted on text as other systems write it, and not enforced: no value is ever cut.
  const bool takes_length = arrow::is_base_binary_like(plain->second->id());
  if (!arguments.empty() && (!takes_length || arguments.size() > 1 || arguments[0] < 1)) {
    return BadArguments(name, takes_length ? "Write " + name + "(n) with n of 1 or more."
                                           : name + " takes no arguments.");
  }
  return plain->second;
}

}  // namespace velaria
