"""Ways to ask a server of Flight for the rows of a statement."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.flight as flight

from bench.jobs.flight_bytes import connect
from bench.processes import ProcessUnderMeasure

Ask = Callable[[str], pa.Table]


def by_pyarrow(server: ProcessUnderMeasure) -> Ask:
    client = connect(server)
    return lambda sql: client.do_get(flight.Ticket(sql.encode())).read_all()


def by_adbc(server: ProcessUnderMeasure) -> Ask:
    from adbc_driver_flightsql import dbapi

    uri = server.ready["flight"][0].replace("grpc://", "grpc+tcp://")
    connection = dbapi.connect(uri, autocommit=True)

    def ask(sql: str) -> pa.Table:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    return ask
