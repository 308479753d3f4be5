"""roapi, a server of Flight SQL over DataFusion, with tables that it loads from Parquet files."""

import shutil
import socket
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from bench.processes import ProcessUnderMeasure, await_open


def find_roapi() -> str | None:
    """Its program, which its wheel puts beside the interpreter."""
    beside = Path(sys.executable).with_name("roapi")
    return str(beside) if beside.exists() else shutil.which("roapi")


class RoapiServer(ProcessUnderMeasure):
    def __init__(self, program: str, folder: Path, tables: dict[str, pa.Table]) -> None:
        words = []
        for name, table in tables.items():
            path = folder / f"{name}.parquet"
            parquet.write_table(table, path, compression="none", use_dictionary=False)
            words += ["--table", f"{name}={path}"]
        ports = free_ports(2)
        http, flight_sql = (f"127.0.0.1:{port}" for port in ports)
        super().__init__([program, "-a", http, "--addr-flight-sql", flight_sql, *words])
        self.ready = {"flight": [f"grpc://{flight_sql}"]}
        # It listens when its tables are loaded.
        await_open(self, ports[1])


def free_ports(count: int) -> list[int]:
    """roapi does not tell which port it took, so that it cannot be asked to take any."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
