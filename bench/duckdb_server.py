"""DuckDB behind a Flight server that is no longer than it must be: what one writes in an afternoon.

    python -m bench.duckdb_server THREADS

A ticket is SQL text; a DoPut by path makes the table of that name from what is sent.
"""

import json
import sys

import duckdb
import pyarrow as pa
import pyarrow.flight as flight

ROWS_PER_BATCH = 65_536
"""2 MiB of four eight-byte columns: what Flight carries best."""


class DuckDbFlightServer(flight.FlightServerBase):
    """Each call has a cursor of its own, so that calls run side by side."""

    def __init__(self, threads: int) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._database = duckdb.connect(config={"threads": threads})

    def do_get(
        self, context: flight.ServerCallContext, ticket: flight.Ticket
    ) -> flight.RecordBatchStream:
        result = self._database.cursor().execute(ticket.ticket.decode())
        return flight.RecordBatchStream(result.to_arrow_reader(ROWS_PER_BATCH))

    def do_put(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        writer: flight.FlightMetadataWriter,
    ) -> None:
        name = descriptor.path[0].decode()
        cursor = self._database.cursor()
        cursor.register("sent", pa.Table.from_batches([chunk.data for chunk in reader]))
        cursor.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM sent")
        cursor.unregister("sent")


def main(arguments: list[str]) -> None:
    server = DuckDbFlightServer(int(arguments[0]))
    print(json.dumps({"flight": [f"grpc://127.0.0.1:{server.port}"]}), flush=True)
    server.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
