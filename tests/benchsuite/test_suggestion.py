from __future__ import annotations

import pytest

from benchsuite.suggestion import suggest, suggest_variant


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("compil", ["compile", "device"], "did you mean compile?"),
        ("xyz", ["compile", "device"], "there are compile, device"),
        ("xyz", [], "there are none"),
    ],
)
def test_the_nearest_names_are_offered_or_all(name, known, said):
    assert suggest(name, known) == said


def test_the_nearest_variants_are_told_and_never_all():
    known = ["loader[workers=2]", "layout[mode=fast]"]
    assert suggest_variant("layout[mode=fasst]", known).startswith("the nearest are layout[mode=fast]")
    assert suggest_variant("qqqq", known) == "`python -m benchsuite list` shows them all"
