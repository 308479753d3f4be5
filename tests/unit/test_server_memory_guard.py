"""Memory is short by the process's figure or the allocator's; freed memory is given back first."""

import pytest

from velaria.flight_server.limits.memory import (
    MemoryGuard,
    bound_pool,
    cap_bytes,
    pool_variables,
)
from velaria.flight_server.machine import memory_cap_bytes
from velaria.schemas.errors import VelariaError

CAP = 1000


class Process:
    """What the guard asks, as the test sets it."""

    def __init__(self) -> None:
        self.resident = self.freed = self.allocated = 0
        self.released = 0
        self.now_s = 0.0

    def release(self) -> None:
        self.released += 1
        self.resident -= self.freed
        self.freed = 0

    def guard(self) -> MemoryGuard:
        return MemoryGuard(
            CAP, lambda: self.resident, lambda: self.allocated, self.release, lambda: self.now_s
        )


def test_memory_is_short_above_the_mark_of_the_process() -> None:
    process = Process()
    guard = process.guard()
    process.resident = 800
    assert not guard.is_high()
    process.resident, process.now_s = 900, 1.0
    assert guard.is_high()
    with pytest.raises(VelariaError, match="VEL5002") as caught:
        guard.refuse_when_high("rows")
    assert caught.value.retry == "later"


def test_memory_is_short_above_the_mark_of_the_allocator() -> None:
    process = Process()
    process.allocated = 501
    assert process.guard().is_high()


def test_freed_memory_is_given_back_before_anything_is_refused() -> None:
    process = Process()
    process.resident, process.freed = 900, 300
    process.guard().refuse_when_high("rows")
    assert process.released == 1


def test_giving_back_is_not_tried_at_every_look() -> None:
    process = Process()
    guard = process.guard()
    process.resident = 900
    for _ in range(100):
        assert guard.is_high()
        process.now_s += 0.01
    assert process.released == 1
    process.now_s += 1.0
    assert guard.is_high()
    assert process.released == 2


def test_the_process_figure_is_read_now_and_then() -> None:
    process = Process()
    guard = process.guard()
    process.resident = 1
    assert guard.resident_bytes() == 1
    process.resident = 2
    assert guard.resident_bytes() == 1
    process.now_s += 0.1
    assert guard.resident_bytes() == 2


def test_without_a_setting_the_cap_is_a_part_of_the_machine() -> None:
    assert 0 < cap_bytes(0) < memory_cap_bytes()
    assert cap_bytes(123) == 123


def test_children_do_not_inherit_the_allocators_bound() -> None:
    environ = {"PATH": "p", **pool_variables(1 << 30)}
    bound_pool(1 << 30, environ)
    assert environ == {"PATH": "p"}


def test_a_bound_that_somebody_else_has_set_is_left() -> None:
    environ = {"MIMALLOC_RESERVE_OS_MEMORY": "1GiB"}
    bound_pool(1 << 30, environ)
    assert environ == {"MIMALLOC_RESERVE_OS_MEMORY": "1GiB"}
