"""What all handlers share: the kernel session, the run history, and the books about both.

No Flight type appears here but the call: another front can serve the same handlers.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velaria._kernel import Connection, Session
from velaria.flight_server.calls import Call, CallWatcher
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.queries import QueryBook
from velaria.flight_server.sessions import SessionBook
from velaria.flight_server.streams import StreamBook
from velaria.flight_server.tickets import OnceReplies, TicketOffice
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.control.ledger import Ledger

DRAIN_WAIT_S = 2.0


@dataclass
class ServerSettings:
    """What the server was started with. `postgres` is embedded, none or external: never the DSN."""

    listen: list[str]
    data_dir: Path
    allowed_roots: list[str]
    postgres: str
    side: str | None = None
    durable: bool = False

    def shown(self) -> dict[str, Any]:
        return {
            "server.listen": ", ".join(self.listen),
            "server.data_dir": str(self.data_dir),
            "server.allowed_roots": ", ".join(self.allowed_roots),
            "server.postgres": self.postgres,
            "server.side": self.side or "",
            "server.durable": str(self.durable).lower(),
        }


class Service:
    """Owned by `serve`: made before the first listener, closed after the last call."""

    def __init__(self, session: Session, ledger: "Ledger", settings: ServerSettings) -> None:
        self.session = session
        self.ledger = ledger
        self.settings = settings
        self.watcher = CallWatcher()
        self.metrics = Metrics()
        self.tickets = TicketOffice()
        self.once = OnceReplies()
        self.queries = QueryBook(ledger)
        self.streams = StreamBook(session, self.queries)
        self.sessions = SessionBook(session)
        self.flight_uris: list[str] = []
        self.drain_requested = threading.Event()
        self.drain_wait_s = DRAIN_WAIT_S
        self._draining = threading.Event()

    def connection(self, call: Call) -> Session | Connection:
        """What a call's statements run on: the session it names, or the database itself."""
        if call.session_id is None:
            return self.session
        if call.connection is None:
            call.connection = self.sessions.use(call.session_id, call)
        return call.connection

    def request_drain(self, wait_s: float = DRAIN_WAIT_S) -> None:
        """Refuse new work from now on; the main thread then ends what is left and the process."""
        self.drain_wait_s = wait_s
        self._draining.set()
        self.drain_requested.set()

    def refuse_when_draining(self) -> None:
        if self._draining.is_set():
            raise VelariaError(
                codes.SERVER_DRAINING,
                "the server is draining and takes no new work",
                hint="Try again when the server is back.",
            )

    def read_metrics(self) -> dict[str, float]:
        self.metrics.set("calls_active", self.watcher.count())
        self.metrics.set("sessions_open", self.sessions.count())
        self.metrics.set("queries_running", len(self.queries.running()))
        return self.metrics.read()

    def health_parts(self) -> dict[str, str]:
        return {
            "kernel": "ok",
            "run_history": self.ledger.health(),
            "drain": "draining" if self._draining.is_set() else "off",
        }

    def health_state(self) -> str:
        if self._draining.is_set():
            return "draining"
        return "degraded" if self.ledger.health() == "degraded" else "serving"
