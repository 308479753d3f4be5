"""Pieces of SQL text that the builders put together."""


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def subquery(sql: str) -> str:
    """A statement in parentheses; the line break ends a trailing comment."""
    return f"({sql.strip().rstrip(';')}\n)"
