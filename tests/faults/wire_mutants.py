"""Damaged calls of Flight, drawn from a seeded source: what a client of raw gRPC may send.

Whole calls are made once; a mutant is one of them with a field of one of its messages damaged, or a
whole message, or with messages left out, doubled or in another order. Nothing here reads what it
has damaged: Arrow's own reader could die of it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from tests.faults.malformed_streams import message_ranges, stream_of
from tests.faults.mutants import mutant
from velaria.flight_server.flight_sql.messages import new, pack
from velaria.flight_server.grpc_front.wire import BODY, DESCRIPTOR, HEADER, field

CHANGES_MAX = (1, 1, 1, 2, 4)
"""Drawn from: one change reaches deepest."""
TABLES = tuple(f"mutants_{index}" for index in range(20))
"""What mutants are put into; a damaged name is one more."""

Fields = list[tuple[int, bytes]]
"""One message: number and bytes of each of its fields. Number 0: bytes that stand as they are, and
are damaged only with the whole message."""


@dataclass(frozen=True)
class WholeCall:
    method: str
    messages: list[Fields]


def framed(fields: Fields) -> bytes:
    return b"".join(data if number == 0 else field(number, data) for number, data in fields)


def damaged(draw: random.Random, whole: WholeCall) -> list[bytes]:
    """The call's messages with the damage done."""
    messages = [list(fields) for fields in whole.messages]
    if len(messages) > 1 and draw.random() < 0.1:
        _disorder(draw, messages)
    index, changes_max = draw.randrange(len(messages)), draw.choice(CHANGES_MAX)
    if draw.random() < 0.1:
        messages[index] = [(0, mutant(draw, framed(messages[index]), changes_max))]
    else:
        place = draw.choice([at for at, (number, _) in enumerate(messages[index]) if number])
        number, data = messages[index][place]
        messages[index][place] = (number, mutant(draw, data, changes_max))
    return [framed(fields) for fields in messages]


def _disorder(draw: random.Random, messages: list[Fields]) -> None:
    first, second = draw.randrange(len(messages)), draw.randrange(len(messages))
    match draw.randrange(3):
        case 0:
            del messages[first]
        case 1:
            messages.insert(second, messages[first])
        case _:
            messages[first], messages[second] = messages[second], messages[first]


def whole_calls() -> list[WholeCall]:
    """Calls of every method that takes more than a fixed answer."""
    return [*_puts(), *_exchanges(), *_reads(), *_actions()]


def _batches() -> Iterator[tuple[pa.RecordBatch, str | None]]:
    for row_count, compression in ((1, None), (3, None), (64, "zstd"), (300, "lz4"), (300, None)):
        rows = range(row_count)
        yield (
            pa.record_batch(
                {
                    "id": pa.array(rows, pa.int64()),
                    "s": [None if row % 7 == 0 else f"v{row % 97}" for row in rows],
                    "t": pa.array([row * 1_000_000 for row in rows], pa.timestamp("us", "UTC")),
                    "d": pa.array([f"k{row % 3}" for row in rows]).dictionary_encode(),
                    "l": [[row] * (row % 4) for row in rows],
                    "v": pa.array([f"view number {row}" for row in rows], pa.string_view()),
                    "m": pa.array(list(rows), pa.decimal128(20, 2)),
                }
            ),
            compression,
        )


def _data(descriptor: bytes, batch: pa.RecordBatch, compression: str | None) -> list[Fields]:
    """The FlightData of a batch, dictionaries among them."""
    stream = stream_of(batch, compression)
    messages: list[Fields] = [
        [(HEADER, stream[head:body]), (BODY, stream[body:end])]
        if end > body
        # The head of a message without a body ends where the next one begins.
        else [(HEADER, stream[head:body])]
        for head, body, end in message_ranges(stream)
    ]
    messages[0].insert(0, (DESCRIPTOR, descriptor))
    return messages


def _path(name: str) -> bytes:
    return b"\x08\x01" + field(3, name.encode())


def _command(raw: bytes) -> bytes:
    return b"\x08\x02" + field(2, raw)


def _puts() -> Iterator[WholeCall]:
    for index, (batch, compression) in enumerate(_batches()):
        for table in TABLES[index::5]:
            yield WholeCall("DoPut", _data(_path(table), batch, compression))
    batch = pa.record_batch({"id": [1, 2], "s": ["a", None]})
    commands = [
        msgspec.msgpack.encode({"type": "ingest", "table": "mutants_i", "mode": "append"}),
        pack(
            new(
                "CommandStatementIngest",
                table_definition_options={"if_not_exist": 1, "if_exists": 2},
                table="mutants_f",
                options={"ingest.x": "y"},
            )
        ),
        pack(new("CommandStatementUpdate", query="CREATE OR REPLACE TABLE mutants_u AS SELECT 1")),
        pack(new("CommandPreparedStatementUpdate", prepared_statement_handle=b"p1")),
        pack(new("CommandPreparedStatementQuery", prepared_statement_handle=b"p1")),
    ]
    for raw in commands:
        yield WholeCall("DoPut", _data(_command(raw), batch, None))


def _exchanges() -> Iterator[WholeCall]:
    sql = "SELECT id, count(s) FROM input GROUP BY id"
    raw = msgspec.msgpack.encode({"type": "transform", "sql": sql, "batch_rows": 10})
    for batch, compression in _batches():
        yield WholeCall("DoExchange", _data(_command(raw), batch, compression))


def _reads() -> Iterator[WholeCall]:
    """Descriptors and tickets: SQL text, Velaria's commands, Flight SQL's."""
    query = {"type": "query", "sql": "SELECT ? + 1 AS a", "params": [1], "batch_rows": 10}
    ticket = {"type": "statement", "sql": "SELECT 1", "params": None, "query_id": "q-1"}
    ticket |= {"effect": "rows", "expires_unix_ms": 1 << 42, "signature": b"0" * 16}
    texts = [
        b"SELECT id, s FROM mutants_good WHERE s LIKE 'v%' ORDER BY id LIMIT 3",
        b"WITH a AS (SELECT 1 AS x UNION ALL SELECT 2) SELECT sum(x) OVER () FROM a",
        msgspec.msgpack.encode(query),
        msgspec.msgpack.encode(ticket),
        msgspec.msgpack.encode({"type": "subscribe", "query_id": "q-1"}),
        pack(new("CommandStatementQuery", query="SELECT count(*) FROM mutants_good")),
        pack(new("CommandGetSqlInfo", info=[0, 508])),
        pack(new("CommandGetXdbcTypeInfo", data_type=4)),
        pack(new("CommandGetDbSchemas", catalog="velaria", db_schema_filter_pattern="%")),
        pack(new("CommandGetTables", table_name_filter_pattern="mu%", include_schema=True)),
        pack(new("CommandGetPrimaryKeys", db_schema="main", table="t")),
        pack(new("CommandPreparedStatementQuery", prepared_statement_handle=b"p1")),
        pack(new("TicketStatementQuery", statement_handle=msgspec.msgpack.encode(ticket))),
    ]
    for raw in texts:
        yield WholeCall("DoGet", [[(1, raw)]])
        yield WholeCall("GetFlightInfo", [[(0, b"\x08\x02"), (2, raw)]])
        yield WholeCall("GetSchema", [[(0, b"\x08\x02"), (2, raw)]])
    for name in ("mutants_good", "system.runs"):
        yield WholeCall("GetFlightInfo", [[(0, b"\x08\x01"), (3, name.encode())]])
    yield WholeCall("ListFlights", [[(1, b"mutants")]])


def _actions() -> Iterator[WholeCall]:
    own: dict[str, dict[str, object]] = {
        "sql.execute": {"sql": "SELECT ?", "params": [1, "a", None, 2.5, b"x"]},
        "sql.explain": {"sql": "SELECT s, count(*) FROM mutants_good GROUP BY s"},
        "sql.analyze": {"sql": "SELECT max(id) FROM mutants_good"},
        "query.progress": {"query_id": "q-1"},
        "query.cancel": {"query_id": "q-1"},
        "query.poll": {"sql": "SELECT 1 AS x", "wait_ms": 5},
        "stream.start": {"sql": "SELECT 1", "name": "mutants_s"},
        "stream.stop": {"query_id": "q-1", "mode": "now"},
        "table.describe": {"table": "mutants_good"},
        "table.drop": {"table": "mutants_19"},
        "file.probe": {"path": "/etc/passwd"},
        "run.list": {"limit": 2, "state": "failed"},
        "sql.prepare": {"name": "p", "sql": "SELECT $1"},
        "sql.close": {"name": "p"},
        "file.read": {"path": "mutants.csv", "batch_rows": 10},
        "run.cancel": {"run_id": "q-1"},
        "session.set": {"session": "s-1", "idle_s": 5.0},
        "session.close": {},
        "server.settings": {},
    }
    for name, fields in own.items():
        body = msgspec.msgpack.encode(fields)
        yield WholeCall("DoAction", [[(0, field(1, name.encode())), (2, body)]])
    messages = {
        "CreatePreparedStatement": pack(
            new("ActionCreatePreparedStatementRequest", query="SELECT $1 + 1")
        ),
        "ClosePreparedStatement": pack(
            new("ActionClosePreparedStatementRequest", prepared_statement_handle=b"p1")
        ),
        "EndTransaction": pack(new("ActionEndTransactionRequest", transaction_id=b"t1", action=1)),
        "BeginSavepoint": pack(new("ActionBeginSavepointRequest", transaction_id=b"t1", name="s")),
        "CancelFlightInfo": new(
            "CancelFlightInfoRequest", info={"endpoint": [{"ticket": {"ticket": b"x"}}]}
        ).SerializeToString(),
        "RenewFlightEndpoint": new(
            "RenewFlightEndpointRequest", endpoint={"ticket": {"ticket": b"x"}}
        ).SerializeToString(),
        "SetSessionOptions": new(
            "SetSessionOptionsRequest",
            session_options={"schema": {"string_value": "main"}, "x": {"bool_value": True}},
        ).SerializeToString(),
    }
    for name, raw in messages.items():
        yield WholeCall("DoAction", [[(0, field(1, name.encode())), (2, raw)]])
