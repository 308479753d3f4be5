"""A job's table on the screen, its JSON and its plot in the results folder."""

import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.case import Case, Finding
from bench.plot import bars
from bench.setting import Setting

MEASURED = (
    *("velaria", "duckdb", "polars", "datafusion", "roapi", "adbc-driver-flightsql"),
    *("pyarrow", "numpy"),
)
OPERATORS_SHOWN = 3


def publish(job: str, measured: Iterable[Case], setting: Setting) -> int:
    """Print each case when it is measured, then write JOB.json and JOB.svg; the number of limits
    that were missed.
    """
    print("\n".join(heading(job, setting)), flush=True)
    cases = []
    for case in measured:
        print("\n".join(lines(case)), flush=True)
        cases.append(case)
    setting.results.mkdir(parents=True, exist_ok=True)
    record = {"job": job, **circumstances(setting), "cases": [case.record() for case in cases]}
    (setting.results / f"{job}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if any(case.timings for case in cases):
        (setting.results / f"{job}.svg").write_text(bars(job, cases), "utf-8")
    return len(missed(cases))


def missed(cases: Sequence[Case]) -> list[Finding]:
    return [finding for case in cases for finding in case.findings if finding.holds is False]


def circumstances(setting: Setting) -> dict[str, Any]:
    return {
        "began_unix_s": round(time.time()),
        "scale": setting.scale,
        "rounds": setting.rounds,
        "threads": setting.threads,
        "machine": {
            "cpu": cpu_name(),
            "core_count": os.cpu_count(),
            "system": platform.platform(),
            "load_1_min": os.getloadavg()[0],
        },
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """What is measured, and at which version; an engine that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in MEASURED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def heading(job: str, setting: Setting) -> Iterator[str]:
    told = ", ".join(f"{name} {number}" for name, number in versions().items())
    yield f"\n== {job}: {setting.threads} threads, median of {setting.rounds} rounds; {told}"
    if os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        yield f"   the machine is busy with other work; load: {os.getloadavg()[0]:.1f}"


def lines(case: Case) -> Iterator[str]:
    yield f"-- {case.name} ({case.size})"
    for timing in case.timings:
        wall_ms, cpu_ms = timing.median_wall_s * 1e3, timing.median_cpu_s * 1e3
        spread = f"{min(timing.wall_s) * 1e3:.1f} to {max(timing.wall_s) * 1e3:.1f}"
        yield (
            f"   {timing.name:<22}{wall_ms:>8.2f} ms wall{cpu_ms:>10.2f} ms CPU"
            f"   [{spread}]  {timing.role}"
        )
    for finding in case.findings:
        yield f"   > {finding.words()}"
    if case.operators and missed([case]):
        yield f"   where Velaria's time goes: {slowest(case)}"


def slowest(case: Case) -> str:
    """The operators that took longest, by their CPU time over all threads."""
    found = sorted(case.operators, key=lambda row: row["time_ms"], reverse=True)
    return "; ".join(f"{row['name']} {row['time_ms']:.1f} ms" for row in found[:OPERATORS_SHOWN])
