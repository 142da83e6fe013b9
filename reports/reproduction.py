"""Commands that measure a scenario, or one of its variants, again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from benchsuite.origin import DEFAULT_TASK
from reports import format as fmt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchsuite.record import RunInfo
    from reports.results import ScenarioResult, VariantResult

LONGEST = 400
"""A longer word is no command that anybody would type."""
VALUES = {
    "task": "--task",
    "dataset": "--dataset",
    "data_dir": "--data-dir",
    "threads": "--threads",
    "seed": "--seed",
}
LISTS = {"scenarios": "--scenarios", "only_scenarios": "--only-scenarios"}
FLAGS = {"quick": "--quick", "stacks": "--stacks", "native_traces": "--native-traces"}
DEFAULTS = {"task": DEFAULT_TASK, "seed": 0}


def again(result: ScenarioResult, info: RunInfo) -> str:
    """Return the command that measures a scenario again; empty: its name or an option cannot be typed.

    A scenario that combines is measured with those whose winners it puts together.
    """
    options = info.options
    names = [str(entry.get("name", "")) for entry in info.scenarios] if result.combines else [result.name]
    what = ["--all"] if result.combines and options.get("all") else names
    return _command(what, options)


def again_alone(result: ScenarioResult, variant: VariantResult, info: RunInfo) -> str:
    """Return the command that measures one variant and its baseline again; empty: there is none.

    What was not measured has none, nor has a combination: which one there is shows only when the others are known.
    """
    if result.combines or not variant.trials:
        return ""
    return _command([result.name, "-k", variant.id], info.options)


def export_samples(run: str) -> str:
    """Return the command that writes the raw samples of a run to a file, where its directory stands in `runs/`.

    Args:
        run: the name of its directory; one that cannot be typed is left to the reader.
    """
    typed = run if run and run == fmt.name(run) else "RUN"
    return shlex.join(["python", "-m", "benchsuite", "export", f"runs/{typed}", "--format", "csv"])


def _command(what: list[str], options: Mapping[str, object]) -> str:
    words = ["python", "-m", "benchsuite", "run", *what]
    for key, option in VALUES.items():
        value = options.get(key)
        if value is not None and value != DEFAULTS.get(key):
            words += [option, str(value)]
    for key, option in LISTS.items():
        values = options.get(key)
        for value in values if isinstance(values, list | tuple) else ():
            words += [option, str(value)]
    words += [option for key, option in FLAGS.items() if options.get(key) is True]
    typed = all(word and len(word) <= LONGEST and fmt.visible(word) == word for word in words)
    return shlex.join(words) if typed and not any("\n" in word for word in words) else ""
