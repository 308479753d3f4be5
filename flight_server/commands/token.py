"""Make, list, rotate and revoke what clients of a server identify themselves by.

It works on the files of the server's data directory; a server that runs takes each change at its
next call.
"""

import argparse
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from velaria.flight_server.commands.output import print_columns
from velaria.flight_server.identity.hashing import PASSWORD_CHARS_MAX
from velaria.flight_server.identity.last_use import read_last_use
from velaria.flight_server.identity.principals import (
    EVERY_SCHEMA,
    ROLES,
    Binding,
    parse_binding,
)
from velaria.flight_server.identity.tokens import Entry, TokenFile
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

PASSWORD_CHARS_MIN = 8
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LIFETIME = re.compile(r"([1-9]\d{0,6})([smhd])\Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(parser=parser)
    actions = parser.add_subparsers(dest="what", metavar="create|list|rotate|revoke", required=True)
    create = _sub(actions, "create", "make a token, a user or a certificate's subject")
    create.add_argument("name", nargs="?", metavar="NAME", help="the token's name")
    create.add_argument(
        "--role",
        action="append",
        required=True,
        metavar="ROLE[:SCHEMA]",
        help=f"{', '.join(ROLES)}; may be given again",
    )
    create.add_argument(
        "--schema",
        action="append",
        metavar="SCHEMA",
        help="the schema of the roles that name none; may be given again (default all)",
    )
    create.add_argument("--expires", type=lifetime, metavar="90d", help="default never")
    create.add_argument("--user", metavar="NAME", help="a user with a password instead")
    create.add_argument(
        "--password-stdin", action="store_true", help="the first line of stdin is the password"
    )
    create.add_argument(
        "--subject", metavar="NAME", help="a certificate's subject (SAN, else CN) instead"
    )
    _sub(actions, "list", "show all, without secrets")
    rotate = _sub(actions, "rotate", "a new text for a token; the old one ends")
    rotate.add_argument("name", metavar="NAME")
    rotate.add_argument(
        "--grace", type=lifetime, default=0, metavar="10m", help="how long the old one still works"
    )
    revoke = _sub(actions, "revoke", "end a token, user or subject at once")
    revoke.add_argument("name", metavar="NAME|ID")


def run(args: argparse.Namespace) -> int:
    file = TokenFile(args.data_dir)
    if args.what == "create":
        _create(args, file)
    elif args.what == "list":
        _list(file, args.data_dir)
    elif args.what == "rotate":
        _show_once(file.rotate(args.name, args.grace))
    else:
        print(f"revoked: {file.revoke(args.name)}", file=sys.stderr)
    return 0


def lifetime(text: str) -> int:
    """Seconds of `90d`, `12h`, `30m`, `45s`."""
    found = _LIFETIME.match(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"not a time like 90d, 12h, 30m or 45s: {text}")
    return int(found[1]) * _UNITS_S[found[2]]


def _sub(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument(
        "--data-dir", type=Path, required=True, metavar="DIR", help="the server's data directory"
    )
    return parser


def _create(args: argparse.Namespace, file: TokenFile) -> None:
    named = [name for name in (args.name, args.user, args.subject) if name is not None]
    if len(named) != 1:
        raise VelariaError(codes.BAD_SETTING, "give one of NAME, --user NAME and --subject NAME")
    if args.password_stdin != (args.user is not None):
        raise VelariaError(codes.BAD_SETTING, "--user and --password-stdin belong together")
    bindings = bindings_of(args.role, args.schema)
    if args.user is not None:
        file.create_user(args.user, _password(), bindings, args.expires)
        print(f"created the user {args.user}", file=sys.stderr)
    elif args.subject is not None:
        file.create_subject(args.subject, bindings, args.expires)
        print(f"created the subject {args.subject}", file=sys.stderr)
    else:
        _show_once(file.create_token(args.name, bindings, args.expires))


def bindings_of(roles: list[str], schemas: list[str] | None) -> tuple[Binding, ...]:
    """`--role viewer --schema a --schema b` is viewer in a and b; `--role viewer:a` is whole."""
    found: list[Binding] = []
    for binding in map(parse_binding, roles):
        if binding.schema == EVERY_SCHEMA:
            found += [Binding(binding.role, schema) for schema in schemas or [EVERY_SCHEMA]]
        else:
            found.append(binding)
    return tuple(dict.fromkeys(found))


def _password() -> str:
    password = sys.stdin.readline().rstrip("\n")
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise VelariaError(
            codes.BAD_SETTING,
            f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters",
        )
    return password


def _show_once(text: str) -> None:
    print("shown this once, and kept nowhere:", file=sys.stderr)
    print(text)


def _list(file: TokenFile, data_dir: Path) -> None:
    used = read_last_use(data_dir)
    names = ["id", "kind", "name", "roles", "created", "expires", "last use", "state"]
    print_columns(names, [_cells(entry, used.get(entry.id)) for entry in file.entries()])


def _cells(entry: Entry, used_s: int | None) -> list[str]:
    state = "live" if entry.is_live(time.time()) else "expired"
    if entry.revoked_s is not None:
        state = "revoked"
    roles = ", ".join(binding.text() for binding in entry.bindings)
    times = [_moment(moment) for moment in (entry.created_s, entry.expires_s, used_s)]
    return [entry.id, entry.kind, entry.name, roles, *times, state]


def _moment(moment_s: int | None) -> str:
    if moment_s is None:
        return ""
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%d %H:%M")
