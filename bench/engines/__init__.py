"""The engines that are measured: `open_engines` gives Velaria and each peer that is installed."""

import importlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from bench.engines.interface import Engine

# Velaria first; then the peers. DuckDB stands twice: over the same Arrow data as everybody else,
# and, as a reference, over a table that it copied and compressed beforehand.
MODULES = ("velaria_engine", "duckdb_engine", "polars_engine", "datafusion_engine")


@contextmanager
def open_engines(threads: int, names: Collection[str] | None = None) -> Iterator[list[Engine]]:
    """Every engine that is installed, with `threads` threads each, or those of them that are in
    `names`; closed at the end.
    """
    with ExitStack() as stack:
        engines = []
        for name in MODULES:
            try:
                module = importlib.import_module(f"bench.engines.{name}")
            except ModuleNotFoundError as missing:
                print(f"bench: not installed, so not measured: {missing.name}", flush=True)
                continue
            for engine in module.open_engines(threads):
                stack.callback(engine.close)
                if names is None or engine.name in names:
                    engines.append(engine)
        yield engines
