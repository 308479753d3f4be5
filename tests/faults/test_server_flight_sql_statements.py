"""Damaged and hostile statements of Flight SQL: rubbish for every action, mutated commands, wrong
data after right commands. Each has an error with a code, and the server goes on."""

import random
import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.faults.mutants import mutant
from tests.integration.flight_sql_client import begin, descriptor, end, prepare, put, query, update
from tests.server_process import ServerProcess, act, rows
from velaria.flight_server.flight_sql.actions import ACTIONS
from velaria.flight_server.flight_sql.messages import EndTransaction, new, pack

SEED = 20_130_705
MUTANTS_PER_ACTION = 60
MUTANTS_PER_COMMAND = 80

RUBBISH = [
    b"",
    b"\x00",
    b"\xff" * 40,
    b"\x80",  # an empty MessagePack map
    b"SELECT 1",
    b"\x0a\xff\xff\xff\xff\x7f",  # a length beyond the end
    b"\x0a" * 5000,
    pack(new("CommandGetCatalogs")),
    pack(new("ActionBeginTransactionRequest")) * 2,
]

WHOLE_ACTIONS = {
    "CreatePreparedStatement": pack(
        new("ActionCreatePreparedStatementRequest", query="SELECT ?", transaction_id=b"x" * 16)
    ),
    "ClosePreparedStatement": pack(
        new("ActionClosePreparedStatementRequest", prepared_statement_handle=b"x" * 16)
    ),
    "CreatePreparedSubstraitPlan": pack(
        new("ActionCreatePreparedSubstraitPlanRequest", plan={"plan": b"x"})
    ),
    "BeginTransaction": pack(new("ActionBeginTransactionRequest")),
    "EndTransaction": pack(new("ActionEndTransactionRequest", transaction_id=b"x" * 16, action=1)),
    "BeginSavepoint": pack(
        new("ActionBeginSavepointRequest", transaction_id=b"x" * 16, name="n" * 2000)
    ),
    "EndSavepoint": pack(new("ActionEndSavepointRequest", savepoint_id=b"x" * 24, action=1)),
    "CancelQuery": pack(new("ActionCancelQueryRequest", info=b"\x0a\x03abc")),
    "CancelFlightInfo": new(
        "CancelFlightInfoRequest", info={"app_metadata": b"\x81\xa8query_id\xa3q-1"}
    ).SerializeToString(),
    "RenewFlightEndpoint": new(
        "RenewFlightEndpointRequest", endpoint={"ticket": {"ticket": b"\x81\xa4type\xa1x"}}
    ).SerializeToString(),
    "SetSessionOptions": new(
        "SetSessionOptionsRequest",
        session_options={"schema": new("SessionOptionValue", string_value="nowhere\x00")},
    ).SerializeToString(),
    "GetSessionOptions": b"",
    "CloseSession": b"",
}


@pytest.fixture(scope="module", params=["native", "grpcio"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Its log is looked through, so it is these tests' own."""
    with ServerProcess(arguments=["--front", request.param]) as process:
        yield process


@pytest.fixture
def plain(server: ServerProcess) -> Iterator[flight.FlightClient]:
    with server.connect() as connection:
        yield connection
        assert rows(connection, "SELECT 1") == [(1,)]
    assert "Traceback" not in server.log()


def told(fault: Exception) -> str:
    """The error's text, which has a code of the caller's fault and no trace."""
    text = str(fault)
    assert "VEL" in text, text
    assert "VEL9001" not in text, text
    assert "Traceback" not in text, text
    assert '.py"' not in text, text
    return text


def attempt(client: flight.FlightClient, name: str, body: bytes) -> bool:
    """Whether the action took it."""
    try:
        list(client.do_action(flight.Action(name, body)))
    except pa.ArrowException as fault:
        told(fault)
        return False
    return True


def test_every_action_is_tried() -> None:
    assert set(WHOLE_ACTIONS) == set(ACTIONS)


@pytest.mark.parametrize("name", sorted(WHOLE_ACTIONS))
def test_rubbish_for_an_action_has_a_code(plain: flight.FlightClient, name: str) -> None:
    taken = [body for body in RUBBISH if attempt(plain, name, body)]
    if ACTIONS[name].is_wrapped:
        assert taken == ([RUBBISH[-1]] if name == "BeginTransaction" else [])


@pytest.mark.parametrize("name", sorted(WHOLE_ACTIONS))
def test_mutated_actions_are_taken_or_refused(plain: flight.FlightClient, name: str) -> None:
    draw = random.Random(f"{SEED} {name}")
    for _ in range(MUTANTS_PER_ACTION):
        attempt(plain, name, mutant(draw, WHOLE_ACTIONS[name], 3))


@pytest.mark.parametrize(
    "command",
    [
        new("CommandStatementUpdate", query="SELECT 1", transaction_id=b"x" * 16),
        new("CommandPreparedStatementUpdate", prepared_statement_handle=b"x" * 16),
        new("CommandPreparedStatementQuery", prepared_statement_handle=b"x" * 16),
        new(
            "CommandStatementIngest",
            table="fault_t",
            schema="main",
            catalog="velaria",
            transaction_id=b"x" * 16,
            table_definition_options={"if_not_exist": 1, "if_exists": 2},
            options={"a": "b"},
        ),
        new("CommandGetCatalogs"),
    ],
    ids=lambda message: message.DESCRIPTOR.name,
)
def test_mutated_puts_are_taken_or_refused(plain: flight.FlightClient, command: object) -> None:
    draw = random.Random(f"{SEED} {type(command).__name__}")
    data = pa.table({"a": [1]})
    for _ in range(MUTANTS_PER_COMMAND):
        raw = mutant(draw, pack(command), 3)
        try:
            target = flight.FlightDescriptor.for_command(raw)
            writer, replies = plain.do_put(target, data.schema)
            with writer:
                writer.write_table(data)
                writer.done_writing()
                replies.read()
        except pa.ArrowException as fault:
            assert "Traceback" not in str(fault), raw
            assert "VEL9001" not in str(fault), raw


@pytest.mark.parametrize("name", ["CommandStatementQuery", "TicketStatementQuery"])
def test_mutated_queries_are_answered_or_refused(plain: flight.FlightClient, name: str) -> None:
    draw = random.Random(f"{SEED} {name}")
    info = plain.get_flight_info(descriptor("CommandStatementQuery", query="SELECT ? AS x"[:8]))
    whole = {
        "CommandStatementQuery": pack(new("CommandStatementQuery", query="SELECT 1 AS x")),
        "TicketStatementQuery": info.endpoints[0].ticket.ticket,
    }[name]
    for _ in range(MUTANTS_PER_COMMAND):
        raw = mutant(draw, whole, 3)
        try:
            if name == "TicketStatementQuery":
                plain.do_get(flight.Ticket(raw)).read_all()
            else:
                plain.get_flight_info(flight.FlightDescriptor.for_command(raw))
        except pa.ArrowException as fault:
            told(fault)


def hostile_tables() -> Iterator[tuple[str, pa.Table]]:
    bad_text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    yield "text that is not UTF-8", pa.table({"0": bad_text})
    offsets = struct.pack("<3i", 0, 1_000_000, 2)
    far = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(offsets), pa.py_buffer(b"ab")])
    yield "offsets beyond the data", pa.table({"0": far})
    index = pa.DictionaryArray.from_arrays(pa.array([9], pa.int32()), ["a"], safe=False)
    yield "an index beyond its dictionary", pa.table({"0": index})


@pytest.mark.parametrize(
    ("what", "data"), list(hostile_tables()), ids=[what for what, _ in hostile_tables()]
)
def test_damaged_rows_are_refused_as_parameters_and_as_rows(
    plain: flight.FlightClient, what: str, data: pa.Table
) -> None:
    update(plain, "CREATE OR REPLACE TABLE fault_rows(a VARCHAR)")
    handle = prepare(plain, "INSERT INTO fault_rows VALUES (?)").prepared_statement_handle
    for command in ("CommandPreparedStatementUpdate", "CommandPreparedStatementQuery"):
        with pytest.raises(pa.ArrowException) as caught:
            put(plain, command, data, prepared_statement_handle=handle)
        assert "VEL4006" in told(caught.value), what
    for mode in ({"if_not_exist": 1, "if_exists": 2}, {"if_not_exist": 2, "if_exists": 2}):
        with pytest.raises(pa.ArrowException) as caught:
            put(
                plain,
                "CommandStatementIngest",
                data.rename_columns(["a"]),
                table="fault_rows",
                table_definition_options=mode,
            )
        told(caught.value)
    assert query(plain, "SELECT count(*) AS n FROM fault_rows")["n"].to_pylist() == [0]


def test_handles_are_not_guessed(plain: flight.FlightClient) -> None:
    draw = random.Random(SEED)
    transaction = begin(plain)
    handle = prepare(plain, "SELECT 1").prepared_statement_handle
    for known in (transaction, handle):
        for _ in range(200):
            guess = bytearray(known)
            guess[draw.randrange(len(guess))] ^= 1 << draw.randrange(8)
            with pytest.raises(pa.ArrowException) as caught:
                end(plain, bytes(guess), EndTransaction.COMMIT)
            assert "VEL1011" in told(caught.value)
    end(plain, transaction, EndTransaction.ROLLBACK)


def test_books_fill_up_and_empty_again(server: ServerProcess, plain: flight.FlightClient) -> None:
    """A thousand transactions are the most; then VEL5002, and all goes on when they end."""
    before = act(plain, "server.metrics")["metrics"]["transactions_open"]  # of others, who may end
    held = []
    with pytest.raises(pa.ArrowException) as caught:
        for _ in range(1001):
            held.append(begin(plain))
    assert "VEL5002" in told(caught.value)
    assert len(held) <= 1000
    for transaction in held:
        end(plain, transaction, EndTransaction.ROLLBACK)
    end(plain, begin(plain), EndTransaction.COMMIT)
    assert act(plain, "server.metrics")["metrics"]["transactions_open"] <= before


def test_parameters_beyond_their_bound_are_refused(plain: flight.FlightClient) -> None:
    handle = prepare(plain, "SELECT ?").prepared_statement_handle
    data = pa.table({"0": ["x" * (8 << 20)] * 9})  # each fits into a message of either front
    batches = pa.Table.from_batches(
        [batch for row in range(9) for batch in data.slice(row, 1).to_batches()]
    )
    with pytest.raises(pa.ArrowException) as caught:
        put(plain, "CommandPreparedStatementQuery", batches, prepared_statement_handle=handle)
    assert "VEL1004" in told(caught.value)
