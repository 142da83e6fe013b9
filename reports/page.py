"""The page of a run: its answers first."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import format as fmt
from reports.anchors import anchors
from reports.answers import answer
from reports.caveats import caveats
from reports.document import date, render_document
from reports.embedded_samples import EmbeddedSamples, embedded_samples
from reports.facts import facts, machine_line, merged
from reports.files import files_of
from reports.memory_sites import memory_table
from reports.operators import operator_table
from reports.overview import asked, headlines, tally
from reports.plots.choice import scenario_plots
from reports.ranking import by_place, rank, ranking_notes, ranking_table
from reports.reading import EVERYWHERE, card_reading, glossary
from reports.reproduction import again, again_alone, export_samples
from reports.table import Cell, Column, Row, Table
from reports.tables import scenario_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.record import Pass, RunInfo
    from reports.files import File
    from reports.load import ReportData
    from reports.phrases import Statement
    from reports.plots.figure import Plot
    from reports.results import ScenarioResult, VariantResult

EVIDENCE_ROWS = 1500
"""About so many operators and lines that hold memory fit into a page: where it has many variants, each shows fewer."""
FEWEST_ROWS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one pass of a variant has recorded: its rows, and the files that it left."""

    name: str
    table: Table
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """All that the page shows of one scenario."""

    anchor: str
    name: str
    question: str
    statements: tuple[Statement, ...]
    failed: int
    """Variants that failed, or a check of which did not hold."""
    disturbed: str
    """How many of its timings were taken under contention: `7 of 18 timings`; empty: none."""
    table: Table
    reading: str
    plots: tuple[Plot, ...]
    operators: tuple[Evidence, ...]
    memory: tuple[Evidence, ...]
    checks: Table
    absent: tuple[tuple[tuple[str, ...], str, str], ...]
    """Variants that did not complete a pass, by outcome and whole reason."""
    command: str
    commands: tuple[str, ...]
    """One for each variant that was measured."""
    samples: EmbeddedSamples
    """The raw ones, for the page to hand out."""

    @property
    def told(self) -> tuple[Statement, ...]:
        """The statements that answer something; empty: the whole question has no answer."""
        return tuple(statement for statement in self.statements if statement.standing != "missing")


def render(data: ReportData) -> str:
    """Return the page of a run as one HTML document."""
    info, ranking = data.run.info, rank(data.scenarios)
    places = by_place(ranking)
    addresses = anchors(result.name for result in data.scenarios)
    samples = embedded_samples(data.scenarios)
    passes = sum(
        t.pass_ in {"operators", "memory"} for r in data.scenarios for v in r.variants for t in v.trials
    )
    most_rows = max(FEWEST_ROWS, EVIDENCE_ROWS // max(1, passes))
    cards = [
        _card(number, anchor, result, info, samples[number], most_rows=most_rows)
        for number, (anchor, result) in enumerate(zip(addresses, data.scenarios, strict=True))
    ]
    return render_document(
        "report.html.j2",
        title=fmt.name(info.task_name or info.task or "benchsuite"),
        asked=asked(data),
        started=date(info.started),
        machine=machine_line(data),
        command=shlex.join(map(fmt.name, info.command)),
        caveats=caveats(data),
        tally=tally({r.name: card.statements for r, card in zip(data.scenarios, cards, strict=True)}),
        headlines=headlines(data.scenarios, places.values()),
        addresses={r.name: anchor for r, anchor in zip(data.scenarios, addresses, strict=True)},
        ranking={place: ranking_table(members) for place, members in places.items()},
        ranking_notes=ranking_notes(ranking),
        compared=any(v.comparison for result in data.scenarios for v in result.variants),
        cards=cards,
        everywhere=EVERYWHERE,
        glossary=glossary(
            (title for card in cards for title in card.table.titles),
            (note for card in cards for note in card.table.notes),
        ),
        sections=_sections(info),
        rounds=max((len(v.timings) for r in data.scenarios for v in r.variants), default=0),
        finished=date(info.finished) if info.finished else "",
        run=fmt.name(data.run.path.name),
        export=export_samples(data.run.path.name),
    )


def _card(
    number: int,
    anchor: str,
    result: ScenarioResult,
    info: RunInfo,
    samples: EmbeddedSamples,
    *,
    most_rows: int,
) -> Card:
    variants = result.variants
    disturbed = sum(len(variant.disturbances) for variant in variants)
    return Card(
        anchor=anchor,
        name=fmt.name(result.name),
        question=result.question,
        statements=answer(result),
        failed=sum(bool(variant.failed_checks or variant.faults) for variant in variants),
        disturbed=f"{disturbed} of {sum(len(v.timings) for v in variants)} timings" if disturbed else "",
        table=scenario_table(result),
        reading=card_reading(result),
        plots=scenario_plots(result, f"s{number}"),
        operators=_evidence(result, operator_table, "operators", most_rows),
        memory=_evidence(result, memory_table, "memory", most_rows),
        checks=_checks(result),
        absent=tuple(_absent(result)),
        command=again(result, info),
        commands=tuple(filter(None, (again_alone(result, variant, info) for variant in variants))),
        samples=samples,
    )


def _evidence(
    result: ScenarioResult, tabulate: Callable[[VariantResult, int], Table], pass_: Pass, most_rows: int
) -> tuple[Evidence, ...]:
    found = [Evidence(fmt.name(v.id), tabulate(v, most_rows), files_of(v, pass_)) for v in result.variants]
    return tuple(one for one in found if one.table.rows or one.files)


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


def _sections(info: RunInfo) -> list[tuple[str, list[tuple[str, str]]]]:
    data = facts(info.data)
    task = [("Task", fmt.name(info.task_name or info.task)), ("Defined in", fmt.name(info.task)), *data]
    run = [*facts(info.options), ("Commit", fmt.name(info.commit or "none"))]
    left_out = [("Left out", text) for thing in info.left_out if (text := fmt.clause(thing))]
    found = [
        ("Machine", facts(info.machine)),
        ("What the machine can do at most", facts(info.ceilings)),
        ("Software, as the workers saw it", merged(info.environments.values())),
        ("Task and data", task),
        ("Run", [*run, *left_out]),
    ]
    return [(title, lines) for title, lines in found if lines]
