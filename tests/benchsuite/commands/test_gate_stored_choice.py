from __future__ import annotations

import pytest

from benchsuite.commands import gate_stored
from benchsuite.commands.gate_stored import Wanted


@pytest.mark.parametrize(
    ("text", "chosen"), [("work", ["work"]), ("wor", ["work", "work2"]), ("k2", ["work2"])]
)
def test_a_whole_name_selects_that_variant_alone(text, chosen):
    wanted = Wanted((), (text,), everything=False)
    assert gate_stored._choose({"work": [], "work2": [], "other": []}, {}, wanted) == chosen
