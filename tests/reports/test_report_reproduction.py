from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from benchsuite.commands.run import run as run_command
from reports.collect import collect
from reports.reproduction import again, again_alone

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchsuite.store import Run

    MakeRun = Callable[..., Run]


def made(make_run: MakeRun, options: dict[str, Any] | None = None, **more: Any) -> Any:
    run = make_run({"plain": [9.0, 9.1], "packed": [8.0, 8.1]}, **more)
    return collect(run)[0], replace(run.info, options=options or {})


def test_a_row_is_named_by_its_whole_id(make_run: MakeRun) -> None:
    result, info = made(make_run)
    assert again(result, info) == "python -m benchsuite run layout"
    words = shlex.split(again_alone(result, result.variants[1], info))
    assert words == ["python", "-m", "benchsuite", "run", "layout", "-k", "layout[mode=packed]"]


def test_what_the_run_was_told_is_kept_and_what_chose_its_variants_is_not(make_run: MakeRun) -> None:
    options = {
        "names": ["layout"], "all": False, "only": "mode", "quick": True, "task": "my.bench:task", "seed": 3,
        "threads": 4, "dataset": None, "data_dir": "/data/the set", "scenarios": ["my.scenarios"],
        "only_scenarios": [], "budget_s": 60.0, "stacks": False,
    }  # fmt: skip
    command = again(*made(make_run, options))
    words = shlex.split(command)
    assert words[4] == "layout"
    assert words[5:] == [
        "--task", "my.bench:task", "--data-dir", "/data/the set", "--threads", "4", "--seed", "3",
        "--scenarios", "my.scenarios", "--quick",
    ]  # fmt: skip


def test_every_option_is_one_that_run_takes(make_run: MakeRun) -> None:
    options = {
        "quick": True,
        "stacks": True,
        "native_traces": True,
        "only_scenarios": ["a"],
        "dataset": "mnist",
    }
    words = shlex.split(again(*made(make_run, options)))
    known = CliRunner().invoke(run_command, ["--help"]).output
    assert all(word in known for word in words if word.startswith("--"))


def test_what_is_as_without_options_is_left_out(make_run: MakeRun) -> None:
    command = again(*made(make_run, {"task": "scenarios.mnist:task", "seed": 0, "threads": None}))
    assert command == "python -m benchsuite run layout"


def test_a_combination_is_measured_with_what_it_combines(make_run: MakeRun) -> None:
    result, info = made(make_run, answer="stack", combines=True)
    beside = replace(info, scenarios=({"name": "loader"}, *info.scenarios))
    assert again(result, beside) == "python -m benchsuite run loader layout"
    assert again(result, replace(beside, options={"all": True})) == "python -m benchsuite run --all"
    assert again_alone(result, result.variants[1], beside) == ""


def test_what_was_skipped_has_no_command(make_run: MakeRun) -> None:
    result, info = made(make_run, skipped={"fused": "no GPU"})
    skipped = next(variant for variant in result.variants if variant.outcome == "skipped")
    assert again_alone(result, skipped, info) == ""


def test_a_name_that_nobody_can_type_has_no_command(make_run: MakeRun) -> None:
    result, info = made(make_run)
    for name in ("x" * 10_000, "a\nb", "a\u202eb", ""):
        assert again(replace(result, name=name), info) == ""
    assert shlex.split(again(replace(result, name="a'; rm -rf *"), info))[4] == "a'; rm -rf *"
