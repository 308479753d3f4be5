"""A private Ray on this host, from ray.init to its end.

Ray runs whatever it is sent, so it listens on loopback only and wants a token that this process
makes; both are checked after the start, and a Ray that does otherwise is shut down.
"""

import contextlib
import importlib
import importlib.metadata
import logging
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from velaria.experimental_actor.shared_memory import OwnedFolder
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

LOOPBACK = "127.0.0.1"
OBJECT_STORE_BYTES = 256 * 1024 * 1024

ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    # Ray binds to loopback only where it makes no clusters; on Linux it has to be told so.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
"""Set before Ray is imported, which reads some of it then and hands all of it to its processes."""


@contextlib.contextmanager
def private_ray(cpu_count: int) -> Iterator[Any]:
    """The module `ray`, started. Everything of it is gone afterwards."""
    os.environ.update(ENVIRONMENT)
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    end_at_sigterm = signal.getsignal(signal.SIGTERM)
    ray = _import_ray()
    # Short: sockets below it must stay within 107 bytes.
    folder = OwnedFolder(Path("/tmp"), "vel-ray-")
    try:
        ray.init(
            num_cpus=cpu_count,
            _node_ip_address=LOOPBACK,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder.path),
        )
        if threading.current_thread() is threading.main_thread():
            # Ray puts a handler of its own there, which ends the process without a word.
            signal.signal(signal.SIGTERM, end_at_sigterm)
        _refuse_when_open(ray)
        yield ray
    finally:
        ray.shutdown()
        folder.close()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as fault:
        raise VelariaError(
            codes.LANE_UNAVAILABLE,
            "the lane needs Ray, which is not installed: ray",
            hint="Install it with `pip install '.[lane]'`, or run `make lane`.",
        ) from fault
    return ray


def _refuse_when_open(ray: Any) -> None:
    """Older versions know no token; an address other than loopback is reachable by others."""
    raylet: Any = importlib.import_module("ray._raylet")
    wants_token = (
        hasattr(raylet, "get_authentication_mode")
        and raylet.get_authentication_mode() == raylet.AuthenticationMode.TOKEN
    )
    if not wants_token or ray.util.get_node_ip_address() != LOOPBACK:
        raise VelariaError(
            codes.LANE_UNAVAILABLE,
            "Ray does not keep to loopback with a token, so the lane does not use it; version: "
            + importlib.metadata.version("ray"),
        )
