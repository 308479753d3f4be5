"""The one error type that leaves the control plane."""

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

_UNAVAILABLE = "run history is not available: "


class LedgerError(VelariaError):
    """A typed refusal of the run history. No attribute ever holds a DSN, a password or a
    traceback.
    """


def history_unavailable(reason: str, hint: str = "", detail: str = "") -> LedgerError:
    """The run history cannot be read or opened now (VEL5003); a later try may succeed."""
    # A failure of the store's parts that is told on has the words already.
    message = _UNAVAILABLE + reason.removeprefix(_UNAVAILABLE)
    return LedgerError(codes.LEDGER_UNAVAILABLE, message, detail=detail, hint=hint)


def bad_postgres_setting(reason: str, hint: str = "") -> LedgerError:
    """The choice of store is wrong and stays wrong (VEL1007)."""
    message = f"bad value for the postgres setting: {reason}"
    return LedgerError(codes.BAD_SETTING, message, hint=hint)


def bad_data_dir(message: str, fault: OSError | None = None, hint: str = "") -> LedgerError:
    """The data directory, or what is in it, cannot be used (VEL1007); `fault` is the system's."""
    detail = "" if fault is None else fault.strerror or type(fault).__name__
    hint = hint or "Choose another --data-dir, or give it to the server's user."
    return LedgerError(codes.BAD_SETTING, message, detail=detail, hint=hint)
