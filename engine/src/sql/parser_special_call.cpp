// Calls whose arguments are joined by words, as the standard has them. Each becomes a plain call,
// but for EXTRACT.
#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

bool IsUnqualified(const Expr& call, std::string_view function) {
  return call.names.size() == 1 && !call.names[0].quoted && call.names[0].text == function;
}

}  // namespace

/// Behind the first argument: the words of SUBSTRING and OVERLAY. True when they ended the list.
Result<bool> Grammar::ParseWordedArguments(Expr* call) {
  if (AtAny({Keyword::kFrom, Keyword::kFor}) && IsUnqualified(*call, "substring")) {
    VELARIA_RETURN_NOT_OK(ParseSubstringRest(call));
    return true;
  }
  if (At(Keyword::kPlacing) && IsUnqualified(*call, "overlay")) {
    VELARIA_RETURN_NOT_OK(ParseOverlayRest(call));
    return true;
  }
  return false;
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

/// OVERLAY(text PLACING new FROM start [FOR length]) becomes overlay(text, new, start[, length]).
Status Grammar::ParseOverlayRest(Expr* call) {
  const auto add = [&]() -> Status {
    VELARIA_ASSIGN_OR_RETURN(ExprPtr argument, ParseExpression());
    call->children.push_back(std::move(argument));
    return Status::OK();
  };
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kPlacing));
  VELARIA_RETURN_NOT_OK(add());
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kFrom));
  VELARIA_RETURN_NOT_OK(add());
  return Accept(Keyword::kFor) ? add() : Status::OK();
}

Result<ExprPtr> Grammar::ParseExtract() {
  ExprPtr extract = MakeExpr(ExprKind::kExtract, Take().place);
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (At(TokenKind::kString)) {
    extract->text = ToLower(Take().value);
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
  if (Accept(Keyword::kLeading)) {
    call->names[0].text = "ltrim";
  } else if (Accept(Keyword::kTrailing)) {
    call->names[0].text = "rtrim";
  } else {
    Accept(Keyword::kBoth);
  }
  ExprPtr characters;
  if (!At(Keyword::kFrom) && !At(")")) {
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
    VELARIA_ASSIGN_OR_RETURN(ExprPtr needle, ParseOperand(kMatch + 1));
    call->children.push_back(std::move(needle));
    if (Accept(Keyword::kIn)) {
      VELARIA_ASSIGN_OR_RETURN(ExprPtr text, ParseOperand(kMatch + 1));
      call->children.push_back(std::move(text));
    } else if (Accept(",")) {
      VELARIA_RETURN_NOT_OK(ParseArguments(call.get()));
    }
  }
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return ParseCallTail(std::move(call));
}

}  // namespace velaria::sql
