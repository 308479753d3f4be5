#include <charconv>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr int kParametersMax = 65535;
constexpr size_t kColumnPartsMax = 4;

}  // namespace

Result<ExprPtr> Grammar::ParsePrimary() {
  const Place place = Current().place;
  const auto literal = [&](ExprKind kind) {
    ExprPtr expr = MakeExpr(kind, place);
    expr->text = Take().value;
    return expr;
  };
  switch (Current().kind) {
    case TokenKind::kInteger: return literal(ExprKind::kInteger);
    case TokenKind::kDecimal: return literal(ExprKind::kDecimal);
    case TokenKind::kFloat: return literal(ExprKind::kFloat);
    case TokenKind::kString: return literal(ExprKind::kString);
    case TokenKind::kBlob: {
      ExprPtr blob = literal(ExprKind::kTyped);
      blob->type.name = "BLOB";
      blob->type.place = place;
      return blob;
    }
    case TokenKind::kParameter: return ParseParameter();
    case TokenKind::kQuotedName: return ParseColumnOrCall();
    case TokenKind::kWord: return ParseWordPrimary();
    default: break;
  }
  if (At("(")) return ParseParenthesised();
  if (At("[")) return ParseArrayList();
  if (At("{")) return ParseStruct();
  if (At("*")) {
    Advance();
    return MakeExpr(ExprKind::kStar, place);
  }
  return Unexpected("an expression");
}

Result<ExprPtr> Grammar::ParseWordPrimary() {
  const Place place = Current().place;
  switch (Current().keyword) {
    case Keyword::kNull: Advance(); return MakeExpr(ExprKind::kNull, place);
    case Keyword::kTrue:
    case Keyword::kFalse: {
      ExprPtr boolean = MakeExpr(ExprKind::kBoolean, place);
      boolean->bool_value = Take().keyword == Keyword::kTrue;
      return boolean;
    }
    case Keyword::kCase: return ParseCase();
    case Keyword::kCast: return ParseCast(false);
    case Keyword::kCurrentDate:
    case Keyword::kCurrentTime:
    case Keyword::kCurrentTimestamp:
    case Keyword::kLocaltime:
    case Keyword::kLocaltimestamp: {  // with or without empty parentheses
      std::string function = ToLower(Take().raw);
      if (At("(") && IsSymbol(Peek(1), ")")) {
        Advance();
        Advance();
      }
      return MakeCall(std::move(function), place);
    }
    case Keyword::kArray:
      if (IsSymbol(Peek(1), "[") || IsSymbol(Peek(1), "(")) return ParseArray();
      break;
    case Keyword::kDefault:
      return FailAt(place, ErrorCode::kSyntaxError,
                    "syntax error: expected an expression, found: DEFAULT",
                    "DEFAULT stands alone as a value of INSERT ... VALUES or UPDATE ... SET.");
    case Keyword::kInterval:
      if (AtInterval()) return ParseInterval();
      break;
    default: break;
  }
  if (IsSymbol(Peek(1), "(")) return ParseCallLikeWord();
  if (IsSymbol(Peek(1), "{") && AtWord("MAP")) return Unsupported(Current(), "MAP {...}");
  if (AtTypedLiteral()) return ParseTypedLiteral();
  if (IsReserved(Current().keyword)) return Unexpected("an expression");
  return ParseColumnOrCall();
}

/// A word before a parenthesis: what has a grammar of its own, or a function.
Result<ExprPtr> Grammar::ParseCallLikeWord() {
  switch (Current().keyword) {
    case Keyword::kTryCast: return ParseCast(true);
    case Keyword::kExists: return ParseExists();
    case Keyword::kExtract: return ParseExtract();
    case Keyword::kTrim: return ParseTrim();
    case Keyword::kPosition: return ParsePosition();
    case Keyword::kRow: return ParseRow();
    case Keyword::kLeft:
    case Keyword::kRight: {  // reserved for joins, and functions all the same
      VELARIA_ASSIGN_OR_RETURN(Name name, ExpectAnyName("a function"));
      return ParseCall({std::move(name)});
    }
    case Keyword::kInterval: return Unsupported(Current(), "INTERVAL (...)");
    default: break;
  }
  if (AtTypedLiteral()) return ParseTypedLiteral();
  if (IsReserved(Current().keyword)) return Unexpected("an expression");
  return ParseColumnOrCall();
}

Result<ExprPtr> Grammar::ParseParenthesised() {
  const Place place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (AtSelectStart()) {
    VELARIA_ASSIGN_OR_RETURN(SelectPtr select, ParseSelect());
    VELARIA_RETURN_NOT_OK(Expect(")"));
    return Measured(MakeSubquery(std::move(select), place));
  }
  VELARIA_ASSIGN_OR_RETURN(ExprPtr first, ParseExpression());
  if (first->kind == ExprKind::kSubquery && AtSelectContinuation()) {
    VELARIA_ASSIGN_OR_RETURN(SelectPtr select, ContinueSelect(std::move(first->select), {}));
    VELARIA_ASSIGN_OR_RETURN(first, Measured(MakeSubquery(std::move(select), place)));
  }
  if (!Accept(",")) {
    VELARIA_RETURN_NOT_OK(Expect(")"));
    return first;
  }
  ExprPtr row = MakeExpr(ExprKind::kRow, place);
  VELARIA_ASSIGN_OR_RETURN(row->children, ParseExpressionList());
  row->children.insert(row->children.begin(), std::move(first));
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(row));
}

Result<ExprPtr> Grammar::ParseColumnOrCall() {
  const Place place = Current().place;
  std::vector<Name> names;
  VELARIA_ASSIGN_OR_RETURN(Name first, ExpectName("an expression"));
  names.push_back(std::move(first));
  while (At(".") && names.size() < kColumnPartsMax) {
    Advance();
    if (Accept("*")) {
      ExprPtr star = MakeExpr(ExprKind::kStar, place);
      star->names = std::move(names);
      return star;
    }
    VELARIA_ASSIGN_OR_RETURN(Name part, ExpectAnyName("a column"));
    names.push_back(std::move(part));
  }
  if (At("(")) return ParseCall(std::move(names));
  ExprPtr column = MakeExpr(ExprKind::kColumn, place);
  column->names = std::move(names);
  return column;
}

Result<ExprPtr> Grammar::ParseCase() {
  ExprPtr expr = MakeExpr(ExprKind::kCase, Take().place);
  const auto add = [&]() -> Status {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr child, ParseExpression());
    expr->children.push_back(std::move(child));
    return Status::OK();
  };
  if (!At(Keyword::kWhen)) {
    expr->has_operand = true;
    NoteMeant({"WHEN"});
    VELARIA_RETURN_NOT_OK(add());
  }
  do {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kWhen));
    VELARIA_RETURN_NOT_OK(add());
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kThen));
    VELARIA_RETURN_NOT_OK(add());
  } while (At(Keyword::kWhen));
  if (Accept(Keyword::kElse)) {
    expr->has_else = true;
    VELARIA_RETURN_NOT_OK(add());
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kEnd));
  } else if (!Accept(Keyword::kEnd)) {
    return Unexpected("WHEN, ELSE or END", {"WHEN", "ELSE", "END"});
  }
  return Measured(std::move(expr));
}

Result<ExprPtr> Grammar::ParseCast(bool try_cast) {
  ExprPtr cast = MakeExpr(ExprKind::kCast, Take().place);
  cast->try_cast = try_cast;
  VELARIA_RETURN_NOT_OK(Expect("("));
  VELARIA_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
  cast->children.push_back(std::move(value));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
  VELARIA_ASSIGN_OR_RETURN(cast->type, ParseType());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(cast));
}

Result<ExprPtr> Grammar::ParseExists() {
  ExprPtr exists = MakeExpr(ExprKind::kExists, Take().place);
  VELARIA_RETURN_NOT_OK(Expect("("));
  VELARIA_ASSIGN_OR_RETURN(exists->select, ParseSelect());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(exists));
}

Result<ExprPtr> Grammar::ParseRow() {
  ExprPtr row = MakeExpr(ExprKind::kRow, Take().place);
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (!At(")")) {
    VELARIA_ASSIGN_OR_RETURN(row->children, ParseExpressionList());
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(row));
}

Result<ExprPtr> Grammar::ParseParameter() {
  const Token token = Take();
  ExprPtr parameter = MakeExpr(ExprKind::kParameter, token.place);
  if (token.value.empty()) {
    parameter->index = ++question_marks_;
  } else {
    const char* end = token.value.data() + token.value.size();
    const auto parsed = std::from_chars(token.value.data(), end, parameter->index);
    if (parsed.ec != std::errc()) parameter->index = kParametersMax + 1;
    dollar_max_ = std::max(dollar_max_, parameter->index);
  }
  if (parameter->index < 1 || parameter->index > kParametersMax) {
    return FailAt(token.place, ErrorCode::kSyntaxError,
                  "parameter number is not between 1 and " + std::to_string(kParametersMax) + ": " +
                      std::string(token.raw.substr(0, 20)));
  }
  const auto number = static_cast<size_t>(parameter->index);
  if (parameter_places_.size() < number) parameter_places_.resize(number);
  if (Place& first = parameter_places_[number - 1]; !first.known()) first = token.place;
  if (question_marks_ > 0 && dollar_max_ > 0) {
    return FailAt(token.place, ErrorCode::kSyntaxError,
                  "statement mixes ? and numbered parameters, found: " + std::string(token.raw),
                  "Write all parameters as ? or all as $1, $2, and so on.");
  }
  return parameter;
}

ExprPtr Grammar::MakeSubquery(SelectPtr select, Place place) {
  ExprPtr subquery = MakeExpr(ExprKind::kSubquery, place);
  subquery->select = std::move(select);
  return subquery;
}

}  // namespace velaria::sql
