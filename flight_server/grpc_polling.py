"""Where gRPC waits for the sockets of pyarrow's server; docs/adr/0017 has the figures."""

import os
from collections.abc import MutableMapping

VARIABLE = "GRPC_EXPERIMENTS"


def wait_where_calls_run(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have the threads that run the calls wait for the sockets, too, as gRPC's servers always did:
    by default others do, so that each read and write is handed from thread to thread.

    gRPC reads the variable when it is first used, so this comes before. Who has set it is left
    alone, and a gRPC that does not know the name leaves a line in the log.
    """
    environ.setdefault(VARIABLE, "-event_engine_listener")
