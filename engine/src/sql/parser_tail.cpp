#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {

Status Grammar::ParseWindowBy(Select* select) {
  // WINDOW by AS (...) is a window of that name.
  const bool here = AtSequence({Keyword::kWindow, Keyword::kBy}) && Peek(2).keyword != Keyword::kAs;
  if (!here) return Status::OK();
  if (select->window_by) {
    return FailAt(Current().place, ErrorCode::kSyntaxError,
                  "syntax error: clause appears twice: WINDOW BY");
  }
  auto window = std::make_unique<WindowBy>();
  window->place = Current().place;
  AcceptSequence({Keyword::kWindow, Keyword::kBy});
  VELARIA_ASSIGN_OR_RETURN(window->time, ParseExpression());
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kEvery));
  VELARIA_ASSIGN_OR_RETURN(window->window_ms, ParseWindowLength("the window's milliseconds"));
  window->slide_ms = window->window_ms;
  if (Accept(Keyword::kSlide)) {
    VELARIA_ASSIGN_OR_RETURN(window->slide_ms, ParseWindowLength("the slide's milliseconds"));
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
  VELARIA_ASSIGN_OR_RETURN(window->output, ExpectAnyName("a name for the window column"));
  select->window_by = std::move(window);
  return Status::OK();
}

/// A sign is read too: the binder says what a window must be, and why this one is not.
Result<int64_t> Grammar::ParseWindowLength(std::string_view what) {
  const bool negative = Accept("-");
  VELARIA_ASSIGN_OR_RETURN(int64_t length_ms, ExpectInteger(what));
  return negative ? -length_ms : length_ms;
}

bool Grammar::AtTail() const {
  return AtAny({Keyword::kOrder, Keyword::kLimit, Keyword::kOffset, Keyword::kFetch}) ||
         (At(Keyword::kEmit) && !AtBareAlias());
}

Status Grammar::ParseTail(Select* select) {
  if (At(Keyword::kOrder)) VELARIA_RETURN_NOT_OK(ParseOrderBy(select));
  bool has_limit = false;
  bool has_offset = false;
  while (true) {
    if (!has_limit && Accept(Keyword::kLimit)) {
      has_limit = true;
      if (Accept(Keyword::kAll) || Accept(Keyword::kNull)) continue;
      const size_t begin = Offset();
      VELARIA_ASSIGN_OR_RETURN(select->limit, ParseExpression());
      if (At(Keyword::kPercent)) return Unsupported(Current(), "LIMIT in percent");
      if (At(",")) return RefuseOffsetFirst(TextFrom(begin));
    } else if (!has_limit && At(Keyword::kFetch)) {
      has_limit = true;
      VELARIA_RETURN_NOT_OK(ParseFetch(select));
    } else if (!has_offset && Accept(Keyword::kOffset)) {
      has_offset = true;
      VELARIA_ASSIGN_OR_RETURN(select->offset, ParseExpression());
      if (!Accept(Keyword::kRows)) Accept(Keyword::kRow);
    } else {
      break;
    }
  }
  if (At(Keyword::kEmit)) VELARIA_RETURN_NOT_OK(ParseEmit(select));
  if (At(Keyword::kFor) && Peek(1).kind == TokenKind::kWord) {
    return Unsupported(Current(), "FOR " + ToUpper(Peek(1).raw.substr(0, 20)));
  }
  return Status::OK();
}

/// LIMIT offset, count: the comma is the current token.
Status Grammar::RefuseOffsetFirst(std::string_view offset) const {
  const Token& count = Peek(1);
  const bool is_short = offset.size() <= 20 && count.raw.size() <= 20;
  const bool is_value = count.kind == TokenKind::kInteger || count.kind == TokenKind::kParameter;
  return WithHint(Unexpected("end of statement"), is_short && is_value
                                                      ? "Write LIMIT " + std::string(count.raw) +
                                                            " OFFSET " + std::string(offset) + "."
                                                      : "Write LIMIT count OFFSET offset.");
}

Status Grammar::ParseOrderBy(Select* select) {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOrder));
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
  if (!Accept(Keyword::kAll)) return ParseOrderItems().Value(&select->order_by);
  select->order_by_all = true;
  return ParseOrderDirection(&select->order_by_all_descending, &select->order_by_all_nulls_first);
}

Result<std::vector<OrderItem>> Grammar::ParseOrderItems() {
  std::vector<OrderItem> items;
  bool more = true;
  while (more) {
    OrderItem item;
    VELARIA_ASSIGN_OR_RETURN(item.expr, ParseExpression());
    if (At(Keyword::kUsing)) return Unsupported(Current(), "ORDER BY ... USING");
    VELARIA_RETURN_NOT_OK(ParseOrderDirection(&item.descending, &item.nulls_first));
    items.push_back(std::move(item));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(items.size()));
  }
  return items;
}

Status Grammar::ParseOrderDirection(bool* descending, std::optional<bool>* nulls_first) {
  *descending = Accept(Keyword::kDesc);
  const bool has_direction = *descending || Accept(Keyword::kAsc);
  if (!At(Keyword::kNulls)) {
    // No other word than a keyword can stand here.
    const std::vector<std::string> words = {"NULLS", "DESC", "ASC"};
    const bool misspelt = At(TokenKind::kWord) && Current().keyword == Keyword::kNone &&
                          !NearestName(Current().raw, words).empty();
    if (!misspelt) return Status::OK();
    return has_direction ? Unexpected("NULLS", {"NULLS"}) : Unexpected("ASC, DESC or NULLS", words);
  }
  Advance();
  *nulls_first = Accept(Keyword::kFirst);
  if (**nulls_first || Accept(Keyword::kLast)) return Status::OK();
  return Unexpected("FIRST or LAST", {"FIRST", "LAST"});
}

/// FETCH FIRST|NEXT [count] ROW|ROWS ONLY|WITH TIES; without a count one row.
Status Grammar::ParseFetch(Select* select) {
  const Token fetch = Take();
  if (!Accept(Keyword::kFirst) && !Accept(Keyword::kNext)) {
    return Unexpected("FIRST or NEXT", {"FIRST", "NEXT"});
  }
  if (AtAny({Keyword::kRow, Keyword::kRows})) {
    select->limit = MakeExpr(ExprKind::kInteger, fetch.place);
    select->limit->text = "1";
  } else {
    Level level(this);
    VELARIA_RETURN_NOT_OK(CheckDepth());
    VELARIA_ASSIGN_OR_RETURN(select->limit, ParsePrefix());
    VELARIA_RETURN_NOT_OK(RefuseStar(*select->limit));
  }
  if (!Accept(Keyword::kRows) && !Accept(Keyword::kRow)) {
    return Unexpected("ROW or ROWS", {"ROW", "ROWS"});
  }
  if (Accept(Keyword::kOnly)) return Status::OK();
  if (!At(Keyword::kWith)) return Unexpected("ONLY or WITH TIES", {"ONLY", "WITH"});
  Advance();
  select->with_ties = true;
  return Expect(Keyword::kTies);
}

Status Grammar::ParseEmit(Select* select) {
  select->emit_place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kEmit));
  if (Accept(Keyword::kPer)) {
    select->emit = EmitKind::kPerBatch;
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kBatch));
  } else if (Accept(Keyword::kOn)) {
    select->emit = EmitKind::kOnWindowClose;
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kWindow));
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kClose));
  } else if (Accept(Keyword::kChanges)) {
    select->emit = EmitKind::kChanges;
  } else if (Accept(Keyword::kFinal)) {
    select->emit = EmitKind::kFinal;
  } else {
    return Unexpected("PER BATCH, ON WINDOW CLOSE, CHANGES or FINAL",
                      {"PER", "ON", "CHANGES", "FINAL"});
  }
  if (At(Keyword::kLate) && Peek(1).keyword == Keyword::kInto) {
    return Unsupported(Current(), "LATE INTO");
  }
  if (AtSequence({Keyword::kAllowed, Keyword::kLateness})) {
    return Unsupported(Current(), "ALLOWED LATENESS");
  }
  return Status::OK();
}

}  // namespace velaria::sql
