"""Transactions of Flight SQL: each is a kernel connection of its own that began one.

A client may have several at a time, beside its session. A transaction begins in its session's
current schema; temporary objects made in it end with it. One that no call has used for its idle
time, or whose session is closed or falls asleep, is rolled back.
"""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from velaria._kernel import Connection, KernelError, Session
from velaria.flight_server.flight_sql.handles import HANDLE_BYTES, HandleBook
from velaria.flight_server.options import Options
from velaria.flight_server.turns import Turn
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.sql_text import quoted_name

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call

TRANSACTION_IDLE_S = 600.0
_SAVEPOINT_BYTES = 8


@dataclass
class Transaction:
    connection: Connection
    savepoints: dict[bytes, str] = field(default_factory=dict)  # oldest first; the name in SQL
    savepoint_count: int = 0  # that were ever made
    turn: Turn = field(default_factory=Turn)


class TransactionBook:
    """All transactions begun by Flight SQL. A savepoint's id is its transaction's with 8 random
    bytes after it."""

    def __init__(
        self,
        session: Session,
        options: Options,
        clock_s: Callable[[], float] = time.monotonic,
        idle_s: float = TRANSACTION_IDLE_S,
    ) -> None:
        self._session = session
        self._options = options
        self.held: HandleBook[Transaction] = HandleBook(
            "transaction",
            options,
            "limits.transactions_open",
            idle_s,
            _roll_back,
            clock_s,
            " Roll it back, and begin another.",
        )

    def begin(self, call: "Call", schema: str) -> bytes:
        """The id of a new transaction in that current schema. VEL5002 when there are too many."""

        def make() -> Transaction:
            connection = self._session.connect(call.client.name)
            if schema != connection.schema:
                connection.execute(f"SET schema = {quoted_name(schema)}")
            connection.execute("BEGIN")
            return Transaction(connection)

        transaction_id = self.held.add(make, call)
        if call.session_id is not None:
            self.held.forget_expired(call.session_id)
        return transaction_id

    def use(self, transaction_id: bytes, call: "Call") -> Connection:
        """The connection, in use until the call ends. VEL1011 for an unknown id, VEL2031 for one
        whose commit failed or that was ended by a statement."""
        return _entered(self.held.use(transaction_id, call), call)

    def use_number(self, number: int, call: "Call") -> Connection:
        return _entered(self.held.use_number(number, call), call)

    def commit(self, transaction_id: bytes, call: "Call") -> None:
        """A commit that fails undoes all; the id then waits for the client to roll back."""
        connection = self.use(transaction_id, call)
        assert call.turn is not None
        with call.turn.taken(call):
            connection.execute("COMMIT")
        self.held.remove(transaction_id, call).connection.close()

    def roll_back(self, transaction_id: bytes, call: "Call") -> None:
        """Done for one that has ended by itself, too: a driver that is refused, as ADBC's is in Go,
        begins no other. VEL1011 for one that the client has ended."""
        if not self.held.has_ended(transaction_id, call):
            _roll_back(self.held.remove(transaction_id, call))

    def begin_savepoint(self, transaction_id: bytes, call: "Call") -> bytes:
        transaction = self.held.use(transaction_id, call)
        if len(transaction.savepoints) >= self._options.get("limits.savepoints_open"):
            raise VelariaError(
                codes.OVERLOADED,
                f"the transaction has too many savepoints: {len(transaction.savepoints)}",
                hint="Release those that are not needed.",
            )
        transaction.savepoint_count += 1
        name = quoted_name(f"savepoint {transaction.savepoint_count}")
        _open_connection(transaction).execute(f"SAVEPOINT {name}")
        savepoint_id = transaction_id + secrets.token_bytes(_SAVEPOINT_BYTES)
        transaction.savepoints[savepoint_id] = name
        return savepoint_id

    def release_savepoint(self, savepoint_id: bytes, call: "Call") -> None:
        """It and those made after it are gone."""
        transaction, name = self._savepoint(savepoint_id, call)
        _open_connection(transaction).execute(f"RELEASE SAVEPOINT {name}")
        _forget_after(transaction, savepoint_id)
        del transaction.savepoints[savepoint_id]

    def roll_back_to_savepoint(self, savepoint_id: bytes, call: "Call") -> None:
        """It stays; those made after it are gone."""
        transaction, name = self._savepoint(savepoint_id, call)
        with transaction.turn.taken(call):
            _open_connection(transaction).execute(f"ROLLBACK TO SAVEPOINT {name}")
        _forget_after(transaction, savepoint_id)

    def set_schema(self, session_id: str, schema: str, call: "Call") -> None:
        """The session's transactions go on in another schema; failed ones only roll back."""
        for transaction in self._open_in(session_id).values():
            with suppress(KernelError), transaction.turn.taken(call):
                transaction.connection.execute(f"SET schema = {quoted_name(schema)}")

    def of_prepared(self, transaction_id: bytes, session_id: str | None) -> bytes:
        """What a statement that was prepared in a transaction runs in: that one; when it is over,
        the only one that its session has open."""
        if not transaction_id or session_id is None or self.held.number_of(transaction_id):
            return transaction_id
        return self.only_of(session_id) or transaction_id

    def meant_in(self, session_id: str) -> bytes:
        """What a call that names no transaction is part of in its session: as `only_of`. VEL1011,
        once, when one of the session's has expired."""
        has_lost_one = self.held.has_expired_in(session_id)
        found = self.only_of(session_id)
        if has_lost_one and not found:
            self.held.forget_expired(session_id)
            raise VelariaError(
                codes.UNKNOWN_HANDLE,
                "the transaction of this session is over: it was not used for its idle time",
                hint="It was rolled back. What follows is in none.",
            )
        return found

    def only_of(self, session_id: str) -> bytes:
        """The session's open transaction when it has one and no more; else b""."""
        handles = list(self._open_in(session_id))
        return handles[0] if len(handles) == 1 else b""

    def _open_in(self, session_id: str) -> dict[bytes, Transaction]:
        return {
            handle: transaction
            for handle, transaction in self.held.of_session(session_id).items()
            if transaction.connection.in_transaction
        }

    def _savepoint(self, savepoint_id: bytes, call: "Call") -> tuple[Transaction, str]:
        transaction = self.held.use(savepoint_id[:HANDLE_BYTES], call)
        name = transaction.savepoints.get(savepoint_id)
        if name is None:
            raise VelariaError(
                codes.UNKNOWN_HANDLE,
                "no savepoint of that id",
                hint="It was released, or undone by the rollback to an earlier one.",
            )
        return transaction, name


def _entered(transaction: Transaction, call: "Call") -> Connection:
    call.turn = transaction.turn
    return _open_connection(transaction)


def _open_connection(transaction: Transaction) -> Connection:
    if not transaction.connection.in_transaction:
        raise VelariaError(
            codes.TRANSACTION_STATE,
            "the transaction is over: its commit failed, or a statement ended it",
            hint="End it by EndTransaction with ROLLBACK, and begin another.",
        )
    return transaction.connection


def _roll_back(transaction: Transaction) -> None:
    transaction.connection.close()


def _forget_after(transaction: Transaction, savepoint_id: bytes) -> None:
    ids = list(transaction.savepoints)
    for later in ids[ids.index(savepoint_id) + 1 :]:
        del transaction.savepoints[later]
