"""The reference page of all actions, written from the table of actions."""

import msgspec

from velaria.flight_server.actions import registry

_HEAD = """# Actions

Each is called by DoAction with its name; body and reply are MessagePack maps whose shapes stand in
[schemas/](schemas/). An optional field carries a question mark. `velaria action NAME '{...}'` calls
one with a JSON object.

| action | command | reply | what it does |
|---|---|---|---|
"""


def page() -> str:
    registry.load_all()
    rows = [
        f"| `{spec.name}` | {_fields(spec.command)} | {_reply(spec.reply)} | {spec.summary} |"
        for spec in registry.ACTIONS.values()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _fields(struct: type[msgspec.Struct]) -> str:
    names = [f.name if f.required else f"{f.name}?" for f in msgspec.structs.fields(struct)]
    return "{" + ", ".join(names) + "}"


def _reply(reply: object) -> str:
    if isinstance(reply, type) and issubclass(reply, msgspec.Struct):
        return _fields(reply)
    return "the progress map"
