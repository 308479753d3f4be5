#include "io/json_cells.hpp"

#include <arrow/builder.h>
#include <arrow/scalar.h>
#include <arrow/util/decimal.h>
#include <arrow/util/value_parsing.h>

#include <cmath>

#include "base/text.hpp"

namespace velaria::io {
namespace {

using json::Document;
using json::Kind;
using json::Node;

constexpr uint32_t kVectorLengthMax = 1 << 16;

bool IsWrittenAsInteger(std::string_view number) {
  return number.find_first_of(".eE") == std::string_view::npos;
}

bool ParseBigint(std::string_view text, int64_t* value) {
  return arrow::internal::ParseValue<arrow::Int64Type>(text.data(), text.size(), value);
}

/// FLOAT holds all integers up to 2^24, which has eight digits, and some above.
bool FloatHolds(std::string_view integer) {
  if (integer.size() < 8) return true;
  int64_t value;
  return ParseBigint(integer, &value) &&
         static_cast<__int128>(static_cast<float>(value)) == static_cast<__int128>(value);
}

Status NotOfType(const Document& document, uint32_t node) {
  std::string text(document.raw(node).substr(0, 100));
  return Fail(ErrorCode::kFileFormat, text);
}

/// The characters of a string, the raw text of anything else.
std::string_view TextOf(const Document& document, uint32_t index, std::string* buffer) {
  const Node& node = document.node(index);
  if (node.kind != Kind::kString || !node.escaped) return document.raw(index);
  buffer->clear();
  document.AppendCharacters(index, buffer);
  return *buffer;
}

template <typename Type>
Status AppendNumber(const Document& document, uint32_t node, arrow::ArrayBuilder* builder) {
  const std::string_view text = document.raw(node);
  typename Type::c_type value;
  const Kind kind = document.node(node).kind;
  if ((kind != Kind::kNumber && kind != Kind::kString) ||
      !arrow::internal::ParseValue<Type>(text.data(), text.size(), &value)) {
    return NotOfType(document, node);
  }
  if constexpr (std::is_floating_point_v<typename Type::c_type>) {
    if (!std::isfinite(value) && kind == Kind::kNumber) return NotOfType(document, node);
  }
  return static_cast<typename arrow::TypeTraits<Type>::BuilderType*>(builder)->Append(value);
}

/// Digits beyond the type's scale would be lost: they are no value of it.
Status AppendDecimal(const arrow::DataType& type, const Document& document, uint32_t node,
                     std::string_view text, arrow::ArrayBuilder* builder) {
  const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
  arrow::Decimal128 value;
  int32_t precision, scale;
  if (!arrow::Decimal128::FromString(text, &value, &precision, &scale).ok()) {
    return NotOfType(document, node);
  }
  const auto scaled = value.Rescale(scale, decimal.scale());
  if (!scaled.ok() || !scaled->FitsInPrecision(decimal.precision())) {
    return NotOfType(document, node);
  }
  return static_cast<arrow::Decimal128Builder*>(builder)->Append(*scaled);
}

Status AppendBoolean(const Document& document, uint32_t node, arrow::ArrayBuilder* builder) {
  const std::string_view text = document.raw(node);
  if (text != "true" && text != "false") return NotOfType(document, node);
  return static_cast<arrow::BooleanBuilder*>(builder)->Append(text == "true");
}

Status AppendElements(const arrow::DataType& element, const Document& document, uint32_t array,
                      arrow::ArrayBuilder* values) {
  for (uint32_t at = array + 1; at < document.node(array).next; at = document.node(at).next) {
    VELARIA_RETURN_NOT_OK(AppendNode(element, document, at, values));
  }
  return Status::OK();
}

Status AppendStruct(const arrow::DataType& type, const Document& document, uint32_t object,
                    arrow::ArrayBuilder* builder) {
  if (document.node(object).kind != Kind::kObject) return NotOfType(document, object);
  auto* fields = static_cast<arrow::StructBuilder*>(builder);
  VELARIA_RETURN_NOT_OK(fields->Append());
  std::vector<std::string> keys;
  for (const auto& field : type.fields()) keys.push_back(field->name());
  JsonMembers members(keys, true);
  uint32_t unknown;
  const auto& found = members.Find(document, object, &unknown);
  for (int i = 0; i < type.num_fields(); ++i) {
    auto* child = fields->field_builder(i);
    const uint32_t node = found[static_cast<size_t>(i)];
    VELARIA_RETURN_NOT_OK(node == JsonMembers::kMissing
                              ? child->AppendNull()
                              : AppendNode(*type.field(i)->type(), document, node, child));
  }
  return Status::OK();
}

Status AppendMap(const arrow::MapType& type, const Document& document, uint32_t object,
                 arrow::ArrayBuilder* builder) {
  if (document.node(object).kind != Kind::kObject) return NotOfType(document, object);
  auto* map = static_cast<arrow::MapBuilder*>(builder);
  VELARIA_RETURN_NOT_OK(map->Append());
  for (uint32_t key = object + 1; key < document.node(object).next;) {
    const uint32_t value = document.node(key).next;
    VELARIA_RETURN_NOT_OK(AppendNode(*type.key_type(), document, key, map->key_builder()));
    VELARIA_RETURN_NOT_OK(AppendNode(*type.item_type(), document, value, map->item_builder()));
    key = document.node(value).next;
  }
  return Status::OK();
}

}  // namespace

JsonKind KindOfNode(const Document& document, uint32_t index) {
  const Node& node = document.node(index);
  switch (node.kind) {
    case Kind::kNull: return {};
    case Kind::kFalse:
    case Kind::kTrue: return {JsonKind::kBoolean};
    case Kind::kString:
    case Kind::kObject: return {JsonKind::kText};
    case Kind::kNumber: {
      const std::string_view text = document.raw(index);
      if (IsWrittenAsInteger(text)) {
        int64_t value;
        return {ParseBigint(text, &value) ? JsonKind::kBigint : JsonKind::kText};
      }
      double value;
      const bool parses =
          arrow::internal::ParseValue<arrow::DoubleType>(text.data(), text.size(), &value);
      return {parses && std::isfinite(value) ? JsonKind::kDouble : JsonKind::kText};
    }
    case Kind::kArray: break;
  }
  if (node.count == 0 || node.count > kVectorLengthMax) return {JsonKind::kText};
  JsonKind vector{JsonKind::kVector, node.count};
  for (uint32_t at = index + 1; at < node.next; at = document.node(at).next) {
    if (document.node(at).kind != Kind::kNumber) return {JsonKind::kText};
    const std::string_view text = document.raw(at);
    if (!IsWrittenAsInteger(text)) {
      vector.has_fraction = true;
    } else if (!FloatHolds(text)) {
      int64_t value;
      if (!ParseBigint(text, &value)) return {JsonKind::kText};
      vector.has_long_integer = true;
    }
  }
  return vector;
}

bool HasLongInteger(const Document& document, uint32_t index) {
  const Node& node = document.node(index);
  if (node.kind != Kind::kArray) return false;
  for (uint32_t at = index + 1; at < node.next; at = document.node(at).next) {
    if (document.node(at).kind != Kind::kNumber) continue;
    const std::string_view text = document.raw(at);
    if (IsWrittenAsInteger(text) && !FloatHolds(text)) return true;
  }
  return false;
}

JsonKind CommonKind(JsonKind a, JsonKind b) {
  if (a == b || b.kind == JsonKind::kNull) return a;
  if (a.kind == JsonKind::kNull) return b;
  const auto is_number = [](JsonKind kind) {
    return kind.kind == JsonKind::kBigint || kind.kind == JsonKind::kDouble;
  };
  if (is_number(a) && is_number(b)) return {JsonKind::kDouble};
  if (a.kind == JsonKind::kVector && b.kind == a.kind && a.vector_length == b.vector_length) {
    a.has_fraction |= b.has_fraction;
    a.has_long_integer |= b.has_long_integer;
    return a;
  }
  return {JsonKind::kText};
}

TypePtr TypeOfKind(JsonKind kind) {
  switch (kind.kind) {
    case JsonKind::kBoolean: return arrow::boolean();
    case JsonKind::kBigint: return arrow::int64();
    case JsonKind::kDouble: return arrow::float64();
    case JsonKind::kVector:
      if (kind.has_long_integer) {
        return arrow::list(kind.has_fraction ? arrow::float64() : arrow::int64());
      }
      return arrow::fixed_size_list(arrow::float32(), static_cast<int32_t>(kind.vector_length));
    case JsonKind::kNull:
    case JsonKind::kText: break;
  }
  return arrow::utf8();
}

Status AppendNode(const arrow::DataType& type, const Document& document, uint32_t node,
                  arrow::ArrayBuilder* builder) {
  const Kind kind = document.node(node).kind;
  if (kind == Kind::kNull) return builder->AppendNull();
  std::string buffer;
  switch (type.id()) {
    case arrow::Type::BOOL: return AppendBoolean(document, node, builder);
    case arrow::Type::INT8: return AppendNumber<arrow::Int8Type>(document, node, builder);
    case arrow::Type::INT16: return AppendNumber<arrow::Int16Type>(document, node, builder);
    case arrow::Type::INT32: return AppendNumber<arrow::Int32Type>(document, node, builder);
    case arrow::Type::INT64: return AppendNumber<arrow::Int64Type>(document, node, builder);
    case arrow::Type::UINT8: return AppendNumber<arrow::UInt8Type>(document, node, builder);
    case arrow::Type::UINT16: return AppendNumber<arrow::UInt16Type>(document, node, builder);
    case arrow::Type::UINT32: return AppendNumber<arrow::UInt32Type>(document, node, builder);
    case arrow::Type::UINT64: return AppendNumber<arrow::UInt64Type>(document, node, builder);
    case arrow::Type::FLOAT: return AppendNumber<arrow::FloatType>(document, node, builder);
    case arrow::Type::DOUBLE: return AppendNumber<arrow::DoubleType>(document, node, builder);
    case arrow::Type::STRING:
      return static_cast<arrow::StringBuilder*>(builder)->Append(TextOf(document, node, &buffer));
    case arrow::Type::LIST: {
      if (kind != Kind::kArray) return NotOfType(document, node);
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      VELARIA_RETURN_NOT_OK(list->Append());
      return AppendElements(*static_cast<const arrow::ListType&>(type).value_type(), document, node,
                            list->value_builder());
    }
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& vector = static_cast<const arrow::FixedSizeListType&>(type);
      if (kind != Kind::kArray ||
          document.node(node).count != static_cast<uint32_t>(vector.list_size())) {
        return NotOfType(document, node);
      }
      auto* list = static_cast<arrow::FixedSizeListBuilder*>(builder);
      VELARIA_RETURN_NOT_OK(list->Append());
      return AppendElements(*vector.value_type(), document, node, list->value_builder());
    }
    case arrow::Type::STRUCT: return AppendStruct(type, document, node, builder);
    case arrow::Type::MAP:
      return AppendMap(static_cast<const arrow::MapType&>(type), document, node, builder);
    default: break;
  }
  if (kind == Kind::kArray || kind == Kind::kObject) return NotOfType(document, node);
  if (type.id() == arrow::Type::DECIMAL128) {
    return AppendDecimal(type, document, node, TextOf(document, node, &buffer), builder);
  }
  auto scalar = arrow::Scalar::Parse(type.GetSharedPtr(), TextOf(document, node, &buffer));
  if (!scalar.ok()) return NotOfType(document, node);
  return builder->AppendScalar(**scalar);
}

size_t JsonMembers::IndexOf(const Document& document, uint32_t key, size_t guess) const {
  if (guess < keys_.size() && document.KeyIs(key, keys_[guess])) return guess;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (document.KeyIs(key, keys_[i])) return i;
  }
  if (any_case_) {
    std::string name;
    document.AppendCharacters(key, &name);
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (EqualsIgnoreCase(name, keys_[i])) return i;
    }
  }
  return keys_.size();
}

const std::vector<uint32_t>& JsonMembers::Find(const Document& document, uint32_t object,
                                               uint32_t* unknown) {
  std::fill(found_.begin(), found_.end(), kMissing);
  *unknown = kMissing;
  // Objects mostly have their keys in one order: the next key is where the last one ended.
  size_t guess = 0;
  for (uint32_t key = object + 1; key < document.node(object).next;) {
    const uint32_t value = document.node(key).next;
    const size_t index = IndexOf(document, key, guess);
    if (index < keys_.size()) {
      found_[index] = value;
      guess = index + 1;
    } else {
      *unknown = key;
    }
    key = document.node(value).next;
  }
  return found_;
}

}  // namespace velaria::io
