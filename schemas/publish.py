"""The commands and replies as JSON Schema, one file per topic, for clients in other languages.

On the wire they are MessagePack: what a schema calls base64 text is MessagePack `bin`.
"""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

TOPICS = (
    "batch_metadata",
    "errors",
    "file",
    "lane",
    "query",
    "results",
    "run",
    "server",
    "session",
    "sql",
    "stream",
    "table",
    "tickets",
)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(topic: str) -> dict[str, Any]:
    """All structs that the topic's file declares."""
    module = import_module(f"velaria.schemas.{topic}")
    declared = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, msgspec.Struct) and member.__module__ == module.__name__
    ]
    _, definitions = msgspec.json.schema_components(declared, ref_template="#/$defs/{name}")
    return {
        "$schema": _DIALECT,
        "title": f"velaria {topic}",
        "description": inspect.getdoc(module),
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text(topic: str) -> str:
    return msgspec.json.format(msgspec.json.encode(schema_of(topic)), indent=2).decode() + "\n"


def publish(folder: Path) -> list[Path]:
    """Write one file per topic; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for topic in TOPICS:
        path = folder / f"{topic}.json"
        path.write_text(schema_text(topic), encoding="utf-8")
        written.append(path)
    return written
