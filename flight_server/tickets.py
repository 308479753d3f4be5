"""Makes and checks the tickets of statements, and remembers which statement may run only once."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pyarrow as pa

from velaria._kernel import StatementInfo
from velaria.flight_server.call_context import caller
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.options import Options
from velaria.flight_server.pins import Pins
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.results import ResultOptions, options_in
from velaria.schemas.tickets import StatementTicket

_SIGNATURE_BYTES = 16

PINNED_EFFECTS = ("rows", "part")

TicketEffect = Literal["rows", "continuous", "once", "once_rows", "held", "part"]


class TicketOffice:
    """Signs statement tickets with a key of this process, and with the name of the principal they
    are for: a ticket of another server or another principal is refused."""

    def __init__(
        self,
        options: Options,
        clock_unix_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._key = secrets.token_bytes(32)
        self._clock_unix_ms = clock_unix_ms
        self._options = options
        self.pins = Pins(options, clock_unix_ms)

    def issue(
        self,
        sql: str,
        params: list[Any] | None,
        query_id: str,
        effect: TicketEffect,
        options: ResultOptions | None = None,
        part: int = 0,
        *,
        parameters: bytes | None = None,
        connection: str | None = None,
        described: StatementInfo | None = None,
    ) -> bytes:
        """A ticket; with `described` its query is pinned to what it was bound to."""
        ticket = StatementTicket(
            **options_in(options or ResultOptions()),
            sql=sql,
            params=params,
            query_id=query_id,
            effect=effect,
            part=part,
            expires_unix_ms=self.next_expiry(),
            parameters=parameters,
            connection=connection,
        )
        if described is not None:
            self.pins.keep(query_id, described, ticket.expires_unix_ms)
        return self._sign(ticket)

    def pinned(self, ticket: StatementTicket) -> StatementInfo | None:
        """What the query of a ticket was bound to; None for what is no pinned query. VEL1005."""
        return self.pins.find(ticket.query_id) if ticket.effect in PINNED_EFFECTS else None

    def renew(self, ticket: StatementTicket) -> bytes:
        """The same ticket with its whole lifetime before it; VEL1005 for one that is not ours."""
        self.check(ticket)
        until_unix_ms = self.next_expiry()
        if ticket.effect in PINNED_EFFECTS:
            self.pins.renew(ticket.query_id, until_unix_ms)
        fresh = msgspec.structs.replace(ticket, expires_unix_ms=until_unix_ms, signature=b"")
        return self._sign(fresh)

    def next_expiry(self) -> int:
        """Until when a ticket that is made now is good, in ms since 1970."""
        lifetime_s: int = self._options.get("tickets.lifetime_s")
        return self._clock_unix_ms() + lifetime_s * 1000

    def _sign(self, ticket: StatementTicket) -> bytes:
        ticket.signature = self._signature(ticket)
        return msgspec.msgpack.encode(ticket)

    def check(self, ticket: StatementTicket) -> None:
        unsigned = msgspec.structs.replace(ticket, signature=b"")
        if not hmac.compare_digest(self._signature(unsigned), ticket.signature):
            raise VelariaError(
                codes.BAD_TICKET,
                "the ticket was not made by this server",
                hint="Ask GetFlightInfo or sql.execute for a new ticket.",
            )
        if ticket.expires_unix_ms < self._clock_unix_ms():
            raise VelariaError(
                codes.BAD_TICKET,
                f"the ticket's time is over: {ticket.expires_unix_ms}",
                hint="Ask GetFlightInfo or sql.execute for a new ticket.",
            )

    def _signature(self, unsigned: StatementTicket) -> bytes:
        body = msgspec.msgpack.encode((caller().name, unsigned))
        return hashlib.blake2b(body, key=self._key, digest_size=_SIGNATURE_BYTES).digest()


def refuse_second_reading(ticket: StatementTicket, query_id: str) -> None:
    """VEL1005 unless this is the first reading, which runs under the id the ticket promised.

    Rows of a change are not kept, so they cannot be told again.
    """
    if query_id != ticket.query_id:
        raise VelariaError(
            codes.BAD_TICKET,
            f"the ticket's statement runs only once and was asked for before: {ticket.query_id}",
            hint="Ask GetFlightInfo or sql.execute for a new ticket to run it again.",
        )


class _Slot:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reply: pa.Table | None = None
        self.failure: VelariaError | None = None  # made anew
        self.byte_count = 0  # of a kept reply; one that is run at DoGet is a row of one number


class OnceReplies:
    """Runs the statement of a ticket at most once; every later DoGet gets the first one's reply.

    A failure is an outcome, too: it is told again and the statement is not run again, unless the
    error says that it may be tried later. The oldest replies are dropped past a bound of their
    number or bytes; their tickets are then refused, never run a second time.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._byte_count = 0
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def promise(self, query_id: str) -> None:
        self._enter(query_id, _Slot())

    def keep(self, query_id: str, reply: pa.Table) -> None:
        """The reply of a statement that has run already. The newest is kept, whatever its size."""
        slot = _Slot()
        slot.reply, slot.byte_count = reply, reply.nbytes
        self._enter(query_id, slot)

    def _enter(self, query_id: str, slot: _Slot) -> None:
        kept_max = self._options.get("tickets.replies_kept")
        bytes_max = self._options.get("tickets.replies_bytes")
        with self._lock:
            replaced = self._slots.pop(query_id, None)
            self._byte_count -= 0 if replaced is None else replaced.byte_count
            self._slots[query_id] = slot
            self._byte_count += slot.byte_count
            while len(self._slots) > 1 and (
                len(self._slots) > kept_max or self._byte_count > bytes_max
            ):
                _, dropped = self._slots.popitem(last=False)
                self._byte_count -= dropped.byte_count

    def reply(self, query_id: str, run: Callable[[], pa.Table]) -> pa.Table:
        with self._lock:
            slot = self._slots.get(query_id)
        if slot is None:
            raise VelariaError(
                codes.BAD_TICKET, f"the ticket's reply is no longer kept: {query_id}"
            )
        with slot.lock:
            if slot.failure is not None:
                raise slot.failure.anew()
            if slot.reply is None:
                try:
                    slot.reply = run()
                except Exception as fault:
                    error = as_velaria_error(fault)
                    if error.retry == "never":
                        slot.failure = error
                    raise error.anew() from fault
            return slot.reply
