"""The server's choice of Arrow's allocator; docs/adr/0009 says why, and why in this way.

Arrow reads its variable once, while pyarrow is imported, and importing anything of velaria imports
pyarrow. So `velaria serve` replaces its process with itself, the variable set: the same command
line and process id. A process that only imports velaria keeps the allocator it has.
"""

import os
import sys
from collections.abc import Callable, Mapping

import pyarrow as pa

VARIABLE = "ARROW_DEFAULT_MEMORY_POOL"
SERVER_POOL = "jemalloc"

Exec = Callable[[str, list[str], dict[str, str]], object]


def restart_with_server_pool(
    environment: Mapping[str, str] = os.environ, replace_process: Exec = os.execve
) -> None:
    """Does not return when it restarts. It never does when the variable is set: whoever set it
    decides, and after a restart that was we.
    """
    if VARIABLE in environment or SERVER_POOL not in pa.supported_memory_backends():
        return
    command = [sys.executable, *sys.orig_argv[1:]]
    replace_process(sys.executable, command, {**environment, VARIABLE: SERVER_POOL})


def pool_name() -> str:
    return str(pa.default_memory_pool().backend_name)
