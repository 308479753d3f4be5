"""The Flight front: each method takes its arguments apart, calls one handler and packs the reply.

Nothing is decided here. Every method runs inside the error boundary, and those that may take long
are watched for a client that goes away.
"""

from collections.abc import Iterator

import msgspec
import pyarrow.flight as flight

from velaria.flight_server import ingest, listing, statements
from velaria.flight_server.actions import registry
from velaria.flight_server.calls import MIDDLEWARE_KEY, Call, CallFactory
from velaria.flight_server.errors import boundary, untraced_boundary
from velaria.flight_server.forms import parse_descriptor, parse_ticket
from velaria.flight_server.results import Emissions
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import FlightInfoMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import IngestCommand, StatementTicket, SubscribeCommand


class FlightFront(flight.FlightServerBase):  # type: ignore[misc]
    """One listener. Several may share a Service."""

    def __init__(self, service: Service, location: str) -> None:
        self._service = service
        factory = CallFactory(service.watcher, service.metrics)
        super().__init__(location, middleware={MIDDLEWARE_KEY: factory})

    def list_flights(
        self, context: flight.ServerCallContext, criteria: bytes
    ) -> Iterator[flight.FlightInfo]:
        with boundary():
            self._begin(context)
            return iter(list(listing.list_flights(self._service, criteria)))

    def get_flight_info(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.FlightInfo:
        with boundary():
            return self._info(self._begin(context), descriptor)

    def get_schema(
        self, context: flight.ServerCallContext, descriptor: flight.FlightDescriptor
    ) -> flight.SchemaResult:
        with untraced_boundary(context):
            call = self._begin(context)
            return flight.SchemaResult(self._info(call, descriptor).schema)

    def do_get(
        self, context: flight.ServerCallContext, ticket: flight.Ticket
    ) -> flight.FlightDataStream:
        with boundary():
            call = self._begin(context)
            command = parse_ticket(ticket.ticket)
            if isinstance(command, StatementTicket):
                return statements.open_ticket(self._service, call, command)
            if isinstance(command, SubscribeCommand):
                query = self._service.streams.find(command.query_id)
                return statements.attach(call, Emissions(query.subscribe(), query.query_id))
            return statements.open_text(self._service, call, command)

    def do_put(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        writer: flight.FlightMetadataWriter,
    ) -> None:
        with boundary():
            call = self._begin(context)
            ingest.put(self._service, call, descriptor, reader, writer)

    def do_action(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> Iterator[flight.Result]:
        with boundary():
            name = action.type
            call = self._begin(context, even_draining=name in registry.EVEN_DRAINING)
            body = action.body.to_pybytes() if action.body is not None else b""
            reply = registry.dispatch(self._service, call, name, body)
            return iter([flight.Result(reply)])

    def list_actions(self, context: flight.ServerCallContext) -> list[flight.ActionType]:
        with boundary():
            return [
                flight.ActionType(spec.name, spec.summary) for spec in registry.ACTIONS.values()
            ]

    def do_exchange(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        writer: flight.MetadataRecordBatchWriter,
    ) -> None:
        with boundary():
            self._begin(context)
            raise VelariaError(
                codes.UNSUPPORTED_REQUEST,
                "DoExchange is not offered by this server",
                hint="Use DoPut to write and DoGet to read.",
            )

    def _begin(self, context: flight.ServerCallContext, *, even_draining: bool = False) -> Call:
        if not even_draining:
            self._service.refuse_when_draining()
        return self._service.watcher.enter(context)

    def _info(self, call: Call, descriptor: flight.FlightDescriptor) -> flight.FlightInfo:
        if descriptor.descriptor_type == flight.DescriptorType.PATH:
            return listing.info_of_path(self._service, call, descriptor)
        raw = descriptor.command or b""
        command = parse_descriptor(raw)
        if isinstance(command, IngestCommand):
            raise VelariaError(codes.BAD_REQUEST, "a command of type ingest belongs to DoPut")
        if isinstance(command, SubscribeCommand):
            query = self._service.streams.find(command.query_id)
            metadata = msgspec.msgpack.encode(FlightInfoMetadata(query_id=query.query_id))
            endpoint = flight.FlightEndpoint(raw, [])
            return flight.FlightInfo(query.schema, descriptor, [endpoint], -1, -1, True, metadata)
        return statements.flight_info(self._service, call, descriptor, command)
