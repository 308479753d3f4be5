"""Check this installation and its configuration, and a server when one is named; exit code 0 when
all is well, else the range of the worst failure's code."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from velaria.flight_server.commands.options import add_credentials, credentials_of, seconds
from velaria.flight_server.options import CONFIG_VARIABLE, Options
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.diagnosis import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URI", help="also ask this server for its health")
    parser.add_argument(
        "--timeout", type=seconds, default=5.0, metavar="S", help="seconds the server may take"
    )
    parser.add_argument(
        "--config", metavar="FILE", help=f"the configuration to check (${CONFIG_VARIABLE})"
    )
    add_credentials(parser, "a certificate to look at, and to show to the server (PEM)")
    parser.add_argument("--json", action="store_true", help="write the findings as JSON")


def run(args: argparse.Namespace) -> int:
    from velaria.flight_server.diagnosis import Finding, Subject, look_at, wrong_finding

    findings: list[Finding] = []
    options = Options()
    try:
        environ = dict(os.environ)
        config = args.config or environ.get(CONFIG_VARIABLE)
        options = Options({}, environ, Path(config) if config else None)
        findings.append(Finding("settings", "ok", str(config or "defaults and environment")))
    except VelariaError as error:
        # The rest is looked at with the defaults.
        findings.append(wrong_finding("settings", error))
    certificate, key = (Path(told) if told else None for told in (args.tls_cert, args.tls_key))
    credentials = credentials_of(args)
    subject = Subject(options, args.server, args.timeout, certificate, key, credentials)
    findings += look_at(subject)
    if args.json:
        _write_json(findings)
    else:
        for finding in findings:
            _write_line(finding)
    return max((int(finding.code[3]) for finding in findings if finding.code), default=0)


def _write_json(findings: "list[Finding]") -> None:
    is_well = not any(finding.code for finding in findings)
    print(msgspec.json.encode({"is_well": is_well, "checks": findings}).decode())


def _write_line(finding: "Finding") -> None:
    print(f"{finding.state:<6} {finding.name}: {finding.text}")
    if finding.detail:
        print(f"       {finding.detail}")
    if finding.hint:
        print(f"       hint: {finding.hint}")
