"""`gate`: did this change make it slower or hungrier?"""

from __future__ import annotations

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
from benchsuite.config import COMMAND_LINE
from benchsuite.errors import UsageError
from benchsuite.lock import machine_lock
from benchsuite.store import INFO_FILE, RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from benchsuite.config import GateConfig
    from benchsuite.gate.sides import Request, Sides
    from benchsuite.scenario import Device

DEFAULT_LOADS: Mapping[Device, tuple[int, ...]] = {"cpu": (0, 1, 2), "cuda": (0,)}
"""Busy neighbours of a self-test, by where its steps run: they disturb a core, not a GPU."""
OF_SELF_TEST = frozenset({"self_test", "loads", "device", "resume", "seed", "runs_dir", "as_json"})
OF_RESUMED = frozenset({"self_test", "resume", "as_json"})
OF_STORED = frozenset(
    {"against", "names", "all_", "texts", "metrics", "budget", "runs_dir", "wait", "as_json"}
)


@click.command(short_help="Did this change make it slower or hungrier?")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--against",
    metavar="REF|RUN|BASELINE",
    help="What to compare the working tree with: a git ref, or a run.",
)
@click.option(
    "--against-python", metavar="PATH", help="Compare this interpreter with another one, over the same code."
)
@click.option("--self-test", is_flag=True, help="Measure this gate's own error rates on this machine.")
@click.option("--all", "all_", is_flag=True, help="Gate every variant, not the default set.")
@click.option(
    "-k",
    "texts",
    multiple=True,
    metavar="TEXT",
    help="Only variants whose name contains TEXT; may be repeated.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="METRIC",
    help="Only this metric, such as step_time; may be repeated.",
)
@click.option(
    "--budget", type=Duration(), help="How long it may take; default: the configuration's, else 10m."
)
@click.option("--prepare", metavar="COMMAND", help="Run this in the base's worktree, to build extensions.")
@click.option("--task", metavar="MODULE:TASK", help="What is trained: your own model.")
@click.option("--dataset", help="Of the MNIST task: bundled (default) or mnist, the whole set.")
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where the whole set is.")
@scenarios_option
@only_scenarios_option
@runs_dir_option
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Threads of each worker.",
)
@click.option("--seed", type=seed_type, help="Decides parameters, data order and the order of trials.")
@click.option("--wait", is_flag=True, help="Wait until nothing else measures this machine.")
@click.option(
    "--load", "loads", type=click.IntRange(0, 64), multiple=True, metavar="N",
    help="Of a self-test: with N busy neighbours; may be repeated; default 0, 1 and 2, on cuda 0.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), help="Of a self-test: where its steps run; default cpu."
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="DIR", help="Go on with an interrupted self-test."
)
@json_option
def gate(  # noqa: PLR0917 - one parameter for each option
    names: tuple[str, ...], against: str | None, against_python: str | None, self_test: bool, all_: bool,
    texts: tuple[str, ...], metrics: tuple[str, ...], budget: float | None, prepare: str | None, task: str | None,
    dataset: str | None, data_dir: Path | None, scenarios: tuple[str, ...], only_scenarios: tuple[str, ...],
    runs_dir: Path, threads: int, seed: int | None, wait: bool, loads: tuple[int, ...], device: Device | None,
    resume: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Compare the working tree with another state of the code, in turns on one core, and fail where it got worse.

    Takes the default set of variants, or the scenarios NAME... . Limits, pairs and quarantine stand in the
    configuration: `config show`.

    Exit codes: 0 no regression; 1 a regression; 2 wrong usage; 3 failed, or nothing was measured; 4 not comparable; 5
    inconclusive, where the configuration makes that a failure; 6 the machine is busy.
    """
    from benchsuite.config import load_config, overridden

    out = terminal.Terminal(quiet_stdout=as_json)
    _demand_one(against=against, against_python=against_python, self_test=self_test)
    if self_test:
        _demand_no_other(OF_SELF_TEST, "--self-test brings its own project and variants")
        if resume is not None:
            _demand_no_other(OF_RESUMED, "--resume goes on with what the self-test was begun with")
        from benchsuite.commands.gate_self_test import self_test as measure_itself

        where = device or "cpu"
        measure_itself(
            None,
            resume,
            loads or DEFAULT_LOADS[where],
            seed or 0,
            runs_dir,
            out,
            as_json=as_json,
            device=where,
        )
        return 0
    if loads or resume or device:
        raise UsageError("--load, --device and --resume belong to --self-test")
    if against_python and prepare:
        raise UsageError(
            "--prepare runs in the base's worktree, and --against-python has none: prepare that interpreter yourself"
        )
    config = overridden(
        load_config(),
        {
            "task": task, "scenarios": scenarios, "only_scenarios": only_scenarios, "variants": texts, "metrics": metrics,
            "budget": budget, "prepare": prepare, "seed": seed,
        },
    )  # fmt: skip
    stored = _stored_run(against, runs_dir) if against else None
    if against and stored is None:
        from benchsuite.gate.worktree import Repository

        # A wrong name need not wait for the machine.
        Repository.around(Path.cwd()).commit(against)
    with machine_lock(
        "benchsuite gate",
        waits=wait,
        on_wait=lambda who: out.note(f"waiting: this machine is being measured by {who}"),
    ):
        if stored is not None:
            _demand_no_other(OF_STORED, f"{stored} says what is measured, and how")
            from benchsuite.commands.gate_stored import Wanted, gate_against_run

            wanted = Wanted(names, wanted_texts(config, names, everything=all_), everything=all_)
            return gate_against_run(stored, config, wanted, runs_dir, out, as_json=as_json)
        open_sides = _side_opener(against, against_python)
        data = {
            "dataset": dataset or ("mnist" if data_dir else None),
            "data_dir": data_dir.resolve() if data_dir else None,
            "threads": threads,
        }
        return _gate_sides(open_sides, config, names, runs_dir, data, out, everything=all_, as_json=as_json)


def _demand_one(*, against: str | None, against_python: str | None, self_test: bool) -> None:
    if sum(map(bool, (against, against_python, self_test))) != 1:
        raise UsageError(
            "say what to compare the working tree with: one of --against REF, --against-python PATH, or --self-test"
        )


def _demand_no_other(known: frozenset[str], why: str) -> None:
    """Refuse options that would be ignored."""
    if others := [option for name, option in given_options().items() if name not in known]:
        raise UsageError(f"{why}: leave out {', '.join(others)}")


def _stored_run(against: str, runs_dir: Path) -> Path | None:
    """Return the run that `--against` names, by its path or as a baseline; None: it must be a ref.

    Raises:
        UsageError: a baseline and a ref have this name.
        NotComparableError: the baseline's run is gone or not finished.
    """
    from benchsuite.baselines import find, is_ref, load_baselines

    if (Path(against) / INFO_FILE).is_file():
        return Path(against)
    baseline = load_baselines(runs_dir).get(against)
    if baseline is None:
        return None
    if is_ref(against):
        raise UsageError(
            f"--against {against}: a baseline and a git ref have this name: write refs/heads/{against} "
            f"(refs/tags/... for a tag), or the run's path, {baseline.run}"
        )
    return find(runs_dir, against)


def _side_opener(
    against: str | None, against_python: str | None
) -> Callable[[Request], AbstractContextManager[Sides]]:
    from functools import partial

    from benchsuite.gate import against_python as python_sides
    from benchsuite.gate import against_ref as ref_sides

    if against_python is not None:
        return partial(python_sides.against_python, against_python)
    return partial(ref_sides.against_ref, str(against))


def wanted_texts(config: GateConfig, names: tuple[str, ...], *, everything: bool) -> tuple[str, ...]:
    """Return which texts the variants' names must hold: configured ones are a default set, which the command line replaces."""
    replaced = (names or everything) and config.source("variants") != COMMAND_LINE
    return () if replaced else config.settings.variants


def _gate_sides(  # noqa: PLR0917
    open_sides: Callable[[Request], AbstractContextManager[Sides]], config: GateConfig, names: tuple[str, ...],
    runs_dir: Path, data: dict[str, Any], out: terminal.Terminal, *, everything: bool, as_json: bool,
) -> int:  # fmt: skip
    from benchsuite.commands.gate_outcome import conclude
    from benchsuite.commands.reproduction import reproduction
    from benchsuite.environment import unmet
    from benchsuite.gate.measure import Work, measure
    from benchsuite.gate.selection import select
    from benchsuite.gate.sides import Request

    settings = config.settings
    request = Request(
        task=config.task,
        scenarios=config.scenarios,
        only_scenarios=config.only_scenarios,
        prepare=settings.prepare,
        timeout_s=settings.timeout_s,
    )
    texts = wanted_texts(config, names, everything=everything)
    if request.prepare:
        out.note(f"preparing the base: {request.prepare}")
    with open_sides(request) as sides:
        selection = select(sides, names, texts, unmet, everything=everything)
        for note in sides.notes:
            out.note(note)
        directory = RunDirectory.create(runs_dir)
        work = Work(task=config.task, seed=config.seed, **data)
        with out.progress(tells_phases=True) as progress:
            measured = measure(sides, selection, settings, work, directory, progress, reproduction)
    return conclude(measured, sides.changed_files, settings, directory, out, as_json=as_json)
