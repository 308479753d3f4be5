"""What gRPC is told by the environment, for a server: where it waits for sockets (docs/adr/0017 has
the figures), and to be silent."""

import os
from collections.abc import MutableMapping

VARIABLE = "GRPC_EXPERIMENTS"
VERBOSITY = "GRPC_VERBOSITY"


def wait_where_calls_run(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have the threads that run the calls wait for the sockets, too, as gRPC's servers always did:
    by default others do, so that each read and write is handed from thread to thread.

    gRPC reads the variable when it is first used, so this comes before. Who has set it is left
    alone, and a gRPC that does not know the name leaves a line in the log.
    """
    environ.setdefault(VARIABLE, "-event_engine_listener")


def keep_grpc_silent(environ: MutableMapping[str, str] = os.environ) -> None:
    """Have gRPC leave no lines of its own on standard error, where each is to be an event of the
    log. Who has set the variable, as to look for a fault, is left alone."""
    environ.setdefault(VERBOSITY, "NONE")
