"""Values as text, as CAST AS VARCHAR writes them: the kernel's rule, in the form of PostgreSQL."""

import pyarrow as pa

from velaria import _kernel


def as_texts(table: pa.Table) -> pa.Table:
    """The same columns, each value as its text."""
    if table.num_columns == 0:
        return table
    # By position: two columns may have one name.
    names = [f"c{index}" for index in range(table.num_columns)]
    session = _kernel.Session(threads=1)
    session.register_arrow("shown", table.rename_columns(names))
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
    written = session.execute(f"SELECT {texts} FROM shown").read_all()
    session.close()
    return written.rename_columns(table.column_names)


def text_columns(table: pa.Table) -> list[list[str | None]]:
    """The texts of each column in turn; None for NULL."""
    return [column.to_pylist() for column in as_texts(table).columns]
