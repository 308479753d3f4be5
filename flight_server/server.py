"""Flight's methods: each takes its arguments apart, calls one handler and packs the reply.

Nothing is decided here. Every method runs inside the error boundary, and those that may take long
are watched for a client that goes away.
"""

from contextlib import AbstractContextManager

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server import call_context, exchange, ingest, listing, poll_info, statements
from velaria.flight_server.actions import registry
from velaria.flight_server.calls import Call, CallFactory, Context
from velaria.flight_server.errors import boundary, status_boundary
from velaria.flight_server.flight_infos import FlightInfo, info_of
from velaria.flight_server.flight_sql import actions as flight_sql_actions
from velaria.flight_server.flight_sql import dispatch, puts
from velaria.flight_server.flight_sql.messages import is_flight_sql, unpacks
from velaria.flight_server.forms import parse_descriptor, parse_ticket
from velaria.flight_server.identity.permissions import allow_call
from velaria.flight_server.plain_types import plain_schema
from velaria.flight_server.results import DataStream, Emissions
from velaria.flight_server.service import Service
from velaria.flight_server.wire_ends import BatchWriter, ChunkReader, ResultWriter
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import (
    IngestCommand,
    StatementTicket,
    SubscribeCommand,
    TransformCommand,
)


def boundary_of(context: Context, raw: bytes | None) -> AbstractContextManager[None]:
    """Flight SQL's errors go by gRPC's status, those of plain Flight by Flight's own classes."""
    return status_boundary(context) if is_flight_sql(raw or b"") else boundary()


class FlightMethods:
    """Flight's methods over one service, for any front: native_front.py and grpc_front/ call them,
    each with its own context, reader and writer."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.calls = CallFactory(service.watcher, service.metrics, service.tracer, service.gate)

    def list_flights(self, context: Context, criteria: bytes) -> list[FlightInfo]:
        with boundary():
            call = self._begin(context)
            return list(listing.list_flights(self._service, call, criteria))

    def get_flight_info(self, context: Context, descriptor: flight.FlightDescriptor) -> FlightInfo:
        with boundary_of(context, descriptor.command):
            return self._info(self._begin(context), descriptor)

    def poll_flight_info(
        self, context: Context, descriptor: flight.FlightDescriptor
    ) -> poll_info.PollInfo:
        with boundary_of(context, descriptor.command):
            call = self._begin(context)
            if descriptor.descriptor_type == flight.DescriptorType.PATH:
                return poll_info.PollInfo(self._info(call, descriptor))
            return poll_info.poll(
                self._service, call, descriptor, lambda: self._info(call, descriptor)
            )

    def get_schema(self, context: Context, descriptor: flight.FlightDescriptor) -> pa.Schema:
        raw = descriptor.command or b""
        with boundary_of(context, raw):
            call = self._begin(context)
            if is_flight_sql(raw):
                return dispatch.schema_of(self._service, call, raw)
            return self._info(call, descriptor).schema

    def do_get(self, context: Context, ticket: bytes) -> DataStream:
        # What does not unpack comes from no driver of Flight SQL: an error of plain Flight then.
        with boundary_of(context, ticket if unpacks(ticket) else b""):
            call = self._begin(context)
            if is_flight_sql(ticket):
                return dispatch.do_get(self._service, call, ticket)
            command = parse_ticket(ticket)
            if isinstance(command, StatementTicket):
                return statements.open_ticket(self._service, call, command)
            if isinstance(command, SubscribeCommand):
                query = self._service.streams.followed(call, command.query_id)
                self._service.limits.count_result(call)
                emissions = Emissions(query.subscribe(), query.query_id, call.refuse_when_unknown)
                return statements.attach(call, emissions)
            return statements.open_text(self._service, call, command)

    def do_put(
        self,
        context: Context,
        descriptor: flight.FlightDescriptor,
        reader: ChunkReader,
        writer: ResultWriter,
    ) -> None:
        raw = descriptor.command or b""
        with boundary_of(context, raw):
            call = self._begin(context)
            if is_flight_sql(raw):
                puts.put(self._service, call, descriptor, reader, writer)
            else:
                ingest.put(self._service, call, descriptor, reader, writer)

    def do_action(self, context: Context, name: str, body: bytes) -> list[bytes]:
        """The results' bodies."""
        sql_action = flight_sql_actions.ACTIONS.get(name)
        if sql_action is not None:
            with status_boundary(context):
                call = self._begin(context, even_draining=sql_action.even_draining)
                return flight_sql_actions.run(self._service, call, name, body)
        with boundary():
            call = self._begin(context, even_draining=name in registry.EVEN_DRAINING, action=name)
            return [registry.dispatch(self._service, call, name, body)]

    def list_actions(self, context: Context) -> list[tuple[str, str]]:
        """Names and what each does."""
        with boundary():
            self._begin(context, even_draining=True)
            own = [(spec.name, spec.summary) for spec in registry.ACTIONS.values()]
            sql = [(name, spec.summary) for name, spec in flight_sql_actions.ACTIONS.items()]
            return own + sql

    def do_exchange(
        self,
        context: Context,
        descriptor: flight.FlightDescriptor,
        reader: ChunkReader,
        writer: BatchWriter,
    ) -> None:
        with boundary():
            call = self._begin(context)
            exchange.transform(self._service, call, descriptor, reader, writer)

    def handshake(self, context: Context) -> None:
        """The gate has looked at the header before, and the call's answering headers carry the
        bearer: no more is to do."""
        with status_boundary(context):
            self._begin(context, even_draining=True)
            if self._service.gate is None:
                raise VelariaError(
                    codes.UNSUPPORTED_REQUEST, "this server asks nobody who they are: Handshake"
                )

    def _begin(self, context: Context, *, even_draining: bool = False, action: str = "") -> Call:
        facts = context.call.facts
        facts.action = action if action in registry.ACTIONS else ""
        call_context.enter(facts)
        if not even_draining:
            self._service.refuse_when_draining()
        call = self._service.watcher.enter(context)
        if call.heard is not None:
            call.heard()
        if not even_draining:
            self._service.limits.check_rate(call)
        with self._service.refusals_audited(call, action or facts.method):
            allow_call(call, action)
        return call

    def _info(self, call: Call, descriptor: flight.FlightDescriptor) -> FlightInfo:
        if descriptor.descriptor_type == flight.DescriptorType.PATH:
            return listing.info_of_path(self._service, call, descriptor)
        raw = descriptor.command or b""
        if is_flight_sql(raw):
            return dispatch.flight_info(self._service, call, descriptor)
        command = parse_descriptor(raw)
        if isinstance(command, IngestCommand):
            raise VelariaError(codes.BAD_REQUEST, "a command of type ingest belongs to DoPut")
        if isinstance(command, TransformCommand):
            raise VelariaError(
                codes.BAD_REQUEST, "a command of type transform belongs to DoExchange"
            )
        if isinstance(command, SubscribeCommand):
            query = self._service.streams.followed(call, command.query_id)
            return info_of(plain_schema(query.schema), descriptor, [raw], query.query_id)
        return statements.flight_info(self._service, call, descriptor, command)
