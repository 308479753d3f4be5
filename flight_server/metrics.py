"""What the server counts and measures. The one list of metrics is `METRICS`: from it come the
action `server.metrics`, the Prometheus text and the reference page.

The text format is written here, some twenty lines, because a client library would be a second
registry with names of its own.
"""

import bisect
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

PREFIX = "velaria_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.0005, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)


@dataclass(frozen=True)
class Metric:
    """One row. A counter only grows, and its name ends in _total; a gauge is set or read."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: tuple[str, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric("calls_total", "counter", "calls", "Flight calls begun"),
    Metric("errors_total", "counter", "calls", "Flight calls refused or failed"),
    Metric(
        "calls_ended_total",
        "counter",
        "calls",
        "Flight calls ended, by method, action and how: ok or the error's code",
        ("method", "action", "status"),
    ),
    Metric("call_seconds", "histogram", "s", "From a call's first byte to its last", ("method",)),
    Metric("calls_active", "gauge", "calls", "Flight calls under way"),
    Metric("queries_total", "counter", "queries", "Queries ended, by state", ("kind", "state")),
    Metric("query_seconds", "histogram", "s", "From a query's start to its end", ("kind",)),
    Metric("queries_running", "gauge", "queries", "Statements and streaming queries under way"),
    Metric("result_rows_total", "counter", "rows", "Rows of queries that have ended"),
    Metric("ingest_rows_total", "counter", "rows", "Rows taken in by DoPut"),
    Metric("ingest_bytes_total", "counter", "bytes", "Bytes taken in by DoPut, in memory"),
    Metric("ingest_batches_total", "counter", "batches", "Batches taken in by DoPut"),
    Metric("calls_idle_total", "counter", "calls", "Calls given up: their client was silent"),
    Metric("connections_cut_total", "counter", "connections", "Cut, being silent after that, too"),
    Metric("statements_running", "gauge", "statements", "Statements that have their turn"),
    Metric("statements_waiting", "gauge", "statements", "Statements that wait for their turn"),
    Metric("results_open", "gauge", "results", "Results being read"),
    Metric("puts_open", "gauge", "calls", "Calls that bring rows"),
    Metric("sessions_open", "gauge", "sessions", "Sessions of clients"),
    Metric("transactions_open", "gauge", "transactions", "Transactions begun by Flight SQL"),
    Metric("prepared_statements_open", "gauge", "statements", "Prepared statements of Flight SQL"),
    Metric("tables_bytes", "gauge", "bytes", "Rows held in tables"),
    Metric("arrow_allocated_bytes", "gauge", "bytes", "Arrow memory in use"),
    Metric("process_resident_bytes", "gauge", "bytes", "Resident memory of the process"),
    Metric("memory_cap_bytes", "gauge", "bytes", "Memory that the process may have"),
    Metric("process_threads", "gauge", "threads", "Threads of the process"),
    Metric("process_open_files", "gauge", "files", "Open file descriptors of the process"),
    Metric("process_cpu_seconds_total", "counter", "s", "Processor time of the process"),
    Metric("process_start_time_seconds", "gauge", "s", "When the process began, Unix time"),
    Metric("data_dir_free_bytes", "gauge", "bytes", "Free disk space of the data directory"),
    Metric("run_history_up", "gauge", "", "1 when the run history is written to its store"),
    Metric("run_history_queued", "gauge", "records", "Run history records not yet written"),
    Metric("run_history_lost_total", "counter", "records", "Run history records dropped, for good"),
    Metric("health", "gauge", "", "1 for the server's state of health, 0 for others", ("state",)),
)

_LABELS = {row.name: row.labels for row in METRICS}

Series = tuple[str, ...]  # the values of a metric's labels, in the table's order


@dataclass
class _Histogram:
    counts: list[int]
    total: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One line of the exposition: a name with its suffix, labels and a value."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    @property
    def key(self) -> str:
        if not self.labels:
            return self.name
        told = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels)
        return f"{self.name}{{{told}}}"


class Metrics:
    """Counts since the start of the process. Labels are given in the table's order; a KeyError is
    a metric, or label, of no row."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, dict[Series, float]] = {
            row.name: {} if row.labels else {(): 0.0} for row in METRICS if row.kind != "histogram"
        }
        self._histograms: dict[str, dict[Series, _Histogram]] = {
            row.name: {} for row in METRICS if row.kind == "histogram"
        }
        self._readers: dict[str, Callable[[], float]] = {}
        self._hooks: list[Callable[[], None]] = []

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        series = _series(name, labels)
        with self._lock:
            values = self._values[name]
            values[series] = values.get(series, 0.0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        series = _series(name, labels)
        with self._lock:
            self._values[name][series] = float(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        series = _series(name, labels)
        index = bisect.bisect_left(BUCKETS_S, seconds)
        with self._lock:
            found = self._histograms[name].get(series)
            if found is None:
                found = _Histogram([0] * (len(BUCKETS_S) + 1))
                self._histograms[name][series] = found
            found.counts[index] += 1
            found.total += seconds

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Ask for the value whenever somebody reads the metrics; it is left out when it cannot be
        read."""
        self._values[name].clear()
        self._readers[name] = read

    def before_reading(self, hook: Callable[[], None]) -> None:
        """For what sets several values at once."""
        self._hooks.append(hook)

    def read(self) -> dict[str, float]:
        """Samples by their keys, without buckets; a labelled counter's sum by its name."""
        found: dict[str, float] = {}
        for row, samples in self._samples():
            for sample in samples:
                if not sample.name.endswith("_bucket"):
                    found[sample.key] = sample.value
            if row.kind == "counter" and row.labels:
                found[row.name] = sum(sample.value for sample in samples)
        return found

    def text(self) -> str:
        """Prometheus' text format."""
        lines: list[str] = []
        for row, samples in self._samples():
            name = PREFIX + row.name
            lines += [f"# HELP {name} {row.help}.", f"# TYPE {name} {row.kind}"]
            lines += [f"{PREFIX}{sample.key} {_number(sample.value)}" for sample in samples]
        return "\n".join(lines) + "\n"

    def _samples(self) -> Iterator[tuple[Metric, list[Sample]]]:
        for hook in self._hooks:
            hook()
        for name, read in self._readers.items():
            try:
                self.set(name, read())
            except OSError:
                with self._lock:
                    self._values[name].clear()  # nor is it what it was
        with self._lock:
            values = {name: dict(series) for name, series in self._values.items()}
            histograms = {
                name: {key: (list(one.counts), one.total) for key, one in series.items()}
                for name, series in self._histograms.items()
            }
        for row in METRICS:
            if row.kind == "histogram":
                yield row, _histogram_samples(row, histograms[row.name])
                continue
            yield (
                row,
                [
                    Sample(row.name, _labels(row, series), value)
                    for series, value in sorted(values[row.name].items())
                ],
            )


def _histogram_samples(row: Metric, series: dict[Series, tuple[list[int], float]]) -> list[Sample]:
    found: list[Sample] = []
    for key, (counts, total) in sorted(series.items()):
        labels, below = _labels(row, key), 0
        for bound, count in zip((*BUCKETS_S, float("inf")), counts, strict=True):
            below += count
            limit = ("le", _number(bound))
            found.append(Sample(f"{row.name}_bucket", (*labels, limit), below))
        found.append(Sample(f"{row.name}_sum", labels, total))
        found.append(Sample(f"{row.name}_count", labels, below))
    return found


def _series(name: str, labels: dict[str, str]) -> Series:
    if tuple(labels) != _LABELS[name]:
        raise KeyError(f"labels of {name}: {', '.join(_LABELS[name])}")
    return tuple(labels.values())


def _labels(row: Metric, series: Series) -> tuple[tuple[str, str], ...]:
    return tuple(zip(row.labels, series, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
