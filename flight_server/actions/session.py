"""Actions on sessions."""

from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas.base import Done
from velaria.schemas.session import SessionClose, SessionOpen, SessionOpened


@action("session.open")
def open_session(service: Service, call: Call, command: SessionOpen) -> SessionOpened:
    """Open a session of transactions, temporary tables and a current schema."""
    return SessionOpened(session=service.sessions.open(command.idle_s, command.query_s))


@action("session.close")
def close_session(service: Service, call: Call, command: SessionClose) -> Done:
    """Close a session; an open transaction is rolled back."""
    service.sessions.close(command.session)
    return Done()
