from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchsuite import terminal
from benchsuite.terminal import LONGEST_ERROR, Terminal, print_error


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.text(st.characters(exclude_categories=["Cs"]), max_size=3 * LONGEST_ERROR))
def test_an_error_is_one_line(capsys, message):
    print_error(message)
    said = capsys.readouterr().err
    assert said.endswith("\n")
    assert len(said.splitlines()) == 1
    assert len(said) < LONGEST_ERROR + 50


def test_of_a_long_error_both_ends_are_shown(capsys):
    print_error("first\n\n  second " + "x" * 10_000 + "\tlast\n")
    said = capsys.readouterr().err
    assert said.startswith("benchsuite: first second xxx")
    assert said.endswith("xxx last\n")


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose one element is the time in seconds."""
    now = [1000.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def phases(capsys, clock, steps, **options):
    """Return the lines that are printed without a terminal; a step is (seconds since the last one, what)."""
    with Terminal().progress(**options) as progress:
        for seconds, what in steps:
            clock[0] += seconds
            progress.working_on(what, 0.0, 300.0)
    return capsys.readouterr().err.splitlines()


def test_without_a_terminal_each_phase_is_told_once(capsys, clock):
    steps = [
        (0, "starting workers (importing torch)"), (3, "a[x=1]: operators and memory"), (3, "b: operators and memory"),
        (3, "a[x=1], b: screening, pair 1 of 8"), (3, "b, a[x=1]: screening, pair 3 of 8"), (3, "b: confirming, pair 1 of 12"),
    ]  # fmt: skip
    assert phases(capsys, clock, steps, tells_phases=True) == [
        f"{steps[place][1]}; about 5 min left" for place in (0, 1, 3, 5)
    ]


def test_without_a_terminal_a_long_phase_is_told_once_a_minute(capsys, clock):
    steps = [(2, f"a: screening, pair {number} of 100") for number in range(1, 101)]
    said = phases(capsys, clock, steps, tells_phases=True)
    assert [line.split()[3] for line in said] == ["1", "31", "61", "91"]


def test_without_a_terminal_whoever_reports_trials_tells_no_phases(capsys, clock):
    assert phases(capsys, clock, [(99, "a: timing"), (99, "b: timing")]) == []
