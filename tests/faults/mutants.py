"""Damage to messages, drawn from a seeded source."""

import random
import struct

WORDS = (-1, 0, 8, 1 << 31, 1 << 40, 1 << 62)
"""Numbers that lengths, offsets and counts break on."""


def mutant(draw: random.Random, whole: bytes, changes_max: int) -> bytes:
    """`whole` with some bytes changed, put in or taken out, numbers written over it, or cut off."""
    raw = bytearray(whole)
    for _ in range(draw.randint(1, changes_max)):
        index = draw.randrange(len(raw)) if raw else 0
        match draw.randrange(10):
            case 0 | 1 | 2 if raw:
                raw[index] ^= 1 << draw.randrange(8)
            case 3 | 4 if raw:
                raw[index] = draw.choice((0, 127, 128, 255, draw.randrange(256)))
            case 5 | 6:
                raw[index : index + 8] = struct.pack("<q", draw.choice(WORDS))
            case 7:
                raw[index:index] = draw.randbytes(draw.randint(1, 8))
            case 8:
                del raw[index : index + draw.randint(1, 8)]
            case _:
                del raw[index:]
    return bytes(raw)
