from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from reports.anchors import anchors


def test_a_plain_name_is_its_own_address_whatever_else_was_measured() -> None:
    assert anchors(["compile", "batch_size"]) == ["scenario-compile", "scenario-batch_size"]
    assert anchors(["layout", "batch_size"])[1] == "scenario-batch_size"


def test_a_name_that_is_no_address_is_changed_and_told_apart() -> None:
    one, other = anchors(["Größe & Zahl", "Größe / Zahl"])
    assert one.startswith("scenario-gr-e-zahl-")
    assert one != other
    assert anchors(["compile", "compile", "compile"]) == [
        "scenario-compile",
        "scenario-compile.2",
        "scenario-compile.3",
    ]


@given(st.lists(st.text(max_size=60), max_size=8))
def test_addresses_are_unique_and_safe(names: list[str]) -> None:
    found = anchors(names)
    assert len(found) == len(names)
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"scenario-[a-z0-9_.-]+", one) for one in found)
