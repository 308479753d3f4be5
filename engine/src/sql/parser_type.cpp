#include <algorithm>

#include "base/text.hpp"
#include "sql/grammar.hpp"
#include "sql/habits.hpp"

namespace velaria::sql {
namespace {

/// Types whose name before a string makes a literal of it: DATE '2024-01-01'.
constexpr std::string_view kLiteralTypes[] = {
    "BIGINT",   "BLOB",     "BOOL",   "BOOLEAN", "BYTEA",       "CHAR",         "DATE",
    "DATETIME", "DECIMAL",  "DOUBLE", "FLOAT",   "INT",         "INTEGER",      "NUMERIC",
    "REAL",     "SMALLINT", "STRING", "TEXT",    "TIME",        "TIMESTAMP",    "TIMESTAMPTZ",
    "TINYINT",  "TIMETZ",   "UUID",   "VARCHAR", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"};

constexpr int64_t kArraySizeMax = 65536;

constexpr std::string_view kUnits[] = {"year",        "quarter",     "month",  "week",
                                       "day",         "hour",        "minute", "second",
                                       "millisecond", "microsecond", "decade", "century"};

/// The unit that `word` names in singular or plural, or "".
std::string_view UnitOf(std::string_view word) {
  if (EqualsIgnoreCase(word, "centuries")) return "century";
  for (std::string_view unit : kUnits) {
    if (EqualsIgnoreCase(word, unit)) return unit;
    if (word.size() == unit.size() + 1 && (word.back() | 0x20) == 's' &&
        EqualsIgnoreCase(word.substr(0, unit.size()), unit)) {
      return unit;
    }
  }
  return {};
}

}  // namespace

Result<TypeName> Grammar::ParseType() {
  TypeName type;
  type.place = Current().place;
  VELARIA_ASSIGN_OR_RETURN(Name name, ExpectName("a type"));
  type.name = ToUpper(name.text);
  if (type.name == "DOUBLE") Accept(Keyword::kPrecision);
  if (type.name == "CHARACTER" || type.name == "CHAR") {
    if (Accept(Keyword::kVarying)) type.name = "VARCHAR";
  }
  if (type.name == "ROW") type.name = "STRUCT";
  if ((type.name == "STRUCT" || type.name == "MAP") && At("(")) {
    VELARIA_RETURN_NOT_OK(ParseInnerTypes(&type));
  } else if (Accept("(")) {
    do {
      if (!At(TokenKind::kInteger) && !At(TokenKind::kError)) {
        return Unsupported(Current(), "type " + type.name + " with these arguments",
                           HabitHint(TypeHabits(), type.name));
      }
      VELARIA_ASSIGN_OR_RETURN(int64_t argument, ExpectInteger("a whole number"));
      type.arguments.push_back(argument);
    } while (Accept(","));
    VELARIA_RETURN_NOT_OK(Expect(")"));
  }
  VELARIA_RETURN_NOT_OK(ParseZone(&type));
  if (Accept(Keyword::kArray)) {  // INTEGER ARRAY[3], the standard's INTEGER[3]
    if (!At("[")) type.array_sizes.push_back(0);
    VELARIA_RETURN_NOT_OK(ParseArraySizes(1, &type));
    return type;
  }
  VELARIA_RETURN_NOT_OK(ParseArraySizes(SIZE_MAX, &type));
  return type;
}

/// (a INTEGER, b VARCHAR) of a STRUCT, (VARCHAR, INTEGER) of a MAP.
Status Grammar::ParseInnerTypes(TypeName* type) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  VELARIA_RETURN_NOT_OK(Expect("("));
  const bool named = type->name == "STRUCT";
  do {
    if (named) {
      VELARIA_ASSIGN_OR_RETURN(type->field_names.emplace_back(), ExpectName("a field name"));
    }
    VELARIA_ASSIGN_OR_RETURN(type->inner.emplace_back(), ParseType());
  } while (Accept(","));
  if (!named && type->inner.size() != 2) return Unexpected("a key type and a value type");
  return Expect(")");
}

/// [] and [n] behind a type, `most` of them at most.
Status Grammar::ParseArraySizes(size_t most, TypeName* type) {
  for (size_t i = 0; i < most && Accept("["); ++i) {
    int64_t size = 0;
    if (!At("]")) {
      const Place place = Current().place;
      VELARIA_ASSIGN_OR_RETURN(size, ExpectInteger("a length"));
      if (size < 1 || size > kArraySizeMax) {
        return FailAt(place, ErrorCode::kUnknownType,
                      "length of an array type is not from 1 to " + std::to_string(kArraySizeMax) +
                          ": " + std::to_string(size));
      }
    }
    VELARIA_RETURN_NOT_OK(Expect("]"));
    type->array_sizes.push_back(size);
    VELARIA_RETURN_NOT_OK(CheckHeight(static_cast<int>(type->array_sizes.size()), type->place));
  }
  return Status::OK();
}

Status Grammar::ParseZone(TypeName* type) {
  if (type->name == "TIMESTAMPTZ" || type->name == "TIMETZ") {
    type->name.resize(type->name.size() - 2);
    type->with_time_zone = true;
    return Status::OK();
  }
  // TIMESTAMP_NS and its like are names of a type by unit, with or without zone as well.
  const bool temporal =
      type->name == "TIME" || type->name == "TIMESTAMP" || type->name.starts_with("TIMESTAMP_");
  if (!temporal) return Status::OK();
  if (AcceptSequence({Keyword::kWith, Keyword::kTime, Keyword::kZone})) {
    type->with_time_zone = true;
  } else {
    AcceptSequence({Keyword::kWithout, Keyword::kTime, Keyword::kZone});
  }
  return Status::OK();
}

bool Grammar::AtTypedLiteral() const {
  if (!At(TokenKind::kWord) || IsSymbol(Peek(1), ",")) return false;
  const auto is = [&](std::string_view type) { return EqualsIgnoreCase(Current().raw, type); };
  if (std::none_of(std::begin(kLiteralTypes), std::end(kLiteralTypes), is)) return false;
  size_t behind = 1;  // the arguments, as in TIMESTAMP(3) '...': a call when no string follows
  if (IsSymbol(Peek(1), "(")) {
    if (Peek(2).kind != TokenKind::kInteger) return false;
    behind = IsSymbol(Peek(3), ",") && Peek(4).kind == TokenKind::kInteger ? 5 : 3;
    if (!IsSymbol(Peek(behind), ")")) return false;
    ++behind;
  }
  const Token& next = Peek(behind);
  if (next.kind == TokenKind::kString) return true;
  if (next.keyword == Keyword::kPrecision) {
    return is("DOUBLE") && Peek(behind + 1).kind == TokenKind::kString;
  }
  const bool zone = next.keyword == Keyword::kWith || next.keyword == Keyword::kWithout;
  return zone && Peek(behind + 1).keyword == Keyword::kTime && (is("TIMESTAMP") || is("TIME"));
}

Result<ExprPtr> Grammar::ParseTypedLiteral() {
  const Place place = Current().place;
  VELARIA_ASSIGN_OR_RETURN(TypeName type, ParseType());
  if (!At(TokenKind::kString)) return Unexpected("a string");
  const bool temporal = type.name == "DATE" || type.name == "TIME" || type.name == "TIMESTAMP";
  ExprPtr literal = MakeExpr(temporal ? ExprKind::kTyped : ExprKind::kString, place);
  literal->text = Take().value;
  if (temporal) {
    literal->type = std::move(type);
    return literal;
  }
  ExprPtr cast = MakeExpr(ExprKind::kCast, place);
  cast->type = std::move(type);
  cast->children.push_back(std::move(literal));
  return Measured(std::move(cast));
}

bool Grammar::AtInterval() const {
  const TokenKind next = Peek(1).kind;
  if (next == TokenKind::kString) return true;
  const bool number = next == TokenKind::kInteger || next == TokenKind::kDecimal;
  return number && Peek(2).kind == TokenKind::kWord && !UnitOf(Peek(2).raw).empty();
}

/// INTERVAL '5' DAY, INTERVAL 5 DAY, INTERVAL '1 day 2 hours'.
Result<ExprPtr> Grammar::ParseInterval() {
  ExprPtr interval = MakeExpr(ExprKind::kInterval, Take().place);
  interval->text = Take().value;
  if (!At(TokenKind::kWord)) return interval;
  const std::string_view unit = UnitOf(Current().raw);
  if (unit.empty()) return interval;
  interval->names.push_back({std::string(unit), false, Take().place});
  if (At(Keyword::kTo)) return Unsupported(Current(), "interval with two units");
  return interval;
}

}  // namespace velaria::sql
