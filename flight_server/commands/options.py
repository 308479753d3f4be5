"""Options that several commands share."""

import argparse
import os

from velaria.flight_server.addresses import DEFAULT_URI
from velaria.flight_server.client import Client, check_timeout, connect
from velaria.flight_server.commands.output import FORMATS
from velaria.flight_server.identity.credentials import TOKEN_VARIABLE, CredentialFields
from velaria.schemas.errors import VelariaError


def add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server", default=DEFAULT_URI, metavar="URI", help=f"the server (default {DEFAULT_URI})"
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds a call may take")
    add_credentials(parser)


def add_credentials(
    parser: argparse.ArgumentParser, certificate: str = "the client's own certificate"
) -> None:
    parser.add_argument(
        "--token",
        metavar="TEXT",
        help=f"who calls; better told by ${TOKEN_VARIABLE}, which other users do not see",
    )
    parser.add_argument("--tls-ca", metavar="FILE", help="who signed the server's certificate")
    parser.add_argument("--tls-cert", metavar="FILE", help=certificate)
    parser.add_argument("--tls-key", metavar="FILE", help="its private key")


def add_output(parser: argparse.ArgumentParser, default: str = "table") -> None:
    parser.add_argument(
        "--output",
        choices=FORMATS,
        default=default,
        help=f"how rows are written (default {default})",
    )


def seconds(text: str) -> float:
    """A time to wait."""
    try:
        value = float(text)
        check_timeout(value)
    except (ValueError, VelariaError):
        raise argparse.ArgumentTypeError(f"not a number of seconds above 0: {text}") from None
    return value


def client_of(args: argparse.Namespace) -> Client:
    return connect(args.server, args.timeout, **credentials_of(args))


def credentials_of(args: argparse.Namespace) -> CredentialFields:
    return {
        "token": args.token or os.environ.get(TOKEN_VARIABLE) or None,
        "tls_ca": args.tls_ca,
        "tls_cert": args.tls_cert,
        "tls_key": args.tls_key,
    }
