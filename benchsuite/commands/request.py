"""What `run` was asked for, kept in the run's header so that an interrupted run can be taken up again."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.commands.options import load_entries
from benchsuite.errors import UsageError
from benchsuite.origin import DEFAULT_TASK
from benchsuite.record import RunInfo
from benchsuite.store import demand_run

if TYPE_CHECKING:
    from benchsuite.catalog import Entry
    from benchsuite.trials import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for, as it is kept in `run.json` so that a run can be resumed."""

    names: tuple[str, ...]
    all: bool
    quick: bool
    only: str | None
    task: str
    dataset: str | None
    data_dir: str | None
    scenarios: tuple[str, ...]
    only_scenarios: tuple[str, ...]
    threads: int | None
    seed: int
    budget_s: float
    timeout_s: float
    stacks: bool = False
    native_traces: bool = False

    @classmethod
    def from_run(cls, path: Path, info: RunInfo) -> Request:
        """Read the options that a run's header keeps.

        Raises:
            UsageError: a gate has made the directory, or its header does not say what was asked for.
        """
        demand_run(path, info)
        options = info.options
        try:
            lists = {name: tuple(options[name]) for name in ("names", "scenarios", "only_scenarios")}
            return cls(**{**options, **lists})
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"{path}: its header does not say all that the run was asked for ({error}): name another run"
            ) from error

    def entries(self) -> dict[str, Entry]:
        """Return the scenarios asked for.

        Raises:
            UsageError: none or unknown ones were named, or a module cannot be used.
        """
        from benchsuite.catalog import select

        if self.all == bool(self.names):
            raise UsageError(
                "name the scenarios to run, or give --all; `python -m benchsuite list` shows them"
            )
        found = load_entries(self.scenarios, self.only_scenarios)
        chosen = found if self.all else select(found, self.names)
        if chosen and all(entry.scenario.combines for entry in chosen.values()):
            raise UsageError(
                f"{', '.join(chosen)} puts the winners of other scenarios together: name some of them too, or give --all"
            )
        return chosen

    def options(self) -> Options:
        """Return what the session needs to know.

        Raises:
            UsageError: the task cannot be found.
        """
        from benchsuite.origin import PROJECT_ROOT, Origin, locate
        from benchsuite.plan import MIN_ROUNDS, QUICK_LONGEST_STEP_NS, QUICK_TURN_ROUNDS
        from benchsuite.trials import Options

        module, colon, attribute = self.task.rpartition(":")
        if not colon or not module or not attribute:
            raise UsageError(f"--task {self.task}: write MODULE:TASK, such as my_project.bench:task")
        own = Origin("scenarios.mnist", str(PROJECT_ROOT / "scenarios" / "mnist.py"))
        options = Options(
            task=self.task,
            task_origin=own if self.task == DEFAULT_TASK else locate(module),
            task_attribute=attribute,
            dataset=self.dataset or ("mnist" if self.data_dir else None),
            data_dir=Path(self.data_dir) if self.data_dir else None,
            threads=self.threads,
            seed=self.seed,
            budget_s=self.budget_s,
            timeout_s=self.timeout_s,
            stacks=self.stacks,
            native_traces=self.native_traces,
        )
        if self.quick and (self.stacks or self.native_traces):
            raise UsageError(
                "--quick leaves out the operator and memory passes, which --stacks and --native-traces are for: leave one out"
            )
        if self.quick:
            return dataclasses.replace(
                options,
                max_rounds=MIN_ROUNDS,
                turn_rounds=QUICK_TURN_ROUNDS,
                renews_zygotes=False,
                longest_step_ns=QUICK_LONGEST_STEP_NS,
            )
        return options


def header(
    request: Request, entries: dict[str, Entry], machine: dict[str, Any], left_out: tuple[str, ...]
) -> RunInfo:
    """Return the header of a new run."""
    from benchsuite.environment import unmet
    from benchsuite.listing import describe

    return RunInfo(
        command=("python", "-m", "benchsuite", *sys.argv[1:]),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        task=request.task,
        scenarios=tuple(describe(entries, unmet)),
        machine=machine,
        options=dataclasses.asdict(request),
        commit=describe_commit(),
        left_out=left_out,
    )


def describe_commit(folder: Path | None = None) -> str | None:
    """Return the commit of a folder, with `-dirty` where it has changes; None outside git.

    Args:
        folder: None: the working directory.
    """
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=folder, capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
