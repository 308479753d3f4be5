"""What is known of the call under way on this thread, for log lines, metrics and traces.

A front enters a call's facts at the method's beginning and leaves them at its end. Work on other
threads names its query itself.
"""

import itertools
import threading
import uuid
from typing import Any

from velaria.flight_server.identity.clients import NOBODY, Client
from velaria.flight_server.limits.connections import host_of

_numbers = itertools.count(1)


class CallFacts:
    """The facts of one call: what `log_fields` shows, and how it failed."""

    def __init__(self, method: str, principal: str | None = None) -> None:
        self.call_id = f"c-{next(_numbers)}"  # unique within the process
        self.method = method
        self.action = ""  # of DoAction: its name, when there is such an action
        self.principal = principal
        self._peer = ""
        self._client: Client | None = None  # who it is from, once somebody has asked
        self.query_id: str | None = None
        self.run_id: uuid.UUID | None = None
        self.code: str | None = None
        self.span: Any = None  # of the call, when it is traced

    @property
    def peer(self) -> str:
        """As gRPC tells it, from the moment the call is watched."""
        return self._peer

    @peer.setter
    def peer(self, peer: str) -> None:
        self._peer, self._client = peer, None

    @property
    def client(self) -> Client:
        """Who the call is from."""
        if self._client is None:
            is_told = self.principal is not None
            self._client = Client(self.principal) if is_told else Client(host=host_of(self._peer))
        return self._client

    def log_fields(self) -> dict[str, str]:
        return {
            name: str(value)
            for name in ("call_id", "method", "action", "principal", "query_id", "run_id")
            if (value := getattr(self, name))
        }


class _Current(threading.local):
    facts: CallFacts | None = None


_current = _Current()


def enter(facts: CallFacts) -> None:
    _current.facts = facts


def leave() -> None:
    _current.facts = None


def current() -> CallFacts | None:
    return _current.facts


def caller() -> Client:
    """Who the call under way on this thread is from; nobody outside of calls."""
    facts = _current.facts
    return NOBODY if facts is None else facts.client


def note_query(query_id: str, run_id: uuid.UUID) -> None:
    """The call under way, if there is one, runs this query."""
    facts = _current.facts
    if facts is not None:
        facts.query_id, facts.run_id = query_id, run_id


def note_code(code: str) -> None:
    """The code of an error that the call met; its last one is how it ended, if it failed."""
    facts = _current.facts
    if facts is not None:
        facts.code = code


def add_log_fields(logger: Any, method: str, event: Any) -> Any:
    """structlog processor: the call's fields, where the line does not name its own."""
    facts = _current.facts
    return event if facts is None else {**facts.log_fields(), **event}
