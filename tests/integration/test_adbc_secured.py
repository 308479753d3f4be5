"""ADBC's driver against a server with TLS: who is known, by token or by name and password, and who
is not."""

from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.integration.adbc_client import THREE, dbapi, ingest, refused, rows, update
from tests.secured_server import MAY_WRITE, STRANGERS, Secured


def connected(secured: Secured, name: str) -> AbstractContextManager[Any]:
    who = secured.credentials[name]
    said = {"adbc.flight.sql.authorization_header": f"Bearer {who.token}"}
    if not who.token:
        said = {"username": who.user, "password": who.password}
    trusted = {"adbc.flight.sql.client_option.tls_root_certs": secured.ca.read_text("utf-8")}
    connection: AbstractContextManager[Any] = dbapi.connect(
        secured.uri, db_kwargs={**trusted, **said}, autocommit=True
    )
    return connection


@pytest.mark.parametrize("name", MAY_WRITE)
def test_who_is_known_does_what_the_role_may(secured: Secured, name: str) -> None:
    with connected(secured, name) as connection:
        assert rows(connection, "SELECT ? * 2", (21,)) == [(42,)]
        if MAY_WRITE[name]:
            update(connection, f"CREATE TABLE adbc_{name} (k BIGINT)")
            assert ingest(connection, f"adbc_{name}", THREE, "append") == 3
            return
        with refused("VEL1010", dbapi.Error):
            update(connection, f"CREATE TABLE adbc_{name} (k BIGINT)")
        with refused("VEL1010", dbapi.Error):
            ingest(connection, f"adbc_{name}", THREE, "create")


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_told_so(secured: Secured, name: str) -> None:
    with refused("VEL1009", dbapi.Error), connected(secured, name) as connection:
        rows(connection, "SELECT 1")


def test_a_certificate_of_nobody_known_is_not_trusted(secured: Secured) -> None:
    with (
        pytest.raises(dbapi.OperationalError),
        dbapi.connect(secured.uri, autocommit=True) as connection,
    ):
        rows(connection, "SELECT 1")
