from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1]))
from sample_verdict import HOSTILE, hostile_verdict, huge_verdict, make_verdict, quiet_verdict, time_finding

from reports.exports import summary
from reports.exports.markdown import MOST_BYTES, code, prose

JOINER = "\N{WORD JOINER}"


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_verdict_comes_first_and_details_are_folded() -> None:
    text = summary(make_verdict())
    parts = (
        "## Performance gate: Failed",
        "**1 of 9 variants failed",
        "Cleared: 2 step times",
        "| regression | `device[device=cpu,phase=train]` | step time | 9.02 ms | 9.49 ms | +5.1 % (+4.2 to +6.3 %) |",
        "### Causes and reasons",
        "```sh\npython -m benchsuite gate --against main",
        "### Before you read on",
        "<details>\n<summary>21 unchanged</summary>\n\n|",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.startswith(parts[0])


def test_a_quiet_gate_is_short() -> None:
    text = summary(quiet_verdict())
    assert "No regression in 8 variants" in text
    assert "Decide again" not in text
    assert "Nothing was decided" in summary(make_verdict(()))


def test_it_stays_below_its_size_and_counts_what_does_not_fit() -> None:
    text = summary(huge_verdict(5000))
    assert len(text.encode()) < MOST_BYTES
    shown = sum(
        line.startswith(("| failed", "| regression", "| inconclusive", "| missing"))
        for line in text.splitlines()
    )
    assert f"{4000 - shown:,} more that matter" in text
    assert 0 < shown < 4000
    assert re.search(r"[\d,]+ more commands|Decide again", text)


def test_every_part_at_its_largest_stays_below_the_size() -> None:
    wide = "\N{CJK UNIFIED IDEOGRAPH-4E00}`|" * 3000
    findings = tuple(
        time_finding(
            f"{wide}{n}" if n % 2 else f"v{n}",
            verdict=("failed", "unchanged")[n % 3 == 0],
            reason=wide,
            cause=wide,
            quarantine=wide,
        )
        for n in range(900)
    )
    text = summary(make_verdict(findings, warnings=(wide,) * 900))
    assert len(text.encode()) < MOST_BYTES


def test_hostile_names_cannot_be_markup() -> None:
    text = summary(hostile_verdict())
    assert "<script" not in text
    assert "<img" not in text
    assert "@octocat" not in text
    assert "#1 " not in text.replace("&#1", "")
    assert "https://example" not in text
    assert "www.example" not in text
    text.encode("utf-8")
    assert all(line.count("|") == 7 for line in rows(text))


def test_a_command_cannot_leave_its_block() -> None:
    finding = time_finding("v", verdict="regression", reproduce="gate -k '```\n## Passed\n````'")
    text = summary(make_verdict((finding,)))
    assert "`````sh\ngate -k '``` ## Passed ````'\n`````" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("device[device=cpu]", "`device[device=cpu]`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("`", "<code>&#96;</code>"),
        ("<b>@me|", f"<code>&#60;b&#62;&#64;{JOINER}me&#124;</code>"),
        ("", "`—`"),
        ("\n", "`\N{REPLACEMENT CHARACTER}`"),
    ],
)
def test_names_are_code(text: str, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("takes 5.1 % longer (4.2 to 6.3 %)", "takes 5.1 % longer (4.2 to 6.3 %)"),
        ("in aten::clamp_min", "in aten::clamp_min"),
        ("_so_ *or* [so](x)", r"\_so\_ \*or\* \[so\](x)"),
        ("@me", f"&#64;{JOINER}me"),
        ("fixes #12", rf"fixes \#{JOINER}12"),
        ("https://x", f"https:{JOINER}//x"),
        ("<b>", "&#60;b&#62;"),
        ("a\n\n# b", r"a \# b"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_sentences_are_text(text: str, shown: str) -> None:
    assert prose(text) == shown


@given(st.text(st.characters(codec="utf-8")) | st.just(HOSTILE))
def test_no_text_is_more_than_one_line_or_opens_a_tag(text: str) -> None:
    for shown in (code(text), prose(text)):
        inner = shown.removeprefix("<code>").removesuffix("</code>")
        assert len(shown.splitlines()) <= 1
        assert not set(inner) & set("<>|")
        assert not re.search(r"(?<!`)@\w", re.sub("^`[^`]*`$", "", shown))
