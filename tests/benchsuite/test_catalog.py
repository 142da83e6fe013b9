from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite.catalog import load_catalog, select
from benchsuite.errors import UsageError
from benchsuite.origin import PROJECT_ROOT

HEAD = """\
from dataclasses import dataclass
from benchsuite import Check, Workload, grid, scenario

@dataclass(frozen=True)
class Settings:
    mode: str = "eager"

"""
GOOD = (
    HEAD
    + """\
@scenario(question="Does it pay?", variants=grid(Settings, mode=["eager", "fast"]), compare="mode")
def {name}(settings, task):
    return Workload(lambda: None, {check})
"""
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Make the test's folder the working one, and forget afterwards what was imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.fixture
def load(tree, here):
    """Return a function that loads the scenarios of these files, given by name and content."""

    def load_files(files, *, built_in=False):
        tree(files)
        return load_catalog([str(here / name) for name in files], built_in=built_in)

    return load_files


def good(name="mine", check="lambda: [Check('x', 0, 1, '<=')]"):
    return GOOD.format(name=name, check=check)


def refused(load, code, line, *words):
    """Assert that this module is refused with its file, this line and these words."""
    with pytest.raises(UsageError) as caught:
        load({"bench.py": code})
    message = str(caught.value)
    assert message.startswith(f"{Path.cwd() / 'bench.py'}:{line}: "), message
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_the_built_in_scenarios_come_from_this_installation():
    entries = load_catalog()
    assert {"training", "batch_size", "compile", "device"} <= set(entries)
    for name, entry in entries.items():
        file, _, line = entry.where.rpartition(":")
        assert Path(file) == PROJECT_ROOT / "scenarios" / f"{name}.py"
        assert Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1] == "@scenario("


def test_loading_the_catalog_imports_no_torch(here):
    code = "import sys\nfrom benchsuite.catalog import load_catalog\nload_catalog()\nsys.exit('torch' in sys.modules)"
    environment = {"PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=here, env=environment, check=False)
    assert done.returncode == 0


def test_a_users_scenarios_are_added(load, here):
    entries = load({"bench.py": good()}, built_in=True)
    assert next(iter(entries)) != "mine"
    assert list(entries)[-1] == "mine"
    assert entries["mine"].where == f"{here / 'bench.py'}:8"


def test_a_users_scenarios_replace_the_built_in_ones(load):
    assert list(load({"bench.py": good(), "more.py": good("other")})) == ["mine", "other"]


def test_a_scenario_that_a_module_only_imports_is_not_its_own(load):
    code = f"from defined import mine\n{good('other')}"
    assert list(load({"defined.py": good(), "bench.py": code})) == ["mine", "other"]


@pytest.mark.parametrize("name", ["training", "mine"])
def test_two_scenarios_of_one_name(load, here, name):
    with pytest.raises(UsageError) as caught:
        load({"bench.py": good(name), "more.py": good(name)}, built_in=True)
    first = PROJECT_ROOT / "scenarios" / "training.py" if name == "training" else here / "bench.py"
    second = here / ("bench.py" if name == "training" else "more.py")
    assert str(caught.value).startswith(f"{second}:8: scenario {name!r} is already defined in {first}:")
    assert str(caught.value).endswith("rename one")


def test_the_name_of_the_engines_own_workload_is_refused(load):
    refused(load, good("canary"), 8, "scenario 'canary'", "rename yours")


def test_two_scenarios_of_one_name_in_one_module(load, here):
    again = good().removeprefix(HEAD)
    refused(load, f"{good()}\n{again}", 12, f"'mine' is already defined in {here / 'bench.py'}:8: rename one")


def test_a_scenario_defined_in_one_of_two_branches(load):
    indented = good().removeprefix(HEAD).replace("\n", "\n    ")
    code = f"{HEAD}if True:\n    {indented}\nelse:\n    {indented}\n"
    assert list(load({"bench.py": code})) == ["mine"]


def test_two_names_for_one_scenario_are_one(load):
    assert list(load({"bench.py": good() + "alias = mine\n"})) == ["mine"]


@pytest.mark.parametrize("code", ["", "x = 1\n", "from benchsuite import scenario\n"])
def test_a_module_without_a_scenario(load, here, code):
    with pytest.raises(UsageError) as caught:
        load({"bench.py": code})
    assert str(caught.value) == (
        f"{here / 'bench.py'}: it defines no scenario: decorate a function with @benchsuite.scenario(...)"
    )


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("import nowhere_at_all\n", 1, ["ModuleNotFoundError", "nowhere_at_all"]),
        ("x = 1\n\nfrom benchsuite import nothing\n", 3, ["ImportError", "nothing"]),
        ("x = 1\n1 / 0\n", 2, ["ZeroDivisionError"]),
        ("x = 1\ndef f(:\n", 2, ["SyntaxError"]),
        ("if True:\nx = 1\n", 2, ["IndentationError"]),
        ("def deep():\n    raise ValueError('two\\nlines')\n\ndeep()\n", 2, ["ValueError", "two lines"]),
        ("import json\njson.loads('{')\n", 2, ["JSONDecodeError"]),
        ("import sys\nsys.exit(1)\n", 2, ["SystemExit", "1"]),
        ("raise SystemExit('not here')\n", 1, ["SystemExit: not here"]),
        (HEAD + "x = grid(Settings, mod=['a'])\n", 8, ["'Settings' has no field 'mod'; it has mode"]),
        ("from benchsuite import grid\nclass S: a = 1\ngrid(S, a=[1])\n", 3, ["'S' is no dataclass"]),
        (
            good().replace("frozen=True", "frozen=False"),
            8,
            ["frozen dataclass", "write @dataclass(frozen=True)"],
        ),
        (good().replace('compare="mode"', 'compare="mod"'), 8, ["'mine'", "no field 'mod'"]),
        (good().replace("Does it pay?", ""), 8, ["the question is empty"]),
        (good().replace('compare="mode"', "requires=lambda s: 1 / 0"), 8, []),
        (
            good().replace('compare="mode"', 'compare="mode", process=lambda s: None'),
            8,
            ["process returned None"],
        ),
        (
            HEAD.replace("import Check", "import Check, ProcessSpec")
            + "made = scenario(question='Why?', variants=[Settings()], process=lambda s: ProcessSpec(threads=-1))\n"
            + "@made\ndef mine(settings, task): ...\n",
            8,
            ["threads of a ProcessSpec is -1: "],
        ),
    ],
)
def test_a_module_that_does_not_import(load, code, line, words):
    refused(load, code, line, *words)


def test_a_fault_in_what_a_module_imports_names_the_modules_line(load, tree):
    tree({"helper.py": "x = 1\ny = 2\n1 / 0\n"})
    refused(load, "x = 1\nimport helper\n", 2, "ZeroDivisionError")


@pytest.mark.parametrize(
    "workload",
    [
        "Workload(lambda: None)",
        "Workload(step=lambda: None)",
        "Workload(lambda: None, items_per_step=3)",
        "Workload(lambda: None, check=None)",
        "Workload(lambda: None, None)",
        "benchsuite.Workload(lambda: None)",
    ],
)
def test_a_scenario_without_a_check(load, workload):
    code = good().replace("Workload(lambda: None, lambda: [Check('x', 0, 1, '<=')])", workload)
    assert workload in code
    refused(load, code, 10, "scenario 'mine' builds a Workload without a check", "pass check=")


@pytest.mark.parametrize(
    "workload",
    [
        "Workload(lambda: None, check)",
        "Workload(lambda: None, check=check)",
        "Workload(check=check, step=lambda: None)",
        "Workload(**{'step': None, 'check': check})",
        "Workload(*(None, check))",
        "helper(check)",
    ],
)
def test_a_check_is_seen_however_it_is_given(load, workload):
    code = good().replace("Workload(lambda: None, lambda: [Check('x', 0, 1, '<=')])", workload)
    assert list(load({"bench.py": code})) == ["mine"]


def test_an_unknown_name_offers_the_nearest():
    entries = load_catalog()
    with pytest.raises(UsageError) as caught:
        select(entries, ["training", "compil"])
    assert str(caught.value) == "no scenario is called 'compil': did you mean compile?"
    with pytest.raises(UsageError) as caught:
        select(entries, ["zzz"])
    assert str(caught.value) == f"no scenario is called 'zzz': there are {', '.join(entries)}"


def test_scenarios_are_selected_in_the_order_of_their_names():
    assert list(select(load_catalog(), ["device", "training"])) == ["device", "training"]
    assert select(load_catalog(), []) == {}
