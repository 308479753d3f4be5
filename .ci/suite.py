"""Runs pytest over test folders and says in one line how many files and cases it looked at.

    .ci/suite.py NAME FOLDER... [-- PYTEST_ARGUMENT...]

A folder without any test file is named and left out; a run that collects nothing although there
are test files fails.
"""

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTHING_COLLECTED = 5


def has_tests(folder: str) -> bool:
    path = ROOT / folder.partition("::")[0]
    return path.is_file() or any(path.rglob("test_*.py"))


def summary(report: Path) -> str:
    cases = ET.parse(report).getroot().iter("testcase")
    files: set[str] = set()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in cases:
        files.add(case.get("file") or case.get("classname", ""))
        tags = {child.tag for child in case}
        outcome = (
            "failed"
            if tags & {"failure", "error"}
            else "skipped"
            if "skipped" in tags
            else "passed"
        )
        counts[outcome] += 1
    words = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"{len(files)} files, {sum(counts.values())} cases: {words}"


def main(arguments: list[str]) -> int:
    name, *rest = arguments
    folders = rest[: rest.index("--")] if "--" in rest else rest
    extra = rest[rest.index("--") + 1 :] if "--" in rest else []
    present = [folder for folder in folders if has_tests(folder)]
    for folder in folders:
        if folder not in present:
            print(f"suite {name}: no tests in {folder}", flush=True)
    if not present:
        return 0
    report = ROOT / "build" / "reports" / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *extra, *present]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    seconds = time.monotonic() - started
    counted = summary(report) if report.exists() else "no report"
    print(f"suite {name}: {counted}, {seconds:.0f} s", flush=True)
    if code == NOTHING_COLLECTED:
        print(f"suite {name}: the folders hold test files, but nothing was collected", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
