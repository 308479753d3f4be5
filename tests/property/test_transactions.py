"""Random interleavings of three connections against a model of snapshot isolation in Python.

The model keeps rows with an identity: an update makes a new row, so two transactions that change
one row both remove it, and the second to commit fails.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import velaria

CONFLICT, CONSTRAINT, STATE = "VEL3014", "VEL3005", "VEL2031"

Rows = dict[int, tuple[int, int]]  # by identity: key and value
_identities = itertools.count(1)


class Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Changes:
    removed: set[int] = field(default_factory=set)  # rows of the snapshot
    own: Rows = field(default_factory=dict)

    def copy(self) -> "Changes":
        return Changes(set(self.removed), dict(self.own))


@dataclass
class Model:
    """One database, and what each connection has open."""

    rows: Rows = field(default_factory=dict)

    def merged(self, changes: Changes) -> Rows:
        """The rows after a commit of the changes now; refused when they do not fit."""
        if not changes.removed <= self.rows.keys():
            raise Refused(CONFLICT)
        left = {i: row for i, row in self.rows.items() if i not in changes.removed}
        self.check_keys(left, changes)
        return left | changes.own

    @staticmethod
    def check_keys(others: Rows, changes: Changes) -> None:
        own = [key for key, _ in changes.own.values()]
        if len(set(own)) < len(own) or {key for key, _ in others.values()} & set(own):
            raise Refused(CONSTRAINT)


class ModelConnection:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.reset()

    def reset(self) -> None:
        self.is_open = self.failed = False
        self.snapshot: Rows | None = None
        self.changes = Changes()
        self.savepoint: Changes | None = None

    def view(self) -> Rows:
        if self.snapshot is None:
            self.snapshot = dict(self.model.rows)
        kept = {i: row for i, row in self.snapshot.items() if i not in self.changes.removed}
        return kept | self.changes.own

    def run(self, op: str, key: int, value: int) -> list[tuple[int, int]] | None:
        if op == "begin":
            if self.is_open:
                raise Refused(STATE)
            self.is_open = True
        elif not self.is_open and op in ("commit", "rollback", "savepoint", "rollback_to"):
            raise Refused(STATE)
        elif op == "rollback":
            self.reset()
        elif op == "commit":
            self.commit()
        elif op == "rollback_to":
            self.rollback_to()
        elif self.failed:
            raise Refused(STATE)
        elif op == "savepoint":
            self.view()
            self.savepoint = self.changes.copy()
        else:
            return self.statement(op, key, value)
        return None

    def commit(self) -> None:
        changes, failed = self.changes, self.failed
        self.reset()
        if failed:
            raise Refused(STATE)
        self.model.rows = self.model.merged(changes)

    def rollback_to(self) -> None:
        if self.savepoint is None:
            self.failed = True
            raise Refused(STATE)
        self.changes = self.savepoint.copy()
        self.failed = False

    def statement(self, op: str, key: int, value: int) -> list[tuple[int, int]] | None:
        try:
            if op == "read":
                return sorted(self.view().values())
            self.change(op, key, value)
            if not self.is_open:
                self.model.rows = self.model.merged(self.changes)
        except Refused:
            self.failed = self.is_open
            raise
        finally:
            if not self.is_open:
                self.reset()
        return None

    def change(self, op: str, key: int, value: int) -> None:
        after = self.changes.copy()
        touched = {i: row for i, row in self.view().items() if row[0] == key}
        if op in ("update", "delete"):
            for identity in touched:
                if after.own.pop(identity, None) is None:
                    after.removed.add(identity)
        if op == "update":
            after.own |= {next(_identities): (row[0], value) for row in touched.values()}
        if op == "insert":
            after.own[next(_identities)] = (key, value)
        # Rows that others have committed since the snapshot are in the way, too.
        others = {i: row for i, row in self.model.rows.items() if i not in after.removed}
        added = Changes(own={i: r for i, r in after.own.items() if i not in self.changes.own})
        self.model.check_keys(others, added)
        self.model.check_keys({}, after)
        self.changes = after


_SQL = {
    "begin": "BEGIN",
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
    "savepoint": "SAVEPOINT s",
    "rollback_to": "ROLLBACK TO s",
    "read": "SELECT k, v FROM t ORDER BY k, v",
    "insert": "INSERT INTO t VALUES ({key}, {value})",
    "update": "UPDATE t SET v = {value} WHERE k = {key}",
    "delete": "DELETE FROM t WHERE k = {key}",
}

_STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([*_SQL, "insert", "update", "delete", "update", "begin", "read"]),
        st.integers(0, 3),
        st.integers(0, 99),
    ),
    max_size=40,
)


def outcome(run: Any) -> tuple[str, Any]:
    try:
        return "ok", run()
    except Refused as refused:
        return "refused", refused.code
    except velaria.KernelError as fault:
        return "refused", fault.code


@settings(max_examples=150, deadline=None)
@given(_STEPS)
def test_interleaved_transactions_do_what_the_model_does(
    steps: list[tuple[int, str, int, int]],
) -> None:
    model = Model()
    with velaria.Session(threads=1) as session:
        session.sql("CREATE TABLE t(k INTEGER PRIMARY KEY, v INTEGER)")
        modelled = [ModelConnection(model) for _ in range(3)]
        real = [session.connect() for _ in range(3)]
        for number, op, key, value in steps:
            sql = _SQL[op].format(key=key, value=value)

            def run(number: int = number, sql: str = sql, op: str = op) -> Any:
                frame = real[number].sql(sql)
                return frame.to_rows() if op == "read" else None

            def expect(number: int = number, op: str = op, k: int = key, v: int = value) -> Any:
                return modelled[number].run(op, k, v)

            assert outcome(run) == outcome(expect), (number, sql)
        left = session.sql("SELECT k, v FROM t ORDER BY k").to_rows()
        assert left == sorted(model.rows.values())
        for connection in real:
            connection.close()
