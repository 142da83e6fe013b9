from __future__ import annotations

from benchsuite.gate.rival_rules import RULES
from benchsuite.gate.self_test.rivals import rival_calls
from benchsuite.record import Record


def record(side, step_ns, variant="v", *, timed=True):
    return Record(
        variant=variant, scenario="train", settings={}, context={}, baseline=True, pass_="timing" if timed else "memory", repetition=0,
        group="g", side=side, outcome="completed", started="", step_ns=tuple(step_ns),
    )  # fmt: skip


BASE = [record("base", [1000, 1010, 990, 1005] * 10)] * 4
SLOW = [record("head", [1500, 1510, 1490, 1505] * 10)] * 4


def test_every_rule_judges_the_variants_own_times():
    other = [
        record("head", [10, 11, 12], variant="other"),
        record("", [10, 11, 12]),
        record("head", [5, 6], timed=False),
    ]
    assert rival_calls([*other, *BASE, *SLOW], "v") == dict.fromkeys(RULES, "slower")


def test_a_side_without_times_leaves_nothing_to_judge():
    assert rival_calls(BASE, "v") == {}
    assert rival_calls([*BASE, record("head", [5])], "v") == {}
