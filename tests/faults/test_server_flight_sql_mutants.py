"""Damaged and hostile Flight SQL messages: each is answered or refused with a code, none is traced
to the client, and the server goes on."""

import random

import grpc
import pyarrow.flight as flight
import pytest

from tests.faults.mutants import mutant
from tests.flight_sql import SERVICE, refusal_of
from tests.server_process import ServerProcess, rows, told_in
from velaria.flight_server.flight_sql.messages import new, pack

pytestmark = pytest.mark.both_fronts

MUTANTS_PER_METHOD = 400
SEED = 20_130_704

WHOLE = [
    pack(new("CommandGetSqlInfo", info=[0, 508, 4_294_967_295])),
    pack(new("CommandGetXdbcTypeInfo", data_type=-(2**31))),
    pack(new("CommandGetCatalogs")),
    pack(new("CommandGetDbSchemas", catalog="velaria", db_schema_filter_pattern="%")),
    pack(
        new(
            "CommandGetTables",
            catalog="velaria",
            table_name_filter_pattern="tab%",
            table_types=["VIEW"],
            include_schema=True,
        )
    ),
    pack(new("CommandGetPrimaryKeys", db_schema="main", table="t")),
    pack(new("CommandGetCrossReference", pk_table="a", fk_table="b")),
    pack(new("CommandStatementSubstraitPlan", plan={"plan": b"\x0a\x01x"})),
]


def framed(method: str, raw: bytes) -> bytes:
    """The bytes as a Ticket, or as the command of a FlightDescriptor."""
    length = bytes([len(raw) & 127 | 128, len(raw) >> 7])
    return b"\x0a" + length + raw if method == "DoGet" else b"\x08\x02\x12" + length + raw


@pytest.mark.parametrize("method", ["GetFlightInfo", "GetSchema", "DoGet"])
def test_mutants_are_answered_or_refused_with_a_code(server: ServerProcess, method: str) -> None:
    draw = random.Random(f"{SEED} {method}")
    refused = 0
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        make = channel.unary_stream if method == "DoGet" else channel.unary_unary
        for number in range(MUTANTS_PER_METHOD):
            raw = mutant(draw, draw.choice(WHOLE), 4)
            try:
                reply = make(SERVICE + method)(framed(method, raw), timeout=20)
                list(reply) if method == "DoGet" else None
            except grpc.RpcError as fault:
                refused += 1
                trailers = dict(fault.trailing_metadata())
                error = told_in(trailers["grpc-status-details-bin"])
                assert error.get("status", fault.code().value[0]) == fault.code().value[0]
                assert error["code"].startswith(("VEL1", "VEL2", "VEL3")), (SEED, number, raw)
                text = str(fault.details())
                assert "Traceback" not in text and '.py"' not in text, (SEED, number, raw)
    assert refused > MUTANTS_PER_METHOD // 4
    assert server.is_alive()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"table_types": [f"kind {index}" for index in range(400_000)]}, None),
        ({"table_name_filter_pattern": "%a" * 500_000}, None),
        ({"table_name_filter_pattern": "\\" * 1_000_001}, "VEL3004"),
        ({"catalog": "x" * 10_000_000}, None),
        ({"db_schema_filter_pattern": "\x00%"}, None),
    ],
)
def test_a_huge_filter_is_answered_or_refused(
    server: ServerProcess, fields: dict[str, object], code: str | None
) -> None:
    raw = pack(new("CommandGetTables", **fields))
    if code is not None:
        assert refusal_of(server, "DoGet", raw)[1] == code
    with server.connect() as client:
        if code is None:
            ticket = (
                client.get_flight_info(flight.FlightDescriptor.for_command(raw)).endpoints[0].ticket
            )
            assert client.do_get(ticket).read_all().num_rows == 0
        assert rows(client, "SELECT 1") == [(1,)]
