"""What all handlers share: the kernel session, the run history, and the books about both.

No Flight type appears here but the call: another front can serve the same handlers.
"""

import threading
import urllib.parse
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from velaria._kernel import Connection, KernelError, Session, TableInfo
from velaria.flight_server.calls import Call, CallWatcher
from velaria.flight_server.flight_sql.peer_sessions import PeerSessions
from velaria.flight_server.flight_sql.prepared import PreparedBook
from velaria.flight_server.flight_sql.transactions import TransactionBook
from velaria.flight_server.gauges import watch_gauges
from velaria.flight_server.health import Health
from velaria.flight_server.held import HeldBook
from velaria.flight_server.identity.permissions import may_see, not_visible, statement_fault
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.flight_server.parts import PartBook
from velaria.flight_server.queries import QueryBook, id_is_taken
from velaria.flight_server.sessions import SessionBook
from velaria.flight_server.shared_results import SharedResults
from velaria.flight_server.streams import StreamBook
from velaria.flight_server.tickets import OnceReplies, TicketOffice
from velaria.flight_server.traces import open_tracer
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.control.ledger import Ledger
    from velaria.flight_server.identity.gate import Gate


_PASSING_KEPT_MAX = 1_000


class Service:
    """Owned by `serve`: made before the first listener, closed after the last call."""

    is_durable = False
    """Whether tables outlive the process: they live in memory."""

    def __init__(
        self,
        session: Session,
        ledger: "Ledger",
        options: Options,
        data_dir: Path,
        gate: "Gate | None" = None,
    ) -> None:
        self.session = session
        self.gate = gate  # None: everybody who reaches the server may do everything
        self.ledger = ledger
        self.options = options
        self.data_dir = data_dir
        self.watcher = CallWatcher()
        self.metrics = Metrics()
        self.tracer = open_tracer(options)
        self.tickets = TicketOffice(options)
        self.once = OnceReplies(options)
        self.queries = QueryBook(ledger, self.metrics, self.tracer, session)
        self.streams = StreamBook(session, self.queries, options)
        self.sessions = SessionBook(session, options)
        self.transactions = TransactionBook(session, options)
        self.prepared = PreparedBook(options)
        by_connection = options.get("sessions.by_connection")
        self.peers = PeerSessions(self.sessions, self.ports) if by_connection else None
        self.sessions.on_end(self.transactions.held.end_of_session)
        self.sessions.on_end(self.prepared.held.end_of_session)
        self.sessions.on_sleep(self.transactions.held.expire_in_session)
        self.sessions.on_sleep(self.prepared.held.end_of_session)
        self._passing_of: dict[str, Connection] = {}
        self.held = HeldBook(options)
        self.parts = PartBook()
        self.flight_uris: list[str] = []
        self.limits = Limits(options, self.metrics, self.ports)
        self.tickets.pins.be_watched(self.limits.watchdog)
        self.sessions.be_watched(self.limits.watchdog)
        self.transactions.held.be_watched(self.limits.watchdog)
        self.limits.memory.spare(self.tickets.pins.let_go)
        self.shared = SharedResults(self.limits)
        self.drain_requested = threading.Event()
        self._drain_asked_s: float | None = None
        self._draining = threading.Event()
        self.health = Health(self)
        watch_gauges(self)
        options.follow("history.keep_days", ledger.keep_for)

    def connection(self, call: Call) -> Session | Connection:
        """What a call's statements run on: the session it names, or the database itself. VEL1011
        for one that is over; the client's next call is in none, unless its header names it."""
        if call.connection is None:
            if call.session_id is None:
                return self._passing(call.client.name)
            try:
                call.connection = self.sessions.use(call.session_id, call)
            except VelariaError as fault:
                if fault.code == codes.UNKNOWN_HANDLE:
                    self.forget_session(call)
                raise
        return call.connection

    def _passing(self, user: str | None) -> Session | Connection:
        """What the statements of a user's calls that are in no session run on: one of them leaves
        nothing there for another."""
        if user is None:
            return self.session
        found = self._passing_of.get(user)
        if found is None:
            if len(self._passing_of) >= _PASSING_KEPT_MAX:
                self._passing_of.clear()
            found = self._passing_of[user] = self.session.connect(user, lasts=False)
        return found

    def forget_session(self, call: Call) -> None:
        """Neither the client's TCP connection nor its cookie names it any more."""
        peer = call.facts.peer
        if self.peers is not None and self.peers.find(peer) == call.session_id:
            self.peers.unbind(peer)
        if call.is_named_by_cookie:
            call.set_cookie(None)

    def promised(self, chosen: str | None = None) -> AbstractContextManager[str]:
        """A query id that a statement runs under soon, or when its ticket is read; given back when
        the block fails before that. VEL1006 for one that the client chose and that a query here
        has, or, since it is looked up like an id, a stream's name."""
        if chosen is not None and any(chosen == stream.name for stream in self.streams.all()):
            raise id_is_taken(chosen)
        return self.queries.promised(chosen)

    def seen_table(self, call: Call, name: str) -> TableInfo:
        """A relation by its name. VEL1010 for one that the call may not see, and for one that is
        not there when the call does not see everything."""
        try:
            entry = self.session.table(name)
        except KernelError as fault:
            raise statement_fault(call, fault) from None
        if not may_see(call, entry):
            raise not_visible()
        return entry

    def refusals_audited(self, call: Call, action: str) -> "RefusalsAudited":
        return RefusalsAudited(self, call, action)

    def ports(self) -> frozenset[int]:
        """The TCP ports that the server listens on for Flight."""
        found = (urllib.parse.urlsplit(uri).port for uri in self.flight_uris)
        return frozenset(port for port in found if port is not None)

    def request_drain(self, wait_s: float | None = None) -> None:
        """Refuse new work from now on; the main thread then ends what is left and the process."""
        self._drain_asked_s = wait_s
        self._draining.set()
        self.drain_requested.set()

    @property
    def drain_wait_s(self) -> float:
        """How long calls under way may go on: as long as who asked for the end has said."""
        told: float = self.options.get("server.drain_wait_s")
        return told if self._drain_asked_s is None else self._drain_asked_s

    def refuse_when_draining(self) -> None:
        if self._draining.is_set():
            raise VelariaError(
                codes.SERVER_DRAINING,
                "the server is draining and takes no new work",
                hint="Try again when the server is back.",
            )

    def is_draining(self) -> bool:
        return self._draining.is_set()


class RefusalsAudited(AbstractContextManager[None]):
    """A refusal that is not a run of its own goes into the run history from here."""

    def __init__(self, service: Service, call: Call, action: str) -> None:
        self._service = service
        self._call = call
        self._action = action

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gate, principal = self._service.gate, self._call.principal
        if gate is None or principal is None or not isinstance(fault, VelariaError):
            return
        if fault.code == codes.NOT_PERMITTED:
            gate.audit.refused_action(principal, self._action)
