from __future__ import annotations

from typing import TYPE_CHECKING

from sample_verdict import hostile_verdict, make_verdict, quiet_verdict, time_finding

from benchsuite.commands.gate_summary import MOST_ROWS, show
from benchsuite.terminal import Terminal

if TYPE_CHECKING:
    import pytest


def shown(capsys: pytest.CaptureFixture[str], verdict) -> str:
    show(verdict, Terminal())
    return capsys.readouterr().out


def test_a_terminal_shows_headline_table_reasons_commands_and_page(capsys) -> None:
    text = shown(capsys, make_verdict())
    parts = (
        "1 of 9 variants failed",
        "Base origin/main",
        " device[device=cpu,phase=train] ",
        "Cleared: 2 step times",
        "device[device=cpu,phase=train], step time: aten::clamp_min_ is called 4 times",
        "warning: 2 of 60 pairs",
        "Decide again:",
        "  python -m benchsuite gate --against main -k 'device[device=cpu,phase=train]'",
        "Report: runs/20260302T091407Z-4fd210/report.html",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_unchanged_findings_only_count(capsys) -> None:
    text = shown(capsys, quiet_verdict())
    assert "No regression in 8 variants." in text
    assert "40 counts and peaks" in text
    assert "loader[num_workers=2]" not in text


def test_many_findings_are_counted(capsys) -> None:
    findings = tuple(time_finding(f"v[n={n}]", verdict="regression", reason="slow") for n in range(300))
    text = shown(capsys, make_verdict(findings))
    assert f"{300 - MOST_ROWS} more findings: the report has them." in text
    assert len(text.splitlines()) < 100


def test_a_narrow_terminal_keeps_variant_change_and_verdict(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    head = next(line for line in shown(capsys, make_verdict()).splitlines() if line.startswith(" Variant"))
    assert head.split() == ["Variant", "Metric", "Change", "Verdict"]


def test_hostile_names_cannot_steer_the_terminal(capsys) -> None:
    text = shown(capsys, hostile_verdict())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>document.title" in text


def test_a_gate_without_findings_says_so(capsys) -> None:
    assert "Nothing was decided" in shown(capsys, make_verdict(()))
