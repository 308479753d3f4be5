// Expressions as SQL-like text, for explain and for the names of aggregates. Every operator is
// parenthesised.
#include <arrow/scalar.h>

#include "base/text.hpp"
#include "logical/expression.hpp"

namespace velaria::logical {
namespace {

constexpr int64_t kListTextItems = 8;
constexpr size_t kLiteralTextBytes = 200;

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text.substr(0, kLiteralTextBytes)) {
    if (c == '\'') out += '\'';
    out += c;
  }
  if (text.size() > kLiteralTextBytes) out += "...";
  return out + "'";
}

std::string ScalarText(const arrow::Scalar& scalar) {
  if (!scalar.is_valid) return "NULL";
  const auto& type = *scalar.type;
  if (IsString(type)) {
    if (IsDictionary(type)) return Quoted(scalar.ToString());
    return Quoted(static_cast<const arrow::BaseBinaryScalar&>(scalar).view());
  }
  switch (type.id()) {
    case arrow::Type::BOOL: return scalar.ToString() == "true" ? "TRUE" : "FALSE";
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: return "DATE '" + scalar.ToString() + "'";
    case arrow::Type::TIMESTAMP: return "TIMESTAMP '" + scalar.ToString() + "'";
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return "TIME '" + scalar.ToString() + "'";
    case arrow::Type::INTERVAL_MONTHS:
    case arrow::Type::INTERVAL_DAY_TIME:
    case arrow::Type::INTERVAL_MONTH_DAY_NANO: return "INTERVAL '" + scalar.ToString() + "'";
    default: return scalar.ToString();
  }
}

std::string ValueText(const Vector& vector, int64_t row) {
  auto scalar = vector.array()->GetScalar(row);
  return scalar.ok() ? ScalarText(**scalar) : "?";
}

std::string JoinTexts(const std::vector<BoundExprPtr>& children, std::string_view separator) {
  std::vector<std::string> parts;
  for (const auto& child : children) parts.push_back(ToText(*child));
  return Join(parts, separator);
}

std::string CallText(const BoundExpr& expr) {
  const auto& name = expr.name;
  const auto& children = expr.children;
  const auto child = [&](size_t i) { return ToText(*children[i]); };
  if (children.size() == 1) {
    if (name == "not") return "(NOT " + child(0) + ")";
    if (name == "-" || name == "negate") return "(-" + child(0) + ")";
    if (name == "is_null") return "(" + child(0) + " IS NULL)";
    if (name == "is_not_null") return "(" + child(0) + " IS NOT NULL)";
    if (name == "is_true") return "(" + child(0) + " IS TRUE)";
    if (name == "is_false") return "(" + child(0) + " IS FALSE)";
    if (name == "is_unknown") return "(" + child(0) + " IS UNKNOWN)";
  }
  if (children.size() == 2) {
    const bool is_sign = !name.empty() && !std::isalpha(static_cast<unsigned char>(name[0]));
    if (is_sign) return "(" + child(0) + " " + name + " " + child(1) + ")";
    if (name == "like" || name == "ilike") {
      return "(" + child(0) + " " + ToUpper(name) + " " + child(1) + ")";
    }
    if (name == "is_distinct_from") return "(" + child(0) + " IS DISTINCT FROM " + child(1) + ")";
    if (name == "is_not_distinct_from") {
      return "(" + child(0) + " IS NOT DISTINCT FROM " + child(1) + ")";
    }
  }
  return name + "(" + JoinTexts(children, ", ") + ")";
}

std::string CaseText(const BoundExpr& expr) {
  std::string out = "CASE";
  for (size_t i = 0; i + 1 < expr.children.size(); i += 2) {
    out += " WHEN " + ToText(*expr.children[i]) + " THEN " + ToText(*expr.children[i + 1]);
  }
  return out + " ELSE " + ToText(*expr.children.back()) + " END";
}

std::string ListText(const BoundExpr& expr) {
  std::vector<std::string> items;
  const int64_t shown = std::min(expr.list.length(), kListTextItems);
  for (int64_t i = 0; i < shown; ++i) items.push_back(ValueText(expr.list, i));
  if (shown < expr.list.length()) {
    items.push_back("... " + std::to_string(expr.list.length()) + " values");
  }
  if (expr.list_has_null) items.push_back("NULL");
  return "(" + ToText(*expr.children[0]) + (expr.negated ? " NOT IN (" : " IN (") +
         Join(items, ", ") + "))";
}

}  // namespace

std::string ToText(const BoundExpr& expr) {
  switch (expr.kind) {
    case BoundKind::kColumn:
      return expr.name.empty() ? "#" + std::to_string(expr.column) : expr.name;
    case BoundKind::kLiteral: return ValueText(expr.literal, 0);
    case BoundKind::kCall: return CallText(expr);
    case BoundKind::kCast:
      return (expr.try_cast ? "TRY_CAST(" : "CAST(") + ToText(*expr.children[0]) + " AS " +
             SqlName(*expr.type) + ")";
    case BoundKind::kAnd: return "(" + JoinTexts(expr.children, " AND ") + ")";
    case BoundKind::kOr: return "(" + JoinTexts(expr.children, " OR ") + ")";
    case BoundKind::kCase: return CaseText(expr);
    case BoundKind::kInList: return ListText(expr);
    case BoundKind::kSubquery: return "(subquery)";
    case BoundKind::kOuter: return "outer." + expr.name;
  }
  return "?";
}

}  // namespace velaria::logical
