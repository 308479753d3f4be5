"""Actions on sessions."""

from velaria.flight_server import statements
from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas.base import Done
from velaria.schemas.session import SessionClose, SessionOpen, SessionOpened, SessionSet
from velaria.sql_text import quoted_name


@action("session.open")
def open_session(service: Service, call: Call, command: SessionOpen) -> SessionOpened:
    """Open a session of transactions, temporary tables and a current schema."""
    return SessionOpened(session=service.sessions.open(command.idle_s, command.query_s))


@action("session.set")
def set_session(service: Service, call: Call, command: SessionSet) -> Done:
    """Change a session's current schema and limits."""
    call.session_id = command.session
    service.connection(call)
    schema = command.catalog_schema
    if schema is not None:
        statements.at_once(service, call, f"SET schema = {quoted_name(schema)}")
        service.transactions.set_schema(command.session, schema, call)
    service.sessions.set(command.session, command.idle_s, command.query_s)
    return Done()


@action("session.close")
def close_session(service: Service, call: Call, command: SessionClose) -> Done:
    """Close a session; an open transaction is rolled back."""
    service.sessions.close(command.session)
    return Done()
