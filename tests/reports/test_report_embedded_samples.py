from __future__ import annotations

import base64
import json
import random
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_run import trial

import reports
from reports.embedded_samples import BUDGET_BYTES, embedded_samples, pack
from reports.page import render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchsuite.record import Record
    from benchsuite.store import Run

whole = st.integers(0, 2**53)
series = st.lists(whole, max_size=20).map(tuple)


def unpacked(packed: str) -> list[tuple[str, str, int, dict[str, list[int]]]]:
    """Read what was packed, as the page's script does."""
    line, _, planes = zlib.decompress(base64.b64decode(packed)).partition(b"\n")
    head = json.loads(line)
    size = len(planes) // head["planes"]
    numbers = [
        sum(planes[plane * size + place] << (8 * plane) for plane in range(head["planes"]))
        for place in range(size)
    ]
    found, place = [], 0
    for variant, pass_, repetition, told in head["trials"]:
        samples = {}
        for kind, length, smallest in told:
            samples[kind] = [smallest + number for number in numbers[place : place + length]]
            place += length
        found.append((head["variants"][variant], pass_, repetition, samples))
    assert place == size
    return found


def samples_of(record: Record) -> dict[str, list[int]]:
    first = [] if record.first_step_ns is None else [record.first_step_ns]
    kinds = {
        "first": first,
        "warm-up": record.warmup_ns,
        "step": record.step_ns,
        "cpu": record.cpu_ns,
        "device": record.device_ns,
    }
    return {kind: list(samples) for kind, samples in kinds.items() if samples}


@given(
    trials=st.lists(
        st.tuples(st.text(st.characters(codec=None), max_size=5), whole, series, series, series, series),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_packed_is_read_back(trials: Sequence[tuple[str, int, tuple[int, ...]]]) -> None:
    records = [
        replace(
            trial(name, name, number, 1.0),
            first_step_ns=first, warmup_ns=warmup, step_ns=step, cpu_ns=cpu, device_ns=device,
        )
        for number, (name, first, warmup, step, cpu, device) in enumerate(trials)
    ]  # fmt: skip
    assert unpacked(pack(records)) == [(r.variant, r.pass_, r.repetition, samples_of(r)) for r in records]


def test_a_usual_run_packs_all_of_its_samples_within_the_budget(sample: Path) -> None:
    data = reports.load(sample)
    found = embedded_samples(data.scenarios)
    assert all(one.packed for one in found if one.count)
    assert sum(len(one.packed) for one in found) <= BUDGET_BYTES
    for scenario, one in zip(data.scenarios, found, strict=True):
        trials = [t for v in scenario.variants for t in v.trials if samples_of(t)]
        assert one.count == sum(len(samples) for t in trials for samples in samples_of(t).values())
        assert one.trials == len(trials)


def test_noise_takes_less_than_four_bytes_a_sample() -> None:
    source = random.Random(7)
    record = replace(
        trial("a", "a", 0, 1.0), step_ns=tuple(round(source.gauss(5e6, 1.5e5)) for _ in range(5000))
    )
    assert len(pack([record])) < 4 * 5000


def test_a_card_has_all_of_its_samples_or_none_and_the_smallest_come_first(sample: Path) -> None:
    scenarios = reports.load(sample).scenarios
    whole = embedded_samples(scenarios)
    sizes = sorted(len(one.packed) for one in whole if one.packed)
    budget = sum(sizes[:3])
    some = embedded_samples(scenarios, budget)
    assert sum(bool(one.packed) for one in some) == 3
    assert sum(len(one.packed) for one in some) <= budget
    assert all(one.packed in {"", all_of.packed} for one, all_of in zip(some, whole, strict=True))
    assert [one.count for one in some] == [one.count for one in whole]


def test_what_does_not_fit_is_told_with_the_command_that_writes_it(make_run: Callable[..., Run]) -> None:
    source = random.Random(7)
    many = tuple(round(source.gauss(5e6, 1e6)) for _ in range(100_000))
    trials = [replace(trial("layout[mode=plain]", "plain", n, 9e6), step_ns=many) for n in range(3)]
    page = render(reports.load(make_run({}, skipped={"plain": ""}, extra=trials)))
    assert "not in this page" in page
    assert "python -m benchsuite export runs/" in page
    assert "<template>" not in page


def test_samples_that_are_no_whole_numbers_are_rounded() -> None:
    record = replace(trial("a", "a", 0, 1.0), first_step_ns=None, step_ns=(1.6, 2.0))
    assert unpacked(pack([record]))[0][3] == {"step": [2, 2]}


@pytest.mark.parametrize("damaged", [("<b>",), (None, 2), (float("nan"),), (10**30,), ((1, 2), 3)])
def test_samples_of_a_damaged_file_are_left_out(make_run: Callable[..., Run], damaged: tuple) -> None:
    broken = replace(trial("layout[mode=plain]", "plain", 0, 9e6), step_ns=damaged)
    data = reports.load(make_run({}, skipped={"plain": ""}, extra=[broken]))
    (found,) = embedded_samples(data.scenarios)
    assert found.packed == ""
    assert found.count > 0
    assert "not in this page" in render(data)
