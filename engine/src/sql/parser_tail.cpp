#include "sql/grammar.hpp"

namespace velaria::sql {

Status Grammar::ParseWindowBy(Select* select) {
  if (!AtSequence({Keyword::kWindow, Keyword::kBy})) return Status::OK();
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
  if (Accept(Keyword::kOrder)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
    if (At(Keyword::kAll)) return Unsupported(Current(), "ORDER BY ALL");
    VELARIA_ASSIGN_OR_RETURN(select->order_by, ParseOrderItems());
  }
  bool has_limit = false;
  bool has_offset = false;
  while (true) {
    if (!has_limit && Accept(Keyword::kLimit)) {
      has_limit = true;
      if (Accept(Keyword::kAll) || Accept(Keyword::kNull)) continue;
      VELARIA_ASSIGN_OR_RETURN(select->limit, ParseExpression());
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
  if (At(Keyword::kFor) && Peek(1).keyword == Keyword::kUpdate) {
    return Unsupported(Current(), "FOR UPDATE");
  }
  return Status::OK();
}

Result<std::vector<OrderItem>> Grammar::ParseOrderItems() {
  std::vector<OrderItem> items;
  do {
    OrderItem item;
    VELARIA_ASSIGN_OR_RETURN(item.expr, ParseExpression());
    item.descending = Accept(Keyword::kDesc);
    if (!item.descending) Accept(Keyword::kAsc);
    if (Accept(Keyword::kNulls)) {
      item.nulls_first = Accept(Keyword::kFirst);
      if (!*item.nulls_first && !Accept(Keyword::kLast)) {
        return Unexpected("FIRST or LAST", {"FIRST", "LAST"});
      }
    }
    items.push_back(std::move(item));
  } while (Accept(","));
  return items;
}

/// FETCH FIRST|NEXT [count] ROW|ROWS ONLY; without a count one row.
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
  if (At(Keyword::kWith) && Peek(1).keyword == Keyword::kTies) {
    return Unsupported(Current(), "FETCH ... WITH TIES");
  }
  return Expect(Keyword::kOnly);
}

Status Grammar::ParseEmit(Select* select) {
  select->emit_place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kEmit));
  if (AcceptSequence({Keyword::kPer, Keyword::kBatch})) {
    select->emit = EmitKind::kPerBatch;
  } else if (AcceptSequence({Keyword::kOn, Keyword::kWindow, Keyword::kClose})) {
    select->emit = EmitKind::kOnWindowClose;
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
