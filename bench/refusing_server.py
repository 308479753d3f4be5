"""A Flight server that knows nobody: every call is refused from its headers.

    python -m bench.refusing_server native|grpcio

What is measured is what a refused message costs. The refusal stands where identity is decided: in
what begins every call.
"""

import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.flight as flight

from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server import server
from velaria.flight_server.calls import Call, CallFactory
from velaria.flight_server.errors import error_text
from velaria.flight_server.listeners import open_front
from velaria.flight_server.options import Options
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


class RefusingFactory(CallFactory):
    def start_call(self, method: str, headers: Any, subject: str = "") -> Call:
        refusal = VelariaError(codes.UNAUTHENTICATED, "nobody is known here")
        raise flight.FlightUnauthenticatedError(
            error_text(refusal), msgspec.msgpack.encode(refusal.reply())
        )


def main(front: str) -> None:
    server.CallFactory = RefusingFactory
    with tempfile.TemporaryDirectory(prefix="velaria-bench-") as folder:
        options = Options({"server.front": front})
        ledger = open_ledger("none", Path(folder))
        service = Service(_kernel.Session(), ledger, options, Path(folder))
        _, address = open_front(service, "grpc://127.0.0.1:0")
        print(json.dumps({"flight": [address]}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
