#include <algorithm>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

struct Operator {
  std::string_view symbol;
  std::string_view text;  // as the tree spells it
};

constexpr Operator kComparisons[] = {{"=", "="},   {"==", "="}, {"<>", "<>"}, {"!=", "<>"},
                                     {"<=", "<="}, {"<", "<"},  {">=", ">="}, {">", ">"}};

/// Operators that PostgreSQL puts above comparison and below sums, all of one strength.
constexpr std::string_view kOtherOperators[] = {"||", "&",   "|",   "#",   "<<", ">>",
                                                "->", "->>", "~",   "~*",  "!~", "!~*",
                                                "~~", "~~*", "!~~", "!~~*"};

bool IsOtherOperator(std::string_view symbol) {
  return std::find(std::begin(kOtherOperators), std::end(kOtherOperators), symbol) !=
         std::end(kOtherOperators);
}

/// ~~ and its like are LIKE and its like under another name, with another strength.
bool IsLikeOperator(std::string_view symbol) {
  return symbol == "~~" || symbol == "~~*" || symbol == "!~~" || symbol == "!~~*";
}

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
  bool more = true;
  while (more) {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpression());
    list.push_back(std::move(expr));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(list.size()));
  }
  return list;
}

Status Grammar::ParseData(std::vector<ExprPtr>* list) {
  do {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpression());
    list->push_back(std::move(expr));
  } while (Accept(","));
  return Status::OK();
}

Result<ExprPtr> Grammar::ParseOperators(int floor) {
  VELARIA_ASSIGN_OR_RETURN(ExprPtr left, ParsePrefix());
  while (true) {
    const int precedence = InfixPrecedence();
    if (precedence == kNoOperator || precedence < floor) return left;
    VELARIA_ASSIGN_OR_RETURN(left, ParseInfix(std::move(left), precedence));
  }
}

Result<ExprPtr> Grammar::ParseOperand(int floor) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseOperators(floor));
  VELARIA_RETURN_NOT_OK(RefuseStar(*expr));
  return expr;
}

Result<ExprPtr> Grammar::ParsePrefix() {
  const bool negation = At(Keyword::kNot);
  const bool complement = At("~");
  if (!negation && !complement && !At("-") && !At("+")) return ParsePrimary();
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  const Token token = Take();
  const bool of_exists = negation && At(Keyword::kExists);
  const int floor = negation ? kNegation : complement ? kOtherOperator + 1 : kSign;
  VELARIA_ASSIGN_OR_RETURN(ExprPtr operand, ParseOperators(floor));
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
  if (token.kind != TokenKind::kSymbol) return WordPrecedence();
  const std::string_view symbol = token.raw;
  // What ends nearly every expression, before the operators.
  if (symbol == "," || symbol == ")") return kNoOperator;
  if (symbol == "+" || symbol == "-") return kSum;
  if (symbol == "*" || symbol == "/" || symbol == "%") return kProduct;
  if (symbol == "^") return kPower;
  if (symbol == "::" || symbol == "[" || symbol == ".") return kPart;
  if (!ComparisonText(symbol).empty()) return kComparison;
  return IsOtherOperator(symbol) ? kOtherOperator : kNoOperator;
}

int Grammar::WordPrecedence() const {
  switch (Current().keyword) {
    case Keyword::kOr: return kDisjunction;
    case Keyword::kAnd: return kConjunction;
    case Keyword::kIs:
    case Keyword::kIsnull:
    case Keyword::kNotnull: return kTest;
    case Keyword::kIn:
    case Keyword::kLike:
    case Keyword::kIlike:
    case Keyword::kSimilar:
    case Keyword::kBetween: return kMatch;
    case Keyword::kNot: {
      const Keyword next = Peek(1).keyword;
      const bool match = next == Keyword::kIn || next == Keyword::kLike ||
                         next == Keyword::kIlike || next == Keyword::kSimilar ||
                         next == Keyword::kBetween;
      return match ? kMatch : kNoOperator;
    }
    case Keyword::kOverlaps: return IsSymbol(Peek(1), "(") ? kOtherOperator : kNoOperator;
    case Keyword::kCollate: return kCollation;
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
    case kAtTimeZone: return ParseAtTimeZone(std::move(left));
    case kCollation: {
      VELARIA_RETURN_NOT_OK(ParseCollation());
      return left;
    }
    case kPart: return ParsePart(std::move(left));
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
  VELARIA_RETURN_NOT_OK(RefuseAny({Keyword::kOverlaps}));
  const Token token = Take();
  const bool comparison = precedence == kComparison;
  const std::string text(comparison ? ComparisonText(token.raw) : token.raw);
  const bool boolean = comparison || precedence == kOtherOperator;
  const bool is_like = IsLikeOperator(text);
  const std::string like = text.ends_with('*') ? "ILIKE" : "LIKE";
  const bool negated = is_like && text.starts_with('!');
  if (boolean && AtQuantifier()) {
    return ParseQuantified(std::move(left), token.place,
                           is_like ? (negated ? "NOT " : "") + like : text);
  }
  VELARIA_ASSIGN_OR_RETURN(ExprPtr right, ParseOperators(precedence + 1));
  if (comparison) VELARIA_RETURN_NOT_OK(RefuseChain(precedence));
  ExprPtr binary = MakeExpr(is_like ? ExprKind::kLike : ExprKind::kBinary, token.place);
  binary->text = is_like ? like : text;
  binary->negated = negated;
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

/// What binds to its left only: left::type, left[1], (left).field.
Result<ExprPtr> Grammar::ParsePart(ExprPtr left) {
  if (At("[")) return ParseSubscript(std::move(left));
  if (At(".")) return ParseField(std::move(left));
  ExprPtr cast = MakeExpr(ExprKind::kCast, Take().place);
  VELARIA_ASSIGN_OR_RETURN(cast->type, ParseType());
  cast->children.push_back(std::move(left));
  return Measured(std::move(cast));
}

/// COLLATE "C": the one order there is, byte by byte, so that it changes nothing.
Status Grammar::ParseCollation() {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kCollate));
  const Token token = Current();
  VELARIA_ASSIGN_OR_RETURN(std::vector<Name> names, ExpectQualifiedName("a collation", 2));
  const std::string& name = names.back().text;
  if (EqualsIgnoreCase(name, "C") || EqualsIgnoreCase(name, "binary")) return Status::OK();
  return Unsupported(token, "collation " + name);
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

}  // namespace velaria::sql
