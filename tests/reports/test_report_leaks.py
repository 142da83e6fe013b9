from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_run import make_info, make_records, trial, write_run

import reports
from benchsuite.commands.summary import show
from benchsuite.record import AllocationSite, Record
from benchsuite.terminal import Terminal
from reports import leaks
from reports.caveats import caveats
from reports.notes import scenario_notes
from reports.page import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchsuite.store import Run
    from reports.results import VariantResult

GIB = 2**30


def told_of(data: reports.ReportData) -> list[str]:
    return [caveat.text for caveat in caveats(data)]


STEP = "step (train.py:88)"
OTHER = "forward (model.py:12)"
TORCH = "linear (torch/nn/functional.py:7)"


def site(size_bytes: float, *stack: str) -> AllocationSite:
    return AllocationSite("leak", size_bytes, 1.0, stack)


def memory(value: str = "plain", sites: tuple[AllocationSite, ...] = (), reason: str = "", **metrics: float) -> Record:  # fmt: skip
    return trial(
        f"layout[mode={value}]", value, 0, 1e6, pass_="memory", group="m", turns=(), first_step_ns=None,
        checks=(), metrics=metrics, sites=sites, reason=reason,
    )  # fmt: skip


def variant_of(run: Run) -> VariantResult:
    return reports.load(run).scenarios[0].variants[0]


@pytest.fixture
def said(make_run: Callable[..., Run]) -> Callable[..., str]:
    """Return what is said of a variant whose step takes 2 ms, with this memory pass."""

    def say(*sites: AllocationSite, memory_bytes: float | None = 16 * GIB, **metrics: float) -> str:
        run = make_run({"plain": [2, 2, 2]}, extra=[memory(sites=sites, **metrics)])
        return leaks.verdict(variant_of(run), memory_bytes)

    return say


def test_a_leak_is_told_with_its_line_and_with_when_the_memory_is_full(said: Callable[..., str]) -> None:
    # 16 GiB in steps of 4,300 bytes and 2 ms: 7,990 s.
    text = said(site(4300.0, TORCH, STEP), leak=4300.0)
    assert text == "4.20 KiB a step held from train.py:88: 16 GiB are full in 133 min"


def test_up_to_the_limit_there_is_no_leak(said: Callable[..., str]) -> None:
    assert said(leak=64.0) == said(leak=-500.0) == "no leak above 64 B a step"
    assert said(site(64.5, STEP), leak=64.5).startswith("64.5 B a step held from train.py:88")


def test_where_nobody_has_looked_nothing_is_said(said: Callable[..., str]) -> None:
    assert said(peak_heap=1.0) == ""


def test_a_leak_of_several_lines_names_the_one_that_holds_the_most(said: Callable[..., str]) -> None:
    text = said(site(600.0, TORCH, STEP), site(500.0, OTHER), site(900.0, OTHER), leak=2000.0)
    assert "2000 B" not in text
    assert text.startswith("1.95 KiB a step held by several lines, 70.0 % of it from model.py:12: ")


def test_a_leak_without_a_stack_is_told_all_the_same(said: Callable[..., str]) -> None:
    assert said(leak=2048.0, memory_bytes=None) == "2 KiB a step held"
    assert said(site(2048.0), leak=2048.0, memory_bytes=None) == "2 KiB a step held"


def test_memory_of_a_gpu_is_told_apart(said: Callable[..., str]) -> None:
    text = said(site(500.0, STEP), leak=500.0, cuda_leak=4096.0, memory_bytes=None)
    assert text == "500 B a step held from train.py:88; 4 KiB a step of GPU memory held from train.py:88"


@given(st.lists(st.tuples(st.sampled_from([STEP, OTHER, TORCH]), st.floats(1, 1e9)), min_size=1))
def test_the_named_line_holds_no_less_than_any_other(pairs: list[tuple[str, float]]) -> None:
    total = sum(size for _, size in pairs)
    line, share = leaks.main_line([site(size, frame) for frame, size in pairs], total)
    held = {frame: sum(size for other, size in pairs if other == frame) for frame, _ in pairs}
    assert line in max(held, key=lambda frame: held[frame])
    assert share == pytest.approx(max(held.values()) / total)


def test_a_leak_stands_with_its_scenario_and_before_all_numbers(make_run: Callable[..., Run]) -> None:
    leaky = memory("slow", (site(4300.0, STEP),), leak=4300.0)
    run = make_run({"plain": [2, 2, 2], "slow": [4, 4, 4]}, extra=[memory(leak=0.0), leaky])
    data = reports.load(run)
    (note,) = [note for note in scenario_notes(data.scenarios[0]) if "held" in note]
    assert note.startswith("layout[mode=slow]: 4.20 KiB a step held from train.py:88: 8 GiB are full in ")
    (caveat,) = [text for text in told_of(data) if "leaks" in text]
    assert caveat.startswith("layout[mode=slow] leaks: 4.20 KiB a step held from train.py:88")
    page = render(data)
    assert page.index("Before you read on") < page.index("layout[mode=slow] leaks: ")
    assert "no leak above" not in page.lower()


def test_no_leak_is_one_quiet_sentence_of_a_scenario(make_run: Callable[..., Run]) -> None:
    run = make_run(
        {"plain": [2, 2, 2], "slow": [4, 4, 4]}, extra=[memory(leak=0.0), memory("slow", leak=-8.0)]
    )
    data = reports.load(run)
    assert [n for n in scenario_notes(data.scenarios[0]) if "leak" in n] == ["No leak above 64 B a step."]
    assert not any("leak" in text for text in told_of(data))


def test_where_nobody_has_looked_no_note_speaks_of_leaks(make_run: Callable[..., Run]) -> None:
    data = reports.load(make_run({"plain": [2, 2, 2]}))
    assert not any("leak" in note for note in scenario_notes(data.scenarios[0]))


def test_many_leaks_are_counted(make_run: Callable[..., Run]) -> None:
    names = ["plain", "a", "b", "c", "d", "e"]
    extra = [memory(name, leak=1000.0 * (place + 1)) for place, name in enumerate(names)]
    data = reports.load(make_run({name: [2, 2, 2] for name in names}, extra=extra))
    told = [text for text in told_of(data) if "leak" in text]
    assert told[0].startswith("layout[mode=e] leaks: ")
    assert told[-1] == "2 more leak; how much stands with their scenarios."


def test_what_a_pass_could_not_read_stands_with_its_scenario(make_run: Callable[..., Run]) -> None:
    broken = memory(peak_heap=1.0, reason="memray's capture few.bin cannot be read (cut off)")
    data = reports.load(make_run({"plain": [2, 2, 2]}, extra=[broken]))
    expected = "layout[mode=plain]: memory pass, memray's capture few.bin cannot be read (cut off)."
    assert expected in scenario_notes(data.scenarios[0])


def test_a_leak_stands_in_what_a_run_shows_at_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    def leaky(record: Record) -> Record:
        changes: dict[str, Any] = {
            "metrics": {**record.metrics, "leak": 4300.0},
            "sites": (site(4300.0, STEP),),
        }
        return dataclasses.replace(record, **changes) if record.pass_ == "memory" else record

    records = [leaky(record) for record in make_records(rounds=3) if record.outcome == "completed"]
    show(write_run(tmp_path, make_info(), records), Terminal(), as_json=False)
    assert "4.20 KiB a step held from train.py:88" in " ".join(capsys.readouterr().out.split())
