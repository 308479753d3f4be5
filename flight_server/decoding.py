"""Bytes of a stranger to typed commands: sizes first, then shape, and every refusal has a code."""

from functools import cache
from typing import Any

import msgspec

from velaria.schemas import errors as codes
from velaria.schemas.base import COMMAND_BYTES_MAX
from velaria.schemas.errors import VelariaError


@cache
def _decoder(target: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(target)


def decode(raw: bytes, target: Any, what: str) -> Any:
    """Decode one MessagePack map; `what` names it in the refusal."""
    check_size(raw, what)
    try:
        return _decoder(target).decode(raw)
    except msgspec.ValidationError as fault:
        raise VelariaError(codes.BAD_COMMAND, f"the {what} is not valid: {fault}") from None
    except RecursionError:
        raise VelariaError(codes.BAD_COMMAND, f"the {what} nests too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, ValueError) as fault:
        raise VelariaError(
            codes.BAD_COMMAND,
            f"the {what} does not decode as MessagePack: {fault}",
            hint="Send one MessagePack map and nothing after it.",
        ) from None


def check_size(raw: bytes, what: str) -> None:
    if len(raw) > COMMAND_BYTES_MAX:
        raise VelariaError(
            codes.REQUEST_TOO_LARGE,
            f"the {what} exceeds {COMMAND_BYTES_MAX} bytes: {len(raw)}",
        )
