"""Values as texts: one kernel session for an output, closed after it however it ends."""

import pyarrow as pa
import pytest

from velaria import _kernel
from velaria.flight_server.commands.output import write_rows
from velaria.text_cells import TextCells, text_columns

KernelSession = _kernel.Session


class Session(KernelSession):
    """A kernel session that tells whether it was closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True
        super().close()


class Sessions:
    """Makes sessions in the kernel's place, and tells what became of them."""

    def __init__(self) -> None:
        self.made: list[Session] = []

    def __call__(self, threads: int) -> Session:
        self.made.append(Session(threads=threads))
        return self.made[-1]

    def all_closed(self) -> bool:
        return all(session.is_closed for session in self.made)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    made = Sessions()
    monkeypatch.setattr(_kernel, "Session", made)
    return made


def test_all_batches_of_an_output_share_a_session(
    sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = pa.record_batch({"a": [b"x"], "n": [1], "b": [b"\x00"]})
    write_rows([batch, batch], batch.schema, "json")
    assert capsys.readouterr().out == '{"a":"\\\\x78","n":1,"b":"\\\\x00"}\n' * 2
    assert len(sessions.made) == 1
    assert sessions.all_closed()


def test_an_output_without_such_values_needs_none(
    sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = pa.record_batch({"n": [1]})
    write_rows([batch], batch.schema, "json")
    assert capsys.readouterr().out == '{"n":1}\n'
    assert sessions.made == []


def test_the_session_is_closed_when_a_cast_fails(sessions: Sessions) -> None:
    # No text: bytes that were called one.
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")]
    )
    with pytest.raises(_kernel.KernelError):
        text_columns(pa.table({"a": broken}))
    assert len(sessions.made) == 1
    assert sessions.all_closed()


def test_tables_of_other_columns_come_one_after_another() -> None:
    with TextCells() as cells:
        assert cells.of(pa.table({"a": [1]})).to_pydict() == {"a": ["1"]}
        assert cells.of(pa.table({"b": [True, None]})).to_pydict() == {"b": ["true", None]}
        assert cells.of(pa.table({})).num_columns == 0
