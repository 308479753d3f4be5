#include "interop/schema_rules.hpp"

#include <arrow/compute/api.h>
#include <arrow/util/utf8.h>

#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"
#include "interop/ingest_gate.hpp"

namespace velaria::interop {
namespace {

bool IsFixedOffset(std::string_view name) {
  const auto digit = [&](size_t i) { return name[i] >= '0' && name[i] <= '9'; };
  if (name.size() != 6 || (name[0] != '+' && name[0] != '-') || name[3] != ':') return false;
  if (!digit(1) || !digit(2) || !digit(4) || !digit(5)) return false;
  const int hours = (name[1] - '0') * 10 + (name[2] - '0');
  const int minutes = (name[4] - '0') * 10 + (name[5] - '0');
  return hours <= 23 && minutes <= 59;
}

bool IsZoneNameShape(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/' || name.back() == '/') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
}

Status CheckName(const std::string& name) {
  if (name.size() > kColumnNameBytesMax) {
    return Refuse("column name is too long, bytes: " + std::to_string(name.size()));
  }
  if (!arrow::util::ValidateUTF8(name))
    return Refuse("column name is not UTF-8: " + PrintableName(name));
  if (name.find('\0') != std::string::npos)
    return Refuse("column name holds a zero byte: " + PrintableName(name));
  return Status::OK();
}

Status CheckType(const std::string& column, const arrow::DataType& type, int depth) {
  if (depth > kTypeDepthMax) {
    return Refuse("column is nested too deep: " + column,
                  "A type may nest " + std::to_string(kTypeDepthMax) + " levels deep.");
  }
  switch (type.id()) {
    case arrow::Type::TIMESTAMP: {
      const auto& zone = static_cast<const arrow::TimestampType&>(type).timezone();
      if (!zone.empty() && !IsTimeZone(zone))
        return Refuse("unknown time zone: " + PrintableName(zone));
      return Status::OK();
    }
    case arrow::Type::DICTIONARY:
      return CheckType(column, *static_cast<const arrow::DictionaryType&>(type).value_type(),
                       depth + 1);
    case arrow::Type::SPARSE_UNION:
    case arrow::Type::DENSE_UNION:
    case arrow::Type::RUN_END_ENCODED:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW:
    case arrow::Type::EXTENSION:
      return Refuse(
          "column " + column + " has a type that is not taken: " + FirstLine(type.ToString()),
          "Send the column as a plain type, such as a list, a struct or the storage of an "
          "extension type.");
    default: break;
  }
  for (const auto& child : type.fields()) {
    VELARIA_RETURN_NOT_OK(CheckName(child->name()));
    VELARIA_RETURN_NOT_OK(CheckType(column, *child->type(), depth + 1));
  }
  return Status::OK();
}

}  // namespace

std::string PrintableName(std::string_view name) {
  std::string out;
  for (char c : name.substr(0, 64))
    out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? '?' : c;
  if (name.size() > 64 || !arrow::util::ValidateUTF8(out)) {
    for (char& c : out) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
  }
  return name.size() > 64 ? out + "..." : out;
}

bool IsTimeZone(std::string_view name) {
  if (name == "UTC" || IsFixedOffset(name)) return true;
  if (!IsZoneNameShape(name)) return false;
  // Arrow's own look-up decides, since its functions are what will read the column.
  if (!arrow::compute::Initialize().ok()) return false;
  const auto type = arrow::timestamp(arrow::TimeUnit::SECOND, std::string(name));
  return arrow::compute::CallFunction(
             "hour", {arrow::Datum(std::make_shared<arrow::TimestampScalar>(0, type))})
      .ok();
}

Status ValidateSchema(const arrow::Schema& schema) {
  if (schema.num_fields() > kColumnCountMax) {
    return Refuse("too many columns: " + std::to_string(schema.num_fields()),
                  "A table may have " + std::to_string(kColumnCountMax) + " columns.");
  }
  std::unordered_set<std::string_view> names;
  for (const auto& field : schema.fields()) {
    VELARIA_RETURN_NOT_OK(CheckName(field->name()));
    if (!names.insert(field->name()).second)
      return Refuse("column name appears twice: " + PrintableName(field->name()));
    VELARIA_RETURN_NOT_OK(CheckType(PrintableName(field->name()), *field->type(), 1));
  }
  return Status::OK();
}

std::string SchemaDifference(const arrow::Schema& declared, const arrow::Schema& given) {
  const auto text = [](const arrow::Field& field) {
    return PrintableName(field.name()) + ": " + FirstLine(field.type()->ToString());
  };
  const int shared = std::min(declared.num_fields(), given.num_fields());
  for (int i = 0; i < shared; ++i) {
    const auto& want = *declared.field(i);
    const auto& got = *given.field(i);
    if (want.name() == got.name() && want.type()->Equals(*got.type())) continue;
    return "columns differ at position " + std::to_string(i + 1) + ": expected " + text(want) +
           ", got " + text(got);
  }
  if (declared.num_fields() == given.num_fields()) return "";
  return "expected " + std::to_string(declared.num_fields()) + " columns, got " +
         std::to_string(given.num_fields());
}

}  // namespace velaria::interop
