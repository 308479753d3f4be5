#include "sql/planner_literal.hpp"

#include <arrow/scalar.h>
#include <arrow/util/decimal.h>

#include <charconv>
#include <limits>

#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "sql/planner_coerce.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;

namespace {

constexpr size_t kDecimalDigitsMax = 38;

Result<BoundExprPtr> Constant(const std::shared_ptr<arrow::Scalar>& scalar, Place place) {
  VELARIA_ASSIGN_OR_RETURN(auto vector, MakeConstant(scalar, arrow::default_memory_pool()));
  return logical::MakeLiteral(std::move(vector), place);
}

Status NotANumber(const std::string& text, Place place) {
  return FailAt(place, ErrorCode::kBadLiteral, "literal is not a number: " + text);
}

Result<BoundExprPtr> DoubleConstant(const std::string& text, Place place) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) {
    return NotANumber(text, place);
  }
  if (error == std::errc::result_out_of_range) {
    return FailAt(place, ErrorCode::kBadLiteral, "number is out of the range of DOUBLE: " + text);
  }
  return Constant(std::make_shared<arrow::DoubleScalar>(value), place);
}

Result<BoundExprPtr> IntegerConstant(int64_t value, Place place) {
  if (value >= std::numeric_limits<int32_t>::min() &&
      value <= std::numeric_limits<int32_t>::max()) {
    return Constant(std::make_shared<arrow::Int32Scalar>(static_cast<int32_t>(value)), place);
  }
  return Constant(std::make_shared<arrow::Int64Scalar>(value), place);
}

Result<BoundExprPtr> HexConstant(const std::string& digits, bool negative, Place place) {
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return NotANumber("0x" + digits, place);
  }
  const auto number = static_cast<int64_t>(value);
  return IntegerConstant(negative ? -number : number, place);
}

struct NumberParts {
  bool negative = false;
  std::string whole, fraction;
  bool has_point = false, has_exponent = false;
};

/// Splits digits[.digits][e[+-]digits]; false when the text is no such thing.
bool SplitNumber(std::string_view text, NumberParts* out) {
  size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) out->negative = text[i++] == '-';
  const auto digits = [&](std::string* into) {
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') *into += text[i++];
  };
  digits(&out->whole);
  if (i < text.size() && text[i] == '.') {
    out->has_point = true;
    ++i;
    digits(&out->fraction);
  }
  if (out->whole.empty() && out->fraction.empty()) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    out->has_exponent = true;
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    std::string exponent;
    digits(&exponent);
    if (exponent.empty()) return false;
  }
  return i == text.size();
}

std::string Trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\n\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\n\r") - first + 1);
}

Result<BoundExprPtr> StringConstant(const std::string& text, Place place) {
  VELARIA_ASSIGN_OR_RETURN(auto vector, MakeConstant(std::make_shared<arrow::StringScalar>(text),
                                                     arrow::default_memory_pool()));
  return MakeUntyped(std::move(vector), place);
}

Result<BoundExprPtr> TypedConstant(const Expr& expr, const FunctionContext& context) {
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, TypeOf(expr.type));
  VELARIA_ASSIGN_OR_RETURN(auto text, StringConstant(expr.text, expr.place));
  auto value = CastTo(text, type, context);
  if (value.ok()) return value;
  return FailAt(expr.place, ErrorCode::kBadLiteral,
                "literal is not a value of type " + SqlName(*type) + ": '" + expr.text + "'");
}

}  // namespace

Result<BoundExprPtr> ParseNumber(const std::string& written, Place place) {
  std::string text = Trimmed(written);
  std::erase(text, '_');
  const bool signed_text = !text.empty() && (text[0] == '-' || text[0] == '+');
  if (text.size() > (signed_text ? 3u : 2u)) {
    const std::string_view prefix = std::string_view(text).substr(signed_text ? 1 : 0, 2);
    if (prefix == "0x" || prefix == "0X") {
      return HexConstant(text.substr(signed_text ? 3 : 2), text[0] == '-', place);
    }
  }
  NumberParts parts;
  if (!SplitNumber(text, &parts)) return NotANumber(written, place);
  if (text[0] == '+') text.erase(0, 1);
  if (parts.has_exponent) return DoubleConstant(text, place);
  if (!parts.has_point) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc()) return IntegerConstant(value, place);
  }
  const auto first = parts.whole.find_first_not_of('0');
  const std::string whole = first == std::string::npos ? "" : parts.whole.substr(first);
  const size_t digits = whole.size() + parts.fraction.size();
  if (digits > kDecimalDigitsMax) return DoubleConstant(text, place);
  const auto scale = static_cast<int32_t>(parts.fraction.size());
  const auto precision = static_cast<int32_t>(std::max<size_t>(1, digits));
  arrow::Decimal128 value;
  if (digits > 0) {
    VELARIA_ASSIGN_OR_RETURN(value, arrow::Decimal128::FromString("0" + whole + parts.fraction));
  }
  if (parts.negative) value.Negate();
  return Constant(std::make_shared<arrow::Decimal128Scalar>(
                      value, arrow::decimal128(std::max(precision, scale), scale)),
                  place);
}

Result<BoundExprPtr> BindLiteral(const Expr& expr, const FunctionContext& context) {
  switch (expr.kind) {
    case ExprKind::kNull: return logical::MakeNull(arrow::null(), expr.place);
    case ExprKind::kBoolean: return logical::MakeBoolean(expr.bool_value, expr.place);
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat: return ParseNumber(expr.text, expr.place);
    case ExprKind::kString: return StringConstant(expr.text, expr.place);
    case ExprKind::kTyped: return TypedConstant(expr, context);
    case ExprKind::kInterval: {
      const std::string unit = expr.names.empty() ? "" : expr.names[0].text;
      VELARIA_ASSIGN_OR_RETURN(auto scalar, ParseInterval(expr.text, unit, expr.place));
      return Constant(scalar, expr.place);
    }
    default: return Bug("not a literal");
  }
}

Result<BoundExprPtr> BindParameter(const Expr& expr, const BindContext& context) {
  if (!context.parameters_known) return logical::MakeNull(arrow::null(), expr.place);
  if (expr.index < 1 || static_cast<size_t>(expr.index) > context.parameters.size()) {
    return FailAt(expr.place, ErrorCode::kBadParameter,
                  "no value given for parameter: " + std::to_string(expr.index),
                  "The statement was given " + std::to_string(context.parameters.size()) +
                      " parameter values.");
  }
  auto scalar = context.parameters[static_cast<size_t>(expr.index) - 1];
  if (scalar->type->id() == arrow::Type::DICTIONARY) {  // one value needs no dictionary
    const auto& encoded = static_cast<const arrow::DictionaryScalar&>(*scalar);
    VELARIA_ASSIGN_OR_RETURN(scalar, encoded.GetEncodedValue());
  }
  VELARIA_ASSIGN_OR_RETURN(auto vector, MakeConstant(scalar, arrow::default_memory_pool()));
  if (IsString(*scalar->type) && scalar->is_valid) {
    return MakeUntyped(std::move(vector), expr.place);
  }
  return logical::MakeLiteral(std::move(vector), expr.place);
}

}  // namespace velaria::sql
