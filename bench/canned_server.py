"""The native front with nothing behind it: every prepared statement is `SELECT 1 AS one`, whose
answers were made beforehand.

    python -m bench.canned_server

What ADBC's driver takes of it for a statement no server behind that front can undercut.
"""

import json
import tempfile
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight

from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server.flight_infos import endpoint_of, info_of
from velaria.flight_server.flight_sql.messages import new, pack
from velaria.flight_server.native_front import Handlers
from velaria.flight_server.options import Options
from velaria.flight_server.results import DataStream, RowStream
from velaria.flight_server.service import Service

ROWS = pa.table({"one": [1]})
_HANDLE = b"canned"
_PREPARED = pack(
    new(
        "ActionCreatePreparedStatementResult",
        prepared_statement_handle=_HANDLE,
        dataset_schema=ROWS.schema.serialize().to_pybytes(),
        parameter_schema=pa.schema([]).serialize().to_pybytes(),
    )
)
_INFO = info_of(
    ROWS.schema, flight.FlightDescriptor.for_command(_HANDLE), [endpoint_of(_HANDLE)]
).serialize()
_ANSWERS = {b"CreatePreparedStatement": [_PREPARED], b"ClosePreparedStatement": []}


class CannedHandlers(Handlers):
    """What the driver asks before its first statement is answered as ever."""

    def begin(self, context: _kernel.FlightCall) -> None:
        """Nothing is kept of a call."""

    def completed(self, context: _kernel.FlightCall, text: str | None, extra_info: bytes) -> None:
        if context.call is not None:
            super().completed(context, text, extra_info)

    def do_action(self, context: _kernel.FlightCall, name: bytes, body: bytes) -> list[bytes]:
        if name in _ANSWERS:
            return _ANSWERS[name]
        super().begin(context)
        return super().do_action(context, name, body)

    def get_flight_info(self, context: _kernel.FlightCall, told: bytes | list[bytes]) -> bytes:
        if isinstance(told, bytes) and _HANDLE in told:
            return _INFO
        super().begin(context)
        return super().get_flight_info(context, told)

    def do_get(self, context: _kernel.FlightCall, ticket: bytes) -> DataStream:
        if ticket == _HANDLE:
            return RowStream(ROWS)
        super().begin(context)
        return super().do_get(context, ticket)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="velaria-bench-") as folder:
        ledger = open_ledger("none", Path(folder))
        service = Service(_kernel.Session(), ledger, Options(), Path(folder))
        front = _kernel.FlightFront("grpc://127.0.0.1:0", CannedHandlers(service))
        print(json.dumps({"flight": [f"grpc://127.0.0.1:{front.port}"]}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
