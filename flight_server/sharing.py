"""sql.execute's side of shared memory: a SELECT is run at once and its rows can be mapped."""

from velaria._kernel import StatementInfo
from velaria.flight_server import statements
from velaria.flight_server.calls import Call
from velaria.flight_server.permitted import started
from velaria.flight_server.pulling import pulled
from velaria.flight_server.result_batches import asked_schema, cut
from velaria.flight_server.service import Service
from velaria.flight_server.shared_results import SHARED_MEMORY
from velaria.schemas.sql import SharedRows, SqlExecute


def share(
    service: Service, call: Call, command: SqlExecute, info: StatementInfo, query_id: str
) -> SharedRows | None:
    """None when it was not asked for, or cannot be: the statement is no plain SELECT, or its rows
    do not fit. Its ticket then brings them, by a run of its own."""
    if command.transport != SHARED_MEMORY:
        return None
    service.shared.check_host(command.host_token)
    if statements.effect_of(info) != "rows":
        return None
    with service.queries.redeem(query_id):
        tracked = service.queries.start(query_id, "query", command.sql)
    try:
        watched = service.limits.statement(call, tracked)
        result = started(service, call, tracked, command.sql, command.params, info)
        assert result.schema is not None
        tracked.follow(result)
        meter = service.limits.meter(tracked, watched)
        schema = asked_schema(result.schema, command)
        is_cast = schema is not result.schema
        batches = (
            piece
            for batch in meter.batches(pulled(result))
            for piece in cut(batch.cast(schema) if is_cast else batch, command)
        )
        shared = service.shared.write(query_id, schema, batches)
    except Exception as fault:
        raise tracked.fail(fault) from fault
    watched.close()
    if shared is None:
        result.cancel()
        tracked.cancel(result.row_count)
        return None
    tracked.transport_mode = SHARED_MEMORY
    tracked.finish(shared.row_count)
    return shared
