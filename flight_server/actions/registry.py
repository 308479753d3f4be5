"""The one table of actions. A handler is declared once, with its command and reply as annotations:

    @action("table.list")
    def list_tables(service: Service, call: Call, command: Empty) -> TableListReply:
        "The catalog's tables, views and streams."

From the table come ListActions, decoding, dispatch, the published schemas and the command line.
"""

import difflib
import importlib
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from velaria.flight_server.calls import Call
from velaria.flight_server.decoding import decode
from velaria.flight_server.identity.permissions import allow_action
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

EVEN_DRAINING = frozenset(
    {
        "server.info",
        "server.health",
        "server.metrics",
        "server.drain",
        "query.cancel",
        "query.list",
        "query.release",
        "run.cancel",
        "session.close",
    }
)
"""What a draining server still answers."""

AREAS = ("sql", "query", "stream", "table", "run", "file", "lane", "session", "server")

Handler = TypeVar("Handler", bound=Callable[..., Any])

_EMPTY_MAP = b"\x80"
_NAME_SHOWN_MAX = 64


@dataclass(frozen=True)
class ActionSpec:
    name: str
    summary: str
    command: type[msgspec.Struct]
    reply: Any
    handler: Callable[..., Any]


ACTIONS: dict[str, ActionSpec] = {}


def action(name: str) -> Callable[[Handler], Handler]:
    def enter(handler: Handler) -> Handler:
        hints = typing.get_type_hints(handler)
        summary = (inspect.getdoc(handler) or "").split("\n", 1)[0]
        ACTIONS[name] = ActionSpec(name, summary, hints["command"], hints["return"], handler)
        return handler

    return enter


def load_all() -> None:
    for area in AREAS:
        importlib.import_module(f"velaria.flight_server.actions.{area}")


def dispatch(service: Service, call: Call, name: str, body: bytes) -> bytes:
    """Allow, decode, run, encode. An empty body is a command without fields."""
    spec = ACTIONS.get(name)
    if spec is None:
        raise _unknown(name)
    with service.refusals_audited(call, name):
        allow_action(call, name)
    command = decode(body or _EMPTY_MAP, spec.command, f"command of {name}")
    return msgspec.msgpack.encode(spec.handler(service, call, command))


def _unknown(name: str) -> VelariaError:
    shown = "".join(c if c.isprintable() else "?" for c in name[:_NAME_SHOWN_MAX])
    near = difflib.get_close_matches(name[:_NAME_SHOWN_MAX], ACTIONS, n=1)
    hint = f"Did you mean {near[0]}?" if near else "ListActions names all actions."
    return VelariaError(codes.UNKNOWN_ACTION, f"no action of that name: {shown}", hint=hint)
