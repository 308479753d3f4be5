"""Calls that a client may give up: no interrupt hangs a later one, wherever it comes."""

import subprocess
import sys

import pytest

INTERRUPTED = """
import signal, sys, time
from velaria.flight_server.client_waiting import waited

def interrupt(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
ends = time.monotonic() + float(sys.argv[1])
calls = interrupts = 0
while time.monotonic() < ends:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001 + calls % 97 * 1e-5)
        while True:
            assert waited(lambda: 7) == 7
            calls += 1
    except KeyboardInterrupt:
        interrupts += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(calls > 1000 and interrupts > 1000)
"""


@pytest.mark.slow
def test_interrupts_between_any_two_steps_hang_no_call() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, "6"], stdout=subprocess.PIPE, text=True
    )
    try:
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (out, process.returncode) == ("True\n", 0)
