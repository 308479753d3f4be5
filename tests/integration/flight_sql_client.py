"""Flight SQL by its messages and a plain Flight client: what drivers say, and what they do not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from velaria.flight_server.flight_sql.messages import new, pack, parse, unpack


def info_of(client: flight.FlightClient, name: str, **fields: Any) -> flight.FlightInfo:
    """GetFlightInfo of a command."""
    return client.get_flight_info(descriptor(name, **fields))


def descriptor(name: str, **fields: Any) -> flight.FlightDescriptor:
    return flight.FlightDescriptor.for_command(pack(new(name, **fields)))


def query(
    client: flight.FlightClient, sql: str, transaction: bytes = b"", **options: Any
) -> pa.Table:
    """CommandStatementQuery, read whole. `options`: headers."""
    fields = {"transaction_id": transaction} if transaction else {}
    told = flight.FlightCallOptions(**options)
    command = descriptor("CommandStatementQuery", query=sql, **fields)
    info = client.get_flight_info(command, told)
    return client.do_get(info.endpoints[0].ticket, told).read_all()


def put(client: flight.FlightClient, name: str, data: pa.Table, **fields: Any) -> bytes | None:
    """DoPut of a command with these rows; the app_metadata it is answered with."""
    writer, replies = client.do_put(descriptor(name, **fields), data.schema)
    with writer:
        for batch in data.to_batches():
            writer.write_batch(batch)
        writer.done_writing()
        reply = replies.read()
        return reply.to_pybytes() if reply is not None else None


def update(client: flight.FlightClient, sql: str, transaction: bytes = b"") -> int:
    """CommandStatementUpdate; the record_count."""
    fields = {"transaction_id": transaction} if transaction else {}
    reply = put(client, "CommandStatementUpdate", pa.table({}), query=sql, **fields)
    assert reply is not None
    return int(parse("DoPutUpdateResult", reply).record_count)


def wrapped(client: flight.FlightClient, name: str, request: str, /, **fields: Any) -> Any:
    """An action of Flight SQL; its one reply, or None."""
    action = flight.Action(name, pack(new(request, **fields)))
    replies = list(client.do_action(action))
    return unpack(replies[0].body.to_pybytes())[1] if replies else None


def bare(
    client: flight.FlightClient,
    name: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
    **fields: Any,
) -> Any:
    """An action of Flight itself, whose bodies are not wrapped."""
    action = flight.Action(name, new(f"{name}Request", **fields).SerializeToString())
    (reply,) = client.do_action(action, flight.FlightCallOptions(headers=list(headers)))
    answer = {"RenewFlightEndpoint": "FlightEndpoint"}.get(name, f"{name}Result")
    return parse(answer, reply.body.to_pybytes())


def prepare(client: flight.FlightClient, sql: str, transaction: bytes = b"") -> Any:
    fields = {"transaction_id": transaction} if transaction else {}
    request = "ActionCreatePreparedStatementRequest"
    return wrapped(client, "CreatePreparedStatement", request, query=sql, **fields)


def begin(client: flight.FlightClient) -> bytes:
    reply = wrapped(client, "BeginTransaction", "ActionBeginTransactionRequest")
    return bytes(reply.transaction_id)


def end(client: flight.FlightClient, transaction: bytes, action: int) -> None:
    request = "ActionEndTransactionRequest"
    wrapped(client, "EndTransaction", request, transaction_id=transaction, action=action)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(pa.ArrowException) as caught:
        yield
    text = str(caught.value)
    assert code in text, text
    assert "Traceback" not in text
