"""Who gets in: tokens, names with passwords, what changes while the server runs, and no secret
anywhere in what it writes."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.conftest import FRONTS
from tests.integration.identity_support import As, make_tokens
from tests.server_process import ServerProcess, told, until
from velaria.flight_server.identity.principals import Binding
from velaria.flight_server.identity.tokens import TokenFile
from velaria.schemas.errors import VelariaError

ADMIN = (Binding("admin"),)
PASSWORD = "canary-password-91"
ROWS = pa.table({"a": [1]})


@pytest.fixture(scope="module", params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def data_dir(front: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def tokens(data_dir: Path) -> dict[str, str]:
    TokenFile(data_dir).create_user("ann", PASSWORD, ADMIN)
    return make_tokens(data_dir)


@pytest.fixture(scope="module")
def server(front: str, data_dir: Path, tokens: dict[str, str]) -> Iterator[ServerProcess]:
    with ServerProcess(data_dir=data_dir, arguments=["--front", front]) as process:
        yield process


CALLS: dict[str, Callable[[flight.FlightClient, flight.FlightCallOptions], Any]] = {
    "list_flights": lambda client, options: list(client.list_flights(b"", options)),
    "get_flight_info": lambda client, options: client.get_flight_info(
        flight.FlightDescriptor.for_command(b"SELECT 1"), options
    ),
    "get_schema": lambda client, options: client.get_schema(
        flight.FlightDescriptor.for_command(b"SELECT 1"), options
    ),
    "do_get": lambda client, options: client.do_get(flight.Ticket(b"SELECT 1"), options).read_all(),
    "do_put": lambda client, options: _put(client, options),
    "do_action": lambda client, options: list(
        client.do_action(flight.Action("server.health", b""), options)
    ),
    "unknown action": lambda client, options: list(
        client.do_action(flight.Action("no.such", b""), options)
    ),
    "list_actions": lambda client, options: client.list_actions(options),
    "do_exchange": lambda client, options: _exchange(client, options),
}


def _put(client: flight.FlightClient, options: flight.FlightCallOptions) -> None:
    writer, _ = client.do_put(flight.FlightDescriptor.for_path("t"), ROWS.schema, options)
    with writer:
        writer.write_table(ROWS)


def _exchange(client: flight.FlightClient, options: flight.FlightCallOptions) -> None:
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_path("t"), options)
    with writer:
        writer.begin(ROWS.schema)
        reader.read_all()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer vel_0123456789abcdef_x")]])
def test_no_call_is_answered_without_a_token(
    server: ServerProcess, name: str, headers: list[tuple[bytes, bytes]]
) -> None:
    # The client's get_schema raises what it got as another kind, and loses the extra_info.
    is_lost = name == "get_schema"
    kinds = (OSError, pa.ArrowException) if is_lost else (flight.FlightUnauthenticatedError,)
    with server.connect() as client, pytest.raises(kinds) as caught:
        CALLS[name](client, flight.FlightCallOptions(headers=headers))
    if not is_lost:
        assert told(caught.value)["code"] == "VEL1009"
    assert "VEL1009 " in str(caught.value)
    assert "Traceback" not in str(caught.value) and ".py" not in str(caught.value)


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Basic \xff\xfe", b"\xe2\x82\xac", b"x" * 7000])
def test_a_header_of_any_bytes_is_refused_by_code(server: ServerProcess, value: bytes) -> None:
    with server.connect() as client, pytest.raises(flight.FlightError) as caught:
        options = flight.FlightCallOptions(headers=[(b"authorization", value)])
        list(client.do_action(flight.Action("server.health", b""), options))
    assert "Traceback" not in str(caught.value)


def test_refused_calls_count_as_errors(server: ServerProcess, tokens: dict[str, str]) -> None:
    admin = As(server, tokens["admin"])
    before = admin.act("server.metrics")["metrics"]["errors_total"]
    stranger = As(server, None)
    assert stranger.code(stranger.act, "server.health") == "VEL1009"
    assert admin.act("server.metrics")["metrics"]["errors_total"] == before + 1


def test_a_bearer_is_exchanged_for_a_password_in_a_handshake(server: ServerProcess) -> None:
    with server.connect() as client:
        name, value = client.authenticate_basic_token("ann", PASSWORD)
        assert name == b"authorization" and value.startswith(b"Bearer vel_")
        options = flight.FlightCallOptions(headers=[(name, value)])
        assert client.do_get(flight.Ticket(b"SELECT 1"), options).read_all().num_rows == 1


@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("bob", PASSWORD), ("", "")])
def test_a_handshake_with_a_wrong_password_is_refused(
    server: ServerProcess, user: str, password: str
) -> None:
    with server.connect() as client, pytest.raises(flight.FlightUnauthenticatedError) as caught:
        client.authenticate_basic_token(user, password)
    assert told(caught.value)["code"] == "VEL1009"
    assert "Traceback" not in str(caught.value)


def test_a_basic_header_without_padding_is_taken_at_any_call(server: ServerProcess) -> None:
    encoded = base64.b64encode(f"ann:{PASSWORD}".encode()).rstrip(b"=")
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Basic " + encoded)])
    with server.connect() as client:
        assert client.do_get(flight.Ticket(b"SELECT 1"), options).read_all().num_rows == 1


def test_a_token_made_revoked_or_rotated_counts_at_the_next_call(
    server: ServerProcess, data_dir: Path
) -> None:
    file = TokenFile(data_dir)
    text = file.create_token("brief", ADMIN)
    brief = As(server, text)
    assert brief.read("SELECT 1").num_rows == 1
    renewed = As(server, file.rotate("brief"))
    assert brief.code(brief.read, "SELECT 1") == "VEL1009"
    assert renewed.read("SELECT 1").num_rows == 1
    file.revoke("brief")
    assert renewed.code(renewed.read, "SELECT 1") == "VEL1009"


def test_a_token_ends_with_its_time(server: ServerProcess, data_dir: Path) -> None:
    brief = As(server, TokenFile(data_dir).create_token("ends", ADMIN, lifetime_s=1))
    assert until(lambda: brief.code(brief.read, "SELECT 1") == "VEL1009")


def test_a_call_under_way_ends_as_it_would_when_its_token_is_revoked(
    server: ServerProcess, data_dir: Path
) -> None:
    file = TokenFile(data_dir)
    reader = As(server, file.create_token("reads", ADMIN))
    sql = b"SELECT i FROM generate_series(1, 3000000) g(i)"
    stream = reader.client.do_get(flight.Ticket(sql), reader.options)
    first = stream.read_chunk().data.num_rows
    file.revoke("reads")
    assert reader.code(reader.read, "SELECT 1") == "VEL1009"
    assert first + stream.read_all().num_rows == 3_000_000


def test_what_a_token_is_for_counts_at_the_next_call(server: ServerProcess, data_dir: Path) -> None:
    file = TokenFile(data_dir)
    text = file.create_token("grows", ())
    grows = As(server, text)
    assert grows.code(grows.act, "server.metrics") == "VEL1010"
    file.revoke("grows")
    renewed = As(server, file.create_token("grows", ADMIN))
    assert "metrics" in renewed.act("server.metrics")


def test_the_client_takes_a_token_or_a_password(
    server: ServerProcess, tokens: dict[str, str]
) -> None:
    with velaria.connect(server.uri, token=tokens["admin"]) as client:
        assert client.sql("SELECT 1 AS a").to_rows() == [(1,)]
        assert client.put(ROWS, "client_rows", mode="replace") == 1
        assert client.sql("BEGIN").tag == "BEGIN"
        assert client.sql("ROLLBACK").tag == "ROLLBACK"
    with velaria.connect(server.uri, user="ann", password=PASSWORD) as client:
        for _ in range(3):
            assert client.sql("SELECT 1 AS a").to_rows() == [(1,)]

    async def ask() -> Any:
        async with await velaria.connect_async(server.uri, token=tokens["admin"]) as client:
            return await (await client.sql("SELECT 1 AS a")).to_rows()

    assert asyncio.run(ask()) == [(1,)]
    for wrong in ({}, {"token": "vel_x"}, {"user": "ann", "password": "x"}):
        with velaria.connect(server.uri, **wrong) as client, pytest.raises(VelariaError) as caught:
            client.sql("SELECT 1")
        assert caught.value.code == "VEL1009"


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": "ann"},
        {"password": "x"},
        {"token": "t", "user": "ann", "password": "x"},
        {"tls_cert": "x"},
        {"token": "a\nb"},
        {"tls_ca": "/nowhere"},
    ],
)
def test_credentials_that_do_not_go_together_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(VelariaError, match="VEL1007"):
        velaria.connect("grpc://127.0.0.1:1", **wrong)


def velaria_command(*words: str, stdin: str = "", token: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-m", "velaria.flight_server.cli", *words]
    environment = {"VELARIA_TOKEN": token, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, env=environment, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_line_makes_and_uses_tokens(server: ServerProcess, data_dir: Path) -> None:
    folder = ["--data-dir", str(data_dir)]
    status, text, note = velaria_command(
        "token",
        "create",
        "cli",
        "--role",
        "viewer",
        "--schema",
        "main",
        "--expires",
        "90d",
        *folder,
    )
    token = text.strip()
    assert status == 0 and token.startswith("vel_") and "once" in note
    asked = ["sql", "--server", server.uri, "--output", "csv", "SELECT 1 AS a"]
    assert velaria_command(*asked, token=token)[:2] == (0, '"a"\n1\n')
    assert velaria_command(*asked, "--token", token)[:2] == (0, '"a"\n1\n')
    status, _, error = velaria_command(*asked)
    assert status == 1 and error.startswith("VEL1009")
    status, listed, _ = velaria_command("token", "list", *folder)
    assert status == 0 and token not in listed and token.split("_", 2)[2] not in listed
    assert "viewer:main" in listed
    created = velaria_command(
        "token", "create", "--user", "eve", "--password-stdin", "--role", "viewer", *folder,
        stdin="a good password\n",
    )  # fmt: skip
    assert created[0] == 0 and created[1] == ""
    with velaria.connect(server.uri, user="eve", password="a good password") as client:
        assert client.sql("SELECT 1").to_rows() == [(1,)]
    assert velaria_command("token", "revoke", "cli", *folder)[0] == 0
    assert velaria_command(*asked, token=token)[0] == 1
    status, _, error = velaria_command("token", "revoke", "cli", *folder)
    assert status == 1 and error.startswith("VEL1007")


@pytest.mark.parametrize(
    "words",
    [
        ["create", "x"],
        ["create", "x", "--role", "wizard"],
        ["create", "--role", "viewer"],
        ["create", "x", "--role", "viewer", "--expires", "soon"],
        ["create", "--user", "x", "--role", "viewer"],
        ["create", "--user", "x", "--role", "viewer", "--password-stdin"],
    ],
)
def test_a_wrong_token_command_is_refused(tmp_path: Path, words: list[str]) -> None:
    status, output, error = velaria_command(
        "token", *words, "--data-dir", str(tmp_path), stdin="\n"
    )
    assert status == 1 and output == "" and "Traceback" not in error
    assert not (tmp_path / "identity" / "tokens.json").exists()


def test_no_secret_is_in_what_the_server_writes(front: str, tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_user("ann", PASSWORD, ADMIN)
    text = file.create_token("canary", ADMIN)
    secrets = [text, text.split("_", 2)[2], PASSWORD]
    secrets.append(base64.b64encode(f"ann:{PASSWORD}".encode()).decode())
    written: list[str] = []
    arguments = ["--front", front, "--log-level", "debug"]
    with ServerProcess(data_dir=tmp_path, arguments=arguments) as server:
        canary = As(server, text)
        stranger = As(server, text + "x")
        with server.connect() as client:
            client.authenticate_basic_token("ann", PASSWORD)
            for password in (PASSWORD + "x", text):
                with pytest.raises(flight.FlightError) as caught:
                    client.authenticate_basic_token("ann", password)
                written.append(str(caught.value) + repr(told(caught.value)))
        for call in (stranger.read, canary.read):
            with pytest.raises(flight.FlightError) as caught:
                call("SELECT nothing FROM nowhere")
            written.append(str(caught.value) + repr(told(caught.value)))
        canary.act("stream.list")
        canary.read("CREATE STREAM s (a INT)")
        started = canary.act("stream.start", sql="SELECT * FROM s")
        written.append(repr(canary.act("query.progress", query_id=started["query_id"])))
        written.append(repr(canary.act("sql.explain", sql="SELECT 1")))
        for name in ("server.info", "server.settings", "server.metrics", "query.list", "run.list"):
            written.append(repr(canary.act(name)))
        for table in ("runs", "stages", "attempts", "events", "queries", "settings"):
            written.append(repr(canary.read(f"SELECT * FROM system.{table}").to_pylist()))
        assert server.terminate() == 0
        written.append(server.log())
        written.append(msgspec.json.encode(server.ready).decode())
    written += [path.read_text() for path in (tmp_path / "identity").iterdir()]
    for secret in secrets:
        assert not any(secret in text for text in written)
    assert any("login.refused" in text for text in written)


def test_token_changes_are_in_the_run_history(server: ServerProcess, data_dir: Path) -> None:
    file = TokenFile(data_dir)
    watched = As(server, file.create_token("watched", ADMIN))
    watched.act("server.health")
    file.revoke("watched")
    other = As(server, file.create_token("watcher", ADMIN))
    told_names = other.read(
        "SELECT name, json_extract_string(fields, '$.token') AS token FROM system.events"
        " WHERE name LIKE 'token.%'"
    ).to_pylist()
    assert {"name": "token.created", "token": "watched"} in told_names
    assert {"name": "token.revoked", "token": "watched"} in told_names


def test_what_a_stranger_can_see_is_that_the_server_is_there(server: ServerProcess) -> None:
    """Health by gRPC tells one state, and no part, name or version."""
    addresses = [server.ready["side"]]
    if "grpcio" in server.process.args:  # type: ignore[operator]
        addresses.append(server.uri.removeprefix("grpc://"))
    for address in addresses:
        with grpc.insecure_channel(address) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert check(b"", timeout=20) == b"\x08\x01"
    with velaria.connect(server.uri) as client:
        for name in ("server.info", "server.health", "server.settings", "no.such"):
            with pytest.raises(VelariaError) as caught:
                client.action(name)
            assert caught.value.code == "VEL1009"


def test_auth_lets_nobody_in_before_the_first_token_is_made(tmp_path: Path) -> None:
    with ServerProcess(data_dir=tmp_path, arguments=["--auth"]) as server:
        stranger = As(server, None)
        assert stranger.code(stranger.read, "SELECT 1") == "VEL1009"
        first = As(server, TokenFile(tmp_path).create_token("first", ADMIN))
        assert first.read("SELECT 1").num_rows == 1
        last_use = tmp_path / "identity" / "last_use.json"
        assert server.terminate() == 0
        assert last_use.exists()


def refused_start(*arguments: str) -> str:
    with pytest.raises(RuntimeError) as caught:
        ServerProcess(arguments=arguments).close()
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_a_listener_off_loopback_needs_tls_and_identity() -> None:
    error = refused_start("--listen", "grpc://0.0.0.0:0")
    assert "VEL1007 a listener off loopback is without TLS and identity" in error
    error = refused_start("--listen", "grpc://0.0.0.0:0", "--auth")
    assert "VEL1007 a listener off loopback is without TLS:" in error
    assert "VEL1007 a listener with TLS needs a certificate" in refused_start(
        "--listen", "grpc+tls://127.0.0.1:0"
    )
    with ServerProcess(arguments=["--listen", "grpc://0.0.0.0:0", "--insecure"]) as server:
        assert len(server.ready["flight"]) == 2


def test_sql_cannot_be_let_into_the_data_directory(tmp_path: Path) -> None:
    inside = tmp_path / "files"
    inside.mkdir()
    for root in (tmp_path, inside):  # a folder that holds it is open but for that
        with pytest.raises(RuntimeError, match="VEL1007 --allow-path"):
            ServerProcess(data_dir=tmp_path, allow_path=[root], arguments=["--auth"]).close()


def test_a_file_outside_of_the_named_folders_is_refused(
    server: ServerProcess, data_dir: Path, tokens: dict[str, str]
) -> None:
    admin = As(server, tokens["admin"])
    for path in (data_dir / "identity" / "tokens.json", Path.cwd() / "pyproject.toml"):
        found = admin.code(admin.read, f"SELECT * FROM read_text('{path}')")
        assert found not in ("", "VEL9001")
        found = admin.code(admin.read, f"SELECT * FROM read_csv('{path}')")
        assert found == admin.code(admin.read, "SELECT * FROM read_csv('/nowhere/x.csv')")


def test_jwt_without_its_packages_is_refused_at_the_start_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jwt.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    options = ["--jwks", "x", "--jwt-issuer", "i", "--jwt-audience", "a"]
    error = refused_start(*options)
    assert "VEL1008 JWT needs packages that are not installed: PyJWT, cryptography" in error
    assert "pip install 'velaria[jwt]'" in error
    assert "VEL1007 --jwks needs --jwt-issuer" in refused_start(*options[:4])
    assert "VEL1007 JWTs need their keys" in refused_start(*options[2:])


def test_doctor_finds_a_server_well_that_asks_who_calls(
    server: ServerProcess, tokens: dict[str, str]
) -> None:
    words = ["doctor", "--server", server.uri]
    status, output, _ = velaria_command(*words)
    assert status == 0 and "note   server:" in output and "asks who calls" in output
    status, output, _ = velaria_command(*words, token=tokens["viewer"])
    assert status == 0 and "is serving" in output
    status, output, _ = velaria_command(*words, token="vel_wrong")
    assert status == 1 and "wrong  server" in output


def test_a_config_file_says_the_same_as_the_command_line(tmp_path: Path) -> None:
    config = tmp_path / "velaria.toml"
    config.write_text("[identity]\nrequired = true\n")
    with ServerProcess(arguments=["--config", str(config)]) as server:
        stranger = As(server, None)
        assert stranger.code(stranger.read, "SELECT 1") == "VEL1009"
    config.write_text('[jwt]\nroles = "ops=operator"\n')
    assert "VEL1007 JWTs need their keys" in refused_start("--config", str(config))


def test_a_client_with_a_password_goes_on_with_a_server_that_was_started_anew(
    front: str, tmp_path: Path
) -> None:
    """The bearer that the one before gave it is worth nothing there."""
    TokenFile(tmp_path).create_user("ann", PASSWORD, ADMIN)
    words = ["--front", front]
    with ServerProcess(data_dir=tmp_path, arguments=words) as before:
        uri = before.uri
        client = velaria.connect(uri, user="ann", password=PASSWORD)
        assert client.sql("SELECT 1").to_rows() == [(1,)]
    with client, ServerProcess(data_dir=tmp_path, arguments=[*words, "--listen", uri]):
        codes_told: set[str] = set()

        def is_reached() -> bool:
            try:
                return client.sql("SELECT 1").to_rows() == [(1,)]
            except VelariaError as error:
                codes_told.add(error.code)
                return False

        assert until(is_reached)
        assert codes_told <= {"VEL5007"}
        TokenFile(tmp_path).revoke("ann")
        with pytest.raises(VelariaError, match="VEL1009"):
            client.sql("SELECT 1")
