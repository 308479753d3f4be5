"""Text of an `.slt` file to records. Nothing is executed here, so a malformed file fails before any
engine starts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SortMode = Literal["nosort", "rowsort", "valuesort"]
SORT_MODES: tuple[SortMode, ...] = ("nosort", "rowsort", "valuesort")
TYPE_LETTERS = frozenset("IRTB")

_HASH = re.compile(r"^(\d+) values hashing to ([0-9a-f]{32})$")
_ERROR_CODE = re.compile(r"^VEL\d{4}$")
_HEADER = re.compile(r"^# (name|description|group|mode|quick): (.+)$")


class SltSyntaxError(Exception):
    """The file breaks the format; the text carries path and line."""


@dataclass(frozen=True)
class HashedRows:
    """`N values hashing to <md5>`: the long form of an expectation, as the public sqllogictest
    corpus writes it.
    """

    value_count: int
    md5: str


@dataclass(frozen=True)
class Record:
    """One unit of a file. `comments` are the lines directly above it; the expectation tool reads
    them.
    """

    line: int
    sql: str
    comments: tuple[str, ...] = field(default=(), kw_only=True)
    skip_on: frozenset[str] = field(default=frozenset(), kw_only=True)
    only_on: frozenset[str] = field(default=frozenset(), kw_only=True)

    def applies_to(self, labels: frozenset[str]) -> bool:
        """Tell whether an engine that answers to `labels` runs this record."""
        if self.skip_on & labels:
            return False
        return not self.only_on or bool(self.only_on & labels)


@dataclass(frozen=True)
class StatementRecord(Record):
    """`statement ok`, or `statement error [VELnnnn]`."""

    expects_error: bool = False
    error_code: str = ""


@dataclass(frozen=True)
class QueryRecord(Record):
    """`query <types> [sort]`, SQL, `----`, rows. `expected` is None while a skeleton waits to be
    filled.
    """

    types: str = ""
    sort: SortMode = "nosort"
    expected: tuple[str, ...] | HashedRows | None = None


@dataclass(frozen=True)
class EqualRecord(Record):
    """`equal [sort]`, SQL, `----`, SQL: both give the same rows."""

    other_sql: str = ""
    sort: SortMode = "nosort"


@dataclass(frozen=True)
class ExplainRecord(Record):
    """`explain [section]`, SQL, `----`, lines of the plan; `<ignore>` stands for any text within a
    line.
    """

    section: str = ""
    expected: tuple[str, ...] = ()


@dataclass(frozen=True)
class SltFile:
    """A parsed file: header fields and records in order."""

    path: Path
    header: dict[str, str]
    records: tuple[Record, ...]

    @property
    def is_batch_only(self) -> bool:
        """True when `# mode: batch-only` keeps the file out of the streamed modes."""
        return self.header.get("mode") == "batch-only"

    def is_quick(self, mode: str) -> bool:
        """True when `make quick` runs the file in this mode; `# quick: process` leaves it one."""
        return mode in self.header.get("quick", "process streamed-3").split()


def parse_file(path: Path) -> SltFile:
    """Read and parse one file."""
    return parse_text(path.read_text(encoding="utf-8"), path)


def parse_text(text: str, path: Path) -> SltFile:
    """Parse the text of one file. `path` is used for messages only."""
    header: dict[str, str] = {}
    records: list[Record] = []
    for first_line, block in _blocks(text):
        comments = []
        while block and block[0].startswith("#"):
            comment = block.pop(0)
            first_line += 1
            if match := _HEADER.match(comment):
                header[match[1]] = match[2].strip()
            else:
                comments.append(comment[1:].strip())
        if block:
            records.append(_parse_block(path, first_line, block, tuple(comments)))
    return SltFile(path, header, tuple(records))


def _blocks(text: str) -> list[tuple[int, list[str]]]:
    """Runs of non-blank lines with the 1-based number of their first line."""
    blocks: list[tuple[int, list[str]]] = []
    current: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            if not current:
                blocks.append((number, current))
            current.append(line.rstrip("\r"))
        else:
            current = []
    return blocks


def _parse_block(path: Path, line: int, block: list[str], comments: tuple[str, ...]) -> Record:
    skip_on: set[str] = set()
    only_on: set[str] = set()
    while block and (words := block[0].split())[0] in ("skipif", "onlyif"):
        if len(words) < 2:
            raise SltSyntaxError(f"{path}:{line}: {words[0]} needs an engine name")
        (skip_on if words[0] == "skipif" else only_on).add(words[1])
        block.pop(0)
        line += 1
    if not block:
        raise SltSyntaxError(f"{path}:{line}: skipif or onlyif without a record")
    words = block[0].split()
    body = block[1:]
    if not body:
        raise SltSyntaxError(f"{path}:{line}: record without SQL: {block[0]}")
    marks = {"comments": comments, "skip_on": frozenset(skip_on), "only_on": frozenset(only_on)}
    match words[0]:
        case "statement":
            return _parse_statement(path, line, words, body, marks)
        case "query":
            return _parse_query(path, line, words, body, marks)
        case "equal":
            sql, rest = _split(body)
            if not rest:
                raise SltSyntaxError(f"{path}:{line}: equal needs a second query below ----")
            sort = _sort_mode(path, line, words[1:2])
            return EqualRecord(line, sql, other_sql="\n".join(rest), sort=sort, **marks)
        case "explain":
            sql, rest = _split(body)
            section = words[1] if len(words) > 1 else ""
            return ExplainRecord(line, sql, section=section, expected=tuple(rest or ()), **marks)
    raise SltSyntaxError(f"{path}:{line}: unknown directive: {block[0]}")


def _parse_statement(
    path: Path, line: int, words: list[str], body: list[str], marks: dict
) -> StatementRecord:
    if words[1:] == ["ok"]:
        return StatementRecord(line, "\n".join(body), **marks)
    if words[1:2] == ["error"] and len(words) <= 3:
        code = words[2] if len(words) == 3 else ""
        if code and not _ERROR_CODE.match(code):
            raise SltSyntaxError(f"{path}:{line}: not an error code: {code}")
        return StatementRecord(line, "\n".join(body), expects_error=True, error_code=code, **marks)
    raise SltSyntaxError(f"{path}:{line}: expected 'statement ok' or 'statement error [VELnnnn]'")


def _parse_query(
    path: Path, line: int, words: list[str], body: list[str], marks: dict
) -> QueryRecord:
    types = words[1] if len(words) > 1 else ""
    if not types or not set(types) <= TYPE_LETTERS:
        raise SltSyntaxError(f"{path}:{line}: query types are letters of I, R, T, B: {types}")
    sort = _sort_mode(path, line, words[2:3])
    sql, rest = _split(body)
    expected: tuple[str, ...] | HashedRows | None = None
    if rest is not None:
        match = _HASH.match(rest[0]) if len(rest) == 1 else None
        expected = HashedRows(int(match[1]), match[2]) if match else tuple(rest)
    return QueryRecord(line, sql, types=types, sort=sort, expected=expected, **marks)


def _sort_mode(path: Path, line: int, words: list[str]) -> SortMode:
    if not words:
        return "nosort"
    for mode in SORT_MODES:
        if words[0] == mode:
            return mode
    raise SltSyntaxError(f"{path}:{line}: unknown sort mode: {words[0]}")


def _split(body: list[str]) -> tuple[str, list[str] | None]:
    """SQL above `----`, lines below it (None when there is no `----`)."""
    if "----" not in body:
        return "\n".join(body), None
    cut = body.index("----")
    return "\n".join(body[:cut]), body[cut + 1 :]
