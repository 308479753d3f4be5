"""Guesses of a stranger, more at once than a listener has places, keep no holder of a token out."""

import base64
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight

from tests.integration.identity_support import As, make_tokens
from tests.server_process import ServerProcess
from velaria.flight_server.identity.credentials import Saying

PLACES = 16
GUESSERS = 24
CALLS = 5


def test_guesses_of_passwords_keep_no_token_out(tmp_path: Path) -> None:
    token = make_tokens(tmp_path)["viewer"]
    arguments = ["--front", "grpcio", "--set", f"grpc.calls_max={PLACES}"]
    with ServerProcess(data_dir=tmp_path, arguments=arguments) as server:
        is_over, refusals = threading.Event(), []

        def guess(name: str) -> None:
            basic = base64.b64encode(f"{name}:guess".encode()).decode()
            client = flight.connect(server.uri, middleware=[Saying(f"Basic {basic}")])
            while not is_over.is_set():
                try:
                    list(client.list_actions())
                except (flight.FlightError, pa.ArrowException) as fault:
                    refusals.append(str(fault))

        threads = [threading.Thread(target=guess, args=(f"n{n}",)) for n in range(GUESSERS)]
        for thread in threads:
            thread.start()
        try:
            holder = As(server, token)
            answers = [holder.code(holder.act, "server.info") for _ in range(CALLS)]
        finally:
            is_over.set()
            for thread in threads:
                thread.join(30)
        assert answers == [""] * CALLS
        told = " ".join(refusals)
        assert "VEL5008" in told and "VEL1009" in told
        assert "Traceback" not in told + server.log()
