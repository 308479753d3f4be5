"""Who chooses Arrow's allocator: the user, else the server for itself, never a mere import."""

import os
import subprocess
import sys

import pyarrow as pa
import pytest

from velaria.flight_server import cli, memory_pool
from velaria.flight_server.memory_pool import SERVER_POOL, VARIABLE, restart_with_server_pool

ASKS = (
    "import os, pyarrow; "
    f"print(pyarrow.default_memory_pool().backend_name, '{VARIABLE}' in os.environ)"
)


def told_by(program: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_importing_velaria_leaves_the_allocator_and_the_environment_alone() -> None:
    assert told_by(f"import velaria, velaria.flight_server.cli; {ASKS}") == told_by(ASKS)


class Restarts:
    """Stands for os.execve."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[str], dict[str, str]]] = []

    def __call__(self, program: str, command: list[str], environment: dict[str, str]) -> None:
        self.seen.append((program, command, environment))


def test_the_server_starts_itself_anew_with_its_allocator_and_the_same_command() -> None:
    restarts = Restarts()
    restart_with_server_pool({"PATH": "p"}, restarts)
    ((program, command, environment),) = restarts.seen
    assert (program, command) == (sys.executable, [sys.executable, *sys.orig_argv[1:]])
    assert environment == {"PATH": "p", VARIABLE: SERVER_POOL}
    restart_with_server_pool(environment, restarts)
    assert len(restarts.seen) == 1


def test_whoever_set_the_variable_decides() -> None:
    restarts = Restarts()
    restart_with_server_pool({VARIABLE: "system"}, restarts)
    assert restarts.seen == []


def test_an_arrow_without_that_allocator_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pa, "supported_memory_backends", lambda: ["system"])
    restarts = Restarts()
    restart_with_server_pool({}, restarts)
    assert restarts.seen == []


def test_a_program_that_calls_main_is_not_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    restarts = Restarts()
    monkeypatch.setattr(memory_pool, "restart_with_server_pool", restarts)
    with pytest.raises(SystemExit):
        cli.main(["serve", "--no-such-option"])
    assert restarts.seen == []
