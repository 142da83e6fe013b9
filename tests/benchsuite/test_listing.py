from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from benchsuite import CUDA, CXX_COMPILER, grid, scenario
from benchsuite.catalog import Entry
from benchsuite.errors import UsageError
from benchsuite.listing import describe, matching
from benchsuite.origin import Origin


@dataclass(frozen=True)
class Settings:
    mode: str = "eager"
    phase: str = "train"


def entry(name):
    def build(_settings, _task):
        raise AssertionError

    build.__name__ = name
    made = scenario(
        question="Does it pay?",
        variants=grid(Settings, phase=["train", "infer"], mode=["eager", "fast", "faster"]),
        compare="mode",
        within=("phase",),
        metric="throughput",
        answer="knee",
        requires=lambda s: [] if s.mode == "eager" else [CXX_COMPILER, CUDA],
    )(build)
    return Entry(made, Origin("mine", "mine.py"), 1)


ENTRIES = {"layout": entry("layout"), "precision": entry("precision")}


def no_gpu(requirement):
    return "no GPU is here" if requirement == CUDA else None


def test_scenarios_as_data():
    found = describe(ENTRIES, no_gpu)
    assert json.loads(json.dumps(found)) == found
    assert [one["name"] for one in found] == ["layout", "precision"]
    variants = found[0].pop("variants")
    assert found[0] == {
        "name": "layout",
        "question": "Does it pay?",
        "compare": "mode",
        "within": ["phase"],
        "metric": "throughput",
        "answer": "knee",
        "once": False,
        "step": "step",
        "combines": False,
    }
    assert variants[0] == {
        "id": "layout[mode=eager]",
        "settings": {"mode": "eager", "phase": "train"},
        "context": {"phase": "train"},
        "baseline": True,
        "available": True,
        "reason": "",
        "changes": {},
    }
    assert variants[-1] | {"settings": 0, "context": 0} == {
        "id": "layout[mode=faster,phase=infer]",
        "settings": 0,
        "context": 0,
        "baseline": False,
        "available": False,
        "reason": "no GPU is here",
        "changes": {},
    }


def test_everything_is_available_where_nothing_is_missing():
    found = describe(ENTRIES, lambda _requirement: None)
    assert all(variant["available"] for one in found for variant in one["variants"])


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        (
            "layout[mode=fast,phase=infer]",
            {"layout[mode=fast,phase=infer]", "layout[mode=eager,phase=infer]"},
        ),
        ("precision[mode=faster]", {"precision[mode=faster]", "precision[mode=eager]"}),
        ("layout[mode=eager]", {"layout[mode=eager]"}),
        ("layout[mode=fast]", {"layout[mode=fast]", "layout[mode=eager]"}),
    ],
)
def test_matching_variants_bring_the_baseline_of_their_context(text, chosen):
    assert matching(ENTRIES, text) == chosen


def test_matching_spans_scenarios():
    assert {id_.partition("[")[0] for id_ in matching(ENTRIES, "faster")} == {"layout", "precision"}
    assert len(matching(ENTRIES, "")) == 12


def test_what_matches_nothing_offers_the_nearest():
    with pytest.raises(UsageError) as caught:
        matching(ENTRIES, "layout[mode=fasst]")
    assert str(caught.value).startswith(
        "-k layout[mode=fasst]: no variant's name contains that: the nearest are "
    )
    assert "layout[mode=fast]" in str(caught.value)
    with pytest.raises(UsageError, match=r"`python -m benchsuite list` shows them all"):
        matching(ENTRIES, "qqq")
