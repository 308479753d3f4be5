"""The jobs, in the order in which `make bench` runs them. A job takes a Setting and gives
Cases; a long one gives each when it is measured.
"""

from collections.abc import Callable, Iterable

from bench.case import Case
from bench.jobs import (
    cores,
    csv_rows,
    door,
    filter_sum,
    flight_bytes,
    fronts,
    h2o,
    postgres,
    stream,
    tpcds,
    tpch,
)
from bench.setting import Setting

JOBS: dict[str, Callable[[Setting], Iterable[Case]]] = {
    "h2o": h2o.run,
    "tpch": tpch.run,
    "tpcds": tpcds.run,
    "filter_sum": filter_sum.run,
    "csv": csv_rows.run,
    "doget": flight_bytes.run_doget,
    "doput": flight_bytes.run_doput,
    "fronts": fronts.run_fronts,
    "door": door.run,
    "refused": fronts.run_refused,
    "stream": stream.run,
    "cores": cores.run_cores,
    "gil": cores.run_gil,
    "postgres": postgres.run,
}
