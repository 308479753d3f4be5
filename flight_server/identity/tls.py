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
        check_certificates(self.certificate, "--tls-cert")
        check_key(self.certificate, self.key, "--tls-key")
        if self.client_ca is not None:
            check_certificates(self.client_ca, "--tls-client-ca")
        if self.key.stat().st_mode & 0o007:
            raise VelariaError(
                codes.BAD_SETTING,
                f"the key of the certificate can be read by everybody: {self.key}",
                hint="Take the rights of others away: chmod o= on the key's file.",
            )


def check_certificates(file: Path, told_by: str) -> None:
    """VEL1007 unless it is a PEM file of certificates; `told_by` names the setting."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=file.read_text("ascii"))
    except (ssl.SSLError, ValueError):
        raise _unusable(told_by, file, "it holds no certificate in PEM") from None
    except OSError as fault:
        raise _unusable(told_by, file, reason_of(fault)) from None


def check_key(certificate: Path, key: Path, told_by: str) -> None:
    """VEL1007 unless the key, a PEM file, is that of the certificate, which can be read."""
    try:
        key.read_bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as fault:
        is_other = str(fault.reason).endswith("_MISMATCH")
        reason = f"it is not the key of {certificate}" if is_other else _NO_KEY
        raise _unusable(told_by, key, reason) from None
    except ValueError:
        raise _unusable(told_by, key, _NO_KEY) from None
    except OSError as fault:
        raise _unusable(told_by, key, reason_of(fault)) from None


_NO_KEY = "it holds no key in PEM, or one with a password"


def _unusable(told_by: str, file: Path, reason: str) -> VelariaError:
    return VelariaError(
        codes.BAD_SETTING,
        f"the file of {told_by} cannot be used: {file}",
        detail=reason,
        hint="Certificates and keys are PEM files, the key without a password.",
    )


def reason_of(fault: OSError) -> str:
    """What the system says, in words; faults of the network have theirs in `reason`."""
    return str(getattr(fault, "reason", None) or fault.strerror or type(fault).__name__)


def _no_password() -> str:
    """Instead of a question on the terminal."""
    return ""
