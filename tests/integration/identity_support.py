"""A served identity for tests: a data directory with one token per role, and clients of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from tests.server_process import ServerProcess
from velaria.flight_server.identity.credentials import Saying
from velaria.flight_server.identity.principals import parse_binding
from velaria.flight_server.identity.tokens import TokenFile

ROLES = {
    "admin": ["admin"],
    "author": ["author"],
    "operator": ["operator"],
    "viewer": ["viewer"],
    "sales_author": ["author:sales"],
    "sales_viewer": ["viewer:sales"],
    "nobody": [],
}
"""Principal -> its roles."""

SETUP = (
    "CREATE SCHEMA sales",
    "CREATE SCHEMA hr",
    "CREATE TABLE m (a INT)",
    "CREATE TABLE sales.t (a INT)",
    "CREATE TABLE hr.pay (salary INT PRIMARY KEY)",
    'CREATE TABLE "sales.hidden" (a INT)',
    "CREATE STREAM sales.events (a INT)",
    "CREATE STREAM sales.ended (a INT)",
    "CREATE STREAM hr.events (salary INT)",
    "CREATE VIEW sales.over_hr AS SELECT salary FROM hr.pay",
    "CREATE VIEW sales.own_view AS SELECT a FROM sales.t",
    "CREATE VIEW over_sales AS SELECT a FROM sales.t",
)


def make_tokens(data_dir: Path) -> dict[str, str]:
    """Principal -> its token's text."""
    file = TokenFile(data_dir)
    return {
        name: file.create_token(name, tuple(parse_binding(role) for role in roles))
        for name, roles in ROLES.items()
    }


class As:
    """A plain pyarrow client that says one token with each call."""

    def __init__(self, server: ServerProcess, token: str | None, session: str = "") -> None:
        headers = [(b"velaria-session", session.encode())] if session else []
        middleware = [Saying(f"Bearer {token}")] if token is not None else []
        self.client = flight.connect(server.uri, middleware=middleware)
        self.options = flight.FlightCallOptions(headers=headers)

    def read(self, sql: str) -> pa.Table:
        return self.client.do_get(flight.Ticket(sql.encode()), self.options).read_all()

    def info(self, sql: str) -> flight.FlightInfo:
        """Described and judged, not run."""
        descriptor = flight.FlightDescriptor.for_command(sql.encode())
        return self.client.get_flight_info(descriptor, self.options)

    def act(self, name: str, /, **fields: Any) -> dict[str, Any]:
        request = flight.Action(name, msgspec.msgpack.encode(fields))
        (reply,) = self.client.do_action(request, self.options)
        answer: dict[str, Any] = msgspec.msgpack.decode(reply.body.to_pybytes())
        return answer

    def put(self, name: str, table: pa.Table) -> None:
        descriptor = flight.FlightDescriptor.for_path(name)
        writer, _ = self.client.do_put(descriptor, table.schema, self.options)
        with writer:
            writer.write_table(table)

    def code(self, call: Any, *arguments: Any, **fields: Any) -> str:
        """The code that a call is refused with; "" when it is not."""
        try:
            call(*arguments, **fields)
        except (flight.FlightError, pa.ArrowException) as fault:
            found = re.search(r"VEL\d{4}", str(fault))
            assert found and "Traceback" not in str(fault), str(fault)
            return found.group()
        return ""


@contextmanager
def secured(
    front: str, data_dir: Path, allow_path: Path
) -> Iterator[tuple[ServerProcess, dict[str, str]]]:
    """A server with the principals of ROLES and what SETUP makes; their tokens."""
    tokens = make_tokens(data_dir)
    arguments = ["--front", front]
    with ServerProcess(data_dir=data_dir, allow_path=[allow_path], arguments=arguments) as server:
        admin = As(server, tokens["admin"])
        for sql in SETUP:
            admin.read(sql)
        yield server, tokens
