#include "logical/expression_index.hpp"

#include <cmath>
#include <functional>
#include <string_view>

namespace velaria::logical {
namespace {

template <typename Value>
size_t HashValue(const Value& value) {
  return std::hash<Value>()(value);
}

/// Numbers that are equal have one hash: 0 and -0, and all that are not a number.
template <typename Number>
size_t HashNumbers(const Vector& vector, size_t hash) {
  const auto view = ViewFixed<Number>(vector);
  for (int64_t row = 0; row < vector.length(); ++row) {
    if (!view.IsValid(row)) continue;
    const Number value = view[row];
    const size_t of_value = std::isnan(value) ? 1 : value == 0 ? 2 : HashValue(value);
    hash = MixedHash(hash, of_value);
  }
  return hash;
}

size_t HashTexts(const Vector& vector, size_t hash) {
  const StringView view(vector);
  for (int64_t row = 0; row < vector.length(); ++row) {
    if (view.IsValid(row)) hash = MixedHash(hash, HashValue(view[row]));
  }
  return hash;
}

size_t HashBytes(const Vector& vector, size_t width, size_t hash) {
  const auto& data = *vector.data;
  if (data.buffers.size() < 2 || !data.buffers[1]) return hash;
  const auto validity = ValidityOf(vector);
  const auto* first = reinterpret_cast<const char*>(data.buffers[1]->data());
  for (int64_t row = 0; row < vector.length(); ++row) {
    if (!validity.IsValid(row)) continue;
    const auto at = static_cast<size_t>(data.offset + row) * width;
    hash = MixedHash(hash, HashValue(std::string_view(first + at, width)));
  }
  return hash;
}

/// Values of types that are not told apart here have their number of rows.
size_t HashOfVector(const Vector& vector) {
  if (!vector.data) return 0;
  const auto& type = *vector.data->type;
  const auto hash = static_cast<size_t>(vector.length());
  switch (type.id()) {
    case arrow::Type::DOUBLE: return HashNumbers<double>(vector, hash);
    case arrow::Type::FLOAT: return HashNumbers<float>(vector, hash);
    case arrow::Type::STRING: return HashTexts(vector, hash);
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DATE32:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::INTERVAL_MONTH_DAY_NANO:
      return HashBytes(vector, static_cast<size_t>(type.byte_width()), hash);
    default: return hash;
  }
}

size_t HashOfNode(const BoundExpr& expr) {
  size_t hash = static_cast<size_t>(expr.kind);
  for (const size_t part :
       {static_cast<size_t>(expr.column), HashValue(expr.function), HashValue(expr.plan.get()),
        static_cast<size_t>(expr.subquery), static_cast<size_t>(expr.type->id()),
        static_cast<size_t>(expr.negated), static_cast<size_t>(expr.try_cast),
        static_cast<size_t>(expr.list_has_null), expr.children.size(), HashOfVector(expr.literal),
        HashOfVector(expr.list)}) {
    hash = MixedHash(hash, part);
  }
  // A volatile call is equal to itself alone.
  const bool is_volatile = expr.function && expr.function->volatility == Volatility::kVolatile;
  return is_volatile ? MixedHash(hash, HashValue(&expr)) : hash;
}

}  // namespace

size_t ExpressionHash(const BoundExpr& expr, ExpressionHashes* known) {
  if (const auto met = known->find(&expr); met != known->end()) return met->second;
  size_t hash = HashOfNode(expr);
  for (const auto& child : expr.children) hash = MixedHash(hash, ExpressionHash(*child, known));
  return (*known)[&expr] = hash;
}

size_t ExpressionHash(const std::vector<BoundExprPtr>& exprs) {
  ExpressionHashes known;
  size_t hash = exprs.size();
  for (const auto& expr : exprs) hash = MixedHash(hash, expr ? ExpressionHash(*expr, &known) : 0);
  return hash;
}

}  // namespace velaria::logical
