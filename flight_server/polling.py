"""query.poll's side of statements: what it starts, and how a client reads what is there."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria._kernel import QueryResult, StatementInfo
from velaria.flight_server import statements
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_infos import FlightInfo, info_of
from velaria.flight_server.held import Held
from velaria.flight_server.permitted import started
from velaria.flight_server.pulling import pulled
from velaria.flight_server.result_batches import asked_schema
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand


def start(
    service: Service,
    call: Call,
    asked: QueryCommand,
    query_id: str,
    described: StatementInfo | None = None,
) -> Held:
    """The statement runs on, under the promised id; the reply of this call need not wait for it.
    `described` where the call has asked already what it is."""
    service.connection(call)
    service.held.refuse_when_full()
    info = described or statements.describe(service, call, asked.sql, asked.params, query_id)
    if statements.is_continuous(info):
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            "a continuous query has no end to ask for",
            hint="Start it by stream.start and ask stream.progress.",
        )

    with service.queries.redeem(query_id):
        tracked = service.queries.start(query_id, "query", asked.sql)

        @contextmanager
        def run() -> Iterator[tuple[QueryResult, Iterator[pa.RecordBatch]]]:
            with service.sessions.in_use(call.session_id):
                watched = service.limits.lasting(call, tracked)
                try:
                    result = started(service, call, tracked, asked.sql, asked.params, info)
                    batches = pulled(result) if result.schema is not None else iter(())
                    yield result, service.limits.meter(tracked, watched).batches(batches)
                finally:
                    watched.close()

        try:
            return service.held.start(tracked, run, asked, statements.result_schema(info, asked))
        except Exception as fault:
            raise tracked.fail(fault) from fault


def find(service: Service, call: Call, query_id: str) -> Held:
    """One that was started so; who asks for it uses his session. VEL4010."""
    service.sessions.touch(call.session_id, call)
    return service.held.find(query_id)


def readable(service: Service, held: Held) -> tuple[FlightInfo, bytes, pa.Schema]:
    """How a client reads the rows that are ready: FlightInfo, its one ticket, and the schema. When
    they are cancelled in this moment the ticket is refused."""
    result, asked, query_id = held.result, held.asked, held.tracked.query_id
    schema = held.schema
    if result is not None and result.schema is not None:
        schema = asked_schema(result.schema, asked)
    ticket = service.tickets.issue(asked.sql, asked.params, query_id, "held", asked)
    descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(asked))
    return info_of(schema, descriptor, [ticket], query_id), ticket, schema
