"""The one place that decides what a principal may do. Whoever asks hands the call over: without a
principal, which is how a server without identity runs, everything is allowed.

A statement is judged after the kernel has described it, by what it reads and writes; an action by
its name; a put by its schema. What is not in a table here is for admins. docs/adr/0018 says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from velaria._kernel import KernelError, StatementInfo, TableInfo
from velaria.flight_server.identity.principals import LEAST_ROLE, Principal, Right
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call

_NONE: frozenset[Right] = frozenset()
_READ = frozenset({Right.READ})
_OPERATE = frozenset({Right.OPERATE})
_ALL = frozenset(Right)

MAIN, TEMPORARY = "main", "temp"
_SERVERS_SCHEMAS = ("system", "information_schema")


class RelationUse(Protocol):
    """One thing that a statement reads or writes, as the kernel's StatementInfo.uses tells it."""

    @property
    def kind(self) -> str: ...

    @property
    def catalog_schema(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def access(self) -> str: ...


@dataclass(frozen=True)
class Rule:
    """What a kind of statement needs beside the rights on what it uses: `everywhere`, rights in all
    schemas. `names`: it cannot do anything without naming what it does it to, so that a description
    which tells of nothing leaves something untold, and is for admins."""

    everywhere: frozenset[Right] = _NONE
    names: bool = False


STATEMENTS: dict[str, Rule] = {
    "query": Rule(),
    "stream": Rule(names=True),
    "insert": Rule(names=True),
    "insert_stream": Rule(names=True),
    "update": Rule(names=True),
    "delete": Rule(names=True),
    "create": Rule(names=True),
    "drop": Rule(names=True),
    "alter": Rule(names=True),
    "copy": Rule(names=True),
    "explain": Rule(),
    "show": Rule(),
    "set": Rule(_ALL),
    "transaction": Rule(),
    "prepare": Rule(),  # EXECUTE is judged as the statement it runs
    "deallocate": Rule(),
}

CATALOG_KINDS = frozenset({"table", "view", "stream", "source", "sink", "schema"})
"""Kinds of uses that belong to a schema of the catalog, whose roles count."""

SYSTEM_RELATIONS: dict[str, frozenset[Right]] = {
    "system.functions": _NONE,
    "system.queries": _OPERATE,
    "system.streams": _OPERATE,
    "system.settings": _OPERATE,
    "system.runs": _OPERATE,
    "system.stages": _OPERATE,
    "system.attempts": _OPERATE,
    "system.events": _OPERATE,
}
"""Rights in all schemas for a table of the server's own; READ for one that is not here."""

# Rights in all schemas. An action with none is open to every principal, and its handler asks
# below for what its command names.
ACTIONS: dict[str, frozenset[Right]] = {
    "sql.execute": _NONE,
    "sql.explain": _NONE,
    "sql.analyze": _NONE,
    "sql.prepare": _NONE,
    "sql.close": _NONE,
    "sql.functions": _NONE,
    "query.list": _NONE,
    "query.progress": _NONE,
    "query.cancel": _NONE,
    "query.poll": _NONE,
    "query.release": _NONE,
    "stream.start": _NONE,
    "stream.stop": _NONE,
    "stream.list": _NONE,
    "stream.progress": _NONE,
    "stream.explain": _NONE,
    "stream.end_input": _NONE,
    "table.list": _NONE,
    "table.describe": _NONE,
    "table.drop": _NONE,
    "file.probe": _READ,
    "file.read": _NONE,
    "lane.inputs": _NONE,
    "run.list": _NONE,
    "run.get": _NONE,
    "run.cancel": _NONE,
    "run.record": frozenset({Right.WRITE}),
    "session.open": _NONE,
    "session.set": _NONE,
    "session.close": _NONE,
    "server.info": _NONE,
    "server.health": _NONE,
    "server.metrics": _OPERATE,
    "server.settings": _OPERATE,
    "server.reload": _OPERATE,
    "server.drain": _OPERATE,
    # Flight SQL's and Flight's own: what they name is judged, or belongs to who made it.
    "CreatePreparedStatement": _NONE,
    "ClosePreparedStatement": _NONE,
    "CreatePreparedSubstraitPlan": _NONE,
    "BeginTransaction": _NONE,
    "EndTransaction": _NONE,
    "BeginSavepoint": _NONE,
    "EndSavepoint": _NONE,
    "CancelQuery": _NONE,
    "CancelFlightInfo": _NONE,
    "RenewFlightEndpoint": _NONE,
    "SetSessionOptions": _NONE,
    "GetSessionOptions": _NONE,
    "CloseSession": _NONE,
}


OF_ALL_PRINCIPALS = frozenset({"server.health", "server.info"})
"""What a principal may ask that has no role: a JWT may name nobody that the server has one for."""


def allow_call(call: "Call", action: str) -> None:
    """VEL1010 for a call of a principal without any role, but for those actions; `action` is empty
    for calls of other methods."""
    principal = call.principal
    if principal is not None and not principal.bindings and action not in OF_ALL_PRINCIPALS:
        raise VelariaError(
            codes.NOT_PERMITTED,
            f"the principal has no role on this server: {principal.name}",
            hint="Give it one; the roles of a JWT are told by --jwt-claim and --jwt-role.",
        )


def allow_statement(call: "Call", info: StatementInfo) -> None:
    """VEL1010 unless the call may run what was described."""
    principal = call.principal
    if principal is None:
        return
    rule = STATEMENTS.get(info.kind, Rule(_ALL))
    uses: Sequence[RelationUse] | None = getattr(info, "uses", None)
    needed = rule.everywhere
    if info.kind == "set" and info.needs_connection:
        needed = _NONE  # what only the session sees (SET schema) is its own affair
    if uses is None or (rule.names and not uses):
        needed = _ALL  # something is untold
    _demand_everywhere(principal, needed, f"a statement of kind {info.kind}")
    for use in uses or ():
        _allow_use(principal, use)


def _allow_use(principal: Principal, use: RelationUse) -> None:
    right = Right.READ if use.access == "read" else Right.WRITE
    if use.kind == "temporary":
        return  # a session's own, and sessions belong to who opened them
    if use.kind in CATALOG_KINDS:
        _allow_in_schema(principal, right, use.catalog_schema or use.name)
    elif use.kind == "file":
        _demand_everywhere(principal, frozenset({right}), _A_FILE)
    elif use.kind == "system":
        _allow_system(principal, f"{use.catalog_schema}.{use.name}", right)
    else:
        _demand_everywhere(principal, _ALL, f"a {use.kind}")


def _allow_in_schema(principal: Principal, right: Right, schema: str) -> None:
    if not principal.may(right, schema):
        raise _refusal(principal, right, schema)


def statement_fault(call: "Call", fault: KernelError) -> KernelError | VelariaError:
    """What a statement that cannot be described is answered with.

    Who may not read everything is not told which tables, schemas and columns there are: a name
    that is unknown and one that may not be read are answered alike, and near names are left out.
    What else is wrong with a statement is told only when all it had named by then may be read: an
    unknown column, a type that does not fit or a missing value tell of the tables beside them.
    """
    principal = call.principal
    if principal is None or principal.may_everywhere(Right.READ):
        return fault
    # Only what describes a statement tells what it had named.
    named: list[tuple[str, str]] = getattr(fault, "named", [])
    if fault.code == codes.NOT_PERMITTED:
        return _refusal_everywhere(_READ, _A_FILE)
    if fault.code in _UNKNOWN_PLACES or any(_is_closed(principal, schema) for schema, _ in named):
        return not_visible()
    if fault.code in _TELLS_NO_NAMES:
        return fault
    return VelariaError(
        fault.code, fault.message, line=fault.line, column=fault.column, caret=fault.caret
    )


def started_fault(call: "Call", fault: KernelError) -> KernelError | VelariaError:
    """What a statement that may run and fails is answered with. What it names may be read, but a
    schema or table among that which is not there is told with those that are."""
    principal = call.principal
    if principal is None or principal.may_everywhere(Right.READ):
        return fault
    return not_visible() if fault.code in _UNKNOWN_PLACES else fault


def _is_closed(principal: Principal, schema: str) -> bool:
    """Whether what is in a schema is kept from the principal. The tables of the server's own are in
    its documentation, and temporary ones are the session's."""
    if schema.lower() in (TEMPORARY, *_SERVERS_SCHEMAS):
        return False
    return not principal.may(Right.READ, schema)


_A_FILE = "a file of the server"

_UNKNOWN_PLACES = frozenset({"VEL2011", codes.UNKNOWN_SCHEMA})

_TELLS_NO_NAMES = frozenset({"VEL2001", "VEL2002", "VEL2014"})
"""Syntax, unsupported parts and function names: their hints are about the language."""


def allow_action(call: "Call", name: str) -> None:
    """VEL1010 unless the call may call the action at all."""
    if call.principal is not None:
        _demand_everywhere(call.principal, ACTIONS.get(name, _ALL), f"the action {name}")


def allow_table(call: "Call", entry: TableInfo, right: Right) -> None:
    """VEL1010 unless the call has the right on a relation of the catalog."""
    principal = call.principal
    if principal is None:
        return
    if entry.kind == "system":
        _allow_system(principal, entry.name, right)
    else:
        _allow_in_schema(principal, right, entry.catalog_schema)


def allow_write(call: "Call", schema: str) -> None:
    """VEL1010 unless the call may write tables of that schema, which may not be there yet.
    Temporary ones are the session's own."""
    if call.principal is not None and schema.lower() != TEMPORARY:
        _allow_in_schema(call.principal, Right.WRITE, schema)


def may_see_schema(call: "Call", schema: str) -> bool:
    """Whether a listing names the schema, and what is in it, to the call."""
    principal = call.principal
    if principal is None or principal.may_everywhere(Right.READ):
        return True
    is_servers = schema.lower() in _SERVERS_SCHEMAS
    return not is_servers and (schema.lower() == TEMPORARY or principal.may(Right.READ, schema))


def may_see(call: "Call", entry: TableInfo) -> bool:
    """Whether a listing names the relation to the call."""
    principal = call.principal
    if principal is not None and entry.kind == "system":
        return principal.may_everywhere(Right.READ)
    return may_see_schema(call, entry.catalog_schema)


def may_see_query(call: "Call", owner: str | None) -> bool:
    """A principal's own queries; all of them for an operator."""
    principal = call.principal
    if principal is None or principal.may_everywhere(Right.OPERATE):
        return True
    return owner is not None and owner == principal.name


def may_follow(call: "Call", owner: str | None) -> bool:
    """Whether the rows that a streaming query emits may go to the call: they were judged for its
    owner only, so others need to be readers of everything."""
    principal = call.principal
    if principal is None or principal.may_everywhere(Right.READ):
        return True
    return owner is not None and owner == principal.name


def may_read_files(call: "Call") -> bool:
    """Whether a statement of the call may read files of the server. For others it is described
    without any: whether a file is there, and what it holds, would be told before the judgement."""
    return call.principal is None or call.principal.may_everywhere(Right.READ)


def may_know_files(call: "Call") -> bool:
    """Whether the call may be told where the server keeps its files."""
    return call.principal is None or call.principal.may_everywhere(Right.ADMINISTER)


def not_visible() -> VelariaError:
    """The one answer to a name that is not there and to one that may not be seen: without a place,
    which the kernel tells only of the former."""
    return VelariaError(
        codes.NOT_PERMITTED,
        "a table or schema that is named is not there, or may not be read by this principal",
        hint="In its schema the role viewer lets a principal read, author write and make tables.",
    )


def _allow_system(principal: Principal, name: str, right: Right) -> None:
    needed = SYSTEM_RELATIONS.get(name.lower(), _READ) if right is Right.READ else _ALL
    _demand_everywhere(principal, needed, name)


def _demand_everywhere(principal: Principal, rights: frozenset[Right], what: str) -> None:
    missing = frozenset(right for right in rights if not principal.may_everywhere(right))
    if missing:
        raise _refusal_everywhere(missing, what)


def _refusal_everywhere(missing: frozenset[Right], what: str) -> VelariaError:
    # Of what is for admins alone, whatever else is missing comes with the role.
    needed = frozenset({Right.ADMINISTER}) if Right.ADMINISTER in missing else missing
    roles = " and ".join(dict.fromkeys(LEAST_ROLE[right] for right in Right if right in needed))
    return VelariaError(
        codes.NOT_PERMITTED,
        f"not permitted: {what}",
        hint=f"It needs the role {roles} in all schemas.",
    )


def _refusal(principal: Principal, right: Right, schema: str) -> VelariaError:
    """The schema is named only to who may read it: its tables are known to him."""
    if not principal.may(Right.READ, schema):
        return not_visible()
    return VelariaError(
        codes.NOT_PERMITTED,
        f"not permitted to {right.value} in the schema {schema}",
        hint=f"It needs the role {LEAST_ROLE[right]} in that schema.",
    )
