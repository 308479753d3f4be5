#include "sql/grammar.hpp"

namespace velaria::sql {

Result<ExprPtr> Grammar::ParseTest(ExprPtr left) {
  const Token token = Take();
  ExprPtr test = MakeExpr(ExprKind::kIsNull, token.place);
  test->children.push_back(std::move(left));
  if (token.keyword != Keyword::kIs) {  // ISNULL, NOTNULL
    test->negated = token.keyword == Keyword::kNotnull;
    return Measured(std::move(test));
  }
  test->negated = Accept(Keyword::kNot);
  if (Accept(Keyword::kNull)) return Measured(std::move(test));
  if (AtAny({Keyword::kTrue, Keyword::kFalse, Keyword::kUnknown})) {
    test->kind = ExprKind::kIsTruth;
    test->text = KeywordText(Take().keyword);
    return Measured(std::move(test));
  }
  if (!Accept(Keyword::kDistinct)) {
    return Unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM",
                      {"NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT"});
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kFrom));
  test->kind = ExprKind::kIsDistinct;
  VELARIA_ASSIGN_OR_RETURN(ExprPtr right, ParseOperators(kTest + 1));
  test->children.push_back(std::move(right));
  return Measured(std::move(test));
}

Result<ExprPtr> Grammar::ParseMatch(ExprPtr left) {
  const Place place = Current().place;
  const bool negated = Accept(Keyword::kNot);
  // A list ends by itself, so what follows IN (...) is plain, as in PostgreSQL.
  if (At(Keyword::kIn)) return ParseIn(std::move(left), place, negated);
  Result<ExprPtr> match = At(Keyword::kBetween) ? ParseBetween(std::move(left), place, negated)
                                                : ParseLike(std::move(left), place, negated);
  if (match.ok()) VELARIA_RETURN_NOT_OK(RefuseChain(kMatch));
  return match;
}

Result<ExprPtr> Grammar::ParseIn(ExprPtr left, Place place, bool negated) {
  Advance();
  const Place open = Current().place;
  VELARIA_RETURN_NOT_OK(Expect("("));
  ExprPtr in = MakeExpr(ExprKind::kIn, place);
  in->negated = negated;
  in->children.push_back(std::move(left));
  if (AtSelectStart()) {
    VELARIA_ASSIGN_OR_RETURN(in->select, ParseSelect());
  } else if (!At(")")) {  // an empty list holds nothing, as in SQLite
    VELARIA_ASSIGN_OR_RETURN(ExprPtr first, ParseExpression());
    const bool is_query = first->kind == ExprKind::kSubquery;
    if (is_query && AtSelectContinuation()) {
      VELARIA_ASSIGN_OR_RETURN(in->select, ContinueSelect(std::move(first->select)));
    } else if (is_query &&
               At(")")) {  // IN ((SELECT ...)) asks the query's rows, as PostgreSQL does
      in->select = std::move(first->select);
    } else {
      in->children.push_back(std::move(first));
      if (Accept(",")) {
        VELARIA_ASSIGN_OR_RETURN(std::vector<ExprPtr> rest, ParseExpressionList());
        for (ExprPtr& expr : rest) in->children.push_back(std::move(expr));
      }
    }
  }
  if (in->select) {
    in->kind = ExprKind::kInSubquery;
    in->select->place = open;
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(in));
}

Result<ExprPtr> Grammar::ParseBetween(ExprPtr left, Place place, bool negated) {
  Advance();
  Accept(Keyword::kAsymmetric);
  VELARIA_ASSIGN_OR_RETURN(ExprPtr low, ParseOperators(kMatch + 1));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAnd));
  VELARIA_ASSIGN_OR_RETURN(ExprPtr high, ParseOperators(kMatch + 1));
  ExprPtr between = MakeExpr(ExprKind::kBetween, place);
  between->negated = negated;
  between->children.push_back(std::move(left));
  between->children.push_back(std::move(low));
  between->children.push_back(std::move(high));
  return Measured(std::move(between));
}

Result<ExprPtr> Grammar::ParseLike(ExprPtr left, Place place, bool negated) {
  const Token token = Take();
  ExprPtr like = MakeExpr(ExprKind::kLike, place);
  like->text = KeywordText(token.keyword);
  like->negated = negated;
  VELARIA_ASSIGN_OR_RETURN(ExprPtr pattern, ParseOperators(kMatch + 1));
  like->children.push_back(std::move(left));
  like->children.push_back(std::move(pattern));
  if (Accept(Keyword::kEscape)) {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr escape, ParseOperators(kMatch + 1));
    like->children.push_back(std::move(escape));
  }
  return Measured(std::move(like));
}

}  // namespace velaria::sql
