"""How a client wants the rows of a result."""

from typing import Annotated, Any, Literal

import msgspec

from velaria.schemas.base import Command

BATCH_BYTES_MIN = 1024
BATCH_BYTES_MAX = 1 << 30
BATCH_ROWS_MAX = 1 << 30


class ResultOptions(Command, kw_only=True):
    """Fields of every command that a result is asked by. Without them batches come as the kernel
    cuts them, near 3 MiB, not compressed, and dictionary-encoded columns stay so.
    """

    batch_bytes: (
        Annotated[
            int,
            msgspec.Meta(
                ge=BATCH_BYTES_MIN,
                le=BATCH_BYTES_MAX,
                description="Most bytes of values in a batch, unless one row has more.",
            ),
        ]
        | None
    ) = None
    batch_rows: (
        Annotated[int, msgspec.Meta(ge=1, le=BATCH_ROWS_MAX, description="Most rows in a batch.")]
        | None
    ) = None
    compression: Literal["none", "lz4", "zstd"] = "none"
    keep_dictionaries: Annotated[
        bool,
        msgspec.Meta(description="False: dictionary-encoded columns come as plain values."),
    ] = True


def options_in(command: ResultOptions) -> dict[str, Any]:
    """These fields of a command, by their names, for another command that asks for the same."""
    return {name: getattr(command, name) for name in ResultOptions.__struct_fields__}
