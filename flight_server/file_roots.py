"""The files that SQL may reach: never what the server itself lives by.

Whoever may write the data directory can plant a token or destroy the run history, and who writes
the file of settings, the key set of JWTs or a certificate says who is let in after the next start.
So these are closed to everybody, with identity or without, also where they lie in a folder that is
open. The kernel refuses what is closed or lies outside of the folders (VEL4001), in one text
whether a file is there or not.
"""

from dataclasses import dataclass
from pathlib import Path

import structlog

from velaria.flight_server.options import Options
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

_log = structlog.get_logger("velaria.flight_server")

_OWN_FILES = {
    "tls.certificate": "the certificate of TLS",
    "tls.key": "the key of TLS",
    "tls.client_ca": "the client CA of TLS",
    "jwt.jwks": "the key set of JWTs",
}


def allowed_folders(options: Options, data_dir: Path | None) -> list[Path]:
    """Those of --allow-path. VEL1007 for one that is no folder, and for one in the data directory,
    of which nothing would be open. `data_dir` is None before a private one is made."""
    own = _own(options, data_dir)
    folders = [Path(told) for told in options.get("server.allow_path")]
    for folder in folders:
        place = options.source("server.allow_path")
        if not folder.is_dir():
            raise VelariaError(
                codes.BAD_SETTING,
                f"--allow-path is not a folder: {folder}",
                detail=f"server.allow_path, {place}",
                hint="Make the folder, or name one that is there.",
            )
        within = _closed_by(folder.resolve(), own)
        if within:
            raise VelariaError(
                codes.BAD_SETTING,
                f"--allow-path lies in {within}: {folder}",
                detail=f"server.allow_path, {place}",
                hint="Keep files that SQL may read in a folder outside of --data-dir.",
            )
    return folders


@dataclass(frozen=True)
class FileReach:
    """Absolute paths for the kernel. A relative path of SQL begins at the first of the roots."""

    roots: list[Path]
    closed: list[Path]  # as they were told: where a link leads may change, as certificates do


def file_reach(options: Options, data_dir: Path, *, has_identity: bool) -> FileReach:
    """Without identity the working directory, then the folders of --allow-path; none of what the
    server lives by. VEL1007 as allowed_folders() says."""
    folders = allowed_folders(options, data_dir)
    closed = _own(options, data_dir)
    if not has_identity:
        here = Path.cwd().resolve()
        within = _closed_by(here, closed)
        if within:
            _log.warning(
                "SQL does not reach the working directory",
                reason=f"it lies in {within}",
                hint="Name folders for SQL by --allow-path.",
            )
        else:
            folders.insert(0, here)
    return FileReach([folder.resolve() for folder in folders], list(closed.values()))


def _own(options: Options, data_dir: Path | None) -> dict[str, Path]:
    """What is closed: what it is, and where."""
    own = {} if data_dir is None else {"the data directory": data_dir.absolute()}
    if options.config is not None:
        own["the configuration file"] = options.config.absolute()
    for name, what in _OWN_FILES.items():
        told: str = options.get(name)
        if told and "://" not in told:
            own[what] = Path(told).absolute()
    return own


def _closed_by(folder: Path, own: dict[str, Path]) -> str:
    """What the folder is, or lies in; empty when that is nothing of the server's."""
    return next((what for what, path in own.items() if folder.is_relative_to(path.resolve())), "")
