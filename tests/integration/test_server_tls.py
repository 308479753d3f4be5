"""TLS: encrypted listeners, certificates of clients, and a new certificate without a restart."""

import os
import shutil
import ssl
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.secured_server import OPENSSL, Authority, served
from tests.server_process import ServerProcess, told, until
from velaria.flight_server.identity.principals import Binding
from velaria.flight_server.identity.tokens import TokenFile
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the program openssl is not installed")

ADMIN = (Binding("admin"),)
ROWS = pa.table({"a": pa.array([1], pa.int32())})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server_files(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("server", "server", "DNS:localhost,IP:127.0.0.1")


def test_a_token_goes_over_tls(
    authority: Authority, server_files: tuple[Path, Path], tmp_path: Path
) -> None:
    text = TokenFile(tmp_path).create_token("etl", ADMIN)
    with served(tmp_path, server_files) as server:
        uri = server.ready["flight"][1]
        assert uri.startswith("grpc+tls://localhost:")
        with velaria.connect(uri, token=text, tls_ca=authority.certificate) as client:
            assert client.sql("SELECT 1 AS a").to_rows() == [(1,)]
        with velaria.connect(uri, tls_ca=authority.certificate) as client:
            with pytest.raises(VelariaError) as caught:
                client.sql("SELECT 1")
            assert caught.value.code == "VEL1009"
        with velaria.connect(uri, token=text, timeout_s=10) as client:  # trusts no such CA
            with pytest.raises(VelariaError) as caught:
                client.sql("SELECT 1")
            assert caught.value.code == "VEL5007"
        plain = uri.replace("grpc+tls", "grpc")
        with velaria.connect(plain, token=text, timeout_s=10) as client:
            with pytest.raises(VelariaError) as caught:
                client.sql("SELECT 1")
            assert caught.value.code == "VEL5007"


@pytest.mark.parametrize(
    ("common_name", "san", "principal"),
    [("worker-1", "", "worker-1"), ("x", "DNS:worker-2.example", "worker-2.example")],
)
def test_a_certificates_subject_is_a_principal(
    authority: Authority,
    server_files: tuple[Path, Path],
    tmp_path: Path,
    common_name: str,
    san: str,
    principal: str,
) -> None:
    file = TokenFile(tmp_path)
    file.create_subject(principal, (Binding("viewer", "main"),))
    token = file.create_token("etl", ADMIN)
    certificate, key = authority.issue(principal, common_name, san)
    with served(tmp_path, server_files, "--tls-client-ca", str(authority.certificate)) as server:
        uri = server.ready["flight"][1]
        files = {"tls_ca": authority.certificate, "tls_cert": certificate, "tls_key": key}
        with velaria.connect(uri, **files) as client:
            assert client.sql("SELECT 1 AS a").to_rows() == [(1,)]
            with pytest.raises(VelariaError) as caught:
                client.action("server.drain")
            assert caught.value.code == "VEL1010"
            assert len(client.actions()) > 10
        with velaria.connect(uri, token=token, **files) as client:  # a header comes first
            assert client.action("server.metrics")
        stranger = dict(zip(("tls_cert", "tls_key"), authority.issue("str", "str"), strict=True))
        with velaria.connect(uri, tls_ca=authority.certificate, **stranger) as client:
            for call in (client.health, client.actions):
                with pytest.raises(VelariaError) as caught:
                    call()
                assert caught.value.code == "VEL1009"
        with velaria.connect(
            uri, token=token, tls_ca=authority.certificate, timeout_s=10
        ) as client:
            with pytest.raises(VelariaError) as caught:  # no certificate, no connection
                client.health()
            assert caught.value.code == "VEL1009"
        with velaria.connect(server.uri, token=token) as client:  # the plain loopback listener
            assert client.health()["state"] == "serving"
        with server.connect() as client, pytest.raises(flight.FlightError) as refused:
            list(client.do_action("server.health"))
        assert told(refused.value)["code"] == "VEL1009"


def test_a_subject_that_is_revoked_is_out_at_the_next_call(
    authority: Authority, server_files: tuple[Path, Path], tmp_path: Path
) -> None:
    file = TokenFile(tmp_path)
    file.create_subject("worker-3", ADMIN)
    certificate, key = authority.issue("worker-3", "worker-3")
    with (
        served(tmp_path, server_files, "--tls-client-ca", str(authority.certificate)) as server,
        velaria.connect(
            server.ready["flight"][1],
            tls_ca=authority.certificate,
            tls_cert=certificate,
            tls_key=key,
        ) as client,
    ):
        assert client.health()["state"] == "serving"
        file.revoke("worker-3")
        with pytest.raises(VelariaError) as caught:
            client.health()
        assert caught.value.code == "VEL1009"


def presented(uri: str) -> str:
    host, port = uri.removeprefix("grpc+tls://").rsplit(":", 1)
    pem = ssl.get_server_certificate((host, int(port)), timeout=5)
    return pem.strip()


def test_a_new_certificate_is_served_without_a_restart(
    authority: Authority, tmp_path: Path
) -> None:
    text = TokenFile(tmp_path).create_token("etl", ADMIN)
    first = authority.issue("first", "server", "DNS:localhost")
    second = authority.issue("second", "server", "DNS:localhost")
    served_files = (tmp_path / "tls.pem", tmp_path / "tls.key")

    def put(files: tuple[Path, Path]) -> None:
        for source, target in zip(files, served_files, strict=True):
            beside = target.with_suffix(".new")
            shutil.copy(source, beside)
            os.replace(beside, target)

    put(first)
    with served(tmp_path, served_files) as server:
        uri = server.ready["flight"][1]
        assert presented(uri) == first[0].read_text().strip()
        with velaria.connect(uri, token=text, tls_ca=authority.certificate) as client:
            client.sql("CREATE STREAM s (a INT)")
            long_call = client.sql("SELECT * FROM s")
            assert long_call.schema.names == ["a"]
            shutil.copy(second[1], served_files[1])  # a key that is not the certificate's
            assert presented(uri) == first[0].read_text().strip()
            assert until(lambda: "the certificate stays as it was" in server.log())
            put(second)
            assert presented(uri) == second[0].read_text().strip()
            with velaria.connect(uri, token=text, tls_ca=authority.certificate) as other:
                assert other.sql("SELECT 1 AS a").to_rows() == [(1,)]
                other.put(ROWS, "s")
            assert next(iter(long_call)).num_rows == 1  # the call of the old one goes on
        assert server.terminate() == 0


def refused_start(files: tuple[Path, Path], tmp_path: Path, *more: str) -> str:
    with pytest.raises(RuntimeError) as caught:
        served(tmp_path, files, *more).close()
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_serve_are_refused_at_the_start(
    authority: Authority, server_files: tuple[Path, Path], tmp_path: Path
) -> None:
    certificate, key = server_files
    other = authority.issue("other", "other")
    missing = tmp_path / "no.pem"
    told = refused_start((certificate, other[1]), tmp_path)
    assert f"VEL1007 the file of --tls-key cannot be used: {other[1]}" in told
    assert f"it is not the key of {certificate}" in told
    for files, more, flag in (
        ((missing, key), (), "--tls-cert"),
        ((certificate, missing), (), "--tls-key"),
        (server_files, ("--tls-client-ca", str(missing)), "--tls-client-ca"),
    ):
        told = refused_start(files, tmp_path, *more)
        assert f"VEL1007 the file of {flag} cannot be used: {missing}" in told
        assert "No such file or directory" in told
    open_key = tmp_path / "open.key"
    shutil.copy(key, open_key)
    open_key.chmod(0o644)
    error = refused_start((certificate, open_key), tmp_path)
    assert "VEL1007 the key of the certificate can be read by everybody" in error
    error = refused_start(server_files, tmp_path, "--front", "native")
    assert "VEL1007 the native front serves no TLS" in error and "--front grpcio" in error
    with pytest.raises(RuntimeError, match="VEL1007 a certificate is given, but no listener"):
        ServerProcess(
            arguments=["--tls-cert", str(certificate), "--tls-key", str(key)], data_dir=tmp_path
        ).close()


def test_off_loopback_tls_and_identity_together_are_enough(
    authority: Authority, server_files: tuple[Path, Path], tmp_path: Path
) -> None:
    certificate, key = server_files
    words = ["--listen", "grpc+tls://0.0.0.0:0", "--tls-cert", str(certificate)]
    words += ["--tls-key", str(key)]
    with pytest.raises(RuntimeError, match="is without identity:"):
        ServerProcess(data_dir=tmp_path, arguments=words).close()
    TokenFile(tmp_path).create_token("etl", ADMIN)
    with ServerProcess(data_dir=tmp_path, arguments=words) as server:
        assert server.ready["flight"][1].startswith("grpc+tls://0.0.0.0:")
