"""What a program pays for at its start: a client logs nothing and serves nothing."""

import subprocess
import sys

import pytest

SERVERS_OWN = {"structlog", "grpc", "google.protobuf", "psycopg", "asyncio"}
CLIENT = "velaria.flight_server.cli, velaria.flight_server.commands.sql"
SERVER = "velaria.flight_server.commands.serve, velaria.flight_server.running"


@pytest.mark.parametrize(
    ("imported", "unwanted"),
    [(CLIENT, SERVERS_OWN), (SERVER, {"psycopg", "velaria.flight_server.client"})],
    ids=["the client", "a server without Postgres"],
)
def test_a_program_imports_what_it_needs(imported: str, unwanted: set[str]) -> None:
    told = f"import sys, {imported}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert unwanted & set(done.stdout.split()) == set()
