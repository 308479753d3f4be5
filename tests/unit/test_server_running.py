"""A server process's parts, started and ended in this process."""

import socket
from pathlib import Path
from typing import Any

import pytest

from velaria.control.ledger import Ledger, open_ledger
from velaria.flight_server import running
from velaria.flight_server.options import Options
from velaria.flight_server.running import RunningServer
from velaria.schemas.errors import VelariaError


def in_memory(**told: Any) -> Options:
    """`told` by names with two underscores for the dot."""
    return Options(
        {
            "server.listen": ["grpc://127.0.0.1:0"],
            "server.side": "",
            "server.threads": 1,
            "postgres.dsn": "none",
            **{name.replace("__", "."): value for name, value in told.items()},
        }
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


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


@pytest.mark.parametrize("front", ["native", "grpcio"])
def test_a_server_that_cannot_open_its_last_listener_leaves_none_of_the_others(
    front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when another program takes the address after it has been looked at.
    monkeypatch.setattr(running, "refuse_taken_addresses", lambda _: None)
    first, side = free_port(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for told in (
            {"server__listen": [f"grpc://127.0.0.1:{first}", f"grpc://{address}"]},
            {
                "server__listen": [f"grpc://127.0.0.1:{first}"],
                "server__side": f"127.0.0.1:{side}",
                "metrics__listen": address,
            },
        ):
            with pytest.raises(VelariaError, match="VEL1007"):
                RunningServer(in_memory(server__front=front, **told))
            assert not is_listening(first)
            assert not is_listening(side)


def test_what_is_wrong_with_addresses_and_files_is_told_before_anything_is_opened(
    ends: list[bool], tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text("no JSON")
    jwt = {"jwt__jwks": str(keys), "jwt__issuer": "i", "jwt__audience": "a"}
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for told in (
            {"server__listen": [f"grpc://{address}"]},
            {"server__side": address},
            {"metrics__listen": address},
            {"server__listen": [f"grpc+unix://{tmp_path}/no/v.sock"]},
            {"server__listen": [f"grpc+unix://{tmp_path}/file"]},
            {"server__listen": [f"grpc+unix://{tmp_path}/{'long' * 30}"]},
            {"server__allow_path": [str(tmp_path / "no")]},
            jwt,
        ):
            data_dir = tmp_path / "state"
            with pytest.raises(VelariaError, match="VEL1007"):
                RunningServer(in_memory(server__data_dir=str(data_dir), **told))
            assert ends == []
            assert not data_dir.exists() or told is jwt
