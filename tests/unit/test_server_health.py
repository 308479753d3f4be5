"""Degraded is told from draining and from down, and each with its reason."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from velaria import _kernel
from velaria.flight_server import machine
from velaria.flight_server.health import KERNEL_WAIT_S, Health, HealthReport
from velaria.flight_server.limits.memory import MemoryGuard
from velaria.flight_server.options import Options


class Ledger:
    state, reason, kept = "ok", "", ""

    def health(self) -> str:
        return self.state

    def health_reason(self) -> str:
        return self.reason

    def retention_reason(self) -> str:
        return self.kept


class Service:
    """As much of one as its health looks at."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        named = {f"health.{name}": value for name, value in settings.items()}
        self.options = Options({"health.disk_free_min_bytes": 0, **named})
        self.ledger = Ledger()
        self.session: Any = _kernel.Session(threads=1)
        self.draining = False
        self.used_bytes = 0
        guard = MemoryGuard(100 << 20, lambda: self.used_bytes, lambda: 0, lambda: None)
        self.limits = SimpleNamespace(memory=guard)

    def is_draining(self) -> bool:
        return self.draining


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def health_of(service: Service, clock: Clock | None = None) -> Health:
    return Health(cast(Any, service), clock_s=clock or Clock())


def told(report: HealthReport) -> tuple[str, dict[str, str]]:
    return report.state, report.reasons()


def test_a_server_that_is_well_serves(tmp_path: Path) -> None:
    health = health_of(Service(tmp_path))
    health.probe_kernel()
    assert told(health.report()) == ("serving", {})


def test_a_run_history_that_is_away_degrades(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.ledger.state, service.ledger.reason = "degraded", "there is no connection to Postgres"
    report = health_of(service).report()
    assert told(report) == ("degraded", {"run_history": "there is no connection to Postgres"})
    assert report.takes_work


def test_a_day_of_it_that_cannot_be_dropped_degrades_under_a_name_of_its_own(
    tmp_path: Path,
) -> None:
    service = Service(tmp_path)
    service.ledger.kept = "2013-05-01 is over and cannot be dropped: Postgres refuses: 42501"
    report = health_of(service).report()
    assert told(report) == ("degraded", {"run_history_retention": service.ledger.kept})
    assert (report.takes_work, report.parts["run_history"].state) == (True, "ok")


def test_a_disk_that_is_nearly_full_or_gone_degrades(tmp_path: Path) -> None:
    state, reasons = told(health_of(Service(tmp_path, disk_free_min_bytes=str(1 << 60))).report())
    assert state == "degraded"
    assert "MiB free" in reasons["disk"]
    state, reasons = told(health_of(Service(tmp_path / "gone")).report())
    assert (state, reasons) == ("degraded", {"disk": "the data directory cannot be read"})


def test_memory_near_its_cap_degrades(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.used_bytes = 85 << 20
    assert health_of(service).report().state == "serving"
    service = Service(tmp_path)
    service.used_bytes = 86 << 20
    assert told(health_of(service).report()) == ("degraded", {"memory": "86 of 100 MiB used"})


def test_open_files_near_their_limit_degrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "open_file_count", lambda: 95)
    monkeypatch.setattr(machine, "open_file_max", lambda: 100)
    assert told(health_of(Service(tmp_path)).report())[1] == {"files": "95 of 100 files are open"}


class Failing:
    """A session whose every statement ends with one error of the kernel's."""

    def __init__(self, code: str) -> None:
        self._fault = _kernel.ExecutionError(code)
        self._fault.code = code

    def execute(self, sql: str) -> None:
        raise self._fault


def test_a_kernel_that_fails_is_down_and_comes_back(tmp_path: Path) -> None:
    service = Service(tmp_path)
    health, well = health_of(service), service.session
    service.session = Failing("VEL9001")
    health.probe_kernel()
    report = health.report()
    assert told(report) == ("down", {"kernel": "SELECT 1 ends with VEL9001"})
    assert not report.takes_work
    service.session = well
    health.probe_kernel()
    assert health.report().state == "serving"


def test_a_kernel_without_memory_degrades(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.session = Failing("VEL3012")
    health = health_of(service)
    health.probe_kernel()
    assert told(health.report()) == ("degraded", {"kernel": "SELECT 1 ends with VEL3012"})


def test_a_kernel_that_does_not_answer_is_told_after_a_while(tmp_path: Path) -> None:
    clock, seen = Clock(), []
    service = Service(tmp_path)
    health = health_of(service, clock)

    class Slow:
        def execute(self, sql: str) -> Any:
            clock.now_s += KERNEL_WAIT_S + 1
            seen.append(health.report())
            return well.execute(sql)

    well, service.session = service.session, Slow()
    health.probe_kernel()
    assert told(seen[0]) == ("degraded", {"kernel": "SELECT 1 has not been answered for 11 s"})
    assert health.report().state == "serving"


def test_draining_comes_before_degraded_and_takes_no_work(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.ledger.state, service.draining = "degraded", True
    report = health_of(service).report()
    assert report.state == "draining"
    assert not report.takes_work


def test_a_change_is_told_once(tmp_path: Path) -> None:
    service = Service(tmp_path)
    health = health_of(service)
    states: list[str] = []
    health.on_change(lambda report: states.append(report.state))
    for _ in range(2):
        health.tell_change()
    service.ledger.state = "degraded"
    for _ in range(2):
        health.tell_change()
    assert states == ["serving", "serving", "degraded"]
