"""_kernel.FlightFront by itself, over handlers made up here: what it asks them, when, and what a
client is sent of what they give or raise."""

import socket
import threading
from array import array
from collections.abc import Callable, Iterator
from typing import Any, cast

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import until
from velaria import _kernel
from velaria.flight_server.results import BatchStream, Part, RowStream

ROWS = pa.table({"a": [1, 2, 3]})
WORDS = pa.table({"w": pa.array(["x", "y", "x"]).dictionary_encode()})
KINDS = {
    "internal": flight.FlightInternalError,
    "timed_out": flight.FlightTimedOutError,
    "cancelled": flight.FlightCancelledError,
    "unauthenticated": flight.FlightUnauthenticatedError,
    "unauthorized": flight.FlightUnauthorizedError,
    "unavailable": flight.FlightUnavailableError,
    "failed": flight.FlightServerError,
    "invalid": pa.ArrowInvalid,
    "not_found": pa.ArrowKeyError,
    "unimplemented": NotImplementedError,
    "already_exists": pa.ArrowException,
}


class Refusal(Exception):
    def __init__(self, kind: str = "failed", text: str = "refused") -> None:
        super().__init__(text)
        self.kind = kind


class Handlers:
    """Each method does what a test says; `seen` is the order of what was asked."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.ended: list[tuple[str | None, bytes]] = []
        self.calls: list[_kernel.FlightCall] = []
        self.refuses_to_begin = False
        self.given: Callable[..., Any] = lambda *_: []

    def begin(self, call: _kernel.FlightCall) -> None:
        self.seen.append(f"begin {call.method}")
        self.calls.append(call)
        if self.refuses_to_begin:
            raise Refusal("unauthenticated", "who is it?")

    def completed(self, call: _kernel.FlightCall, text: str | None, extra_info: bytes) -> None:
        self.seen.append("completed")
        self.ended.append((text, extra_info))

    def failure(self, fault: BaseException) -> tuple[str, str, bytes]:
        assert isinstance(fault, Refusal)
        return fault.kind, str(fault), b"more"

    def do_action(self, call: _kernel.FlightCall, name: bytes, body: bytes) -> list[bytes]:
        self.seen.append("do_action")
        return self.given(call, name, body)  # type: ignore[no-any-return]

    def do_get(self, call: _kernel.FlightCall, ticket: bytes) -> Any:
        self.seen.append("do_get")
        return self.given(call, ticket)

    def do_put(self, *told: Any) -> None:
        self.seen.append("do_put")
        self.given(*told)

    def do_exchange(self, *told: Any) -> None:
        self.seen.append("do_exchange")
        self.given(*told)


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
def client(handlers: Handlers) -> Iterator[flight.FlightClient]:
    front = _kernel.FlightFront("grpc://127.0.0.1:0", handlers)
    try:
        with flight.connect(f"grpc://127.0.0.1:{front.port}") as connected:
            yield connected
    finally:
        front.shutdown()
        front.shutdown()  # nothing more happens


def acted(client: flight.FlightClient, body: bytes = b"") -> list[bytes]:
    return [result.body.to_pybytes() for result in client.do_action(flight.Action("act", body))]


def read(client: flight.FlightClient) -> pa.Table:
    return client.do_get(flight.Ticket(b"t")).read_all()


def test_a_call_begins_runs_and_is_completed(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    handlers.given = lambda call, name, body: [name, body, call.peer().encode()]
    name, body, peer = acted(client, b"\x00\xff")
    assert (name, body) == (b"act", b"\x00\xff")
    assert peer.startswith(b"ipv4:127.0.0.1:")
    assert handlers.seen == ["begin DoAction", "do_action", "completed"]
    assert handlers.ended == [(None, b"")]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_failure_has_its_status(
    client: flight.FlightClient, handlers: Handlers, kind: str
) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal(kind, "no: \u00e4")

    handlers.given = refuse
    with pytest.raises(KINDS[kind], match="no: \u00e4") as caught:
        acted(client)
    if issubclass(KINDS[kind], flight.FlightError):
        assert caught.value.extra_info == b"more"
    text, extra_info = handlers.ended[0]
    assert text == "no: \u00e4" and extra_info in (b"more", b"")


def test_a_failure_of_telling_is_a_fault_of_ours(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    def break_down(*_: Any) -> Any:
        raise RuntimeError("secret")  # `failure` above fails for it

    handlers.given = break_down
    with pytest.raises(flight.FlightInternalError, match="a fault of ours") as caught:
        acted(client)
    assert "secret" not in str(caught.value)


def test_what_is_refused_at_its_beginning_is_asked_nothing_else(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    handlers.refuses_to_begin = True
    with pytest.raises(flight.FlightUnauthenticatedError, match="who is it"):
        acted(client)
    with pytest.raises(flight.FlightUnauthenticatedError, match="who is it"):
        read(client)
    with pytest.raises(flight.FlightUnauthenticatedError, match="who is it"):
        writer, _ = client.do_put(flight.FlightDescriptor.for_path("t"), ROWS.schema)
        writer.write_table(ROWS)
        writer.close()
    assert handlers.seen == ["begin DoAction", "begin DoGet", "begin DoPut"]


def test_a_call_that_has_ended_tells_and_takes_nothing(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    acted(client)
    (call,) = handlers.calls
    assert call.headers() == [] and call.peer() == "" and not call.is_cancelled()
    call.add_header("a", "b")
    call.add_trailer("a", "b")


def test_headers_come_in_small_letters_and_as_often_as_they_were_sent(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    found: list[tuple[str, str | bytes]] = []
    handlers.given = lambda call, *_: found.extend(call.headers()) or []
    sent = [(b"x-a", b"1"), (b"x-a", b"2"), (b"x-b-bin", b"\xff")]
    list(client.do_action(flight.Action("act", b""), flight.FlightCallOptions(headers=sent)))
    told = [pair for pair in found if pair[0].startswith("x-")]
    assert told == [("x-a", "1"), ("x-a", "2"), ("x-b-bin", b"\xff")]


@pytest.mark.parametrize("rows", [ROWS, WORDS], ids=["numbers", "dictionary"])
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
def test_rows_and_parts_arrive_as_they_were(
    client: flight.FlightClient, handlers: Handlers, rows: pa.Table, codec: str | None
) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    for given in (
        lambda *_: RowStream(rows, options),
        lambda *_: RowStream(pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())),
        lambda *_: BatchStream(rows.schema, ((one, None) for one in rows.to_batches()), options),
    ):
        handlers.given = given
        assert read(client) == rows


def test_metadata_goes_with_its_batch_and_not_with_dictionaries(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    (batch,) = WORDS.to_batches()
    parts: list[Part] = [(batch, b"1"), (batch, None), (batch, b"3")]
    handlers.given = lambda *_: BatchStream(WORDS.schema, iter(parts))
    told = [
        chunk.app_metadata and chunk.app_metadata.to_pybytes()
        for chunk in client.do_get(flight.Ticket(b"t"))
    ]
    assert told == [b"1", None, b"3"]


def test_a_part_that_fails_ends_the_call_after_those_before_it(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    def parts() -> Iterator[Part]:
        yield ROWS.to_batches()[0], None
        raise Refusal("timed_out", "too long")

    handlers.given = lambda *_: BatchStream(ROWS.schema, parts())
    reader = client.do_get(flight.Ticket(b"t"))
    assert reader.read_chunk().data.num_rows == 3
    with pytest.raises(flight.FlightTimedOutError, match="too long"):
        reader.read_chunk()
    assert until(lambda: handlers.ended == [("too long", b"more")])


class FailingRows(RowStream):
    """A reader that fails behind its first batch."""

    def __init__(self) -> None:
        def batches() -> Iterator[pa.RecordBatch]:
            yield ROWS.to_batches()[0]
            raise RuntimeError("what only the reader knows")

        super().__init__(pa.RecordBatchReader.from_batches(ROWS.schema, batches()))


class ToldRows(FailingRows):
    def failure(self) -> Exception:
        return Refusal("timed_out", "what the handlers tell")


class UntellableRows(FailingRows):
    def failure(self) -> Exception:
        raise Refusal("unavailable", "no telling")


@pytest.mark.parametrize(
    ("rows", "kind", "text"),
    [
        (ToldRows, flight.FlightTimedOutError, "what the handlers tell"),
        (UntellableRows, flight.FlightUnavailableError, "no telling"),
        (FailingRows, pa.ArrowException, "what only the reader knows"),
    ],
)
def test_a_reader_that_fails_ends_the_call_as_it_is_told(
    client: flight.FlightClient,
    handlers: Handlers,
    rows: type[FailingRows],
    kind: type[Exception],
    text: str,
) -> None:
    handlers.given = lambda *_: rows()
    reader = client.do_get(flight.Ticket(b"t"))
    assert reader.read_chunk().data.num_rows == 3
    with pytest.raises(kind, match=text):
        reader.read_chunk()
    assert until(lambda: bool(handlers.ended))
    ((told, _),) = handlers.ended
    assert told is not None and text in told


def test_a_reader_that_goes_away_ends_the_call(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    def parts(call: _kernel.FlightCall) -> Iterator[Part]:
        while not call.is_cancelled():
            yield ROWS.to_batches()[0], None

    handlers.given = lambda call, _: BatchStream(ROWS.schema, parts(call))
    reader = client.do_get(flight.Ticket(b"t"))
    reader.read_chunk()
    reader.cancel()
    assert until(lambda: handlers.seen[-1] == "completed")


def test_a_put_is_read_answered_and_closed_after_its_handler(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    kept: list[Any] = []

    def take(call: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        kept.extend([descriptor, reader, writer, reader.schema])
        kept.extend((chunk.data, chunk.app_metadata) for chunk in reader)
        writer.write(b"thanks")

    handlers.given = take
    writer, metadata = client.do_put(flight.FlightDescriptor.for_path("s", "t"), ROWS.schema)
    writer.write_with_metadata(ROWS.to_batches()[0], b"first")
    writer.write_metadata(b"alone")
    writer.done_writing()
    assert metadata.read().to_pybytes() == b"thanks"
    writer.close()
    descriptor, reader, results, schema, first, alone = kept
    assert descriptor == [b"s", b"t"] and schema == ROWS.schema
    assert first[0].num_rows == 3 and first[1].to_pybytes() == b"first"
    assert alone[0] is None and alone[1].to_pybytes() == b"alone"
    with pytest.raises(ValueError, match="the call has ended"):
        reader.read_chunk()
    with pytest.raises(ValueError, match="the call has ended"):
        results.write(b"more")


def test_the_end_of_a_call_waits_for_a_thread_that_reads_of_it(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    got: list[Any] = []
    reads = threading.Event()

    def read_aside(reader: Any) -> None:
        reads.set()
        with pytest.raises(ValueError, match="the call has ended"):
            while True:
                got.append(next(reader, None))

    def take(call: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        aside = threading.Thread(target=read_aside, args=(reader,))
        got.append(aside)
        aside.start()
        assert reads.wait(10)

    handlers.given = take
    writer, _ = client.do_put(flight.FlightDescriptor.for_path("t"), ROWS.schema)
    assert until(lambda: bool(got))
    writer.write_table(ROWS)
    writer.close()
    got[0].join(10)
    assert not got[0].is_alive()


@pytest.mark.parametrize(
    ("metadata", "refusal"),
    [(None, TypeError), (5, TypeError), (memoryview(b"abcdef")[::2], BufferError)],
)
def test_what_is_no_run_of_bytes_is_no_answer(
    client: flight.FlightClient,
    handlers: Handlers,
    metadata: Any,
    refusal: type[Exception],
) -> None:
    refused: list[type[Exception]] = []

    def take(call: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        try:
            writer.write(metadata)
        except (TypeError, BufferError) as fault:
            refused.append(type(fault))
        writer.write(memoryview(array("i", [1])))

    handlers.given = take
    writer, told = client.do_put(flight.FlightDescriptor.for_path("t"), ROWS.schema)
    writer.done_writing()
    assert told.read().to_pybytes() == array("i", [1]).tobytes()
    writer.close()
    assert refused == [refusal]


def test_an_exchange_goes_both_ways(client: flight.FlightClient, handlers: Handlers) -> None:
    def turn(call: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        assert descriptor == b"command"
        writer.begin(reader.schema, pa.ipc.IpcWriteOptions(compression="lz4"))
        for chunk in reader:
            writer.write_batch(chunk.data)
        writer.write_metadata(b"end")

    handlers.given = turn
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(b"command"))
    with writer:
        writer.begin(ROWS.schema)
        writer.write_table(ROWS)
        writer.done_writing()
        chunks = list(reader)
    assert [chunk.data.num_rows for chunk in chunks if chunk.data is not None] == [3]
    assert chunks[-1].app_metadata.to_pybytes() == b"end"


def test_a_wrong_answer_of_a_handler_is_a_fault_of_ours(
    client: flight.FlightClient, handlers: Handlers
) -> None:
    handlers.given = lambda *_: [5]
    with pytest.raises(flight.FlightInternalError, match="a fault of ours"):
        acted(client)
    handlers.given = lambda *_: BatchStream(ROWS.schema, iter(cast(Any, [(5, None)])))
    with pytest.raises(flight.FlightInternalError, match="a fault of ours"):
        read(client)
    assert until(lambda: len(handlers.ended) == 2)


def test_a_taken_address_is_refused(handlers: Handlers) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        uri = f"grpc://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError):
            _kernel.FlightFront(uri, handlers)
    with pytest.raises(OSError):
        _kernel.FlightFront("no uri", handlers)
