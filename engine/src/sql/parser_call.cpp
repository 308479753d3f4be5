#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

bool IsUnqualified(const Expr& call, std::string_view function) {
  return call.names.size() == 1 && !call.names[0].quoted && call.names[0].text == function;
}

}  // namespace

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

Status Grammar::ParseArguments(Expr* call) {
  do {
    if (IsName(Current()) && (IsSymbol(Peek(1), "=>") || IsSymbol(Peek(1), ":="))) {
      return Unsupported(Current(), "named argument " + std::string(Current().raw));
    }
    VELARIA_ASSIGN_OR_RETURN(ExprPtr argument, ParseExpression());
    call->children.push_back(std::move(argument));
    if (call->children.size() == 1 && AtAny({Keyword::kFrom, Keyword::kFor}) &&
        IsUnqualified(*call, "substring")) {
      return ParseSubstringRest(call);
    }
  } while (Accept(","));
  if (At(Keyword::kOrder)) return Unsupported(Current(), "ORDER BY in a call");
  if (AtAny({Keyword::kIgnore, Keyword::kRespect}) && Peek(1).keyword == Keyword::kNulls) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " NULLS");
  }
  return Status::OK();
}

/// SUBSTRING(text FROM start [FOR length]) and SUBSTRING(text FOR length [FROM start]).
Status Grammar::ParseSubstringRest(Expr* call) {
  ExprPtr start, length;
  while ((At(Keyword::kFrom) && !start) || (At(Keyword::kFor) && !length)) {
    ExprPtr& bound = Take().keyword == Keyword::kFrom ? start : length;
    VELARIA_ASSIGN_OR_RETURN(bound, ParseExpression());
  }
  if (!start) {
    start = MakeExpr(ExprKind::kInteger, call->place);
    start->text = "1";
  }
  call->children.push_back(std::move(start));
  if (length) call->children.push_back(std::move(length));
  return Status::OK();
}

Result<ExprPtr> Grammar::ParseExtract() {
  ExprPtr extract = MakeExpr(ExprKind::kExtract, Take().place);
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (At(TokenKind::kString)) {
    extract->text = Take().value;
    for (char& c : extract->text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  } else {
    VELARIA_ASSIGN_OR_RETURN(Name field, ExpectAnyName("a field like YEAR"));
    extract->text = std::move(field.text);
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kFrom));
  VELARIA_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
  extract->children.push_back(std::move(value));
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(extract));
}

/// TRIM([BOTH|LEADING|TRAILING] [characters] FROM text), TRIM([BOTH|...] text) and the plain call
/// TRIM(text, ...).
Result<ExprPtr> Grammar::ParseTrim() {
  ExprPtr call = MakeCall("trim", Take().place);
  VELARIA_RETURN_NOT_OK(Expect("("));
  bool has_side = true;
  if (Accept(Keyword::kLeading)) {
    call->names[0].text = "ltrim";
  } else if (Accept(Keyword::kTrailing)) {
    call->names[0].text = "rtrim";
  } else {
    has_side = Accept(Keyword::kBoth);
  }
  ExprPtr characters;
  const bool from_first = has_side && At(Keyword::kFrom);
  if (!from_first && !At(")")) {
    VELARIA_ASSIGN_OR_RETURN(characters, ParseExpression());
  }
  if (Accept(Keyword::kFrom)) {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr text, ParseExpression());
    call->children.push_back(std::move(text));
    if (characters) call->children.push_back(std::move(characters));
  } else if (characters) {
    call->children.push_back(std::move(characters));
    if (Accept(",")) VELARIA_RETURN_NOT_OK(ParseArguments(call.get()));
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return ParseCallTail(std::move(call));
}

/// POSITION(needle IN text) becomes position(needle, text).
Result<ExprPtr> Grammar::ParsePosition() {
  ExprPtr call = MakeCall("position", Take().place);
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (!At(")")) {
    Level level(this);
    VELARIA_RETURN_NOT_OK(CheckDepth());
    VELARIA_ASSIGN_OR_RETURN(ExprPtr needle, ParseOperators(kMatch + 1));
    call->children.push_back(std::move(needle));
    if (Accept(Keyword::kIn)) {
      VELARIA_ASSIGN_OR_RETURN(ExprPtr text, ParseOperators(kMatch + 1));
      call->children.push_back(std::move(text));
    } else if (Accept(",")) {
      VELARIA_RETURN_NOT_OK(ParseArguments(call.get()));
    }
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return ParseCallTail(std::move(call));
}

Result<ExprPtr> Grammar::ParseCallTail(ExprPtr call) {
  if (At(Keyword::kWithin) && Peek(1).keyword == Keyword::kGroup) {
    return Unsupported(Current(), "WITHIN GROUP");
  }
  if (At(Keyword::kFilter) && IsSymbol(Peek(1), "(")) {
    Advance();
    VELARIA_RETURN_NOT_OK(Expect("("));
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kWhere));
    VELARIA_ASSIGN_OR_RETURN(call->filter, ParseExpression());
    VELARIA_RETURN_NOT_OK(Expect(")"));
  }
  if (AtAny({Keyword::kIgnore, Keyword::kRespect}) && Peek(1).keyword == Keyword::kNulls) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " NULLS");
  }
  if (At(Keyword::kOver) && (IsSymbol(Peek(1), "(") || IsName(Peek(1)))) {
    call->kind = ExprKind::kWindowCall;
    VELARIA_RETURN_NOT_OK(SkipWindow());
  }
  return Measured(std::move(call));
}

/// OVER name | OVER ([name] [PARTITION BY ...] [ORDER BY ...] [frame]): read for its grammar only.
Status Grammar::SkipWindow() {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOver));
  if (!Accept("(")) return ExpectName("a window").status();
  const bool has_name = IsName(Current()) && !AtAny({Keyword::kPartition, Keyword::kRange,
                                                     Keyword::kRows, Keyword::kGroups});
  if (has_name) Advance();
  if (AcceptSequence({Keyword::kPartition, Keyword::kBy})) {
    VELARIA_RETURN_NOT_OK(ParseExpressionList());
  }
  if (AcceptSequence({Keyword::kOrder, Keyword::kBy})) VELARIA_RETURN_NOT_OK(ParseOrderItems());
  if (AtAny({Keyword::kRange, Keyword::kRows, Keyword::kGroups})) {
    VELARIA_RETURN_NOT_OK(SkipFrame());
  }
  return Expect(")");
}

Status Grammar::SkipFrame() {
  Advance();
  if (Accept(Keyword::kBetween)) {
    VELARIA_RETURN_NOT_OK(SkipFrameBound());
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kAnd));
  }
  VELARIA_RETURN_NOT_OK(SkipFrameBound());
  if (!Accept(Keyword::kExclude)) return Status::OK();
  if (Accept(Keyword::kGroup) || Accept(Keyword::kTies) ||
      AcceptSequence({Keyword::kCurrent, Keyword::kRow}) ||
      AcceptSequence({Keyword::kNo, Keyword::kOthers})) {
    return Status::OK();
  }
  return Unexpected("CURRENT ROW, GROUP, TIES or NO OTHERS", {"CURRENT", "GROUP", "TIES", "NO"});
}

Status Grammar::SkipFrameBound() {
  if (AcceptSequence({Keyword::kCurrent, Keyword::kRow})) return Status::OK();
  if (!Accept(Keyword::kUnbounded)) {
    Level level(this);
    VELARIA_RETURN_NOT_OK(CheckDepth());
    VELARIA_RETURN_NOT_OK(ParseOperators(kMatch + 1));
  }
  if (Accept(Keyword::kPreceding) || Accept(Keyword::kFollowing)) return Status::OK();
  return Unexpected("PRECEDING or FOLLOWING", {"PRECEDING", "FOLLOWING"});
}

}  // namespace velaria::sql
