"""A server of tests with TLS and identity: its certificates, and who is known to it and who not."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.server_process import ServerProcess
from velaria.flight_server.identity.principals import parse_binding
from velaria.flight_server.identity.tokens import TokenFile

OPENSSL = shutil.which("openssl")


def openssl(*words: str, cwd: Path) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *words], cwd=cwd, check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Authority:
    """Makes certificates in a folder of its own."""

    folder: Path

    def __post_init__(self) -> None:
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", "ca.key", "-out", "ca.pem", "-days", "1", "-subj", "/CN=test CA"),
            cwd=self.folder,
        )

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, file: str, name: str, san: str = "") -> tuple[Path, Path]:
        """Certificate and key of a subject."""
        openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", f"{file}.key", "-out", f"{file}.csr", "-subj", f"/CN={name}"),
            cwd=self.folder,
        )
        extensions = self.folder / f"{file}.ext"
        extensions.write_text(f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
        openssl(
            *("x509", "-req", "-in", f"{file}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-out", f"{file}.pem", "-days", "1"),
            *("-extfile", extensions.name),
            cwd=self.folder,
        )
        key = self.folder / f"{file}.key"
        key.chmod(0o600)
        return self.folder / f"{file}.pem", key


def served(data_dir: Path, files: tuple[Path, Path], *more: str) -> ServerProcess:
    """Its second address is the one with TLS."""
    certificate, key = files
    words = ["--listen", "grpc+tls://localhost:0", "--tls-cert", str(certificate)]
    return ServerProcess(data_dir=data_dir, arguments=[*words, "--tls-key", str(key), *more])


@dataclass(frozen=True)
class Credential:
    """A bearer token, or a user's name and password."""

    token: str = ""
    user: str = ""
    password: str = ""


@dataclass(frozen=True)
class Secured:
    """`uri` is the address with TLS, `ca` the certificate to trust it by."""

    server: ServerProcess
    uri: str
    ca: Path
    credentials: dict[str, Credential]


MAY_WRITE = {"author": True, "viewer": False, "writer": True, "reader": False}
"""Who is known: two tokens and two users with passwords."""
STRANGERS = ("wrong token", "wrong password")


@contextmanager
def secured_by_tls(folder: Path) -> Iterator[Secured]:
    """A server with a certificate of its own, and the principals of MAY_WRITE."""
    data_dir, certificates = folder / "state", folder / "certificates"
    data_dir.mkdir()
    certificates.mkdir()
    authority = Authority(certificates)
    files = authority.issue("server", "server", "DNS:localhost,IP:127.0.0.1")
    file = TokenFile(data_dir)
    author, viewer = (parse_binding("author"),), (parse_binding("viewer"),)
    password = "a long password"
    file.create_user("writer", password, author)
    file.create_user("reader", password, viewer)
    credentials = {
        "author": Credential(token=file.create_token("author", author)),
        "viewer": Credential(token=file.create_token("viewer", viewer)),
        "writer": Credential(user="writer", password=password),
        "reader": Credential(user="reader", password=password),
        "wrong token": Credential(token="vel_0123456789abcdef_x"),
        "wrong password": Credential(user="writer", password="another password"),
    }
    with served(data_dir, files) as server:
        yield Secured(server, server.ready["flight"][1], authority.certificate, credentials)
