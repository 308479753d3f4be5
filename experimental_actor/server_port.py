"""What the lane asks of a server: the part of `velaria.connect`'s client that it uses."""

from typing import Any, Protocol

import pyarrow as pa


class Rows(Protocol):
    def to_arrow(self) -> pa.Table: ...


class Server(Protocol):
    def sql(self, text: str) -> Rows: ...
    def action(self, name: str, /, **fields: Any) -> dict[str, Any]: ...
