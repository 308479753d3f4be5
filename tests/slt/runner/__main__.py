"""Command line of the runner: `python -m tests.slt.runner [--mode MODE] [--sqlite] [paths]`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .files import write_files
from .modes import MODES, FlightServer, open_engine
from .parse import SltSyntaxError, parse_file
from .run import Report, run_file
from .values import Style

SLT_FOLDER = Path(__file__).parents[1]
SQLITE_FOLDER = SLT_FOLDER.parents[2] / "shared" / "slt" / "sqlite"


def find_files(paths: list[Path]) -> list[Path]:
    """The `.slt` files named, or standing in the folders named, in name order."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("**/*.slt")) if path.is_dir() else [path]
    return found


def run_path(path: Path, mode: str, style: Style, location: str | None = None) -> Report:
    """Run one file on a fresh engine, with a folder of its own for `${tmp}`."""
    slt = parse_file(path)
    with (
        tempfile.TemporaryDirectory(prefix="velaria-slt-") as folder,
        contextlib.closing(open_engine(mode, location)) as engine,
    ):
        if style == "exact":
            write_files(Path(folder))
        return run_file(slt, engine, style, {"tmp": folder})


def run_mode(paths: list[Path], mode: str, style: Style, *, verbose: bool) -> Report:
    """Run all files in one mode and print a line per file."""
    total = Report()
    with _server(mode) as location:
        for path in paths:
            if mode.startswith("streamed") and parse_file(path).is_batch_only:
                continue
            report = run_path(path, mode, style, location)
            total.add(report)
            if verbose or report.wrong:
                print(
                    f"{path.name} [{mode}]: {report.passed} passed, {len(report.wrong)} wrong, "
                    f"{report.unsupported_text()}",
                    flush=True,
                )
            for failure in report.wrong:
                print(f"  {failure}")
    print(
        f"mode {mode}: {len(paths)} files, {report_line(total)}",
        flush=True,
    )
    return total


def report_line(report: Report) -> str:
    """`10 statements and 20 queries passed, 0 wrong, 2 unsupported (VEL2002: 2), of them 1
    queries`.
    """
    return (
        f"{report.statements} statements and {report.queries} queries passed, "
        f"{len(report.wrong)} wrong, {report.unsupported_text()}, "
        f"of them {report.unsupported_queries} queries"
    )


@contextlib.contextmanager
def _server(mode: str) -> Iterator[str | None]:
    if mode != "flight":
        yield None
        return
    with FlightServer([Path(tempfile.gettempdir())]) as server:
        yield server.location


def _modes(name: str) -> list[str]:
    if name == "all":
        return list(MODES)
    return [mode for mode in MODES if mode == name or mode.startswith(f"{name}-")]


def main(arguments: list[str] | None = None) -> int:
    """Run and print; exit 0 when nothing failed (unsupported counts for our own records)."""
    parser = argparse.ArgumentParser(prog="python -m tests.slt.runner", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, default=None)
    parser.add_argument("--mode", default="process", help="process, flight, streamed[-n] or all")
    parser.add_argument("--sqlite", action="store_true", help="the public corpus: its own style")
    parser.add_argument("--verbose", action="store_true", help="a line for every file")
    options = parser.parse_args(arguments)
    default = SQLITE_FOLDER if options.sqlite else SLT_FOLDER
    paths = find_files(options.paths or [default])
    modes = _modes(options.mode)
    if not paths or not modes:
        parser.error(f"nothing to run: {options.mode} {options.paths or default}")
    style: Style = "sqlite" if options.sqlite else "exact"
    total = Report()
    try:
        for mode in modes:
            total.add(run_mode(paths, mode, style, verbose=options.verbose))
    except SltSyntaxError as error:
        print(error, file=sys.stderr)
        return 2
    failed = len(total.wrong) + (0 if options.sqlite else sum(total.unsupported.values()))
    print(f"{total.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
