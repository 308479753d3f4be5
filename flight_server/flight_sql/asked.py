"""What a command of Flight SQL asks to run: its own text, or that of a prepared statement."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import connections
from velaria.flight_server.service import Service


@dataclass(frozen=True)
class Asked:
    """A statement with what it runs with, the call being in its transaction and session."""

    sql: str
    rows: pa.Table | None
    transaction_id: bytes


def asked_of(service: Service, call: Call, message: Any) -> Asked:
    """Of either command, of a query or an update. VEL1011 for a handle or transaction unknown."""
    if message.DESCRIPTOR.name in ("CommandStatementQuery", "CommandStatementUpdate"):
        asked = Asked(message.query, None, message.transaction_id)
    else:
        prepared = service.prepared.use(message.prepared_statement_handle, call)
        call.session_id = prepared.session_id or call.session_id
        transaction_id = service.transactions.of_prepared(prepared.transaction_id, call.session_id)
        asked = Asked(prepared.sql, prepared.rows, transaction_id)
    connections.enter(service, call, asked.transaction_id)
    return asked
