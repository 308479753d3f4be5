"""The one error type that leaves the control plane."""

from typing import Literal


class LedgerError(Exception):
    """A typed refusal. Carries the same attributes as the kernel's errors, so one boundary handles
    both.

    `code` is a number of the error-code list ("VEL5003"). No attribute ever holds a DSN, a password
    or a traceback.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: str = "",
        hint: str = "",
        retry: Literal["never", "later"] = "later",
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.detail = detail
        self.hint = hint
        self.retry = retry


def history_unavailable(reason: str, hint: str = "", detail: str = "") -> LedgerError:
    """The run history cannot be read or opened now (VEL5003); a later try may succeed."""
    message = f"run history is not available: {reason}"
    return LedgerError("VEL5003", message, detail=detail, hint=hint)


def bad_postgres_setting(reason: str, hint: str = "") -> LedgerError:
    """The choice of store is wrong and stays wrong (VEL1007)."""
    return LedgerError(
        "VEL1007", f"bad value for the postgres setting: {reason}", hint=hint, retry="never"
    )
