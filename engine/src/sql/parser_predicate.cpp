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
  const bool ends_by_itself = match.ok() && (*match)->kind == ExprKind::kQuantified;
  if (match.ok() && !ends_by_itself) VELARIA_RETURN_NOT_OK(RefuseChain(kMatch));
  return match;
}

Result<ExprPtr> Grammar::ParseIn(ExprPtr left, Place place, bool negated) {
  Advance();
  const Place open = Current().place;
  VELARIA_RETURN_NOT_OK(Expect("("));
  ExprPtr in = MakeExpr(ExprKind::kIn, place);
  in->negated = negated;
  in->children.push_back(std::move(left));
  if (!At(")")) {  // an empty list holds nothing, as in SQLite
    ExprPtr first;
    VELARIA_RETURN_NOT_OK(ParseQueryOrFirst(&in->select, &first));
    if (first) in->children.push_back(std::move(first));
    if (!in->select && Accept(",")) VELARIA_RETURN_NOT_OK(ParseData(&in->children));
  }
  if (in->select) {
    in->kind = ExprKind::kInSubquery;
    in->select->place = open;
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(in));
}

Status Grammar::ParseQueryOrFirst(SelectPtr* select, ExprPtr* first) {
  if (AtSelectStart()) return ParseSelect().Value(select);
  VELARIA_ASSIGN_OR_RETURN(*first, ParseExpression());
  if ((*first)->kind != ExprKind::kSubquery) return Status::OK();
  const bool continued = AtSelectContinuation();
  // IN ((SELECT ...)) asks the query's rows, as PostgreSQL does.
  if (!continued && !At(")")) return Status::OK();
  *select = std::move((*first)->select);
  first->reset();
  return continued ? ContinueSelect(std::move(*select), {}).Value(select) : Status::OK();
}

bool Grammar::AtQuantifier() const {
  return AtAny({Keyword::kAny, Keyword::kSome, Keyword::kAll}) && IsSymbol(Peek(1), "(");
}

/// ANY (...), SOME (...) or ALL (...) behind an operator: of a query's rows or an array's elements.
Result<ExprPtr> Grammar::ParseQuantified(ExprPtr left, Place place, std::string comparison) {
  ExprPtr quantified = MakeExpr(ExprKind::kQuantified, place);
  quantified->text = std::move(comparison);
  quantified->bool_value = Take().keyword == Keyword::kAll;
  quantified->children.push_back(std::move(left));
  VELARIA_RETURN_NOT_OK(Expect("("));
  ExprPtr array;
  VELARIA_RETURN_NOT_OK(ParseQueryOrFirst(&quantified->select, &array));
  if (array) quantified->children.push_back(std::move(array));
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(quantified));
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
  const std::string text(KeywordText(token.keyword));
  if (token.keyword == Keyword::kSimilar) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kTo));
  } else if (AtQuantifier()) {
    return ParseQuantified(std::move(left), place, (negated ? "NOT " : "") + text);
  }
  ExprPtr like = MakeExpr(ExprKind::kLike, place);
  like->text = text;
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
