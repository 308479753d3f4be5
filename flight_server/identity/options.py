"""What the settings say about identity and TLS, and the gate that a server makes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from velaria.flight_server.identity.audit import Audit
from velaria.flight_server.identity.gate import Gate
from velaria.flight_server.identity.last_use import LastUse
from velaria.flight_server.identity.principals import Binding, parse_binding
from velaria.flight_server.identity.tls import TlsFiles
from velaria.flight_server.identity.tokens import Entry, TokenBook, TokenFile, read_entries
from velaria.flight_server.identity.web_tokens import WebTokenOptions, WebTokens
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.control.ledger import Ledger
    from velaria.flight_server.options import Options


@dataclass(frozen=True)
class IdentityOptions:
    auth: bool = False
    tls: TlsFiles | None = None
    web_tokens: WebTokenOptions | None = None

    def asks_for_identity(self, data_dir: Path | None) -> bool:
        """Whether calls must say who they are from: so once a token file is there, too."""
        takes_certificates = self.tls is not None and self.tls.client_ca is not None
        if self.auth or takes_certificates or self.web_tokens is not None:
            return True
        return data_dir is not None and TokenFile(data_dir).exists()

    def read_proofs(self, data_dir: Path) -> "Proofs":
        """VEL1007 or VEL1008 for what cannot work, before a server opens anything else."""
        if TokenFile(data_dir).exists():
            read_entries(data_dir / "identity" / "tokens.json")
        web_tokens = WebTokens(self.web_tokens) if self.web_tokens is not None else None
        return Proofs(data_dir, web_tokens)


@dataclass(frozen=True)
class Proofs:
    """What a gate goes by: tokens in a data directory that have been looked at, and keys of
    JWTs."""

    data_dir: Path
    web_tokens: WebTokens | None


def open_gate(proofs: Proofs, ledger: "Ledger") -> Gate:
    """The gate of a server, which records in the ledger who came and what became of tokens."""
    uses, audit = LastUse(proofs.data_dir), Audit(ledger)

    def record_changes(entries: list[Entry]) -> None:
        for change, entry in uses.changes(entries):
            audit.token_change(change, entry)

    return Gate(TokenBook(proofs.data_dir, record_changes), uses, audit, proofs.web_tokens)


def identity_of(options: "Options") -> IdentityOptions:
    """VEL1007 for what does not go together, or cannot be used."""
    return IdentityOptions(options.get("identity.required"), _tls(options), _web_tokens(options))


def _tls(options: "Options") -> TlsFiles | None:
    certificate, key, client_ca = (
        options.get(name) for name in ("tls.certificate", "tls.key", "tls.client_ca")
    )
    if not (certificate or key or client_ca):
        return None
    if not (certificate and key):
        raise VelariaError(codes.BAD_SETTING, "TLS needs both --tls-cert and --tls-key")
    files = TlsFiles(Path(certificate), Path(key), Path(client_ca) if client_ca else None)
    files.check()
    return files


def _web_tokens(options: "Options") -> WebTokenOptions | None:
    jwks, issuer, audience, roles = (
        options.get(name) for name in ("jwt.jwks", "jwt.issuer", "jwt.audience", "jwt.roles")
    )
    if not jwks:
        if issuer or audience or roles:
            raise VelariaError(codes.BAD_SETTING, "JWTs need their keys: --jwks FILE|URL")
        return None
    if not (issuer and audience):
        raise VelariaError(
            codes.BAD_SETTING,
            "--jwks needs --jwt-issuer and --jwt-audience",
            hint="Without them a token that was made for another service would be let in.",
        )
    return WebTokenOptions(
        jwks=jwks,
        issuer=issuer,
        audience=audience,
        leeway_s=options.get("jwt.leeway_s"),
        claim=options.get("jwt.claim"),
        roles=dict(_meaning(text) for text in roles),
    )


def _meaning(text: str) -> tuple[str, Binding]:
    value, equals, role = text.rpartition("=")
    if not (value and equals):
        raise VelariaError(codes.BAD_SETTING, f"--jwt-role is VALUE=ROLE[:SCHEMA]: {text}")
    return value, parse_binding(role)
