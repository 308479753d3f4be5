"""Asks a Postgres whether it can take the run history, for whoever looks before a server starts."""

import time

from velaria.control.connection import PostgresAddress
from velaria.control.errors import history_unavailable
from velaria.control.run_store import StoreAway

PROBE_S_MAX = 5.0


def probe_postgres(dsn: str) -> tuple[str, float]:
    """Its version, and how many seconds its clock is ahead of ours.

    LedgerError VEL1007 for a DSN that does not parse, VEL5003 when it cannot be reached or refuses.
    """
    try:
        connection = PostgresAddress.from_dsn(dsn).connect("velaria doctor")
    except StoreAway as away:
        raise history_unavailable(str(away), away.hint, away.detail) from None
    try:
        with connection.guard(PROBE_S_MAX):
            began_s = time.time()
            row = connection.raw.execute(
                "SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp())"
            ).fetchone()
            ended_s = time.time()
    except StoreAway as away:
        raise history_unavailable(str(away), away.hint, away.detail) from None
    finally:
        connection.close()
    assert row is not None
    return str(row[0]), float(row[1]) - (began_s + ended_s) / 2
