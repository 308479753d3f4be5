"""What goes beside the batches of DoGet and DoPut in app_metadata, as MessagePack maps."""

from velaria.schemas.base import Command, Reply
from velaria.schemas.errors import ErrorReply


class FlightInfoMetadata(Reply):
    """In FlightInfo: the id to ask progress by, or to cancel."""

    query_id: str


class EmissionMetadata(Reply, omit_defaults=False):
    """Beside each batch of a continuous query; heartbeats and the end are batches of no rows."""

    query_id: str
    kind: str
    emission_index: int


class PutAbort(Command, tag_field="type", tag="abort"):
    """Beside no batch of a DoPut: the client has no more rows but not all, and gives the put up."""


class PutResultMetadata(Reply, omit_defaults=False):
    """The one PutResult at the end of a DoPut."""

    table: str
    row_count: int
    batch_count: int


class ExchangeMetadata(Reply, omit_defaults=False):
    """Beside no batch, after the last one of a DoExchange: `kind` is end or error. The client then
    ends its side, if it has not, and the call ends with that outcome.
    """

    query_id: str
    kind: str
    row_count: int
    error: ErrorReply | None = None
