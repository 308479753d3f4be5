"""Whether the server is well: part by part, with the reason of what is not.

serving: all is well. degraded: it answers, and somebody should look. draining: it ends and takes no
new work. down: the kernel fails, so that no statement can be answered. Orchestrators send work to a
server that is serving or degraded.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import structlog

from velaria._kernel import KernelError
from velaria.flight_server import machine
from velaria.schemas import errors as codes

if TYPE_CHECKING:
    from velaria.flight_server.service import Service

CHECK_INTERVAL_S = 2.0
KERNEL_WAIT_S = 10.0
"""A kernel that has not answered `SELECT 1` for so long is told as slow."""
OPEN_FILES_RATIO_MAX = 0.9
_MIB = 1 << 20

_log = structlog.get_logger("velaria.flight_server")


@dataclass(frozen=True)
class Part:
    """`state` is ok, off, degraded, draining or down; the reason is empty when all is well."""

    state: str
    reason: str = ""


@dataclass(frozen=True)
class HealthReport:
    state: str
    parts: dict[str, Part]

    @property
    def takes_work(self) -> bool:
        return self.state in ("serving", "degraded")

    def reasons(self) -> dict[str, str]:
        return {name: part.reason for name, part in self.parts.items() if part.reason}


OK, OFF, DRAINING = Part("ok"), Part("off"), Part("draining")


class Health:
    """Asked by whoever wants to know; its own thread only probes the kernel and tells changes."""

    STATES: ClassVar[tuple[str, ...]] = ("serving", "degraded", "draining", "down")

    def __init__(
        self,
        service: "Service",
        interval_s: float = CHECK_INTERVAL_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._interval_s = interval_s
        self._clock_s = clock_s
        self._disk_and_files = machine.Glance(lambda: (self._disk(), self._files()), clock_s)
        self._probe_began_s: float | None = None
        self._kernel = OK
        self._listeners: list[Callable[[HealthReport], None]] = []
        self._ending = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self._watch, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Does not wait for a kernel that does not answer."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(self._interval_s)

    def on_change(self, listener: Callable[[HealthReport], None]) -> None:
        """Called with the report when the state has changed, and once now."""
        self._listeners.append(listener)
        listener(self.report())

    def report(self) -> HealthReport:
        """Costs some reads of the machine's books, at most, and never waits for the kernel or
        Postgres."""
        disk, files = self._disk_and_files()
        parts = {
            "kernel": self._kernel_part(),
            "run_history": self._run_history(),
            "run_history_retention": self._retention(),
            "disk": disk,
            "memory": self._memory(),
            "files": files,
            "drain": DRAINING if self._service.is_draining() else OFF,
        }
        states = {part.state for part in parts.values()}
        worst = [state for state in ("down", "draining", "degraded") if state in states]
        return HealthReport(worst[0] if worst else "serving", parts)

    def probe_kernel(self) -> None:
        """One statement through the kernel."""
        self._probe_began_s = self._clock_s()
        try:
            self._service.session.execute("SELECT 1").read_all()
            self._kernel = OK
        except KernelError as fault:
            state = "degraded" if fault.code == codes.OUT_OF_MEMORY else "down"
            self._kernel = Part(state, f"SELECT 1 ends with {fault.code}")
        except Exception as fault:  # noqa: BLE001 (whatever it is, the kernel does not answer)
            self._kernel = Part("down", f"SELECT 1 ends with {type(fault).__name__}")
        finally:
            self._probe_began_s = None

    def tell_change(self) -> None:
        """Log a change of the state since the last time, and tell the listeners."""
        report = self.report()
        if report.state == self._told:
            return
        log = _log.info if report.state in ("serving", "draining") else _log.warning
        if self._told or report.state != "serving":
            log("health changed", state=report.state, reasons=report.reasons())
        self._told = report.state
        for listener in self._listeners:
            listener(report)

    def _watch(self) -> None:
        while not self._ending.is_set():
            try:
                self.probe_kernel()
                self.tell_change()
            except Exception:  # noqa: BLE001 (the thread lives as long as the server)
                _log.exception("looking at the health")
            self._ending.wait(self._interval_s)

    def _kernel_part(self) -> Part:
        began_s = self._probe_began_s
        waited_s = 0.0 if began_s is None else self._clock_s() - began_s
        if waited_s > KERNEL_WAIT_S:
            return Part("degraded", f"SELECT 1 has not been answered for {waited_s:.0f} s")
        return self._kernel

    def _run_history(self) -> Part:
        return Part(self._service.ledger.health(), self._service.ledger.health_reason())

    def _retention(self) -> Part:
        reason = self._service.ledger.retention_reason()
        return Part("degraded", reason) if reason else OK

    def _disk(self) -> Part:
        least: int = self._service.options.get("health.disk_free_min_bytes")
        try:
            free = machine.free_disk_bytes(self._service.data_dir)
        except OSError:
            return Part("degraded", "the data directory cannot be read")
        if free >= least:
            return OK
        return Part("degraded", f"{free // _MIB} MiB free in the data directory")

    def _memory(self) -> Part:
        reason = self._service.limits.memory.shortage()
        return Part("degraded", reason) if reason else OK

    def _files(self) -> Part:
        count, most = machine.open_file_count(), machine.open_file_max()
        if count <= most * OPEN_FILES_RATIO_MAX:
            return OK
        return Part("degraded", f"{count} of {most} files are open")
