"""The server keeps what it frees for the next batches; a mere import changes nothing."""

import platform
import subprocess
import sys

import pytest

from velaria.flight_server import cli, freed_memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the options are glibc's")

BUFFERS, BUFFER_BYTES, PAGE_BYTES = 64, 2 << 20, 4096
PAGES = BUFFERS * BUFFER_BYTES // PAGE_BYTES

# Twice the same buffers, as large as batches: the pages that had to be had anew the second time.
ASKS = f"""
import ctypes, resource
import pyarrow as pa

def touch():
    pool = pa.system_memory_pool()
    buffers = [pa.allocate_buffer({BUFFER_BYTES}, pool) for _ in range({BUFFERS})]
    for buffer in buffers:
        ctypes.memset(buffer.address, 1, buffer.size)

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

touch()
before = faults()
touch()
print(faults() - before)
"""


def pages_had_anew_after(program: str) -> int:
    command = [sys.executable, "-c", f"{program}\n{ASKS}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(told)


def test_freed_memory_is_there_for_the_next_batches() -> None:
    keep = "from velaria.flight_server.freed_memory import keep_freed_memory as keep; assert keep()"
    assert pages_had_anew_after(keep) < PAGES / 4


def test_importing_velaria_leaves_the_allocator_alone() -> None:
    assert pages_had_anew_after("import velaria, velaria.flight_server.cli") > PAGES * 3 / 4


def test_a_program_that_calls_main_keeps_its_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    def keeps() -> bool:
        raise AssertionError("the allocator of somebody else's program was changed")

    monkeypatch.setattr(freed_memory, "keep_freed_memory", keeps)
    with pytest.raises(SystemExit):
        cli.main(["serve", "--no-such-option"])
