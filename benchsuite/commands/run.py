"""`run`: measure scenarios, answer their questions, write the report."""

from __future__ import annotations

import dataclasses
import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchsuite import terminal
from benchsuite.commands.options import (
    Duration,
    given_options,
    json_option,
    only_scenarios_option,
    runs_dir_option,
    scenarios_option,
    seed_type,
)
from benchsuite.commands.request import Request, header
from benchsuite.commands.summary import show
from benchsuite.errors import NotComparableError, UsageError
from benchsuite.lock import machine_lock
from benchsuite.origin import DEFAULT_TASK
from benchsuite.store import RunDirectory, load_run

if TYPE_CHECKING:
    from benchsuite.catalog import Entry
    from benchsuite.plan import Plan
    from benchsuite.record import RunInfo
    from benchsuite.store import Run


@click.command(short_help="Measure scenarios and write a report.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "all_", is_flag=True, help="Run every scenario.")
@click.option("--quick", is_flag=True, help="A first look within 2 min; says what it leaves out.")
@click.option(
    "-k", "only", metavar="TEXT", help="Only variants whose name contains TEXT, and their baselines."
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with an interrupted run."
)
@click.option(
    "--task",
    default=DEFAULT_TASK,
    metavar="MODULE:TASK",
    show_default=True,
    help="What is trained: your own model.",
)
@click.option(
    "--dataset", help="Of the MNIST task: bundled (10,000 images, default) or mnist, the whole set."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the whole set is, or is downloaded to.",
)
@scenarios_option
@only_scenarios_option
@runs_dir_option
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="Threads of a worker; by default one for each core.",
)
@click.option(
    "--seed",
    type=seed_type,
    default=0,
    show_default=True,
    help="Decides parameters, data order and the order of trials.",
)
@click.option(
    "--budget",
    type=Duration(),
    default="11m",
    show_default=True,
    help="Start no further round that would end later than this.",
)
@click.option(
    "--timeout",
    type=Duration(),
    default="10m",
    show_default=True,
    help="How long a trial's set-up and warm-up may take.",
)
@click.option("--stacks", is_flag=True, help="Traces show Python's calls too; operators then seem longer.")
@click.option("--native-traces", is_flag=True, help="The stacks behind a peak show native code too; slower.")
@json_option
def run(  # noqa: PLR0917 - one parameter for each option
    names: tuple[str, ...], all_: bool, quick: bool, only: str | None, resume: Path | None, task: str,
    dataset: str | None, data_dir: Path | None, scenarios: tuple[str, ...], only_scenarios: tuple[str, ...],
    runs_dir: Path, threads: int | None, seed: int, budget: float, timeout: float, stacks: bool, native_traces: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Measure the scenarios NAME... in turns, answer their questions and write an HTML report."""
    if sys.platform == "win32":
        raise UsageError("benchsuite measures on Linux and macOS: on Windows, run it inside WSL2")
    out = terminal.Terminal(quiet_stdout=as_json)
    if resume is not None:
        _demand_nothing_beside_resume()
        _resume(resume, out, as_json)
        return
    request = Request(
        names=names, all=all_, quick=quick, only=only, task=task, dataset=dataset,
        data_dir=str(data_dir.resolve()) if data_dir else None, scenarios=scenarios, only_scenarios=only_scenarios,
        threads=threads, seed=seed, budget_s=budget, timeout_s=timeout, stacks=stacks,
        native_traces=native_traces,
    )  # fmt: skip
    entries = request.entries()
    request.options()
    _plan(request, entries)
    with machine_lock("benchsuite run"):
        _measure(request, entries, RunDirectory.create(runs_dir), None, out, as_json)


def _demand_nothing_beside_resume() -> None:
    """Refuse what would be ignored: a run is taken up with the options that it was begun with."""
    given = [option for name, option in given_options().items() if name not in {"resume", "as_json"}]
    if given:
        raise UsageError(f"--resume goes on with what the run was begun with: leave out {', '.join(given)}")


def _resume(path: Path, out: terminal.Terminal, as_json: bool) -> None:
    with machine_lock("benchsuite run --resume"):
        earlier = load_run(path)
        request = Request.from_run(path, earlier.info)
        if earlier.info.finished:
            raise UsageError(
                f"{path}: this run has ended; `python -m benchsuite report {path}` builds its page"
            )
        directory = RunDirectory(path)
        directory.drop_torn_line()
        _measure(request, request.entries(), directory, earlier, out, as_json)


def _measure(  # noqa: PLR0917
    request: Request, entries: dict[str, Entry], directory: RunDirectory, earlier: Run | None, out: terminal.Terminal,
    as_json: bool,
) -> None:  # fmt: skip
    from benchsuite.doctor import inspect_machine
    from benchsuite.environment import read_machine
    from benchsuite.session import Session

    machine = read_machine()
    findings = inspect_machine(runs_dir=directory.path.parent)
    troubles = [finding for finding in findings if finding.level != "ok"]
    out.note(machine.describe())
    out.note("fit to measure" if not troubles else "not quite fit to measure:")
    for finding in troubles:
        out.note(f"  {finding.name}: {finding.message}" + (f": {finding.remedy}" if finding.remedy else ""))
    plan, left_out = _plan(request, entries)
    for thing in left_out:
        out.note(f"left out: {thing}")
    for reason, count in Counter(skipped.reason for skipped in plan.skipped).items():
        out.note(f"skipped: {count} variants, {reason}")
    info = earlier.info if earlier else header(request, entries, dataclasses.asdict(machine), left_out)
    if earlier:
        _demand_same_machine(directory.path, earlier.info, dataclasses.asdict(machine))
    info = dataclasses.replace(
        info, plan=plan.ids(), fitness=tuple(dataclasses.asdict(finding) for finding in findings)
    )
    with out.progress() as progress:
        session = Session(
            plan, request.options(), directory, info, progress, earlier.records if earlier else ()
        )
        try:
            session.measure()
        except KeyboardInterrupt:
            out.note(
                f"interrupted; what was measured is kept: python -m benchsuite run --resume {directory.path}"
            )
            raise
    show(directory.path, out, as_json)


def _plan(request: Request, entries: dict[str, Entry]) -> tuple[Plan, tuple[str, ...]]:
    from benchsuite.environment import unmet
    from benchsuite.listing import matching
    from benchsuite.plan import make_plan, quick_plan

    chosen = matching(entries, request.only) if request.only else None
    plan = make_plan(entries, unmet, ("memory", "operators"), random.Random(request.seed), chosen)
    return quick_plan(plan) if request.quick else (plan, ())


def _demand_same_machine(path: Path, info: RunInfo, machine: dict[str, Any]) -> None:
    from benchsuite.environment import comparable_facts, differences

    changed = differences(comparable_facts(info.machine, {}, {}), comparable_facts(machine, {}, {}))
    if changed:
        named = "; ".join(f"{name} was {then}, is {now}" for name, (then, now) in changed.items())
        raise NotComparableError(f"{path}: it was begun on another machine ({named}): start a new run")
