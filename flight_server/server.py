"""The Flight front: each method takes its arguments apart, calls one handler and packs the reply.

Nothing is decided here. Every method runs inside the error boundary, and those that may take long
are watched for a client that goes away.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pyarrow.flight as flight

from velaria.flight_server import call_context, exchange, ingest, listing, poll_info, statements
from velaria.flight_server.actions import registry
from velaria.flight_server.calls import MIDDLEWARE_KEY, Call, CallFactory
from velaria.flight_server.errors import boundary, status_boundary, untraced_boundary
from velaria.flight_server.first_messages import FirstMessages
from velaria.flight_server.flight_infos import info_of
from velaria.flight_server.flight_sql import actions as flight_sql_actions
from velaria.flight_server.flight_sql import dispatch, puts
from velaria.flight_server.flight_sql.messages import is_flight_sql, unpacks
from velaria.flight_server.forms import parse_descriptor, parse_ticket
from velaria.flight_server.identity.handshake import Handshake
from velaria.flight_server.identity.permissions import allow_call
from velaria.flight_server.plain_types import plain_schema
from velaria.flight_server.results import Emissions
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import (
    IngestCommand,
    StatementTicket,
    SubscribeCommand,
    TransformCommand,
)


def boundary_of(
    context: flight.ServerCallContext, raw: bytes | None
) -> AbstractContextManager[None]:
    """Flight SQL's errors go by gRPC's status, those of plain Flight by Flight's own classes."""
    return status_boundary(context) if is_flight_sql(raw or b"") else boundary()


class FlightMethods:
    """Flight's methods over one service, for any front: pyarrow's server calls them below, and
    grpc_front/ with twins of pyarrow's context, reader and writer."""

    on_foreign_threads = False
    """Whether they are called on threads that Python does not know."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.calls = CallFactory(
            service.watcher,
            service.metrics,
            service.tracer,
            service.gate,
            on_foreign_threads=self.on_foreign_threads,
        )

    def list_flights(
        self, context: flight.ServerCallContext, criteria: bytes
    ) -> Iterator[flight.FlightInfo]:
        with boundary():
            call = self._begin(context)
            return iter(list(listing.list_flights(self._service, call, criteria)))

    def get_flight_info(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.FlightInfo:
        with boundary_of(context, descriptor.command):
            return self._info(self._begin(context), descriptor)

    def poll_flight_info(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> poll_info.PollInfo:
        """Not of pyarrow's server, which does not know the RPC."""
        with boundary_of(context, descriptor.command):
            call = self._begin(context)
            if descriptor.descriptor_type == flight.DescriptorType.PATH:
                return poll_info.PollInfo(self._info(call, descriptor))
            return poll_info.poll(
                self._service, call, descriptor, lambda: self._info(call, descriptor)
            )

    def get_schema(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.SchemaResult:
        raw = descriptor.command or b""
        with untraced_boundary(context, with_status=is_flight_sql(raw)):
            call = self._begin(context)
            if is_flight_sql(raw):
                return flight.SchemaResult(dispatch.schema_of(self._service, call, raw))
            return flight.SchemaResult(self._info(call, descriptor).schema)

    def do_get(
        self, context: flight.ServerCallContext, ticket: flight.Ticket
    ) -> flight.FlightDataStream:
        # What does not unpack comes from no driver of Flight SQL: an error of plain Flight then.
        with boundary_of(context, ticket.ticket if unpacks(ticket.ticket) else b""):
            call = self._begin(context)
            if is_flight_sql(ticket.ticket):
                return dispatch.do_get(self._service, call, ticket.ticket)
            command = parse_ticket(ticket.ticket)
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
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        writer: flight.FlightMetadataWriter,
    ) -> None:
        raw = descriptor.command or b""
        with boundary_of(context, raw):
            call = self._begin(context)
            if is_flight_sql(raw):
                puts.put(self._service, call, descriptor, reader, writer)
            else:
                ingest.put(self._service, call, descriptor, reader, writer)

    def do_action(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> Iterator[flight.Result]:
        name = action.type
        body = action.body.to_pybytes() if action.body is not None else b""
        sql_action = flight_sql_actions.ACTIONS.get(name)
        if sql_action is not None:
            with status_boundary(context):
                call = self._begin(context, even_draining=sql_action.even_draining)
                replies = flight_sql_actions.run(self._service, call, name, body)
                return iter([flight.Result(reply) for reply in replies])
        with boundary():
            call = self._begin(context, even_draining=name in registry.EVEN_DRAINING, action=name)
            reply = registry.dispatch(self._service, call, name, body)
            return iter([flight.Result(reply)])

    def list_actions(self, context: flight.ServerCallContext) -> list[flight.ActionType]:
        with boundary():
            self._begin(context, even_draining=True)
            own = [(spec.name, spec.summary) for spec in registry.ACTIONS.values()]
            sql = [(name, spec.summary) for name, spec in flight_sql_actions.ACTIONS.items()]
            return [flight.ActionType(name, summary) for name, summary in own + sql]

    def do_exchange(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        writer: flight.MetadataRecordBatchWriter,
    ) -> None:
        with boundary():
            call = self._begin(context)
            exchange.transform(self._service, call, descriptor, reader, writer)

    def handshake(self, context: flight.ServerCallContext) -> None:
        """Not of pyarrow's server, which has a handler of its own for it. The gate has looked at
        the header before, and the call's answering headers carry the bearer: no more is to do."""
        with boundary():
            self._begin(context, even_draining=True)
            if self._service.gate is None:
                raise VelariaError(
                    codes.UNSUPPORTED_REQUEST, "this server asks nobody who they are: Handshake"
                )

    def _begin(
        self, context: flight.ServerCallContext, *, even_draining: bool = False, action: str = ""
    ) -> Call:
        facts = context.get_middleware(MIDDLEWARE_KEY).facts
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

    def _info(self, call: Call, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
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


class FlightFront(FlightMethods, flight.FlightServerBase):  # type: ignore[misc]
    """One listener, without TLS. Several may share a Service."""

    on_foreign_threads = True

    def __init__(self, service: Service, location: str) -> None:
        FlightMethods.__init__(self, service)
        flight.FlightServerBase.__init__(
            self,
            location,
            auth_handler=Handshake() if service.gate is not None else None,
            middleware={MIDDLEWARE_KEY: FirstMessages(self.calls, service.limits)},
        )
