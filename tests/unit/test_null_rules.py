"""What the registry says of NULL arguments holds, for constants and for columns alike."""

from __future__ import annotations

import re

import pytest

from velaria import _kernel

STRICT = "NULL if any argument is"
UNBOUND = "VEL2015"  # an argument that must be a constant, or has no type of its own

# Calls whose form differs from name(arguments), and more forms of functions that have several.
Form = tuple[str, list[str]]
FORMS: dict[str, list[Form]] = {
    "||": [
        ("{} || {}", ["'Vela'", "'ria'"]),
        ("{} || {}", ["[1]", "[2]"]),
        ("{} || {}", ["[1]", "2"]),
        ("{} || {}", ["1", "[2]"]),
    ],
    "~": [("{} ~ {}", ["'Velaria'", "'^V'"]), ("~{}", ["6"])],
    "-": [("{} - {}", ["5", "7"]), ("-{}", ["5"])],
    "->": [("{} -> {}", ["""'{"a": 1}'""", "'a'"])],
    "->>": [("{} ->> {}", ["""'{"a": 1}'""", "'a'"])],
    "not": [("NOT {}", ["true"])],
    "is_null": [("{} IS NULL", ["1"])],
    "is_not_null": [("{} IS NOT NULL", ["1"])],
    "is_true": [("{} IS TRUE", ["true"])],
    "is_false": [("{} IS FALSE", ["false"])],
    "is_unknown": [("{} IS UNKNOWN", ["true"])],
    "is_distinct_from": [("{} IS DISTINCT FROM {}", ["1", "2"])],
    "is_not_distinct_from": [("{} IS NOT DISTINCT FROM {}", ["1", "1"])],
    "like": [("{} LIKE {}", ["'Velaria'", "'V%'"])],
    "ilike": [("{} ILIKE {}", ["'Velaria'", "'v%'"])],
    "similar": [("{} SIMILAR TO {}", ["'abc'", "'(a|x)%c'"])],
    "list_any": [("{} > ANY({})", ["3", "[5, 2]"]), ("{} > ANY({})", ["3", "[1][2:]"])],
    "list_all": [("{} > ALL({})", ["3", "[5, 2]"]), ("{} > ALL({})", ["3", "[1][2:]"])],
    "list_position": [("list_position({}, {})", ["[4, NULL]", "4"])],
    "position": [("position({} IN {})", ["'la'", "'Velaria'"])],
    "overlay": [("overlay({}, {}, {}, {})", ["'Txxxxas'", "'hom'", "2", "4"])],
}

SESSION = _kernel.Session(threads=1)
FUNCTIONS = SESSION.functions()


def _split(text: str) -> list[str]:
    """The arguments between commas that stand in no brackets and no quotes."""
    parts: list[str] = []
    depth, begin, quoted = 0, 0, False
    for at, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth < 0:
                return [*parts, text[begin:at].strip()] if text[begin:at].strip() else parts
        elif sign == "," and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    raise AssertionError(f"no end of the arguments: {text}")


def _forms(row: _kernel.FunctionRow) -> list[Form]:
    if row.name in FORMS:
        return FORMS[row.name]
    if row.group == "operator":
        return [(f"{{}} {row.name} {{}}", row.example.split(f" {row.name} ", 1))]
    _, called, rest = row.example.partition(f"{row.name}(")
    if not called:
        return []  # current_date takes no parentheses
    arguments, names = [], []
    for argument in _split(rest):
        named = re.match(r"\w+ (=>|:=) ", argument)
        names.append(named.group() if named else "")
        arguments.append(argument.removeprefix(names[-1]))
    return [(f"{row.name}({', '.join(name + '{}' for name in names)})", arguments)]


def _value(sql: str) -> object:
    """The one value of a query, or the code of its error."""
    try:
        return SESSION.execute(sql).read_all().column(0)[0].as_py()
    except _kernel.KernelError as error:
        return str(error)[:7]


def _answers(form: str, arguments: list[str], null_at: int) -> list[object]:
    """The call with a NULL at one place: constant, among columns, as the only column, as the only
    constant, and without a type."""
    sql_type = _value(f"SELECT typeof({arguments[null_at]})")
    null = f"CAST(NULL AS {sql_type})"

    def with_null(others: list[str], value: str) -> str:
        values = [value if i == null_at else other for i, other in enumerate(others)]
        return f"SELECT CAST({form.format(*values)} AS VARCHAR)"

    columns = [f"c{i}" for i in range(len(arguments))]
    values = [null if i == null_at else value for i, value in enumerate(arguments)]
    source = f" FROM (VALUES ({', '.join(values)})) AS t({', '.join(columns)})"
    return [
        _value(with_null(arguments, null)),
        _value(with_null(columns, columns[null_at]) + source),
        _value(with_null(arguments, columns[null_at]) + source),
        _value(with_null(columns, null) + source),
        _value(with_null(arguments, "NULL")),
    ]


@pytest.mark.parametrize(
    "row", [row for row in FUNCTIONS if row.kind == "scalar"], ids=lambda row: str(row.name)
)
def test_a_scalar_function_keeps_its_null_rule(row: _kernel.FunctionRow) -> None:
    bound = []
    for form, arguments in _forms(row):
        for null_at in range(len(arguments)):
            *typed, untyped = _answers(form, arguments, null_at)
            answers = [answer for answer in typed if answer != UNBOUND]
            told = f"{form} with NULL at {null_at}: {typed}"
            assert len(set(answers)) <= 1, told
            # A NULL without a type may choose another variant of a function with a rule of its own.
            if row.null_rule == STRICT:
                assert all(answer is None for answer in answers), told
                assert untyped in (None, UNBOUND), told
            bound += answers
    assert bound or not any(arguments for _, arguments in _forms(row))
    if row.null_rule != STRICT:
        assert any(answer is not None for answer in bound), "the rule is the usual one"


AGGREGATES = [row for row in FUNCTIONS if row.kind == "aggregate"]


@pytest.mark.parametrize("row", AGGREGATES, ids=lambda row: str(row.name))
def test_an_aggregate_keeps_its_null_rule(row: _kernel.FunctionRow) -> None:
    matched = re.fullmatch(r"(SELECT .*) FROM \((VALUES .*)\) AS t\((.*)\)", row.example)
    assert matched, row.example
    head, values, columns = matched.groups()
    names = columns.split(", ")

    def rows_with_null(missing: list[str]) -> str:
        selected = [f"nullif({n}, {n}) AS {n}" if n in missing else n for n in names]
        return f"SELECT {', '.join(selected)} FROM ({values}) AS s({columns})"

    nothing = _value(f"{head} FROM ({rows_with_null(names)}) AS t")
    if not row.null_rule.split("; ")[0].endswith(("passes over NULLs", "NULL in either")):
        assert row.null_rule.startswith(("a NULL is", "count(*)")), row.null_rule
        return
    assert nothing == (0 if "; 0 when nothing is left" in row.null_rule else None)
    for name in names:
        more = f"{values} UNION ALL {rows_with_null([name])}"
        assert _value(f"{head} FROM ({more}) AS t({columns})") == _value(row.example)


def test_functions_with_over_tell_what_they_do_with_a_null() -> None:
    rules = {row.name: row.null_rule for row in FUNCTIONS if row.kind == "window"}
    assert all(rules.values())
    values = "(VALUES (1, 1), (2, NULL), (3, NULL)) AS t(k, x)"
    for name in ("lag", "last_value"):
        assert rules[name] == "a NULL is a value; passed over with IGNORE NULLS"
        for words, expected in (("", None), (" IGNORE NULLS", 1)):
            call = f"{name}(x){words} OVER (ORDER BY k)"
            assert _value(f"SELECT {call} AS v FROM {values} ORDER BY k DESC") == expected
