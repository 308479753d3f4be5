"""Velaria: batch SQL and streaming SQL on one kernel, in process or over Arrow Flight.

`Session` is a database in this process; `connect` is a client of a server, `connect_async` one
for asyncio.
"""

import importlib
from typing import TYPE_CHECKING, Any

import pyarrow  # noqa: F401  (loads the libraries the kernel links; first of all)

from velaria._kernel import (
    ControlError,
    ExecutionError,
    InternalError,
    KernelError,
    RequestError,
    SourceError,
    SqlError,
    __version__,
)
from velaria.dataframe import DataFrame
from velaria.schemas.errors import VelariaError
from velaria.session import Session
from velaria.streaming import StreamingDataFrame, StreamingQuery

if TYPE_CHECKING:
    from velaria.flight_server.client import connect
    from velaria.flight_server.client_async import connect_async

__all__ = [
    "ControlError",
    "DataFrame",
    "ExecutionError",
    "InternalError",
    "KernelError",
    "RequestError",
    "Session",
    "SourceError",
    "SqlError",
    "StreamingDataFrame",
    "StreamingQuery",
    "VelariaError",
    "__version__",
    "connect",
    "connect_async",
]

_CLIENTS = {"connect": "client", "connect_async": "client_async"}


def __getattr__(name: str) -> Any:
    """What makes clients is found in the Flight client when it is first asked for."""
    if name in _CLIENTS:
        return getattr(importlib.import_module(f"velaria.flight_server.{_CLIENTS[name]}"), name)
    raise AttributeError(f"module 'velaria' has no attribute {name!r}")
