"""Several statements in one text: cut at the semicolons that end one, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velaria.flight_server.commands.statement_texts import pieces_of


def cut(text: str) -> list[tuple[int, str]]:
    return [(piece.line, piece.text) for piece in pieces_of(text)]


def test_statements_are_cut_at_semicolons_with_their_lines() -> None:
    text = "-- first\nSELECT 1;\n\n/* a;\nb */ SELECT 2\n  , 3; SELECT 4"
    assert cut(text) == [(2, "SELECT 1;"), (5, "SELECT 2\n  , 3;"), (6, "SELECT 4")]
    assert [piece.is_whole for piece in pieces_of(text)] == [True, True, False]


@pytest.mark.parametrize(
    "hidden",
    [
        "';'",
        "'it''s; so'",
        "E'a\\';b'",
        "e'\\\\' \";\"",
        '"a;""b"',
        "$$;$$",
        "$tag$ ; $$ ; $tag$",
        "/* ; /* ; */ ; */ 1",
        "-- ;\n 1",
        "x';'",
        "U&';'",
        "a$b",
        "$1",
    ],
)
def test_a_semicolon_in_a_quote_or_comment_ends_nothing(hidden: str) -> None:
    assert cut(f"SELECT {hidden}; SELECT 2;") == [
        (1, f"SELECT {hidden};"),
        (1 + hidden.count("\n"), "SELECT 2;"),
    ]


@pytest.mark.parametrize("begin", ["'a", '"a', "$$a", "$x$ $$", "/* a", "E'\\'", "/* /* */"])
def test_a_text_that_ends_inside_of_a_quote_is_open(begin: str) -> None:
    (piece,) = pieces_of(f"SELECT {begin}; b")
    assert (piece.is_open, piece.is_whole, piece.text) == (True, False, f"SELECT {begin}; b")


def test_commands_are_lines_between_statements() -> None:
    text = "\\timing\nSELECT 1;\n  \\d a;b  \nSELECT '\n\\x';"
    assert cut(text) == [(1, "\\timing"), (2, "SELECT 1;"), (3, "\\d a;b"), (4, "SELECT '\n\\x';")]


def test_blanks_and_comments_are_no_statement() -> None:
    assert cut(" \n-- a\n/* b; */\n") == []
    assert cut(" ;; ; SELECT 1;;") == [(1, "SELECT 1;")]


@given(st.text(alphabet="aE'\"$;-/*\\\n x1", max_size=60))
def test_pieces_stand_in_order_and_where_they_say(text: str) -> None:
    at = 0
    for piece in pieces_of(text):
        lines = text.split("\n")
        start = sum(len(line) + 1 for line in lines[: piece.line - 1])
        found = text.index(piece.text, max(at, start))
        assert found < start + len(lines[piece.line - 1]) + 1
        at = found + len(piece.text)
