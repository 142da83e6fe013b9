from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.labels import axis_word, context_word, variant_labels

AXES = {
    "data": st.sampled_from(["images", "batched", "memory"]),
    "workers": st.integers(0, 4),
    "pinned": st.booleans(),
    "rate": st.sampled_from([0.1, 1.0, 10.0]),
    "device": st.sampled_from(["cpu", "cuda"]),
}
SETTINGS = st.fixed_dictionaries(AXES)


def scenario(
    points: list[dict[str, Any]], compare: str | None, within: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """Make a scenario whose first point is the baseline of every context."""
    base = {key: value for key, value in points[0].items() if key not in within}
    variants = [
        {
            "id": json.dumps(values),
            "settings": values,
            "context": {axis: values[axis] for axis in within},
            "baseline": {key: value for key, value in values.items() if key not in within} == base,
        }
        for values in points
    ]
    return {"compare": compare, "variants": variants, **more}


def key(settings: dict[str, Any]) -> str:
    return str(sorted(settings.items()))


def labels(*arguments: Any, **more: Any) -> list[str]:
    return list(variant_labels(scenario(*arguments, **more)).values())


def test_a_label_says_the_compared_value_and_what_else_differs_from_the_baseline() -> None:
    plain = {"data": "images", "workers": 0, "persistent_workers": False}
    found = labels(
        [
            plain,
            {**plain, "workers": 2},
            {**plain, "workers": 2, "persistent_workers": True},
            {**plain, "data": "batched"},
        ],
        "data",
    )
    assert found == ["images", "images, 2 workers", "images, 2 workers, persistent workers", "batched"]


@pytest.mark.parametrize(
    ("points", "found"),
    [
        ([{"size": 1}, {"size": 8}], ["size 1", "size 8"]),
        ([{"fast_path": True}, {"fast_path": False}], ["fast path", "no fast path"]),
        ([{"mode": "plain"}, {"mode": "packed"}], ["plain", "packed"]),
        ([{"num_threads": 2}, {"num_threads": 1}], ["2 threads", "1 thread"]),
        ([{"split": "none"}, {"split": "data"}], ["no split", "data"]),
        (
            [{"size": 1, "wait": "short"}, {"size": 4, "wait": "short"}, {"size": 1, "wait": "long"}],
            ["size 1", "size 4", "wait long"],
        ),
        (
            [{"fused": False, "size": 1}, {"fused": True, "size": 1}, {"fused": False, "size": 4}],
            ["the baseline", "fused", "size 4"],
        ),
    ],
)
def test_values_are_spelt_by_their_kind(points: list[dict[str, Any]], found: list[str]) -> None:
    assert labels(points, next(iter(points[0]))) == found


def test_what_is_held_equal_stands_in_no_label() -> None:
    points = [{"mode": mode, "device": device} for device in ("cpu", "cuda") for mode in ("plain", "packed")]
    assert labels(points, "mode", ("device",)) == ["plain", "packed"] * 2


def test_a_combination_is_named_after_what_it_adds() -> None:
    plain = {"data": "images", "compile_mode": "eager", "channels_last": False, "set_to_none": True}
    points = [plain, {**plain, "data": "memory"}]
    points += [{**points[1], "compile_mode": "default"}, {**points[1], "channels_last": True}]
    points.append({**points[3], "set_to_none": False, "compile_mode": "default"})
    assert labels(points, "data", combines=True) == [
        "reference loop",
        "+ data memory",
        "+ compile mode default",
        "+ channels last",
        "+ compile mode default, no set to none",
    ]


def test_words_of_contexts() -> None:
    assert context_word("phase", "train") == "training"
    assert context_word("device", "cuda") == "CUDA"
    assert context_word("augment", value=False) == "no augment"
    assert context_word("batch_size", 1) == "batch size 1"


@settings(deadline=None)
@given(st.lists(SETTINGS, min_size=1, max_size=12, unique_by=key), st.booleans())
def test_no_two_variants_of_a_context_share_a_label(points: list[dict[str, Any]], combines: bool) -> None:
    made = scenario(points, "data", ("device",), combines=combines)
    found = variant_labels(made)
    assert set(found) == {variant["id"] for variant in made["variants"]}
    for device in ("cpu", "cuda"):
        members = [v for v in made["variants"] if v["context"] == {"device": device}]
        assert len({found[v["id"]] for v in members}) == len(members)


@settings(deadline=None)
@given(st.lists(SETTINGS, min_size=2, max_size=12, unique_by=key))
def test_a_label_names_no_axis_that_is_as_in_the_baseline(points: list[dict[str, Any]]) -> None:
    made = scenario(points, "data")
    found = variant_labels(made)
    for variant in made["variants"]:
        label = found[variant["id"]]
        for axis in ("workers", "rate", "device"):
            value = variant["settings"][axis]
            assert (axis_word(axis, value) in label.split(", ")) == (value != points[0][axis])
