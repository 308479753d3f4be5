"""Every record file in every mode it applies to, and the public SQLite corpus where it stands
beside the checkout.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .runner.__main__ import SLT_FOLDER, SQLITE_FOLDER, find_files, report_line, run_path
from .runner.modes import MODES
from .runner.parse import parse_file
from .runner.run import Report

OWN_FILES = find_files([SLT_FOLDER])
FLOOR_FILE = SLT_FOLDER / "sqlite_floor.txt"
HEADER_FIELDS = ("name", "description", "group")


def _cases() -> list[object]:
    files = [parse_file(path) for path in OWN_FILES]
    return [
        pytest.param(
            slt.path,
            mode,
            id=f"{slt.path.stem}-{mode}",
            marks=() if slt.is_quick(mode) else pytest.mark.slow,
        )
        for mode in MODES
        for slt in files
        if not (mode.startswith("streamed") and slt.is_batch_only)
    ]


@pytest.mark.parametrize(("path", "mode"), _cases())
def test_every_record_of_the_file_holds(
    path: Path, mode: str, location_of: Callable[[str], str | None]
) -> None:
    report = run_path(path, mode, "exact", location_of(mode))
    assert not report.wrong, "\n".join(str(failure) for failure in report.wrong)
    assert not report.unsupported, report.unsupported_text()
    assert report.passed > 0


def test_there_are_at_least_300_records_and_each_file_says_what_it_is() -> None:
    files = [parse_file(path) for path in OWN_FILES]
    assert sum(len(slt.records) for slt in files) >= 300
    for slt in files:
        assert all(slt.header.get(field) for field in HEADER_FIELDS), slt.path
        assert slt.header["name"] == slt.path.stem


if SQLITE_FOLDER.is_dir():

    @pytest.mark.slow
    def test_the_sqlite_corpus_has_no_wrong_answer_and_passes_no_fewer_than_before() -> None:
        total = Report()
        for path in find_files([SQLITE_FOLDER]):
            total.add(run_path(path, "process", "sqlite"))
        print(report_line(total))
        assert not total.wrong, "\n".join(str(failure) for failure in total.wrong[:20])
        assert total.queries >= int(FLOOR_FILE.read_text()), report_line(total)
