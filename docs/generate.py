"""Writes docs/reference from the tables of the kernel: errors, functions, progress, settings.

python docs/generate.py [--check]     --check: change nothing, fail when a page is out of date
"""

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from velaria import _kernel

REFERENCE = Path(__file__).resolve().parent / "reference"
RANGES = {
    "1": "Request",
    "2": "SQL and plan",
    "3": "Execution",
    "4": "Source and sink",
    "5": "Transport and control",
    "9": "Our bug",
}


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Code inside a table cell; GitHub's tables end a cell at a bar even inside backticks."""
    return f"`{cell(text)}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *([list(row) for row in rows])]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


# Codes that the planner knows and nobody can be told: no statement makes a SINK table.
UNREACHED = frozenset({"VEL2027"})


def errors_page() -> str:
    parts = ["# Error codes\n"]
    reached = (row for row in _kernel.error_codes() if row.code not in UNREACHED)
    for digit, rows in groupby(reached, key=lambda row: row.code[3]):
        cells = ((row.code, cell(row.meaning), row.retry) for row in rows)
        parts += [f"## {RANGES[digit]}\n", table(("code", "meaning", "retry"), cells)]
    return "\n".join(parts)


def functions_page(session: _kernel.Session) -> str:
    parts = ["# Functions\n"]
    rows = sorted(session.functions(), key=lambda row: (row.kind != "scalar", row.group, row.name))
    for group, members in groupby(rows, key=lambda row: row.group):
        cells = (
            (
                code(row.signature),
                cell(row.summary),
                cell(row.null_rule),
                code(row.example),
                code(row.example_result),
            )
            for row in members
        )
        head = ("signature", "summary", "null rule", "example", "result")
        parts += [f"## {group.capitalize()}\n", table(head, cells)]
    return "\n".join(parts)


def progress_page() -> str:
    parts = ["# Progress fields\n"]
    for group, rows in groupby(_kernel.progress_fields(), key=lambda row: row[2]):
        cells = ((code(name), kind) for name, kind, _ in rows)
        parts += [f"## {group.capitalize()}\n", table(("field", "type"), cells)]
    return "\n".join(parts)


SETTINGS_INTRODUCTION = """\
# Settings

`SET name = value`, `RESET name`, `RESET ALL`, `SHOW name`, `SHOW ALL`. Settings belong to the
session; a server has one, so that for now a SET on a server changes the setting for every client.

"""


def settings_page() -> str:
    cells = (
        (code(row.name), code(row.default), cell(row.range), cell(row.meaning))
        for row in _kernel.settings()
    )
    head = ("setting", "value at start", "range", "meaning")
    return SETTINGS_INTRODUCTION + table(head, cells)


def pages() -> dict[str, str]:
    session = _kernel.Session(threads=1)
    try:
        return {
            "errors.md": errors_page(),
            "functions.md": functions_page(session),
            "progress.md": progress_page(),
            "settings.md": settings_page(),
        }
    finally:
        session.close()


def main(arguments: list[str]) -> int:
    REFERENCE.mkdir(exist_ok=True)
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    if "--check" in arguments:
        print(f"reference pages: {len(pages())} pages, {len(stale)} problems")
        for name in stale:
            print(f"docs/reference/{name} is out of date; run make docs", file=sys.stderr)
        return 1 if stale else 0
    print(f"reference pages written: {', '.join(stale) or 'none changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
