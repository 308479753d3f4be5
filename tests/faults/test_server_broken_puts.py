"""A put whose connection breaks goes on where it broke: every row once, or an error."""

import pyarrow as pa
import pytest

import velaria
from tests.server_process import ServerProcess, until
from tests.tcp_proxy import TcpProxy
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts

ROWS = 400_000
TABLE = pa.table({"a": pa.array(range(ROWS), pa.int64())})
BATCHES = TABLE.to_batches(max_chunksize=10_000)
BYTES = 8 * ROWS


def count_and_sum(server: ServerProcess, table: str) -> tuple[int, int]:
    with velaria.connect(server.uri) as direct:
        (row,) = direct.sql(f"SELECT count(*), count(DISTINCT a) FROM {table}").to_rows()
        return (row[0], row[1])


@pytest.mark.parametrize("part", [0.002, 0.1, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("mode", ["append", "create", "replace"])
def test_a_put_that_breaks_off_brings_every_row_once(
    server: ServerProcess, mode: str, part: float
) -> None:
    name = f"broken_{mode}_{int(part * 1000)}"
    with TcpProxy(server.uri, int(BYTES * part)) as proxy, velaria.connect(proxy.uri) as ours:
        ours.health()
        assert ours.put(BATCHES, name, mode) == ROWS
        assert proxy.breaks == 1
    assert count_and_sum(server, name) == (ROWS, ROWS)


def test_what_can_be_read_only_once_is_not_tried_again(server: ServerProcess) -> None:
    with velaria.connect(server.uri) as direct:
        direct.sql("CREATE TABLE broken_once (a BIGINT)")  # a put may break before it does
    with TcpProxy(server.uri, BYTES // 2) as proxy, velaria.connect(proxy.uri) as ours:
        with pytest.raises(VelariaError) as caught:
            ours.put(TABLE.to_reader(10_000), "broken_once")
        assert (caught.value.code, caught.value.retry) == ("VEL5007", "later")
    with velaria.connect(server.uri) as direct:
        # The client may be through before a busy server has begun.
        assert until(lambda: direct.table_schema("broken_once") is not None)
    rows, distinct = count_and_sum(server, "broken_once")
    assert rows == distinct < ROWS


def test_an_append_is_not_tried_again_at_another_server(server: ServerProcess) -> None:
    with (
        ServerProcess() as other,
        TcpProxy(server.uri, BYTES // 2) as proxy,
        velaria.connect(proxy.uri) as ours,
    ):
        ours.server_pid()
        host, port = other.uri.removeprefix("grpc://").rsplit(":", 1)
        proxy.server = (host, int(port))  # from the next connection on
        with pytest.raises(VelariaError) as caught:
            ours.put(BATCHES, "broken_other")
        assert caught.value.code == "VEL5007"
        with velaria.connect(other.uri) as theirs:
            assert "broken_other" not in [entry.name for entry in theirs.tables()]
