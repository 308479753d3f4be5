"""The published schemas and the reference page are what the code says."""

from pathlib import Path

import pytest

from velaria.flight_server.actions import registry
from velaria.flight_server.actions.reference import page
from velaria.schemas.publish import TOPICS, schema_of, schema_text

REFERENCE = Path(__file__).parents[2] / "docs/reference"


@pytest.mark.parametrize("topic", TOPICS)
def test_the_published_schema_is_current(topic: str) -> None:
    """`python -m velaria.schemas` writes it anew."""
    assert (REFERENCE / "schemas" / f"{topic}.json").read_text("utf-8") == schema_text(topic)


def test_the_reference_of_actions_is_current() -> None:
    """`python -m velaria.flight_server.actions` writes it anew."""
    assert (REFERENCE / "actions.md").read_text("utf-8") == page()


def test_commands_refuse_unknown_fields_and_replies_do_not() -> None:
    definitions = schema_of("sql")["$defs"]
    assert definitions["SqlExecute"]["additionalProperties"] is False
    assert "additionalProperties" not in definitions["SqlExecuteReply"]


def test_every_text_and_list_of_a_command_has_a_limit() -> None:
    registry.load_all()
    for spec in registry.ACTIONS.values():
        topic = spec.command.__module__.rsplit(".", 1)[1]
        if topic == "base":
            continue
        fields = schema_of(topic)["$defs"][spec.command.__name__]["properties"]
        for name, shape in fields.items():
            for kind in [shape, *shape.get("anyOf", [])]:
                if kind.get("type") == "string":
                    assert "maxLength" in kind or "enum" in kind, f"{spec.name}.{name}"
                if kind.get("type") == "array":
                    assert "maxItems" in kind, f"{spec.name}.{name}"


def test_every_action_says_what_it_does_in_one_sentence() -> None:
    registry.load_all()
    for spec in registry.ACTIONS.values():
        assert spec.summary.endswith("."), spec.name
        assert spec.name.split(".")[0] in registry.AREAS
