"""A running server takes over the live settings of its file, and only those."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, told, until


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "velaria.toml"
    path.write_text("[sessions]\nopen_max = 1\n[log]\nformat = 'json'\n")
    return path


@pytest.fixture
def server(config: Path) -> Iterator[ServerProcess]:
    with ServerProcess(arguments=["--config", str(config)]) as started:
        yield started


def test_the_action_reloads_and_tells_what_changed(server: ServerProcess, config: Path) -> None:
    with server.connect() as client:
        act(client, "session.open")
        with pytest.raises(flight.FlightError, match="too many sessions"):
            act(client, "session.open")
        config.write_text("[sessions]\nopen_max = 3\n[server]\nthreads = 1\n")
        assert act(client, "server.reload") == {
            "changed": ["sessions.open_max"],
            "need_restart": ["server.threads", "log.format"],
        }
        act(client, "session.open")
        shown = act(client, "server.settings")
    assert shown["settings"]["sessions.open_max"] == 3
    assert shown["settings"]["log.format"] == "json"
    assert shown["sources"]["sessions.open_max"] == "file"
    assert shown["sources"]["server.side"] == "flag"


def test_a_wrong_file_is_refused_without_its_folder(server: ServerProcess, config: Path) -> None:
    config.write_text("[sessions]\nopen_max = 0\n")
    with server.connect() as client, pytest.raises(flight.FlightError) as caught:
        act(client, "server.reload")
    error = told(caught.value)
    assert error["code"] == "VEL1007"
    assert "sessions.open_max in file velaria.toml" in error["message"]
    assert str(config.parent) not in str(caught.value)
    config.unlink()
    with server.connect() as client, pytest.raises(flight.FlightError) as caught:
        act(client, "server.reload")
    assert str(config.parent) not in str(caught.value)


def test_sighup_reloads_and_logs(server: ServerProcess, config: Path) -> None:
    config.write_text("[sessions]\nopen_max = 3\n")
    server.process.send_signal(signal.SIGHUP)
    assert until(lambda: '"changed": ["sessions.open_max"]' in server.log()), server.log()
    config.write_text("[sessions")
    server.process.send_signal(signal.SIGHUP)
    assert until(lambda: "settings not reloaded" in server.log()), server.log()
    with server.connect() as client:
        assert act(client, "server.settings")["settings"]["sessions.open_max"] == 3
