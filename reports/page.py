"""One HTML file that answers first: no network, no inline handler, everything from outside escaped."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import jinja2

from benchsuite import __version__
from benchsuite.errors import UsageError
from benchsuite.store import REPORT_FILE
from reports import format as fmt
from reports.answers import answer
from reports.caveats import caveats
from reports.facts import facts, machine_line, merged
from reports.memory_sites import memory_table
from reports.operators import operator_table
from reports.plots import scenario_plots
from reports.ranking import by_place, rank, ranking_notes, ranking_table
from reports.table import Cell, Column, Row, Table
from reports.tables import scenario_table

if TYPE_CHECKING:
    from pathlib import Path

    from benchsuite.record import RunInfo
    from reports.figure import Plot
    from reports.load import ReportData
    from reports.phrases import Statement
    from reports.results import ScenarioResult

KEPT_OPTIONS = ("--task", "--scenarios", "--only-scenarios", "--dataset", "--data-dir")
"""Options of the run that the command for one scenario needs too."""
UNITS = re.compile(
    r"(?<=\d) (?=(?:ns|µs|ms|s|min|h|B|KiB|MiB|GiB|TiB|µJ|mJ|J|kJ|%|million|billion|items/s|times|points|rounds?|steps)\b|%)"
)


@dataclass(frozen=True, slots=True)
class Card:
    """All that the page shows of one scenario."""

    anchor: str
    name: str
    question: str
    statements: tuple[Statement, ...]
    table: Table
    plots: tuple[Plot, ...]
    operators: tuple[tuple[str, Table], ...]
    memory: tuple[tuple[str, Table], ...]
    checks: Table
    absent: tuple[tuple[tuple[str, ...], str, str], ...]
    """Variants that did not complete a pass, by outcome and whole reason."""
    command: str


def write_page(data: ReportData) -> Path:
    """Write the page into its run's directory in one step and return its path.

    Raises:
        UsageError: the directory cannot be written.
    """
    path = data.run.path / REPORT_FILE
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(render(data), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot write the report there ({error.strerror})") from error
    return path


def render(data: ReportData) -> str:
    """Return the page of a run as one HTML document."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"held": _held, "capital": lambda text: text[:1].upper() + text[1:]}
    style, script = (_source(environment, name) for name in ("style.css", "script.js"))
    info, ranking = data.run.info, rank(data.scenarios)
    return environment.get_template("report.html.j2").render(
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'",
        title=fmt.name(info.task_name or info.task or "benchsuite"),
        started=_date(info.started),
        machine=machine_line(data),
        command=shlex.join(map(fmt.name, info.command)),
        caveats=caveats(data),
        ranking={place: ranking_table(members) for place, members in by_place(ranking).items()},
        ranking_notes=ranking_notes(ranking),
        compared=any(v.comparison for result in data.scenarios for v in result.variants),
        cards=[_card(number, result, info) for number, result in enumerate(data.scenarios)],
        sections=_sections(info),
        rounds=max((len(v.timings) for r in data.scenarios for v in r.variants), default=0),
        finished=_date(info.finished) if info.finished else "",
        version=__version__,
        run=fmt.name(data.run.path.name),
    )


def _card(number: int, result: ScenarioResult, info: RunInfo) -> Card:
    return Card(
        anchor=f"scenario-{number}",
        name=fmt.name(result.name),
        question=result.question,
        statements=answer(result),
        table=scenario_table(result),
        plots=scenario_plots(result, f"s{number}"),
        operators=tuple((fmt.name(v.id), operator_table(v)) for v in result.variants if v.operators),
        memory=tuple((fmt.name(v.id), memory_table(v)) for v in result.variants if v.sites("peak")),
        checks=_checks(result),
        absent=tuple(_absent(result)),
        command=_command(result, info),
    )


def _checks(result: ScenarioResult) -> Table:
    """Return every check once for each variant, with its worst value over all trials."""
    columns = (
        Column("Variant"),
        Column("Check"),
        Column("Value", numeric=True),
        Column("Limit", numeric=True),
        Column("Held"),
    )
    rows = []
    for variant in result.variants:
        checks = [check for record in variant.trials for check in record.checks]
        for name in dict.fromkeys(check.name for check in checks):
            same = [check for check in checks if check.name == name]
            sign = 1 if same[0].direction == "<=" else -1
            worst = max(same, key=lambda c: (not c.ok, c.value is None, sign * (c.value or 0.0)))
            cells = (
                Cell(fmt.name(variant.id), variant.id),
                Cell(fmt.name(name), name),
                Cell("NaN" if worst.value is None else fmt.plain(worst.value), worst.value),
                Cell(f"{'≤' if worst.direction == '<=' else '≥'} {fmt.plain(worst.limit)}", worst.limit),
                Cell("yes" if worst.ok else "no", "yes" if worst.ok else "no"),
            )
            rows.append(Row(cells, "" if worst.ok else "check failed"))
    return Table(columns, tuple(rows))


def _absent(result: ScenarioResult) -> list[tuple[tuple[str, ...], str, str]]:
    found: dict[tuple[str, str], dict[str, None]] = {}
    for variant in result.variants:
        for fault in variant.faults:
            what = (f"{fault.pass_} pass failed", fmt.prose(fault.reason))
            found.setdefault(what, {})[fmt.name(variant.id)] = None
        if variant.outcome in {"skipped", "not measured"}:
            found.setdefault((variant.outcome, variant.reason), {})[fmt.name(variant.id)] = None
    return [(tuple(names), outcome, reason) for (outcome, reason), names in found.items()]


def _command(result: ScenarioResult, info: RunInfo) -> str:
    words = ["python", "-m", "benchsuite", "run", fmt.name(result.name)]
    for option, value in zip(info.command, info.command[1:], strict=False):
        if option in KEPT_OPTIONS:
            words += [option, fmt.prose(value)]
    words += [
        fmt.prose(word) for word in info.command if word.startswith(tuple(f"{o}=" for o in KEPT_OPTIONS))
    ]
    return shlex.join(words)


def _sections(info: RunInfo) -> list[tuple[str, list[tuple[str, str]]]]:
    data = facts(info.data)
    task = [("Task", fmt.name(info.task_name or info.task)), ("Defined in", fmt.name(info.task)), *data]
    run = [*facts(info.options), ("Commit", fmt.name(info.commit or "none"))]
    found = [
        ("Machine", facts(info.machine)),
        ("What the machine can do at most", facts(info.ceilings)),
        ("Software, as the workers saw it", merged(info.environments.values())),
        ("Task and data", task),
        ("Run", run),
    ]
    return [(title, lines) for title, lines in found if lines]


def _date(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%d %B %Y, %H:%M} UTC".lstrip("0")
    except ValueError:
        return fmt.name(text)


def _held(text: str) -> str:
    """Keep numbers and their units on one line."""
    return UNITS.sub("\N{NO-BREAK SPACE}", text)


def _source(environment: jinja2.Environment, name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("the environment has no loader")
    return environment.loader.get_source(environment, name)[0].strip()


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
