"""SQL reaches no file that the server lives by, with identity or without."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from velaria._kernel import KernelError
from velaria.flight_server.file_roots import allowed_folders, file_reach
from velaria.flight_server.options import Options
from velaria.flight_server.running import RunningServer
from velaria.schemas.errors import VelariaError

Start = Callable[..., RunningServer]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """A server with its data in `state` of the working directory, where there are files, too."""
    monkeypatch.chdir(tmp_path)
    for folder in ("state/identity", "files", "elsewhere"):
        Path(folder).mkdir(parents=True)
    for folder in (".", "state", "state/identity", "files", "elsewhere"):
        (Path(folder) / "t.csv").write_text("a,b\n1,2\n")
    started: list[RunningServer] = []

    def begin(config: str | None = None, **told: Any) -> RunningServer:
        settings = {name.replace("__", "."): value for name, value in told.items()}
        flags = {
            "server.listen": ["grpc://127.0.0.1:0"],
            "server.side": "",
            "server.threads": 1,
            "server.data_dir": "state",
            "postgres.dsn": "none",
        }
        path = Path(config) if config is not None else None
        started.append(RunningServer(Options(flags | settings, config=path)))
        return started[-1]

    yield begin
    for server in started:
        server.close()


def refusal(server: RunningServer, path: Path | str, use: str) -> str:
    """The text that a use of the path is refused with, without the path; "" when it is not."""
    session = server.service.session
    try:
        if use == "probe":
            session.probe(str(path))
        elif use == "copy":
            session.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT csv)")
        else:
            session.execute(f"SELECT * FROM '{path}'").read_all()
    except KernelError as fault:
        assert fault.code == "VEL4001"
        return fault.message.replace(str(path), "PATH")
    return ""


@pytest.mark.parametrize("use", ["read", "copy", "probe"])
def test_the_data_directory_is_closed_wherever_it_lies(
    start: Start, tmp_path: Path, use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("elsewhere")
    server = start(server__data_dir=str(tmp_path / "state"))
    outside = refusal(server, "/nowhere/t.csv", use)
    assert outside
    for name in ("t.csv", "identity/t.csv", "server.lock", "no.csv"):
        assert refusal(server, tmp_path / "state" / name, use) == outside
    assert refusal(server, "../state/identity/t.csv", use) == outside
    assert refusal(server, "t.csv", use) == "", "the working directory is open"
    if use == "read":
        assert "no file that may be read" in refusal(server, tmp_path / "state" / "**", use)


@pytest.mark.parametrize("use", ["read", "copy", "probe"])
def test_a_working_directory_is_open_but_for_what_the_server_lives_by(
    start: Start, use: str
) -> None:
    Path("velaria.toml").write_text("[server]\n")
    Path("link").symlink_to("state")
    server = start(server__allow_path=["files"], config="velaria.toml")
    outside = refusal(server, "/nowhere/t.csv", use)
    for path in ("state/t.csv", "state/identity/t.csv", "link/t.csv", "velaria.toml"):
        assert refusal(server, path, use) == outside, path
        assert refusal(server, Path(path).absolute(), use) == outside, path
    for path in ("t.csv", "files/t.csv", "elsewhere/t.csv", Path("t.csv").resolve()):
        assert refusal(server, path, use) == "", path
    if use == "read":
        found = server.service.session.execute("SELECT count(*) FROM '**/t.csv'").read_all()
        assert found[0][0].as_py() == 3, "those of the data directory are not among them"


def test_a_working_directory_inside_of_the_data_directory_is_closed(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("state/identity")
    server = start(server__data_dir=str(tmp_path / "state"))
    assert refusal(server, "t.csv", "read")


@pytest.mark.parametrize("has_identity", [True, False])
@pytest.mark.parametrize("folder", ["state", "state/identity", "link"])
def test_a_named_folder_cannot_lie_in_the_data_directory(
    start: Start, folder: str, has_identity: bool
) -> None:
    Path("link").symlink_to("state")
    with pytest.raises(VelariaError) as refused:
        start(server__allow_path=["files", folder], identity__required=has_identity)
    assert refused.value.code == "VEL1007"
    assert refused.value.message == f"--allow-path lies in the data directory: {folder}"


@pytest.mark.parametrize("folder", [".", "..", "files"])
def test_a_named_folder_that_holds_the_data_directory_is_open_but_for_that(
    start: Start, tmp_path: Path, folder: str
) -> None:
    server = start(server__allow_path=[folder], identity__required=True)
    outside = refusal(server, "/nowhere/t.csv", "read")
    for path in (tmp_path / "state/t.csv", tmp_path / "state/identity/t.csv"):
        assert refusal(server, path, "read") == outside
        assert refusal(server, path, "copy")
    assert refusal(server, tmp_path / "files/t.csv", "read") == ""


def test_every_file_that_says_who_is_let_in_is_closed(tmp_path: Path) -> None:
    names = ("tls.certificate", "tls.key", "tls.client_ca", "jwt.jwks")
    flags = {name: str(tmp_path / name) for name in names}
    reach = file_reach(Options(flags), tmp_path / "state", has_identity=True)
    assert set(reach.closed) == {tmp_path / name for name in (*names, "state")}
    assert reach.roots == []


@pytest.mark.parametrize("use", ["read", "copy", "probe"])
def test_another_name_of_what_is_closed_is_closed_too(start: Start, use: str) -> None:
    Path("velaria.toml").write_text("[server]\n")
    server = start(config="velaria.toml")
    outside = refusal(server, "/nowhere/t.csv", use)
    Path("files/hard.csv").hardlink_to("velaria.toml")
    Path("files/soft.csv").symlink_to(Path("velaria.toml").absolute())
    assert refusal(server, "files/hard.csv", use) == outside
    assert refusal(server, "files/soft.csv", use) == outside
    assert Path("velaria.toml").read_text() == "[server]\n"
    if use == "read":
        assert refusal(server, "files/*.csv", use) == "", "the pattern finds files/t.csv alone"


@pytest.mark.parametrize("use", ["read", "copy", "probe"])
def test_a_file_that_a_link_was_turned_to_is_closed(start: Start, use: str) -> None:
    """As a new certificate comes: by a link to another folder of files."""
    for folder in ("first", "second"):
        Path(folder).mkdir()
        Path(folder, "velaria.toml").write_text("[server]\n")
    Path("current").symlink_to("first")
    Path("velaria.toml").symlink_to("current/velaria.toml")
    server = start(config="velaria.toml")
    outside = refusal(server, "/nowhere/t.csv", use)
    Path("turned").symlink_to("second")
    Path("turned").rename("current")
    for path in ("velaria.toml", "first/velaria.toml", "second/velaria.toml"):
        assert refusal(server, path, use) == outside, path
    assert Path("second/velaria.toml").read_text() == "[server]\n"


def test_keys_from_an_address_are_no_file() -> None:
    flags = {"server.allow_path": ["."], "jwt.jwks": "https://id.example/jwks.json"}
    assert allowed_folders(Options(flags), Path("/nowhere")) == [Path()]
