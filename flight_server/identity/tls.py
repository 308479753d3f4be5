"""The files of TLS: checked before a listener opens with them, and when they have changed."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the server's chain and key, and who signs the certificates that clients must
    have."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def check(self) -> None:
        """VEL1007 unless certificate and key belong together and the rest can be read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (OSError, ValueError) as fault:
            raise VelariaError(
                codes.BAD_SETTING,
                "certificate, key or client CA cannot be used",
                detail=str(getattr(fault, "reason", None) or getattr(fault, "strerror", "") or ""),
                hint="They are PEM files, the key without a password, of one certificate.",
            ) from None
        if self.key.stat().st_mode & 0o007:
            raise VelariaError(
                codes.BAD_SETTING,
                "the key of the certificate can be read by everybody",
                hint="Take the rights of others away: chmod o= on the key's file.",
            )


def _no_password() -> str:
    """Instead of a question on the terminal."""
    return ""
