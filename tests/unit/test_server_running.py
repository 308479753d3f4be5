"""A server process's parts, started and ended in this process."""

from pathlib import Path
from typing import Any

import pytest

from velaria.control.ledger import Ledger, open_ledger
from velaria.flight_server import running
from velaria.flight_server.running import RunningServer, ServeOptions


def in_memory() -> ServeOptions:
    return ServeOptions(listen=["grpc://127.0.0.1:0"], side=None, postgres="none", threads=1)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Per ledger that was closed: whether its data directory was still there."""
    seen: list[bool] = []

    def watched(where: str | None, data_dir: Path) -> Ledger:
        ledger = open_ledger(where, data_dir)
        close = ledger.close

        def noting_close() -> None:
            seen.append(data_dir.is_dir())
            close()

        monkeypatch.setattr(ledger, "close", noting_close)
        return ledger

    monkeypatch.setattr(running, "open_ledger", watched)
    return seen


def test_a_private_folder_outlives_the_ledger_and_goes(ends: list[bool]) -> None:
    server = RunningServer(in_memory())
    assert server.close()
    assert ends == [True]
    assert not server.data_dir.exists()


def test_a_server_that_cannot_start_leaves_no_folder(
    ends: list[bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def refused(*_: Any) -> None:
        raise OSError("the port is taken")

    monkeypatch.setattr(running, "open_front", refused)
    with pytest.raises(OSError, match="taken"):
        RunningServer(in_memory())
    assert ends == [True]
    assert list(tmp_path.iterdir()) == []
