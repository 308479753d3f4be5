"""A statement's tables, fetched from a server, and the statement's split by the kernel.

The tables are read one after another, each as it is at that moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from velaria._kernel import PlanSplit, Session, SqlError
from velaria.experimental_actor.messages import SHARED_MEMORY
from velaria.experimental_actor.server_port import Server
from velaria.experimental_actor.shared_memory import SharedFolder
from velaria.schemas.errors import VelariaError

PARTITION_ROWS = 65_536
PARTITIONS_MIN = 2
PARTITIONS_MAX = 64

UNSUPPORTED_STATEMENT = "VEL2002"
_UNKNOWN_TABLE = "VEL2011"


@dataclass(frozen=True)
class SplitStatement:
    """The split, and the session that made it and will merge it."""

    session: Session
    split: PlanSplit

    def merge(self, partials: list[bytes]) -> pa.Table:
        """The statement's rows, from partial states in fragment order."""
        return self.session.merge_partials(self.split.merge, partials)


def fetch_tables(server: Server, sql: str) -> dict[str, pa.Table]:
    """Every table the statement reads, as the server sees it."""
    reads = server.action("lane.inputs", sql=sql)["tables"]
    tables = {}
    for name, kind in reads.items():
        if kind != "table":
            raise _cannot_split(f"it reads something that is not a table: {name}")
        quoted = name.replace('"', '""')
        tables[name] = server.sql(f'SELECT * FROM "{quoted}"').to_arrow()
    return tables


def split_statement(sql: str, tables: Mapping[str, pa.Table]) -> SplitStatement:
    """Cut into as many partitions as the data asks for, whatever the number of workers: the same
    data gives the same answer, to the bit, on any of them.
    """
    session = Session(threads=1)
    for name, table in tables.items():
        session.register_arrow(name, table)
    most = max((table.num_rows for table in tables.values()), default=0)
    partitions = min(max(-(-most // PARTITION_ROWS), PARTITIONS_MIN), PARTITIONS_MAX)
    try:
        split = session.split_plan(sql, partitions)
    except SqlError as fault:
        if fault.code != _UNKNOWN_TABLE:
            raise
        # The server knows the name and told all tables below it, so it is a view.
        raise _cannot_split("it reads a view", fault.message) from None
    return SplitStatement(session, split)


def _cannot_split(why: str, detail: str = "") -> VelariaError:
    return VelariaError(
        UNSUPPORTED_STATEMENT,
        f"the query cannot be split over workers: {why}",
        detail=detail,
        hint="Run it in a single process.",
    )


def place_inputs(
    split: PlanSplit, transport: str, folder: SharedFolder | None, ray: Any
) -> list[dict[str, Any]]:
    """Per fragment: table -> path or object reference. Whole tables are placed once for all.

    Only whole `pa.Table`s go to Ray: it ships a slice of a record batch with all of its parent.
    """

    def place(name: str, table: pa.Table) -> Any:
        if transport == SHARED_MEMORY:
            assert folder is not None
            return folder.write(name, table)
        return ray.put(table)

    # The kernel names the table that it cuts first; every worker gets all of the others.
    cut, *whole = split.inputs
    shared = {
        name: place(f"whole-{index}", split.partition(name, 0)) for index, name in enumerate(whole)
    }
    return [
        {cut: place(f"part-{index}", split.partition(cut, index)), **shared}
        for index in range(len(split.fragments))
    ]
