"""TPC-H: its 22 queries with the validation parameters, and its data by `tpchgen-cli`.

The text is that of the specification, with two liberties: columns have names, and every ORDER BY
that a LIMIT leans on ends with a key, so that each query has one right answer.
"""

import subprocess
import sysconfig
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "queries/tpch"
QUERIES = {path.stem: path.read_text("utf-8").strip() for path in sorted(FOLDER.glob("q*.sql"))}
TABLES = ("lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region")
GENERATOR = Path(sysconfig.get_path("scripts")) / "tpchgen-cli"


def parquet_files(folder: Path, scale: float) -> dict[str, Path]:
    """The tables at a scale factor, made once and kept."""
    target = folder / f"tpch-{scale:g}"
    if not target.is_dir():
        unfinished = folder / f"tpch-{scale:g}.part"
        unfinished.mkdir(parents=True, exist_ok=True)
        command = [GENERATOR, "parquet", "--scale-factor", f"{scale:g}", "--output-dir", unfinished]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        unfinished.rename(target)
    return {table: target / f"{table}.parquet" for table in TABLES}
