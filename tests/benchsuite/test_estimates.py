"""What is left of a run, and what of it fits into the time that is left."""

from __future__ import annotations

import pytest

from benchsuite.estimates import Estimates
from benchsuite.plan import Group


def group(scenario, repetition=0):
    return Group(f"{scenario}()/timing/{repetition}", scenario, (), "timing", repetition)


@pytest.fixture
def estimates():
    found = Estimates()
    for scenario, seconds in (("long", 20.0), ("short", 2.0), ("middle", 5.0)):
        found.took(group(scenario), seconds)
    return found


def test_a_later_round_takes_as_long_as_the_one_before(estimates):
    pending = [group("long", 1), group("short", 1)]
    assert estimates.left_s(pending, set()) == 22
    assert estimates.left_s(pending, {"long()/timing/1"}) == 2


def test_groups_that_are_affordable_keep_their_order(estimates):
    pending = [group("long", 3), group("middle", 3), group("short", 3)]
    assert estimates.affordable(pending, 100) == pending


@pytest.mark.parametrize(
    ("seconds", "names"),
    [(26, ["middle", "short"]), (7, ["middle", "short"]), (6.9, ["short"]), (1, []), (-5, [])],
)
def test_the_quickest_groups_go_first(estimates, seconds, names):
    pending = [group("long", 3), group("middle", 3), group("short", 3)]
    assert [one.scenario for one in estimates.affordable(pending, seconds)] == names
