"""Log lines of the control plane go where the process sends its own, and to stderr when it has not
said where.
"""

import sys
from typing import Any

import structlog


def control_logger() -> Any:
    """A structlog logger. Never given a DSN: those who log pass text that was made safe."""
    if structlog.is_configured():
        return structlog.get_logger("velaria.control")
    return structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
