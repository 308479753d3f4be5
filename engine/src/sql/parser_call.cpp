#include <algorithm>

#include "sql/grammar.hpp"

namespace velaria::sql {

ExprPtr Grammar::MakeCall(std::string function, Place place) {
  ExprPtr call = MakeExpr(ExprKind::kCall, place);
  call->names.push_back({std::move(function), false, place});
  return call;
}

Result<ExprPtr> Grammar::ParseCall(std::vector<Name> names) {
  ExprPtr call = MakeExpr(ExprKind::kCall, names.front().place);
  call->names = std::move(names);
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (At("*") && IsSymbol(Peek(1), ")")) {
    Advance();
    call->star = true;
  } else if (!At(")")) {
    if (Accept(Keyword::kDistinct)) {
      call->distinct = true;
    } else {
      Accept(Keyword::kAll);
    }
    VELARIA_RETURN_NOT_OK(ParseArguments(call.get()));
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return ParseCallTail(std::move(call));
}

/// [name =>] argument, ... [ORDER BY ...] [IGNORE NULLS | RESPECT NULLS]
Status Grammar::ParseArguments(Expr* call) {
  bool more = true;
  while (more) {
    if (AtWord("LAMBDA") && IsName(Peek(1)) && (IsSymbol(Peek(2), ":") || IsSymbol(Peek(2), ","))) {
      return Unsupported(Current(), "LAMBDA");
    }
    VELARIA_RETURN_NOT_OK(ParseArgumentName(call->children.size(), &call->argument_names));
    VELARIA_ASSIGN_OR_RETURN(ExprPtr argument, ParseExpression());
    call->children.push_back(std::move(argument));
    if (call->children.size() == 1) {
      VELARIA_ASSIGN_OR_RETURN(bool done, ParseWordedArguments(call));
      if (done) return Status::OK();
    }
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(call->children.size()));
  }
  VELARIA_RETURN_NOT_OK(ParseNullTreatment(call));
  if (Accept(Keyword::kOrder)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
    VELARIA_ASSIGN_OR_RETURN(call->order_by, ParseOrderItems());
  }
  return ParseNullTreatment(call);
}

bool Grammar::AtArgumentName() const {
  const bool word = At(TokenKind::kWord) || At(TokenKind::kQuotedName);
  return word && (IsSymbol(Peek(1), "=>") || IsSymbol(Peek(1), ":="));
}

Status Grammar::ParseArgumentName(size_t position, std::vector<Name>* names) {
  if (AtArgumentName()) {
    names->resize(position);
    VELARIA_ASSIGN_OR_RETURN(Name name, ExpectAnyName("an argument"));
    Advance();
    names->push_back(std::move(name));
    return Status::OK();
  }
  // A fault of the lexer is left to the argument, which reports it.
  if (names->empty() || At(TokenKind::kError)) return Status::OK();
  return FailAt(Current().place, ErrorCode::kSyntaxError,
                "syntax error: argument without a name behind one with a name, found: " +
                    std::string(Current().raw.substr(0, 40)),
                "Write arguments by position first, then those by name.");
}

Status Grammar::ParseNullTreatment(Expr* call) {
  const bool here =
      AtAny({Keyword::kIgnore, Keyword::kRespect}) && Peek(1).keyword == Keyword::kNulls;
  if (!here) return Status::OK();
  if (call->ignore_nulls) {
    return FailAt(Current().place, ErrorCode::kSyntaxError,
                  "syntax error: clause appears twice: IGNORE NULLS or RESPECT NULLS");
  }
  call->ignore_nulls = Take().keyword == Keyword::kIgnore;
  Advance();
  return Status::OK();
}

/// [WITHIN GROUP (...)] [FILTER (...)] [IGNORE NULLS | RESPECT NULLS] [OVER ...]
Result<ExprPtr> Grammar::ParseCallTail(ExprPtr call) {
  VELARIA_RETURN_NOT_OK(ParseWithinGroup(call.get()));
  VELARIA_RETURN_NOT_OK(ParseNullTreatment(call.get()));
  if (At(Keyword::kFilter) && IsSymbol(Peek(1), "(")) {
    Advance();
    VELARIA_RETURN_NOT_OK(Expect("("));
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kWhere));
    VELARIA_ASSIGN_OR_RETURN(call->filter, ParseExpression());
    VELARIA_RETURN_NOT_OK(Expect(")"));
  }
  VELARIA_RETURN_NOT_OK(ParseNullTreatment(call.get()));
  if (At(Keyword::kOver) && (IsSymbol(Peek(1), "(") || IsName(Peek(1)))) {
    call->kind = ExprKind::kWindowCall;
    VELARIA_ASSIGN_OR_RETURN(call->over, ParseOver());
  }
  return Measured(std::move(call));
}

Status Grammar::ParseWithinGroup(Expr* call) {
  if (!AtSequence({Keyword::kWithin, Keyword::kGroup})) return Status::OK();
  if (!call->order_by.empty() || call->distinct) {
    return FailAt(Current().place, ErrorCode::kSyntaxError,
                  "syntax error: WITHIN GROUP does not go with ORDER BY or DISTINCT in the call");
  }
  AcceptSequence({Keyword::kWithin, Keyword::kGroup});
  VELARIA_RETURN_NOT_OK(Expect("("));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOrder));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
  VELARIA_ASSIGN_OR_RETURN(call->order_by, ParseOrderItems());
  call->within_group = true;
  return Expect(")");
}

}  // namespace velaria::sql
