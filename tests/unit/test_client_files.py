"""A file of the client's machine that cannot be read is told by its name."""

from pathlib import Path
from typing import Any

import pytest

from velaria import _kernel
from velaria.flight_server.identity.credentials import Credentials
from velaria.flight_server.local_files import open_file
from velaria.schemas.errors import VelariaError


@pytest.mark.parametrize("field", ["tls_ca", "tls_cert", "tls_key"])
def test_a_certificate_or_key(tmp_path: Path, field: str) -> None:
    missing = tmp_path / "none.pem"
    with pytest.raises(VelariaError, match=f"VEL1007 .* cannot be read: {missing}$") as refused:
        Credentials(**{field: missing}).connect_arguments()
    assert refused.value.detail == "No such file or directory"


def test_a_file_of_rows(tmp_path: Path) -> None:
    missing = tmp_path / "none.csv"
    session = _kernel.Session(threads=1)
    with pytest.raises(VelariaError, match=f"VEL4003 .* cannot be read: {missing}$") as refused:
        open_file(session, missing)
    assert refused.value.detail == "No such file or directory"
    session.close()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"token": 7}, "token is no text, but of type int"),
        ({"token": b"vel_x"}, "token is no text, but of type bytes"),
        ({"user": "ann", "password": b"x"}, "password is no text, but of type bytes"),
        ({"token": "vel_x\n"}, "the token has characters that no token has"),
        ({"token": "Bearer vel_x"}, "the token begins with Bearer"),
    ],
)
def test_what_is_said_of_oneself(told: dict[str, Any], message: str) -> None:
    with pytest.raises(VelariaError, match=f"VEL1007 {message}") as refused:
        Credentials(**told).checked()
    assert "vel_x" not in f"{refused.value} {refused.value.hint}"
