"""Writes docs/reference from the tables of kernel and server.

python docs/generate.py [--check]     --check: change nothing, fail when a page is out of date
"""

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from velaria import _kernel
from velaria.flight_server.metrics import METRICS, PREFIX
from velaria.flight_server.options import range_text
from velaria.flight_server.settings import SETTINGS, Setting

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


CONFIGURATION_INTRODUCTION = """\
# Configuration

The settings of `velaria serve`. Where several say one, the flag comes before the environment
variable, the variable before the file (`--config FILE`, or `VELARIA_CONFIG`), the file before the
default. `--set NAME=VALUE` is the flag of every setting without one of its own. A value that is
wrong, and a key or variable that is of no setting, is VEL1007 and told with its place.

In the file a name's first part is the section. In a variable, a list's parts stand between commas.
Live settings are taken over at SIGHUP or the action `server.reload`, the others at the next start.

"""


def configuration_page() -> str:
    parts = [CONFIGURATION_INTRODUCTION]
    head = ("setting", "default", "range", "live", "meaning", "flag and variable")
    for section, rows in groupby(SETTINGS, key=lambda row: row.section):
        cells = (
            (
                code(row.name),
                default_text(row),
                cell(range_text(row)),
                "live" if row.live else "",
                cell(row.summary + (" Secret: shown as \\*\\*\\*." if row.secret else "")),
                " ".join(code(name) for name in (row.flag, row.variable) if name),
            )
            for row in rows
        )
        parts += [f"## {section}\n", table(head, cells)]
    return "\n".join(parts)


METRICS_INTRODUCTION = """\
# Metrics

`velaria serve --metrics 127.0.0.1:9464` answers `/metrics` by HTTP in Prometheus' text format;
the action `server.metrics` tells the same without the prefix `velaria_`.

"""


def metrics_page() -> str:
    cells = (
        (
            code(PREFIX + row.name),
            row.kind,
            row.unit,
            " ".join(map(code, row.labels)),
            cell(row.help),
        )
        for row in METRICS
    )
    return METRICS_INTRODUCTION + table(("metric", "type", "unit", "labels", "meaning"), cells)


def default_text(row: Setting) -> str:
    if isinstance(row.default, list):
        return " ".join(map(code, row.default))
    if isinstance(row.default, bool):
        return code(str(row.default).lower())
    return "" if row.default in (None, "") else code(str(row.default))


def pages() -> dict[str, str]:
    session = _kernel.Session(threads=1)
    try:
        return {
            "errors.md": errors_page(),
            "functions.md": functions_page(session),
            "progress.md": progress_page(),
            "settings.md": settings_page(),
            "configuration.md": configuration_page(),
            "metrics.md": metrics_page(),
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
