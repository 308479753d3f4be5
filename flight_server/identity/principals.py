"""Roles, what each may do, and the principal that a call acts for.

A role is bound to one schema, or to all of them by `*`. What belongs to no schema (the server's
files, its settings, other clients' queries) needs the role bound to `*`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import msgspec

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

EVERY_SCHEMA = "*"


class Right(Enum):
    READ = "read"
    WRITE = "write"  # rows, and what holds them: tables, views, streams
    OPERATE = "operate"  # the server: others' queries, statistics, drain
    ADMINISTER = "administer"


RoleName = Literal["viewer", "operator", "author", "admin"]

ROLES: dict[str, frozenset[Right]] = {
    "viewer": frozenset({Right.READ}),
    "operator": frozenset({Right.READ, Right.OPERATE}),
    "author": frozenset({Right.READ, Right.WRITE}),
    "admin": frozenset(Right),
}

LEAST_ROLE: dict[Right, str] = {
    right: next(role for role, rights in ROLES.items() if right in rights) for right in Right
}
"""The role that a hint names for a right."""


class Binding(msgspec.Struct, frozen=True):
    """A role in one schema, or in all (`*`). Schemas are compared without regard to case."""

    role: RoleName
    schema: str = EVERY_SCHEMA

    def text(self) -> str:
        return self.role if self.schema == EVERY_SCHEMA else f"{self.role}:{self.schema}"


def parse_binding(text: str) -> Binding:
    """`viewer` or `viewer:sales`. VEL1007 for an unknown role."""
    role, colon, schema = text.partition(":")
    if role not in ROLES or (colon and not schema):
        raise VelariaError(
            codes.BAD_SETTING,
            f"not a role, or a role and a schema: {text}",
            hint=f"Write ROLE or ROLE:SCHEMA; roles are {', '.join(ROLES)}.",
        )
    return msgspec.convert({"role": role, "schema": schema or EVERY_SCHEMA}, Binding)


@dataclass(frozen=True)
class Principal:
    """Who a call acts for. `name` is unique on the server: a name of a JWT begins with `jwt:`,
    which no name of the token file does."""

    name: str
    bindings: tuple[Binding, ...]

    def may(self, right: Right, schema: str) -> bool:
        wanted = schema.lower()
        return any(
            right in ROLES[binding.role] and binding.schema.lower() in (EVERY_SCHEMA, wanted)
            for binding in self.bindings
        )

    def may_everywhere(self, right: Right) -> bool:
        """In schemas that are yet to be made, too, and in what belongs to none."""
        return any(
            right in ROLES[binding.role] and binding.schema == EVERY_SCHEMA
            for binding in self.bindings
        )
