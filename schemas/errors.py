"""The error as it stands in a Flight error's extra_info, and the exception that carries it in
Python.

The list of codes is the kernel's; the constants here are those that Python code raises itself,
and a test holds them against that list.
"""

from typing import Self

import msgspec

BAD_REQUEST = "VEL1001"
UNKNOWN_ACTION = "VEL1002"
BAD_COMMAND = "VEL1003"
REQUEST_TOO_LARGE = "VEL1004"
BAD_TICKET = "VEL1005"
BAD_PARAMETER = "VEL1006"
BAD_SETTING = "VEL1007"
UNSUPPORTED_REQUEST = "VEL1008"
UNAUTHENTICATED = "VEL1009"
NOT_PERMITTED = "VEL1010"
UNKNOWN_HANDLE = "VEL1011"
UNKNOWN_SCHEMA = "VEL2028"
TRANSACTION_STATE = "VEL2031"
CANCELLED = "VEL3010"
DEADLINE_EXCEEDED = "VEL3011"
OUT_OF_MEMORY = "VEL3012"
RESULT_TOO_LARGE = "VEL3015"
MALFORMED_BATCH = "VEL4006"
UNKNOWN_QUERY = "VEL4010"
QUERY_STATE = "VEL4011"
SERVER_DRAINING = "VEL5001"
OVERLOADED = "VEL5002"
LEDGER_UNAVAILABLE = "VEL5003"
LANE_UNAVAILABLE = "VEL5004"
CONNECTION = "VEL5007"
RATE_LIMITED = "VEL5008"
CALL_IDLE = "VEL5009"
INTERNAL = "VEL9001"

RETRY_LATER = frozenset(
    {
        DEADLINE_EXCEEDED,
        OUT_OF_MEMORY,
        SERVER_DRAINING,
        OVERLOADED,
        LEDGER_UNAVAILABLE,
        LANE_UNAVAILABLE,
        CONNECTION,
        RATE_LIMITED,
        CALL_IDLE,
    }
)


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True):
    """One failure. `line` and `column` are 1-based, 0 when no place in a statement is known."""

    code: str
    message: str
    detail: str = ""
    hint: str = ""
    retry: str = "never"
    line: int = 0
    column: int = 0


class VelariaError(Exception):
    """A failure with a code: raised by the server's own checks, and by the client for what came
    back.

    `caret` is two lines, the faulty source line and a caret under the fault, or "".
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: str = "",
        hint: str = "",
        retry: str | None = None,
        line: int = 0,
        column: int = 0,
        caret: str = "",
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.detail = detail
        self.hint = hint
        self.retry = retry or ("later" if code in RETRY_LATER else "never")
        self.line = line
        self.column = column
        self.caret = caret

    def anew(self) -> Self:
        """The same failure as another exception: without a traceback, a cause and a context.

        An exception that was raised keeps the frames it passed, and all that they hold; raised
        again, those of each time. So whoever keeps a failure keeps one made anew, and raises one
        made anew to each who asks.
        """
        fresh = type(self)(
            self.code,
            self.message,
            detail=self.detail,
            hint=self.hint,
            retry=self.retry,
            line=self.line,
            column=self.column,
            caret=self.caret,
        )
        fresh.args = self.args  # a client's has the whole text there
        return fresh

    def reply(self) -> ErrorReply:
        return ErrorReply(
            code=self.code,
            message=self.message,
            detail=self.detail,
            hint=self.hint,
            retry=self.retry,
            line=self.line,
            column=self.column,
        )
