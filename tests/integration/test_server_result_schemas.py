"""The schema that FlightInfo tells is the one that DoGet sends: for statements of all kinds."""

import re
from pathlib import Path

import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act

pytestmark = pytest.mark.both_fronts

FILES = sorted((Path(__file__).parents[1] / "slt").glob("*.slt"))
SAMPLED = FILES[::5]
RECORD = re.compile(r"^(?:statement ok|query \S+.*)\n((?:(?!----$).+\n?)+)", re.MULTILINE)

ONE_OF_EACH = [
    "CREATE TABLE t (a BIGINT PRIMARY KEY, b VARCHAR)",
    "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO t VALUES (3, 'z') RETURNING a, b || '!' AS c",
    "UPDATE t SET b = 'w' WHERE a = 1 RETURNING *",
    "DELETE FROM t WHERE a = 2",
    "EXPLAIN SELECT * FROM t",
    "EXPLAIN ANALYZE SELECT * FROM t",
    "DESCRIBE t",
    "SHOW TABLES",
    "SHOW ALL",
    "SUMMARIZE t",
    "PREPARE p AS SELECT a FROM t WHERE a > $1",
    "EXECUTE p(0)",
    "VALUES (1, NULL), (2, 'x')",
    "WITH c AS (SELECT * FROM t) SELECT * FROM c",
    "SELECT NULL AS n, [1, 2] AS l, {'a': 1} AS s, INTERVAL '1 day' AS i",
    "BEGIN",
    "SAVEPOINT s",
    "COMMIT",
    "SET float_sum = 'fast'",
    "CREATE VIEW v AS SELECT * FROM t",
    "CREATE TABLE u AS SELECT * FROM t",
    "TRUNCATE u",
    "DROP VIEW v",
]


def in_session(server: ServerProcess, schema: str) -> flight.FlightCallOptions:
    """Calls of a session whose names are its own."""
    with server.connect() as client:
        session = act(client, "session.open")["session"]
        options = flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])
        for sql in (f"CREATE SCHEMA {schema}", f"SET schema = '{schema}'"):
            client.do_get(flight.Ticket(sql.encode()), options).read_all()
    return options


def check(client: flight.FlightClient, sql: str, options: flight.FlightCallOptions) -> None:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()), options)
    got = client.do_get(info.endpoints[0].ticket, options).read_all()
    assert got.schema.equals(info.schema, check_metadata=True), sql


@pytest.mark.parametrize("path", SAMPLED, ids=lambda path: path.stem)
def test_the_statements_of_a_record_file(
    server: ServerProcess, client: flight.FlightClient, path: Path
) -> None:
    options = in_session(server, f"schemas_{path.stem}")
    compared = 0
    for sql in RECORD.findall(path.read_text("utf-8")):
        if "SCHEMA" in sql.upper() or "__" in sql:  # of its own names, or of the runner's folders
            continue
        try:
            check(client, sql, options)
        except flight.FlightError:  # what it needs was left out; judged by the records' own tests
            continue
        compared += 1
    assert compared > 0 or "__" in path.read_text("utf-8")


def test_one_statement_of_each_kind(server: ServerProcess, client: flight.FlightClient) -> None:
    options = in_session(server, "schemas_each")
    for sql in ONE_OF_EACH:
        check(client, sql, options)
