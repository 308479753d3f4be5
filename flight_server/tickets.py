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

from velaria.flight_server.errors import as_velaria_error, from_reply
from velaria.schemas import errors as codes
from velaria.schemas.errors import ErrorReply, VelariaError
from velaria.schemas.tickets import StatementTicket

TICKET_LIFETIME_MS = 3_600_000
_KEPT_REPLIES_MAX = 10_000
_SIGNATURE_BYTES = 16

TicketEffect = Literal["rows", "continuous", "once", "once_rows"]


class TicketOffice:
    """Signs statement tickets with a key of this process: another server's ticket is refused."""

    def __init__(
        self, clock_unix_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._key = secrets.token_bytes(32)
        self._clock_unix_ms = clock_unix_ms

    def issue(
        self, sql: str, params: list[Any] | None, query_id: str, effect: TicketEffect
    ) -> bytes:
        ticket = StatementTicket(
            sql=sql,
            params=params,
            query_id=query_id,
            effect=effect,
            expires_unix_ms=self._clock_unix_ms() + TICKET_LIFETIME_MS,
        )
        signed = msgspec.structs.replace(ticket, signature=self._signature(ticket))
        return msgspec.msgpack.encode(signed)

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
        body = msgspec.msgpack.encode(unsigned)
        return hmac.digest(self._key, body, hashlib.sha256)[:_SIGNATURE_BYTES]


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
    """An exception would hold its frames, and all they hold; so a failure is kept as it is told."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reply: pa.Table | None = None
        self.failure: ErrorReply | None = None
        self.caret = ""


class OnceReplies:
    """Runs the statement of a ticket at most once; every later DoGet gets the first one's reply.

    A failure is an outcome, too: it is told again and the statement is not run again. The oldest
    replies are dropped past a bound; their tickets are then refused, never run a second time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def promise(self, query_id: str) -> None:
        with self._lock:
            self._slots[query_id] = _Slot()
            while len(self._slots) > _KEPT_REPLIES_MAX:
                self._slots.popitem(last=False)

    def reply(self, query_id: str, run: Callable[[], pa.Table]) -> pa.Table:
        with self._lock:
            slot = self._slots.get(query_id)
        if slot is None:
            raise VelariaError(
                codes.BAD_TICKET, f"the ticket's reply is no longer kept: {query_id}"
            )
        with slot.lock:
            if slot.failure is not None:
                error = from_reply(slot.failure)
                error.caret = slot.caret
                raise error
            if slot.reply is None:
                try:
                    slot.reply = run()
                except Exception as fault:
                    error = as_velaria_error(fault)
                    slot.failure, slot.caret = error.reply(), error.caret
                    raise error from fault
            return slot.reply
