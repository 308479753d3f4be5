"""Several statements from a file or a pipe: run in order, up to the first failure, which tells its
line."""

from collections.abc import Callable
from pathlib import Path

from velaria.flight_server.commands.statement_texts import Piece, pieces_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def read_script(path: Path) -> str:
    """An OSError when it cannot be read."""
    return decoded(path.read_bytes())


def decoded(raw: bytes) -> str:
    """VEL1001 when it is no text."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise VelariaError(
            codes.BAD_REQUEST, f"the script is not UTF-8 text; first bad byte: {fault.start}"
        ) from None


def run_pieces(text: str, name: str, run: Callable[[Piece], None]) -> None:
    """Calls `run` for each statement and command; its VelariaError gets the place in the script."""
    for piece in pieces_of(text):
        try:
            run(piece)
        except VelariaError as error:
            line = piece.line + max(error.line, 1) - 1
            error.detail = f"{error.detail}\nat line {line} of {name}".strip()
            raise
