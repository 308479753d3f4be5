#include <algorithm>

#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

struct Operator {
  std::string_view symbol;
  std::string_view text;  // as the tree spells it
};

constexpr Operator kComparisons[] = {{"=", "="},   {"==", "="}, {"<>", "<>"}, {"!=", "<>"},
                                     {"<=", "<="}, {"<", "<"},  {">=", ">="}, {">", ">"}};

/// The tree's spelling of a comparison, or "".
std::string_view ComparisonText(std::string_view symbol) {
  for (const Operator& comparison : kComparisons) {
    if (comparison.symbol == symbol) return comparison.text;
  }
  return {};
}

}  // namespace

Result<ExprPtr> Grammar::ParseExpression() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseOperators(kDisjunction));
  VELARIA_RETURN_NOT_OK(RefuseStar(*expr));
  return expr;
}

Result<std::vector<ExprPtr>> Grammar::ParseExpressionList() {
  std::vector<ExprPtr> list;
  do {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpression());
    list.push_back(std::move(expr));
  } while (Accept(","));
  return list;
}

Result<ExprPtr> Grammar::ParseOperators(int floor) {
  VELARIA_ASSIGN_OR_RETURN(ExprPtr left, ParsePrefix());
  while (true) {
    const int precedence = InfixPrecedence();
    if (precedence == kNoOperator || precedence < floor) return left;
    VELARIA_ASSIGN_OR_RETURN(left, ParseInfix(std::move(left), precedence));
  }
}

Result<ExprPtr> Grammar::ParsePrefix() {
  const bool negation = At(Keyword::kNot);
  if (!negation && !At("-") && !At("+")) return ParsePrimary();
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  const Token token = Take();
  const bool of_exists = negation && At(Keyword::kExists);
  VELARIA_ASSIGN_OR_RETURN(ExprPtr operand, ParseOperators(negation ? kNegation : kSign));
  if (of_exists && operand->kind == ExprKind::kExists) {
    operand->negated = true;
    operand->place = token.place;
    return operand;
  }
  ExprPtr unary = MakeExpr(ExprKind::kUnary, token.place);
  unary->text = negation ? "NOT" : std::string(token.raw);
  unary->children.push_back(std::move(operand));
  return Measured(std::move(unary));
}

int Grammar::InfixPrecedence() const {
  const Token& token = Current();
  if (token.kind == TokenKind::kSymbol) {
    const std::string_view symbol = token.raw;
    if (symbol == "+" || symbol == "-") return kSum;
    if (symbol == "*" || symbol == "/" || symbol == "%") return kProduct;
    if (symbol == "||") return kOtherOperator;
    if (symbol == "::") return kCast;
    return ComparisonText(symbol).empty() ? kNoOperator : kComparison;
  }
  switch (token.keyword) {
    case Keyword::kOr: return kDisjunction;
    case Keyword::kAnd: return kConjunction;
    case Keyword::kIs:
    case Keyword::kIsnull:
    case Keyword::kNotnull: return kTest;
    case Keyword::kIn:
    case Keyword::kLike:
    case Keyword::kIlike:
    case Keyword::kBetween: return kMatch;
    case Keyword::kNot: {
      const Keyword next = Peek(1).keyword;
      const bool match = next == Keyword::kIn || next == Keyword::kLike ||
                         next == Keyword::kIlike || next == Keyword::kBetween;
      return match ? kMatch : kNoOperator;
    }
    case Keyword::kAt:
      return AtSequence({Keyword::kAt, Keyword::kTime, Keyword::kZone}) ? kAtTimeZone : kNoOperator;
    default: return kNoOperator;
  }
}

Result<ExprPtr> Grammar::ParseInfix(ExprPtr left, int precedence) {
  switch (precedence) {
    case kDisjunction:
    case kConjunction: return ParseChain(std::move(left), precedence);
    case kTest: return ParseTest(std::move(left));
    case kMatch: return ParseMatch(std::move(left));
    case kCast: return ParseCastOperator(std::move(left));
    case kAtTimeZone: return ParseAtTimeZone(std::move(left));
    default: return ParseBinary(std::move(left), precedence);
  }
}

Result<ExprPtr> Grammar::ParseChain(ExprPtr left, int precedence) {
  const Keyword keyword = Current().keyword;
  ExprPtr chain = MakeExpr(ExprKind::kBinary, Current().place);
  chain->text = KeywordText(keyword);
  chain->children.push_back(std::move(left));
  while (Accept(keyword)) {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr operand, ParseOperators(precedence + 1));
    chain->children.push_back(std::move(operand));
  }
  return Measured(std::move(chain));
}

Result<ExprPtr> Grammar::ParseBinary(ExprPtr left, int precedence) {
  const Token token = Take();
  ExprPtr binary = MakeExpr(ExprKind::kBinary, token.place);
  binary->text = precedence == kComparison ? ComparisonText(token.raw) : token.raw;
  if (precedence == kComparison && AtAny({Keyword::kAny, Keyword::kSome, Keyword::kAll}) &&
      IsSymbol(Peek(1), "(")) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " (...)");
  }
  VELARIA_ASSIGN_OR_RETURN(ExprPtr right, ParseOperators(precedence + 1));
  if (precedence == kComparison) VELARIA_RETURN_NOT_OK(RefuseChain(precedence));
  binary->children.push_back(std::move(left));
  binary->children.push_back(std::move(right));
  return Measured(std::move(binary));
}

Result<ExprPtr> Grammar::ParseAtTimeZone(ExprPtr left) {
  ExprPtr call = MakeCall("timezone", Current().place);
  AcceptSequence({Keyword::kAt, Keyword::kTime, Keyword::kZone});
  VELARIA_ASSIGN_OR_RETURN(ExprPtr zone, ParseOperators(kAtTimeZone + 1));
  call->children.push_back(std::move(zone));
  call->children.push_back(std::move(left));
  return Measured(std::move(call));
}

Result<ExprPtr> Grammar::ParseCastOperator(ExprPtr left) {
  ExprPtr cast = MakeExpr(ExprKind::kCast, Take().place);
  VELARIA_ASSIGN_OR_RETURN(cast->type, ParseType());
  cast->children.push_back(std::move(left));
  return Measured(std::move(cast));
}

Status Grammar::RefuseChain(int precedence) const {
  if (InfixPrecedence() != precedence) return Status::OK();
  return FailAt(Current().place, ErrorCode::kSyntaxError,
                "syntax error: comparisons do not chain, found: " + std::string(Current().raw),
                "Write a < b AND b < c, or use parentheses.");
}

Status Grammar::RefuseStar(const Expr& expr) {
  if (expr.kind != ExprKind::kStar) return Status::OK();
  return FailAt(expr.place, ErrorCode::kSyntaxError,
                "syntax error: expected an expression, found: *",
                "A star stands alone in a select list or in count(*).");
}

Result<ExprPtr> Grammar::Measured(ExprPtr expr) {
  for (const ExprPtr& child : expr->children) {
    VELARIA_RETURN_NOT_OK(RefuseStar(*child));
    expr->height = std::max(expr->height, child->height + 1);
  }
  if (expr->filter) expr->height = std::max(expr->height, expr->filter->height + 1);
  if (expr->select) expr->height = std::max(expr->height, expr->select->height + 1);
  VELARIA_RETURN_NOT_OK(CheckHeight(expr->height, expr->place));
  return expr;
}

}  // namespace velaria::sql
