from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchsuite.errors import UsageError
from benchsuite.gate import side_catalog
from benchsuite.gate.side_catalog import BUILT_IN_TASK, CatalogRequest, read_catalog
from benchsuite.origin import PROJECT_ROOT, Origin

FULL = """
from dataclasses import dataclass

from benchsuite import CUDA, Check, ProcessSpec, Workload, grid, scenario

HOLDS = Check("a fact", 1.0, 1.0, "<=")


@dataclass(frozen=True)
class Settings:
    device: str = "cpu"
    width: int = 8


@scenario(
    question="Is all of it told?", variants=grid(Settings, device=["cpu", "cuda"], width=[8, 9]), compare="width",
    within=("device",), requires=lambda s: [CUDA] if s.device == "cuda" else [],
    process=lambda s: ProcessSpec(env=(("PLANTED", str(s.width)),), threads=1, own_compile_cache=True),
    changes=lambda s: {"width": s.width},
)
def full(settings, task):
    return Workload(lambda: None, lambda: [HOLDS])


@scenario(question="Once?", variants=[Settings()], once=True)
def once(settings, task):
    return Workload(lambda: None, lambda: [HOLDS])


@scenario(question="All?", variants=[Settings()], compare="width", answer="stack", combines=True)
def combined(settings, task):
    return Workload(lambda: None, lambda: [HOLDS])
"""


@pytest.fixture
def catalog(tmp_path):
    """Return a function from specifications of scenarios to what is read of them from the test's folder."""

    def read(*specs, built_in=False, folder=tmp_path, places=None, task=BUILT_IN_TASK, other=""):
        return read_catalog(
            CatalogRequest(
                places=tuple(map(str, places or [tmp_path])),
                other_root=str(other),
                folder=str(folder),
                built_in_root=str(PROJECT_ROOT),
                scenarios=specs if built_in else (),
                only_scenarios=() if built_in else specs,
                task_module=task,
            )
        )

    return read


def test_variants_are_told_with_all_that_a_worker_needs(tree, catalog):
    root = tree({"full.py": FULL})
    found = catalog("full").variants
    assert list(found) == [
        "full[width=8]", "full[width=9]", "full[width=8,device=cuda]", "full[width=9,device=cuda]",
    ]  # fmt: skip
    assert {gated.origin for gated in found.values()} == {Origin("full", str(root / "full.py"))}
    variant = found["full[width=9,device=cuda]"].variant
    assert variant.settings == {"device": "cuda", "width": 9}
    assert variant.context == {"device": "cuda"}
    assert [requirement.kind for requirement in variant.requirements] == ["cuda"]
    assert variant.process.env == (("PLANTED", "9"),)
    assert variant.process.own_compile_cache
    assert variant.changes == {"width": 9}
    assert hash(variant.process) == hash(found["full[width=9]"].variant.process)


def test_the_default_set_is_the_users_own_scenarios_and_those_that_are_gated(tree, catalog):
    import scenarios

    tree({"full.py": FULL})
    found = catalog("full", built_in=True)
    own = [id_ for id_ in found.variants if id_.startswith("full")]
    assert len(own) == 4
    assert set(found.default) == {*own, *scenarios.GATED}
    assert set(found.default) < set(found.variants)
    assert {"full", "once", "combined"} <= {scenario["name"] for scenario in found.scenarios}


def test_two_states_of_one_module_are_read_as_they_are(tree, catalog, scenario_text):
    root = tree({f"{side}/bench.py": scenario_text("probe", width) for side, width in (("a", 1), ("b", 2))})
    for side, width in (("a", 1), ("b", 2)):
        found = catalog("bench", folder=root / side, places=[root / side])
        assert found.variants["probe"].variant.settings == {"width": width}
        assert found.variants["probe"].origin.file == str(root / side / "bench.py")


def test_a_file_is_looked_for_in_the_folder(tree, catalog, scenario_text):
    root = tree({"below/bench.py": scenario_text("probe")})
    for spec, folder in (
        ("bench.py", root / "below"),
        ("below/bench.py", root),
        ("../below/bench.py", root / "below"),
    ):
        found = catalog(spec, folder=folder).variants["probe"].origin
        assert found.file == str(root / "below" / "bench.py")


def test_what_modules_print_while_they_are_imported_spoils_nothing(tree, catalog, scenario_text):
    noise = """
import os, subprocess, sys
print("planted")
os.write(1, b"{planted")
sys.__stdout__.write("planted"); sys.__stdout__.flush()
subprocess.run(["echo", "planted"])
sys.stderr.write("planted")
"""
    tree({"bench.py": noise + scenario_text("probe"), "task.py": noise})
    found = catalog("bench", task="task")
    assert list(found.variants) == ["probe"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\nraise RuntimeError('planted')\n", r"bench\.py:2: RuntimeError: planted$"),
        ("x = 1\n\ndef f(:\n", r"bench\.py:3: SyntaxError"),
        ("import nowhere_at_all\n", r"bench\.py:1: ModuleNotFoundError"),
        ("import sys\nsys.exit(3)\n", r"bench\.py:2: SystemExit: 3"),
        ("import sys\nsys.exit(0)\n", r"bench\.py:2: SystemExit"),
        ("x = 1\n", r"bench\.py: it defines no scenario"),
        ("import os, sys\nsys.stderr.write('planted')\nsys.stderr.flush()\nos._exit(0)\n", r"could not be read: planted$"),
        ("import os\nos._exit(3)\n", r"could not be read: the process .* ended with 3 without a word$"),
        ("raise KeyboardInterrupt('planted')\n", "could not be read: KeyboardInterrupt: planted$"),
    ],
)  # fmt: skip
def test_a_module_that_does_not_import_is_told_with_file_and_line(tree, catalog, code, said):
    root = tree({"bench.py": code})
    with pytest.raises(UsageError, match=rf"(?s){said}") as caught:
        catalog("bench")
    assert "\n" not in str(caught.value)
    if "could not" not in said:
        assert str(caught.value).startswith(str(root))


def test_a_module_that_never_ends_is_given_up(tree, catalog, monkeypatch):
    monkeypatch.setattr(side_catalog, "TIMEOUT_S", 1.0)
    tree({"bench.py": "while True: pass\n"})
    with pytest.raises(UsageError, match=r"could not be read within 1 s"):
        catalog("bench")


def test_what_is_not_there_is_missing_and_no_error(tree, catalog, scenario_text):
    tree({"bench.py": scenario_text("probe"), "package/__init__.py": ""})
    found = catalog("bench", "nowhere", "package.nowhere", "nowhere.at_all", "no/file.py")
    assert list(found.variants) == ["probe"]
    assert found.missing == ("nowhere", "package.nowhere", "nowhere.at_all", "no/file.py")


def test_a_package_that_does_not_import_is_not_merely_missing(tree, catalog, scenario_text):
    tree(
        {"package/__init__.py": "raise RuntimeError('planted')\n", "package/bench.py": scenario_text("probe")}
    )
    with pytest.raises(UsageError, match=r"__init__\.py:1: RuntimeError: planted"):
        catalog("package.bench")


@pytest.mark.parametrize(
    "files",
    [["package/__init__.py", "package/bench.py"], ["package/bench.py"], ["package/bench/__init__.py"]],
)
def test_dotted_modules(tree, catalog, scenario_text, files):
    texts = {file: scenario_text("probe") if "bench" in file else "" for file in files}
    root = tree(texts)
    assert catalog("package.bench").variants["probe"].origin == Origin("package.bench", str(root / files[-1]))


def test_the_sides_places_stand_before_all_else_on_the_path(tree, catalog, scenario_text):
    # This project has a folder of that name too, and so may the place where it is installed.
    root = tree({"tests/workloads.py": scenario_text("probe")})
    for built_in in (False, True):
        found = catalog("tests.workloads", built_in=built_in)
        assert found.variants["probe"].origin.file == str(root / "tests" / "workloads.py")


def test_the_other_sides_folders_are_no_place_to_look(tree, catalog, scenario_text, monkeypatch):
    root = tree(
        {
            "head/bench.py": scenario_text("probe"),
            "base/empty.py": "",
            "lib/theirs.py": scenario_text("theirs"),
        }
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root / "head"), str(root / "lib")]))
    head, base = root / "head", root / "base"
    found = catalog("bench", "theirs", folder=base, places=[base], other=head, task="bench")
    assert (found.missing, found.task) == (("bench",), None)
    assert list(found.variants) == ["theirs"], "a library that both sides share may hold scenarios"
    assert catalog("bench", folder=head, places=[head], other=base).missing == ()


def test_the_task_of_a_side_is_its_own(tree, catalog, scenario_text):
    root = tree({"bench.py": scenario_text("probe"), "tasks/mine.py": "task = 1\n"})
    assert catalog("bench").task == Origin(BUILT_IN_TASK, str(PROJECT_ROOT / "scenarios" / "mnist.py"))
    assert catalog("bench", task="tasks.mine").task == Origin("tasks.mine", str(root / "tasks" / "mine.py"))
    assert catalog("bench", task="tasks/mine.py").task.file == str(root / "tasks" / "mine.py")
    assert catalog("bench", task="tasks.nowhere").task is None


def test_a_users_package_that_is_called_scenarios_is_not_mistaken_for_ours(tree, catalog):
    tree({"scenarios/__init__.py": "BUILT_IN = ['theirs']\n", "scenarios/theirs.py": ""})
    found = catalog(built_in=True)
    assert {Path(gated.origin.file).parent for gated in found.variants.values()} == {
        PROJECT_ROOT / "scenarios"
    }
    assert found.task == Origin(BUILT_IN_TASK, str(PROJECT_ROOT / "scenarios" / "mnist.py"))
