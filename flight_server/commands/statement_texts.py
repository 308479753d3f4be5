"""Where statements end in a text of several, and where they begin, by line.

Only what can hide a semicolon is known here: strings of all kinds, quoted names, dollar quotes and
comments, as the kernel's lexer reads them. What a statement means is the kernel's alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLANK = re.compile(r"\s+|--[^\r\n]*")
_QUOTED = re.compile(
    r"""[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[^\W\d]\w*)?\$).*?\1""",
    re.DOTALL,
)
_QUOTE_BEGINS = re.compile(r"""[eE]?'|"|\$(?:[^\W\d]\w*)?\$""")
_WORD = re.compile(r"\w[\w$]*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_LINE = re.compile(r"[^\r\n]*")


@dataclass(frozen=True)
class Piece:
    """A statement with its semicolon, or a backslash command of one line. `line` is 1-based.

    `is_whole` is false for the last one when its semicolon has not come; `is_open` says that the
    text ends inside of a quote or comment.
    """

    text: str
    line: int
    is_whole: bool = True
    is_open: bool = False

    @property
    def is_command(self) -> bool:
        return self.text.startswith("\\")


def pieces_of(text: str) -> Iterator[Piece]:
    """In order; blanks and comments between statements belong to none."""
    begin: int | None = None
    at, line, counted = 0, 1, 0

    def made(end: int, *, is_whole: bool = True, is_open: bool = False) -> Piece:
        nonlocal line, counted
        first = end if begin is None else begin
        line += text.count("\n", counted, first)
        counted = first
        return Piece(text[first:end], line, is_whole, is_open)

    while at < len(text):
        kind, end = _next(text, at)
        if kind == "open":
            begin = at if begin is None else begin
            yield made(len(text), is_whole=False, is_open=True)
            return
        is_empty = begin is None and text[at] == ";"
        if kind == "blank" or is_empty:
            at = end
            continue
        if begin is None:
            begin = at
            if text[at] == "\\":
                end = _LINE.match(text, at).end()  # type: ignore[union-attr]
                yield Piece(made(end).text.rstrip(), line)
                begin = None
        elif text[at] == ";":
            yield made(end)
            begin = None
        at = end
    if begin is not None:
        yield made(len(text), is_whole=False)


def _next(text: str, at: int) -> tuple[str, int]:
    """What stands at `at`, blank, token or open (a quote or comment without an end); its end."""
    if text.startswith("/*", at):
        end = _comment_end(text, at)
        return ("blank", end) if end > 0 else ("open", len(text))
    if blank := _BLANK.match(text, at):
        return "blank", blank.end()
    if quoted := _QUOTED.match(text, at):
        return "token", quoted.end()
    if _QUOTE_BEGINS.match(text, at):
        return "open", len(text)
    word = _WORD.match(text, at)
    return "token", word.end() if word else at + 1


def _comment_end(text: str, at: int) -> int:
    """Comments nest; -1 for one that is open."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1
