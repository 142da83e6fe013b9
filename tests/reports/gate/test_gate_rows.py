from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_verdict import VARIANTS, exact_finding, make_findings, make_verdict, quiet_verdict, time_finding

from benchsuite.gate.verdict import Finding
from reports.gate import rows as gate_rows
from reports.gate import words as gate_words
from reports.gate.sides import sides_line, sides_table

SLOW = {"verdict": "regression", "ratio": 1.051, "interval": (1.042, 1.063)}


def test_findings_stand_in_the_order_of_their_weight() -> None:
    verdicts = [finding.verdict for finding in gate_rows.ordered(reversed(make_findings()))]
    assert list(dict.fromkeys(verdicts)) == list(gate_rows.SHOWN_ORDER)


def test_large_changes_stand_before_small_ones_and_what_counts_before_what_does_not() -> None:
    small, large = (time_finding(f"v[n={n}]", verdict="regression", ratio=1 + n / 100) for n in (2, 9))
    aside = time_finding("a", verdict="regression", ratio=2.0, quarantine="known")
    assert gate_rows.ordered([aside, small, large]) == (large, small, aside)


def test_the_headline_names_the_regression_with_its_interval() -> None:
    verdict = make_verdict((time_finding(VARIANTS[1], **SLOW), *(time_finding(v) for v in VARIANTS[2:])))
    assert gate_rows.headline(verdict) == (
        "1 regression in 7 variants: training step of device[device=cpu,phase=train] takes 5.1 % longer (4.2 to 6.3 %)."
    )


def test_the_headline_counts_the_others() -> None:
    findings = [time_finding(f"v[n={n}]", **SLOW | {"ratio": 1.05 + n / 100}) for n in range(3)]
    findings.append(time_finding("w", verdict="improvement", ratio=0.9, interval=(0.88, 0.92)))
    findings.append(time_finding("x", **SLOW, quarantine="known"))
    told = gate_rows.headline(make_verdict(tuple(findings)))
    assert told.startswith("3 regressions in 5 variants: step of v[n=2] takes 7.0 % longer")
    assert told.endswith(", and 2 more. Besides: 1 regression (quarantined) and 1 improvement.")


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (Finding(scenario="s", variant="s[a=1]", metric="", verdict="failed", reason="no import"), "1 of 2 variants failed: s[a=1]: no import."),
        (Finding(scenario="s", variant="s[a=1]", metric="", verdict="not comparable", reason="other work"), "1 of 2 variants cannot be compared: s[a=1]: other work."),
        (time_finding("s[a=1]", verdict="inconclusive", ratio=1.02, interval=(0.99, 1.05), reason="noise"), "1 of 2 variants could not be decided: step time of s[a=1] at +2.0 % (-1.0 to +5.0 %): noise."),
        (time_finding("s[a=1]"), "No regression in 2 variants."),
        (Finding(scenario="s", variant="s[a=1]", metric="", verdict="missing"), "No regression in 2 variants. Besides: 1 missing."),
    ],
)  # fmt: skip
def test_every_verdict_has_a_headline(finding: Finding, told: str) -> None:
    assert gate_rows.headline(make_verdict((finding, time_finding("quiet")))) == told


def test_a_gate_without_findings_never_reads_like_a_pass() -> None:
    verdict = make_verdict(())
    assert "Nothing was decided" in gate_rows.headline(verdict)
    assert gate_rows.title(verdict) == "Nothing was decided"
    assert gate_rows.tell_cleared(verdict) == ""


def test_an_advisory_time_was_not_cleared_by_pairs() -> None:
    aside = time_finding("v", pairs=0, advisory=True)
    assert gate_rows.tell_cleared(make_verdict((aside,))) == ""
    both = make_verdict((aside, exact_finding("v", "operators", 3, 3)))
    assert gate_rows.tell_cleared(both) == "Cleared: 1 count or peak within the limits."


def test_what_was_cleared_is_told_with_what_would_have_shown() -> None:
    assert gate_rows.tell_cleared(quiet_verdict()) == (
        "Cleared: 8 step times by 4 pairs each, which would have shown a change of 4.1 % in nine of ten cases; "
        "40 counts and peaks within the limits."
    )


@pytest.mark.parametrize(
    ("finding", "base", "head", "change"),
    [
        (time_finding("v", **SLOW, base=9.02e6, head=9.49e6), "9.02 ms", "9.49 ms", "+5.1 % (+4.2 to +6.3 %)"),
        (time_finding("v", ratio=0.9, interval=(0.0, math.inf)), "9.02 ms", "9.05 ms", "-10.0 %"),
        (time_finding("v", ratio=1.02, interval=(0.0, 1.03)), "9.02 ms", "9.05 ms", "+2.0 % (at most +3.0 %)"),
        (time_finding("v", ratio=1.02, interval=(1.01, math.inf)), "9.02 ms", "9.05 ms", "+2.0 % (at least +1.0 %)"),
        (time_finding("v", ratio=12.3, interval=None), "9.02 ms", "9.05 ms", "12.3 times"),
        (time_finding("v", ratio=None, interval=None, base=None), "—", "9.05 ms", "—"),
        (exact_finding("v", "operators", 187, 188), "187", "188", "+1 (+0.5 %)"),
        (exact_finding("v", "graph_breaks", 0, 2), "0", "2", "+2"),
        (exact_finding("v", "peak_heap", 2**20, 2**20 + 1), "1,048,576 B", "1,048,577 B", "+1 B"),
        (exact_finding("v", "peak_heap", 2**21, 2**20), "2 MiB", "1 MiB", "-1 MiB (-50.0 %)"),
        (exact_finding("v", "leak", 0, 2**20), "0 B", "1 MiB", "+1 MiB"),
        (exact_finding("v", "operators", 187, 187), "187", "187", "none"),
        (exact_finding("v", "own_bytes", 0, 2048), "0 B", "2 KiB", "+2 KiB"),
    ],
)  # fmt: skip
def test_values_and_changes_are_spelt_in_their_units(
    finding: Finding, base: str, head: str, change: str
) -> None:
    row = dict(
        zip(
            gate_rows.findings_table([finding]).titles,
            gate_rows.findings_table([finding]).texts[0],
            strict=True,
        )
    )
    assert (row["Base"], row["Head"], row["Change"]) == (base, head, change)


@given(st.floats(0.2, 8.0), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_an_interval_is_rounded_outward_and_never_claims_more(
    ratio: float, below: float, above: float
) -> None:
    low, high = ratio * (1 - below), ratio * (1 + above)
    shown = gate_words.interval(time_finding("v", ratio=ratio, interval=(low, high)))
    if "times" not in shown:
        ends = [float(word) for word in shown.removesuffix(" %").split(" to ")]
        assert ends[0] <= 100 * (low - 1) + 1e-9
        assert ends[1] >= 100 * (high - 1) - 1e-9


def test_reasons_causes_and_quarantines_are_told_together() -> None:
    finding = time_finding(
        "v", **SLOW, reason="slow", cause="aten::mm is called twice", quarantine="until May"
    )
    assert gate_words.why(finding) == "Slow. aten::mm is called twice. Quarantined: until May."
    assert gate_words.standing(finding) == "regression (quarantined)"


def test_commands_come_once_and_are_never_cut() -> None:
    findings = [
        time_finding("v"),
        exact_finding("v", "operators", 1, 2),
        time_finding("w", reproduce="x" * 5000),
    ]
    assert gate_rows.commands(findings) == (("python -m benchsuite gate --against main -k 'v'",), 1)


def test_the_sides_stand_beside_each_other_and_differences_come_first() -> None:
    table = sides_table(make_verdict())
    tones = [row.tone for row in table.rows]
    assert tones == sorted(tones, reverse=True)
    differing = {row.cells[0].text for row in table.rows if row.tone == "differs"}
    assert differing == {
        "Side",
        "Commit",
        "Changes that are not committed",
        "PyTorch",
        "Variables · TORCH_LOGS",
    }
    assert sides_line(make_verdict()) == (
        "Base origin/main (4f1c2ab90d) against head working tree (9be0771c3e, with changes)"
    )
