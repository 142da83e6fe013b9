"""A gate's verdict as Markdown: what a job summary and a pull request's comment show.

GitHub refuses comments above 65,536 characters, so every part has a share of the size, and what does not fit is
counted. Names and messages come from outside: they can be no markup, no mention, no reference and no link.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Final

from reports import format as fmt
from reports.gate.rows import (
    cleared,
    commands,
    explained,
    findings_table,
    headline,
    notable,
    tell_cleared,
    title,
)
from reports.gate.sides import sides_line
from reports.gate.words import metric_name, why

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchsuite.gate.verdict import Finding, Verdict

MOST_BYTES: Final = 60_000
TABLE_BYTES, CAUSES_BYTES, COMMANDS_BYTES, WARNINGS_BYTES, DETAILS_BYTES = (
    20_000,
    12_000,
    8_000,
    4_000,
    12_000,
)
MARKUP: Final = re.compile(r"[\\`*\[\]~#!{}]|(?<!\w)_|_(?!\w)")
"""What could be markup within a line; a backslash makes text of it."""
ENTITIES: Final = {letter: f"&#{ord(letter)};" for letter in "&<>|$@"}
"""What a backslash does not make harmless everywhere: in a table, in front of a program that looks for mentions."""
LINKS: Final = re.compile(r"(?<=[@#!~%&$])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
"""Places in mentions, references and addresses where a joiner, which nobody sees, makes plain text of them."""
TITLES: Final = ("Verdict", "Variant", "Metric", "Base", "Head", "Change")


def summary(verdict: Verdict) -> str:
    """Return `summary.md`: the verdict, what matters, causes, commands, and the rest folded; below 60 KB of UTF-8."""
    findings = notable(verdict.findings)
    parts = [
        f"## Performance gate: {title(verdict)}",
        f"**{prose(headline(verdict))}**",
        prose(tell_cleared(verdict)),
        f"{prose(sides_line(verdict))}; {fmt.duration(verdict.seconds * 1e9)}.",
        _table(findings, TABLE_BYTES, "more that matter"),
        _causes(findings),
        _commands(findings),
        _warnings(verdict.warnings),
        _folded(verdict),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str) -> str:
    """Return a name in code type that renders as it is spelt, wherever it stands, in a table too."""
    shown = fmt.name(text).strip() or fmt.NOTHING
    if not set(shown) & set("`|\\<>&"):
        return f"`{shown}`"
    letters = (f"&#{ord(c)};" if c in string.punctuation else c for c in LINKS.sub("\N{WORD JOINER}", shown))
    return f"<code>{''.join(letters)}</code>"


def prose(text: str) -> str:
    """Return a sentence that renders as it is spelt: no markup, no mention, no reference, no link."""
    shown = MARKUP.sub(r"\\\g<0>", LINKS.sub("\N{WORD JOINER}", " ".join(fmt.visible(text).split())))
    return "".join(ENTITIES.get(letter, letter) for letter in shown)


def _table(findings: Sequence[Finding], most_bytes: int, what: str) -> str:
    if not findings:
        return ""
    kept, left = fitting(map(_row, findings), len(findings), most_bytes)
    head = [f"| {' | '.join(TITLES)} |", "| --- | --- | --- | ---: | ---: | ---: |"]
    return "\n".join([*head, *kept]) + (f"\n\n{left:,} {what}: `report.html` has them all." if left else "")


def _row(finding: Finding) -> str:
    table = findings_table([finding], reasons=False)
    cells = dict(zip(table.titles, map(prose, table.texts[0]), strict=True))
    cells["Variant"] = code(finding.variant)
    return f"| {' | '.join(cells[name] for name in TITLES)} |"


def _causes(findings: Sequence[Finding]) -> str:
    told = explained(findings)
    return _section("Causes and reasons", map(_cause, told), len(told), CAUSES_BYTES)


def _cause(finding: Finding) -> str:
    return f"- {code(finding.variant)}, {prose(metric_name(finding.metric))}: {prose(why(finding))}"


def _warnings(texts: Sequence[str]) -> str:
    lines = (f"- {prose(fmt.clause(text))}" for text in texts)
    return _section("Before you read on", lines, len(texts), WARNINGS_BYTES)


def _section(heading: str, lines: Iterable[str], number: int, most_bytes: int) -> str:
    kept, left = fitting(lines, number, most_bytes)
    if left:
        kept.append(f"- {left:,} more: `report.html` has them all.")
    return "\n".join([f"### {heading}", "", *kept]) if kept else ""


def _commands(findings: Sequence[Finding]) -> str:
    """Return the commands in a block whose fence is longer than any in it."""
    found, too_long = commands(findings)
    kept, left = fitting(found, len(found), COMMANDS_BYTES)
    left += too_long
    more = f"\n\n{left:,} more commands: `verdict.json` has them all." if left else ""
    if not kept:
        return f"### Decide again{more}" if more else ""
    fence = "`" * (1 + max(2, *(len(run) for text in kept for run in ["", *re.findall("`+", text)])))
    return "\n".join(["### Decide again", "", f"{fence}sh", *kept, fence]) + more


def _folded(verdict: Verdict) -> str:
    unchanged = cleared(verdict.findings)
    table = _table(unchanged, DETAILS_BYTES, "more unchanged")
    return (
        f"<details>\n<summary>{len(unchanged):,} unchanged</summary>\n\n{table}\n\n</details>"
        if table
        else ""
    )


def fitting(lines: Iterable[str], number: int, most_bytes: int) -> tuple[list[str], int]:
    """Return the first of a number of lines that fit into so many bytes, and how many do not; these are never made."""
    size = 0
    kept: list[str] = []
    for line in lines:
        size += len(line.encode("utf-8", errors="replace")) + 1
        if size > most_bytes:
            break
        kept.append(line)
    return kept, number - len(kept)
