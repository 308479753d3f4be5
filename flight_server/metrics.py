"""Counters of the server; the one list of their names is `_HELP`."""

import threading

_HELP = {
    "calls_total": "Flight calls begun",
    "errors_total": "Flight calls refused or failed",
    "ingest_rows_total": "rows taken in by DoPut",
    "ingest_batches_total": "batches taken in by DoPut",
    "calls_active": "Flight calls under way",
    "queries_running": "statements and streaming queries under way",
}


class Metrics:
    """Counts since the start of the process. Gauges are set when they are read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(_HELP, 0)

    def add(self, name: str, amount: int = 1) -> None:
        with self._lock:
            self._values[name] += amount

    def set(self, name: str, value: int) -> None:
        with self._lock:
            self._values[name] = value

    def read(self) -> dict[str, float]:
        with self._lock:
            return {name: float(value) for name, value in self._values.items()}
