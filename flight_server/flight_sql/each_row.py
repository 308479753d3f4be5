"""A query that runs once for each row of parameters; the rows of its results follow one another."""

from collections.abc import Iterator

import pyarrow as pa

from velaria._kernel import StatementInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import coded_rows, parameters
from velaria.flight_server.permitted import described, started
from velaria.flight_server.pulling import pulled
from velaria.flight_server.results import DataStream
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def open_rows(
    service: Service,
    call: Call,
    sql: str,
    rows: pa.Table,
    query_id: str,
    pinned: StatementInfo | None,
) -> DataStream:
    """The runs follow one another under one query id, each in a turn of its own when the batches
    before it have been read; cancelling the query ends the one under way and those to come."""
    tracked = service.queries.start(query_id, "query", sql)
    limits = service.limits
    try:
        limits.count_result(call)
        watched = limits.statement(call, tracked)
        info = described(service, call, sql, parameters.first_row(rows))
    except Exception as fault:
        raise tracked.fail(fault) from fault
    call.on_end(lambda _: tracked.cancel(tracked.row_count))

    def batches() -> Iterator[pa.RecordBatch]:
        for index, values in enumerate(parameters.each_row(rows)):
            if index > 0:
                limits.again(call, tracked, watched)
            result = watched.result = started(service, call, tracked, sql, values, pinned)
            if result.schema != info.schema:
                raise VelariaError(
                    codes.BAD_PARAMETER,
                    "a later row of parameters gives the result other types than the first",
                )
            for batch in pulled(result):
                tracked.add_rows(batch.num_rows)
                yield batch
        tracked.finish(tracked.row_count)

    meter = limits.meter(tracked, watched)
    return coded_rows.stream(call, info.schema, meter.batches(batches()))
