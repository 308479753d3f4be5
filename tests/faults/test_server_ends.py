"""The end of a server: SIGTERM under load, a drain by action, a second server on one folder."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.server_process import ServerProcess, act, put, until

SLOW = b"SELECT l.n, r.n AS m FROM ends_n l CROSS JOIN ends_n r"
READERS = 8


def with_numbers(server: ServerProcess) -> flight.FlightClient:
    client = server.connect()
    put(client, "ends_n", pa.table({"n": pa.array(range(20_000), pa.int64())}))
    return client


def attach_readers(server: ServerProcess, *, reading: bool) -> list[flight.FlightStreamReader]:
    """Readers in the middle of an endless result; without `reading` they have stopped to read."""
    readers = []
    for _ in range(READERS):
        reader = server.connect().do_get(flight.Ticket(SLOW))
        reader.read_chunk()
        readers.append(reader)
        if reading:
            threading.Thread(target=_read_on, args=(reader,), daemon=True).start()
    return readers


def _read_on(reader: flight.FlightStreamReader) -> None:
    try:
        while True:
            reader.read_chunk()
    except (StopIteration, pa.ArrowException, OSError):
        return


both_fronts = pytest.mark.parametrize("front", ["native", "grpcio"])


@both_fronts
@pytest.mark.parametrize("reading", [True, False], ids=["readers that read", "readers that do not"])
def test_sigterm_under_eight_readers_exits_in_time(reading: bool, front: str) -> None:
    with ServerProcess(arguments=["--front", front]) as server:
        with_numbers(server)
        readers = attach_readers(server, reading=reading)
        began = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - began < 10
        assert len(readers) == READERS


@both_fronts
def test_a_drain_lets_calls_end_and_refuses_new_ones(front: str) -> None:
    with ServerProcess(arguments=["--front", front]) as server:
        client = with_numbers(server)
        reader = server.connect().do_get(flight.Ticket(SLOW))
        reader.read_chunk()
        assert act(client, "server.drain", wait_ms=3_000)["state"] == "draining"
        with pytest.raises(flight.FlightUnavailableError) as caught:
            client.do_get(flight.Ticket(b"SELECT 1")).read_all()
        assert b"VEL5001" in caught.value.extra_info
        assert act(client, "server.health")["state"] == "draining"
        asked = [server.ready["side"]]
        if front == "grpcio":
            asked.append(server.uri.removeprefix("grpc://"))
        for address in asked:
            with grpc.insecure_channel(address) as channel:
                request = health_pb2.HealthCheckRequest(service="")
                reply = health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
                assert reply.status == health_pb2.HealthCheckResponse.NOT_SERVING
        reader.cancel()
        assert until(lambda: not server.is_alive())
        assert server.process.returncode == 0


def test_a_second_server_on_one_folder_is_refused(tmp_path: Path) -> None:
    with ServerProcess(data_dir=tmp_path):
        command = [sys.executable, "-m", "velaria.flight_server.cli", "serve", "--postgres", "none"]
        command += ["--listen", "grpc://127.0.0.1:0", "--data-dir", str(tmp_path)]
        second = subprocess.run(command, capture_output=True, timeout=60)
    assert second.returncode == 1
    assert b"VEL1007" in second.stderr
    assert b"Traceback" not in second.stderr


@both_fronts
def test_a_port_in_use_is_refused_by_name(front: str) -> None:
    with ServerProcess() as server:
        command = [sys.executable, "-m", "velaria.flight_server.cli", "serve", "--postgres", "none"]
        command += ["--front", front]
        second = subprocess.run([*command, "--listen", server.uri], capture_output=True, timeout=60)
    assert second.returncode == 1
    told = f"VEL1007 cannot listen, address in use: {server.uri}"
    assert told in second.stderr.decode()


def test_a_side_port_in_use_is_refused_by_name() -> None:
    with ServerProcess() as server:
        side = server.uri.removeprefix("grpc://")
        command = [sys.executable, "-m", "velaria.flight_server.cli", "serve", "--postgres", "none"]
        command += ["--listen", "grpc://127.0.0.1:0", "--memory", "--side", side]
        second = subprocess.run(command, capture_output=True, timeout=60)
    assert second.returncode == 1
    assert f"VEL1007 cannot listen, address in use: {side}" in second.stderr.decode()


@both_fronts
def test_a_unix_socket_is_served(tmp_path: Path, front: str) -> None:
    uri = f"grpc+unix://{tmp_path}/v.sock"
    with ServerProcess(arguments=["--listen", uri, "--front", front]) as server:
        assert server.ready["flight"][1] == uri
        assert flight.connect(uri).do_get(flight.Ticket(b"SELECT 1 AS n")).read_all().num_rows == 1


def test_a_socket_that_a_server_listens_on_is_left_to_it(tmp_path: Path) -> None:
    uri = f"grpc+unix://{tmp_path}/v.sock"
    with ServerProcess(arguments=["--listen", uri]):
        command = [sys.executable, "-m", "velaria.flight_server.cli", "serve", "--postgres", "none"]
        second = subprocess.run([*command, "--listen", uri], capture_output=True, timeout=60)
        assert second.returncode == 1
        assert f"VEL1007 cannot listen, address in use: {uri}" in second.stderr.decode()
        assert flight.connect(uri).do_get(flight.Ticket(b"SELECT 1 AS n")).read_all().num_rows == 1


def test_a_socket_left_by_a_killed_server_is_used_again(tmp_path: Path) -> None:
    uri = f"grpc+unix://{tmp_path}/v.sock"
    with ServerProcess(arguments=["--listen", uri]) as killed:
        killed.process.kill()
        killed.process.wait()
    assert (tmp_path / "v.sock").is_socket()
    with ServerProcess(arguments=["--listen", uri]):
        assert flight.connect(uri).do_get(flight.Ticket(b"SELECT 1 AS n")).read_all().num_rows == 1
