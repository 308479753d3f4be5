"""TLS of the grpcio front in this process: renewed certificates, certificates of clients, and who
calls decided before a message is read."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server.calls import Call, CallFactory
from velaria.flight_server.errors import boundary
from velaria.flight_server.grpc_front import tls
from velaria.flight_server.grpc_front.front import GrpcFront
from velaria.flight_server.identity.tls import TlsFiles
from velaria.flight_server.options import Options
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not there")


def make_certificate(folder: Path, name: str) -> TlsFiles:
    """A certificate of its own for localhost."""
    files = TlsFiles(folder / f"{name}.crt", folder / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-days", "1", "-subj", f"/CN={name}", "-addext"]
        + ["subjectAltName=DNS:localhost", "-keyout", files.key, "-out", files.certificate],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    session = _kernel.Session()
    made = Service(session, open_ledger("none", tmp_path), Options(), tmp_path)
    made.watcher.start()
    yield made
    made.watcher.close()
    session.close()


def ask(front: GrpcFront, **tls: Any) -> list[dict[str, Any]]:
    with flight.connect(f"grpc+tls://localhost:{front.port}", **tls) as client:
        rows: list[dict[str, Any]] = (
            client.do_get(flight.Ticket(b"SELECT 1 AS n")).read_all().to_pylist()
        )
        return rows


def test_a_renewed_certificate_is_served_from_the_next_connection_on(
    service: Service, tmp_path: Path
) -> None:
    first, second = make_certificate(tmp_path, "first"), make_certificate(tmp_path, "second")
    served = TlsFiles(tmp_path / "served.crt", tmp_path / "served.key")
    shutil.copy(first.certificate, served.certificate)
    shutil.copy(first.key, served.key)
    front = GrpcFront(service, "grpc+tls://127.0.0.1:0", served)
    try:
        assert ask(front, tls_root_certs=first.certificate.read_bytes()) == [{"n": 1}]
        shutil.copy(second.key, served.key)  # half of it: the old one goes on
        assert ask(front, tls_root_certs=first.certificate.read_bytes()) == [{"n": 1}]
        shutil.copy(second.certificate, served.certificate)
        assert ask(front, tls_root_certs=second.certificate.read_bytes()) == [{"n": 1}]
    finally:
        front.shutdown()


@pytest.mark.parametrize("flag", ["--tls-cert", "--tls-key", "--tls-client-ca"])
@pytest.mark.parametrize(
    ("content", "reason"), [("no PEM", "in PEM"), (None, "No such file"), (b"\xff", "in PEM")]
)
def test_a_file_that_cannot_be_used_is_told_with_its_flag(
    tmp_path: Path, flag: str, content: str | bytes | None, reason: str
) -> None:
    files = make_certificate(tmp_path, "one")
    bad = tmp_path / "bad.pem"
    if content is not None:
        bad.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = {"--tls-cert": files.certificate, "--tls-key": files.key, flag: bad}
    with pytest.raises(VelariaError) as refused:
        TlsFiles(told["--tls-cert"], told["--tls-key"], told.get("--tls-client-ca")).check()
    assert refused.value.message == f"the file of {flag} cannot be used: {bad}"
    assert reason in refused.value.detail


def test_a_key_of_another_certificate_is_told_as_such(tmp_path: Path) -> None:
    one, other = make_certificate(tmp_path, "one"), make_certificate(tmp_path, "other")
    with pytest.raises(VelariaError, match="the file of --tls-key") as refused:
        TlsFiles(one.certificate, other.key).check()
    assert refused.value.detail == f"it is not the key of {one.certificate}"


def logged(capfd: pytest.CaptureFixture[str]) -> str:
    told = capfd.readouterr()
    return told.out + told.err


def test_the_log_tells_why_a_renewed_pair_is_passed_over(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files, other = make_certificate(tmp_path, "one"), make_certificate(tmp_path, "other")
    renewals = tls._Renewals(files)
    shutil.copy(other.key, files.key)
    logged(capfd)
    assert renewals.look() is None
    told = logged(capfd)
    assert f"the file of --tls-key cannot be used: {files.key}" in told
    assert f"it is not the key of {files.certificate}" in told
    files.key.unlink()
    assert renewals.look() is None
    assert str(files.key) in logged(capfd)


def test_the_log_tells_once_that_a_certificate_ends_and_once_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    files, other = make_certificate(tmp_path, "one"), make_certificate(tmp_path, "other")
    renewals = tls._Renewals(files)
    assert logged(capfd).count("the certificate ends soon") == 1
    renewals.look()
    assert "the certificate" not in logged(capfd)

    later = datetime.now(UTC) + timedelta(days=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return later

    monkeypatch.setattr(tls, "datetime", Later)
    for _ in range(2):
        renewals.look()
    assert logged(capfd).count("the certificate's time is over") == 1
    shutil.copy(other.certificate, files.certificate)
    shutil.copy(other.key, files.key)
    renewals.look()
    assert logged(capfd).count("the certificate's time is over") == 1, "the new one's, too"


def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    stranger = make_certificate(tmp_path, "stranger")
    seen: list[str] = []
    start_call = CallFactory.start_call

    def start(self: CallFactory, method: str, headers: Any, subject: str = "") -> Call:
        seen.append(subject)
        return start_call(self, method, headers, subject)

    monkeypatch.setattr(CallFactory, "start_call", start)
    front = GrpcFront(
        service,
        "grpc+tls://127.0.0.1:0",
        TlsFiles(server.certificate, server.key, client.certificate),
    )
    root = {"tls_root_certs": server.certificate.read_bytes()}

    def shown(files: TlsFiles) -> dict[str, Any]:
        return {"cert_chain": files.certificate.read_bytes(), "private_key": files.key.read_bytes()}

    try:
        assert ask(front, **root, **shown(client)) == [{"n": 1}]
        assert seen == ["localhost"]
        for refused in ({}, shown(stranger)):
            with pytest.raises(flight.FlightUnavailableError):
                ask(front, **root, **refused)
    finally:
        front.shutdown()


def test_who_calls_is_decided_before_a_message_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller sends nothing, and is answered all the same."""

    def refuse(self: object, method: str, headers: Any, subject: str) -> Call:
        with boundary():
            told = dict(headers)["authorization"]
            raise VelariaError(codes.UNAUTHENTICATED, f"not known: {told}")

    monkeypatch.setattr("velaria.flight_server.calls.CallFactory.start_call", refuse)
    released = threading.Event()

    def wait() -> bytes:
        released.wait(30)
        return b""

    front = GrpcFront(service, "grpc://127.0.0.1:0")
    try:
        with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
            for method in ("DoAction", "DoGet", "DoPut", "GetFlightInfo"):
                rpc = channel.stream_stream(f"/arrow.flight.protocol.FlightService/{method}")
                silent: Iterator[bytes] = iter(wait, b"")
                with pytest.raises(grpc.RpcError) as caught:
                    list(rpc(silent, metadata=[("authorization", "Bearer x")], timeout=20))
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
                extra_info = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
                assert msgspec.msgpack.decode(extra_info)["code"] == "VEL1009"
    finally:
        released.set()
        front.shutdown()


def test_the_settings_bound_the_size_of_a_message(service: Service) -> None:
    service.options = Options({"grpc.message_bytes_max": 1 << 20})
    front = GrpcFront(service, "grpc://127.0.0.1:0")
    try:
        with flight.connect(f"grpc://127.0.0.1:{front.port}") as client:
            statement = "SELECT '" + "x" * 1_000_000 + "'"
            assert client.do_get(flight.Ticket(statement.encode())).read_all().num_rows == 1
            with pytest.raises(pa.ArrowException, match="larger than max"):
                client.do_get(flight.Ticket(bytes(1 << 20))).read_all()
    finally:
        front.shutdown()


def test_a_call_beyond_the_bound_is_refused(service: Service) -> None:
    service.options = Options({"grpc.calls_max": 1})
    front = GrpcFront(service, "grpc://127.0.0.1:0")
    try:
        with grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel:
            endless = b"SELECT a.i FROM generate_series(1, 100000) a(i), generate_series(1, 9999) b"
            get = channel.unary_stream("/arrow.flight.protocol.FlightService/DoGet")
            first = get(b"\x0a" + bytes([len(endless)]) + endless)
            next(first)
            with pytest.raises(grpc.RpcError) as caught:
                list(get(b"\x0a\x08SELECT 1"))
            # Ours, since gRPC lets in as many again to be told so.
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert caught.value.details().startswith("VEL5002 too many calls are under way: 1")
            first.cancel()
    finally:
        front.shutdown()
