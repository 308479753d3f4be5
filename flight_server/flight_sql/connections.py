"""Which connection the statements of a Flight SQL call run on: that of the transaction it names,
else that of its session, else the database itself.

A session is named by the header velaria-session, by Flight SQL's cookie, or by the client's TCP
connection (peer_sessions). A ticket carries the number of the session or transaction that its
statement was asked in, so that another TCP connection of the client reads the same.
"""

from collections.abc import Callable
from functools import partial

from velaria._kernel import Connection, StatementInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

MAIN_SCHEMA = "main"


def join(service: Service, call: Call) -> None:
    """First of all in a Flight SQL call: a call that names no session is in that of its TCP
    connection. A client that echoes the cookie needs no such binding, and loses it."""
    if service.peers is None:
        return
    peer = call.facts.peer
    if call.session_id is None:
        call.session_id = service.peers.find(peer)
    elif service.peers.find(peer) == call.session_id:
        service.peers.unbind(peer)


def tell_end_of_session(service: Service, call: Call, transaction_id: bytes) -> None:
    """VEL1011, once, for a transaction that was rolled back with the call's session: more than that
    is lost. Told by the next call, which may begin another, it would leave drivers without one."""
    if service.transactions.held.has_ended(transaction_id, call):
        service.connection(call)


def enter(service: Service, call: Call, transaction_id: bytes) -> None:
    """The call's statements run in that transaction, if one is named. VEL1011, VEL2031."""
    if transaction_id:
        tell_end_of_session(service, call, transaction_id)
        _enter(service, call, partial(service.transactions.use, transaction_id))


def number(service: Service, call: Call, transaction_id: bytes) -> str | None:
    """What names the transaction or session of the call in a ticket."""
    if transaction_id:
        return f"t{service.transactions.held.number_of(transaction_id)}"
    if call.session_id is not None:
        return f"s{service.sessions.number_of(call.session_id)}"
    return None


def enter_numbered(service: Service, call: Call, told: str | None) -> None:
    """As the call in which `number` told it. VEL1011 when that transaction or session is over."""
    if told is None:
        return
    if told.startswith("t"):
        transactions, number = service.transactions, int(told[1:])
        call.session_id = transactions.held.session_of(number) or call.session_id
        _enter(service, call, partial(transactions.use_number, number))
        return
    session_id = service.sessions.id_of(int(told[1:]))
    if session_id is None:
        raise VelariaError(codes.UNKNOWN_HANDLE, "the session in which the ticket was made is over")
    call.session_id = session_id


def _enter(service: Service, call: Call, use: Callable[[Call], Connection]) -> None:
    """A transaction, in which the limits of its session hold."""
    service.sessions.touch(call.session_id, call)
    call.connection = use(call)
    call.query_s = service.sessions.query_s_of(call.session_id)


def hold(service: Service, call: Call, info: StatementInfo) -> None:
    """Open a session for a statement that makes no sense without: BEGIN, a temporary table."""
    if info.needs_connection:
        hold_session(service, call)


def hold_session(service: Service, call: Call) -> None:
    """Where a TCP connection names no session the kernel refuses what needs one, with VEL1008."""
    if call.connection is None and call.session_id is None and service.peers is not None:
        open_session(service, call, keep_unbound=False)


def open_session(service: Service, call: Call, *, keep_unbound: bool) -> None:
    """Make a session the call's own, and tell it by cookie.

    `keep_unbound`: also where the TCP connection does not name it, so that only the cookie does.
    """
    session_id = service.sessions.open()
    is_bound = service.peers is not None and service.peers.bind(call.facts.peer, session_id)
    if not is_bound and not keep_unbound:
        service.sessions.close(session_id)
        return
    call.session_id = session_id
    call.set_cookie(session_id)


def close_session(service: Service, call: Call) -> bool:
    """False when the call is in no session, or in one that is over; then nobody need be told."""
    if call.session_id is None:
        return False
    is_open = service.sessions.holds(call.session_id)
    if is_open:
        service.sessions.close(call.session_id)
    service.forget_session(call)
    call.session_id = call.connection = None
    call.set_cookie(None)
    return is_open


def current_schema(service: Service, call: Call) -> str:
    connection = service.connection(call)
    return connection.schema if isinstance(connection, Connection) else MAIN_SCHEMA


def catalog(service: Service) -> str:
    """The database's one catalog."""
    told = service.session.execute("SELECT current_database()").read_all()
    return str(told.column(0)[0])


def refuse_other_catalog(service: Service, name: str) -> None:
    """ "" stands for the database's own."""
    if name and name != catalog(service):
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"the server has one catalog, which is another than: {name}",
            hint="Leave the catalog out.",
        )
