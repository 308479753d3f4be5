"""What is idle is found in its time, as a look at all would find it."""

from hypothesis import given
from hypothesis import strategies as st

from velaria.flight_server.idle import Dues, Idle

KEYS = ["a", "b", "c", "d"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "enter", "leave", "drop", "wait", "look"]),
        st.sampled_from(KEYS),
        st.integers(0, 9),
    ),
    max_size=60,
)


class Walked:
    """The law, by a look at all: idle is what no call uses, for longer than its time."""

    def __init__(self) -> None:
        self.uses: dict[str, list[float]] = {}  # key -> idle_s, last_used_s, calls

    def over(self, now_s: float) -> list[str]:
        found = [
            key
            for key, (idle_s, last_used_s, calls) in self.uses.items()
            if calls == 0 and now_s - last_used_s > idle_s
        ]
        for key in found:
            del self.uses[key]
        return sorted(found)


@given(steps=STEPS)
def test_it_finds_what_a_look_at_all_would_find(steps: list[tuple[str, str, int]]) -> None:
    now_s = [0.0]
    idle: Idle[str] = Idle(lambda: now_s[0])
    walked = Walked()
    for step, key, number in steps:
        is_there = key in walked.uses
        if step == "add" and not is_there:
            idle.add(key, float(number))
            walked.uses[key] = [float(number), now_s[0], 0]
        elif step == "enter" and is_there:
            idle.enter(key)
            walked.uses[key][2] += 1
        elif step == "leave" and is_there and walked.uses[key][2]:
            idle.leave(key)
            walked.uses[key][1:] = [now_s[0], walked.uses[key][2] - 1]
        elif step == "drop":
            idle.drop(key)
            walked.uses.pop(key, None)
        elif step == "wait":
            now_s[0] += number
        elif step == "look":
            assert sorted(idle.take_over()) == walked.over(now_s[0])
    now_s[0] += 100.0
    assert sorted(idle.take_over()) == walked.over(now_s[0])


def test_a_call_that_ends_after_its_thing_was_dropped_changes_nothing() -> None:
    idle: Idle[str] = Idle(lambda: 0.0)
    idle.add("a", 1.0)
    idle.enter("a")
    idle.drop("a")
    idle.leave("a")
    assert idle.take_over() == []


def test_what_was_moved_is_looked_at_at_its_last_moment_only() -> None:
    dues: Dues[str] = Dues()
    for due_s in (1.0, 5.0, 3.0):
        dues.put("a", due_s)
    assert dues.take_passed(2.0) == []
    assert dues.take_passed(3.0) == []
    assert dues.take_passed(3.5) == ["a"]
    assert dues.take_passed(9.0) == []


def test_nothing_is_kept_of_what_came_and_went() -> None:
    dues: Dues[str] = Dues()
    dues.put("stays", 1.0)
    for number in range(10_000):
        dues.put(f"{number}", 2.0)
        dues.drop(f"{number}")
        dues.put("moves", float(number))
    assert len(dues._heap) < 200
    assert dues.take_passed(1.5) == ["stays"]


def test_of_one_moment_the_first_that_was_put_comes_first_even_when_the_rest_is_forgotten() -> None:
    dues: Dues[str] = Dues()
    put = [chr(code) for code in range(ord("z"), ord("a") - 1, -1)]
    for key in put:
        dues.put(key, 1.0)
    for _ in range(10_000):  # each leaves an entry behind, until those behind are swept
        dues.put("later", 2.0)
    assert len(dues._heap) < 200
    assert dues.take_passed(1.5) == put
    assert dues.take_passed(2.5) == ["later"]
