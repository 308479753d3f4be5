"""TPC-DS: tables and the 99 queries by DuckDB's extension of that name.

The extension on PyPI is of an older DuckDB than the one that is measured, so it gets a virtual
environment of its own below the folder of data.
"""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = ("duckdb==1.5.5", "duckdb-extensions==1.5.5", "duckdb-extension-tpcds==1.5.5")
QUERY_COUNT = 99

PROGRAM = """
import sys
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

folder, scale = Path(sys.argv[1]), float(sys.argv[2])
import_extension("tpcds")
connection = duckdb.connect()
connection.execute("LOAD tpcds")
connection.execute(f"CALL dsdgen(sf={scale})")
for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
    connection.execute(f"COPY {table} TO '{folder / table}.parquet'")
for number, sql in connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
    (folder / f"q{number:02}.sql").write_text(sql.strip().rstrip(";"), "utf-8")
"""


def make(folder: Path, scale: float) -> Path:
    """A folder with a Parquet file for each table and a text for each query; made once and kept."""
    target = folder / f"tpcds-{scale:g}"
    if target.is_dir():
        return target
    environment = folder / "tpcds-generator"
    python = environment / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    unfinished = folder / f"tpcds-{scale:g}.part"
    unfinished.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, "-c", PROGRAM, unfinished, f"{scale:g}"], check=True)
    unfinished.rename(target)
    return target


def tables(made: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(made.glob("*.parquet"))}


def queries(made: Path) -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in sorted(made.glob("q*.sql"))}
