"""What a client is told when TLS stands between it and the server: which file, and nothing on
stderr."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import velaria
from tests.secured_server import MAY_WRITE, OPENSSL, Authority, Secured, served
from tests.server_process import ServerProcess
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not there")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def addresses(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Without TLS and with it."""
    files = authority.issue("server", "server", "DNS:localhost")
    with served(tmp_path_factory.mktemp("tls-faults"), files) as server:
        plain, tls = server.ready["flight"]
        yield plain, tls


def fault(uri: str, **fields: object) -> VelariaError:
    with (
        pytest.raises(VelariaError) as caught,
        velaria.connect(uri, **fields) as client,  # type: ignore[arg-type]
    ):
        client.health()
    return caught.value


def test_a_certificate_that_is_not_trusted_names_the_file_that_is_needed(
    authority: Authority, stranger: Authority, addresses: tuple[str, str]
) -> None:
    _, tls = addresses
    others = tls.replace("localhost", "127.0.0.1")
    for error in (
        fault(tls),
        fault(tls, tls_ca=stranger.certificate),
        fault(others, tls_ca=authority.certificate),
    ):
        assert (error.code, error.retry) == ("VEL5007", "never")
        assert "certificate is not accepted" in error.message and "--tls-ca" in error.hint
    with velaria.connect(tls, tls_ca=authority.certificate) as client:
        assert client.health()["state"] == "serving"


def test_tls_on_one_side_only_names_the_address_that_is_meant(
    authority: Authority, addresses: tuple[str, str]
) -> None:
    plain, tls = addresses
    error = fault(tls.replace("grpc+tls:", "grpc:"))
    assert ("speaks TLS" in error.message, "grpc+tls://" in error.hint) == (True, True)
    error = fault(plain.replace("grpc:", "grpc+tls:"), tls_ca=authority.certificate)
    assert ("does not speak TLS" in error.message, error.retry) == (True, "never")
    assert fault("grpc+tls://127.0.0.1:1").retry == "later"


def test_the_side_port_is_told_for_none_of_flight(server: ServerProcess) -> None:
    error = fault(f"grpc://{server.ready['side']}")
    assert (error.code, error.retry, "--listen" in error.hint) == ("VEL5007", "never", True)
    assert "no Flight server" in error.message


def test_a_missing_certificate_of_the_client_is_asked_for(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    files = authority.issue("asking", "server", "DNS:localhost")
    wanted = ["--tls-client-ca", str(authority.certificate)]
    with served(tmp_path, files, *wanted) as server:
        tls = server.ready["flight"][1]
        error = fault(tls, tls_ca=authority.certificate)
        assert (error.code, "none was given" in error.message) == ("VEL1009", True)
        assert "--tls-cert" in error.hint
        certificate, key = stranger.issue("client", "client")
        error = fault(tls, tls_ca=authority.certificate, tls_cert=certificate, tls_key=key)
        assert (error.code, "does not accept" in error.message) == ("VEL1009", True)


def test_files_that_hold_something_else_are_named(authority: Authority, tmp_path: Path) -> None:
    uri, key = "grpc+tls://localhost:1", authority.folder / "ca.key"
    error = fault(uri, tls_ca=key)
    assert (error.code, f"tls_ca holds no certificate (PEM): {key}" in error.message) == (
        "VEL1007",
        True,
    )
    error = fault(uri, tls_ca=tmp_path / "nope.pem")
    assert (error.code, "nope.pem" in error.message) == ("VEL1007", True)
    certificate, _ = authority.issue("own", "own")
    error = fault(uri, tls_cert=certificate, tls_key=key)
    assert (error.code, str(certificate) in error.message, str(key) in error.message) == (
        "VEL1007",
        True,
        True,
    )


@pytest.mark.parametrize("who", ["author", "viewer", "writer", "reader", "wrong token"])
def test_a_transform_says_who_calls_and_trusts_as_other_calls_do(
    secured: Secured, who: str
) -> None:
    credential = secured.credentials[who]
    said = {name: value for name, value in vars(credential).items() if value}
    data = pa.table({"a": [1, 2]})
    with velaria.connect(secured.uri, tls_ca=secured.ca, **said) as client:
        try:
            rows = client.transform(data, "SELECT a + 1 AS b FROM input").read_all()
        except VelariaError as error:
            assert (who, error.code) == ("wrong token", "VEL1009")
        else:
            assert (who in MAY_WRITE, rows.to_pydict()) == (True, {"b": [2, 3]})


def test_grpc_writes_nothing_of_its_own(addresses: tuple[str, str]) -> None:
    plain, tls = addresses
    script = (
        "import os, sys, velaria\nfor uri in sys.argv[1:]:\n try: velaria.connect(uri).health()\n"
        " except velaria.VelariaError as error: print(error.code)\n"
        "print('GRPC_VERBOSITY' in os.environ)"
    )
    wrong = [tls, tls.replace("grpc+tls:", "grpc:"), plain.replace("grpc:", "grpc+tls:")]
    done = subprocess.run(
        [sys.executable, "-c", script, *wrong], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["VEL5007"] * 3 + ["False"], "")
