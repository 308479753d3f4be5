#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

Status BadFrame(Place place, std::string_view why) {
  return FailAt(place, ErrorCode::kSyntaxError,
                "syntax error: window frame is not possible: " + std::string(why),
                "A frame starts at or before its end.");
}

/// What PostgreSQL's grammar refuses: a frame that is empty whatever the offsets are.
Status CheckFrame(const WindowSpec& window, Place place) {
  using enum FrameBoundKind;
  const FrameBoundKind start = window.start.kind;
  const FrameBoundKind end = window.end.kind;
  if (start == kUnboundedFollowing) return BadFrame(place, "it starts at UNBOUNDED FOLLOWING");
  if (end == kUnboundedPreceding) return BadFrame(place, "it ends at UNBOUNDED PRECEDING");
  if (start == kCurrentRow && end == kPreceding) {
    return BadFrame(place, "it starts at the current row and ends before it");
  }
  if (start == kFollowing && (end == kPreceding || end == kCurrentRow)) {
    return BadFrame(place, "it starts behind the current row and ends before that");
  }
  return Status::OK();
}

}  // namespace

/// OVER name | OVER (...).
Result<std::unique_ptr<WindowSpec>> Grammar::ParseOver() {
  auto window = std::make_unique<WindowSpec>();
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kOver));
  window->place = Current().place;
  if (At("(")) {
    VELARIA_RETURN_NOT_OK(ParseWindowSpec(window.get()));
    return window;
  }
  window->is_reference = true;
  VELARIA_ASSIGN_OR_RETURN(window->base, ExpectName("a window"));
  return window;
}

/// ([name] [PARTITION BY ...] [ORDER BY ...] [frame])
Status Grammar::ParseWindowSpec(WindowSpec* window) {
  window->place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect("("));
  const bool has_name = IsName(Current()) && !AtAny({Keyword::kPartition, Keyword::kRange,
                                                     Keyword::kRows, Keyword::kGroups});
  if (has_name) {
    VELARIA_ASSIGN_OR_RETURN(window->base, ExpectName("a window"));
    NoteBareAlias(*window->base);
  }
  if (Accept(Keyword::kPartition)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
    VELARIA_ASSIGN_OR_RETURN(window->partition_by, ParseExpressionList());
  }
  if (Accept(Keyword::kOrder)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
    VELARIA_ASSIGN_OR_RETURN(window->order_by, ParseOrderItems());
  }
  if (AtAny({Keyword::kRange, Keyword::kRows, Keyword::kGroups})) {
    VELARIA_RETURN_NOT_OK(ParseFrame(window));
  }
  if (At(")")) return Expect(")");
  return Unexpected("PARTITION BY, ORDER BY, a frame or \")\"",
                    {"PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"});
}

Status Grammar::ParseFrame(WindowSpec* window) {
  const Token unit = Take();
  window->unit = unit.keyword == Keyword::kRows    ? FrameUnit::kRows
                 : unit.keyword == Keyword::kRange ? FrameUnit::kRange
                                                   : FrameUnit::kGroups;
  const bool has_end = Accept(Keyword::kBetween);
  if (!has_end) NoteMeant({"BETWEEN"});
  VELARIA_RETURN_NOT_OK(ParseFrameBound(&window->start));
  if (has_end) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kAnd));
    VELARIA_RETURN_NOT_OK(ParseFrameBound(&window->end));
  }
  VELARIA_RETURN_NOT_OK(CheckFrame(*window, unit.place));
  return ParseFrameExclusion(window);
}

Status Grammar::ParseFrameBound(FrameBound* bound) {
  if (AcceptSequence({Keyword::kCurrent, Keyword::kRow})) {
    bound->kind = FrameBoundKind::kCurrentRow;
    return Status::OK();
  }
  const bool unbounded = Accept(Keyword::kUnbounded);
  if (!unbounded) {
    VELARIA_ASSIGN_OR_RETURN(bound->offset, ParseOperand(kMatch + 1));
  }
  if (Accept(Keyword::kPreceding)) {
    bound->kind = unbounded ? FrameBoundKind::kUnboundedPreceding : FrameBoundKind::kPreceding;
  } else if (Accept(Keyword::kFollowing)) {
    bound->kind = unbounded ? FrameBoundKind::kUnboundedFollowing : FrameBoundKind::kFollowing;
  } else {
    return Unexpected("PRECEDING or FOLLOWING", {"PRECEDING", "FOLLOWING"});
  }
  return Status::OK();
}

Status Grammar::ParseFrameExclusion(WindowSpec* window) {
  if (!Accept(Keyword::kExclude)) return Status::OK();
  if (Accept(Keyword::kGroup)) {
    window->exclude = FrameExclude::kGroup;
  } else if (Accept(Keyword::kTies)) {
    window->exclude = FrameExclude::kTies;
  } else if (AcceptSequence({Keyword::kCurrent, Keyword::kRow})) {
    window->exclude = FrameExclude::kCurrentRow;
  } else if (!AcceptSequence({Keyword::kNo, Keyword::kOthers})) {
    return Unexpected("CURRENT ROW, GROUP, TIES or NO OTHERS", {"CURRENT", "GROUP", "TIES", "NO"});
  }
  return Status::OK();
}

/// WINDOW name AS (...), ...
Status Grammar::ParseWindowClause(Select* select) {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kWindow));
  do {
    VELARIA_ASSIGN_OR_RETURN(Name name, ExpectName("a window"));
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
    WindowSpec window;
    VELARIA_RETURN_NOT_OK(ParseWindowSpec(&window));
    select->windows.emplace_back(std::move(name), std::move(window));
  } while (Accept(","));
  return Status::OK();
}

}  // namespace velaria::sql
