"""What the server keeps of the memory it frees; docs/adr/0012 says why."""

import ctypes

# mallopt(3) of glibc: the numbers of its options, and what the server sets them to.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
KEPT_BYTES_MAX = (1 << 31) - 1  # the most that an int says
_MMAP_THRESHOLD_BYTES = 32 << 20  # the most that glibc takes
_SETTINGS = (
    # Arenas beside the first give their memory back as soon as it is free, whatever is set here.
    (_ARENA_MAX, 1),
    (_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES),
    (_TRIM_THRESHOLD, KEPT_BYTES_MAX),
)


def keep_freed_memory() -> bool:
    """Up to 2 GiB of what the C library has freed stays with this process for the next batches.

    False where the C library has no such options: memory then goes back as it always does.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(option, value) == 1 for option, value in _SETTINGS)
