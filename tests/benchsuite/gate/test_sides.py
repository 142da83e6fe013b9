from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchsuite.errors import UsageError
from benchsuite.gate.against_python import against_python
from benchsuite.gate.against_ref import against_ref
from benchsuite.gate.selection import select
from benchsuite.gate.sides import Request, Sides
from benchsuite.gate.worktree import Repository
from benchsuite.origin import PROJECT_ROOT

TASK = "scenarios.mnist:task"


@pytest.fixture
def against(git, monkeypatch):
    """Return a function from a ref to a context with both sides, the given files being all scenarios."""
    monkeypatch.chdir(git.root)

    def sides(ref="HEAD", *specs, task=TASK, prepare=None):
        return against_ref(ref, Request(task=task, only_scenarios=specs or ("bench",), prepare=prepare))

    return sides


def widths(sides: Sides, id_="probe"):
    return [side.catalog.variants[id_].variant.settings["width"] for side in (sides.base, sides.head)]


def selected(sides: Sides):
    return select(sides, (), (), lambda requirement: None)


def test_each_side_has_its_own_settings_under_one_name(git, against, scenario_text):
    commit = git.commit({"bench.py": scenario_text("probe", 1)})
    git.write({"bench.py": scenario_text("probe", 2)})
    with against() as sides:
        assert widths(sides) == [1, 2]
        base, head = sides.base, sides.head
        assert (base.info.name, base.info.commit, base.info.dirty) == ("HEAD", commit, False)
        assert (head.info.name, head.info.commit, head.info.dirty) == ("working tree", commit, True)
        assert sides.changed_files == ("bench.py",)
        assert sides.notes == ()
        assert head.code.root == base.code.other_root == str(git.root)
        assert base.code.root == head.code.other_root
        assert [Path(worktree) for worktree in git.worktrees()] == [Path(base.code.root)]
        (candidate,) = selected(sides).candidates
        assert candidate.base.origin.file == f"{base.code.root}/bench.py"
        assert candidate.head.origin.file == f"{git.root}/bench.py"
        assert not candidate.lent
    assert git.worktrees() == []


def test_a_clean_tree_against_itself_is_said_to_be_the_same(git, against, scenario_text):
    git.commit({"bench.py": scenario_text("probe")})
    with against("main") as sides:
        assert not sides.head.info.dirty
        assert sides.notes == ("Base and head are the same code: the working tree is what main names.",)


def test_what_has_changed_is_looked_up_once(git, against, scenario_text, monkeypatch):
    asked = []
    monkeypatch.setattr(Repository, "changed_files", lambda repository, commit: asked.append(commit) or ())
    commit = git.commit({"bench.py": scenario_text("probe")})
    with against():
        assert asked == [commit]


@pytest.mark.parametrize("spec", ["bench", "bench.py", "{root}/bench.py", "./bench.py"])
def test_a_file_may_be_named_in_any_way(git, against, scenario_text, spec):
    git.commit({"bench.py": scenario_text("probe", 1)})
    git.write({"bench.py": scenario_text("probe", 2)})
    with against("HEAD", spec.format(root=git.root), task=f"{spec}:task".format(root=git.root)) as sides:
        assert widths(sides) == [1, 2]
        assert Path(sides.base.catalog.task.file).is_relative_to(sides.base.code.root)
        assert Path(sides.head.catalog.task.file).is_relative_to(git.root)


@pytest.mark.parametrize(
    ("spec", "file"),
    [("new_bench", "new_bench.py"), ("training.py", "training.py"), ("below.bench", "below/bench.py")],
)
def test_a_base_without_the_scenario_borrows_the_heads(git, against, scenario_text, spec, file):
    git.commit({"other.py": scenario_text("other"), "bench.py": scenario_text("old")})
    git.write({file: scenario_text("probe", 2)})
    with against("HEAD", "other", "bench", spec) as sides:
        (lent,) = [candidate for candidate in selected(sides).candidates if candidate.id == "probe"]
        assert lent.lent
        assert lent.base.origin.file == str(git.root / file)
        assert lent.base.origin.module.isidentifier()
        assert lent.base.variant == lent.head.variant
        assert sides.base.code.lent == (str(git.root / file),)
        assert sides.head.code.lent == ()
        assert selected(sides).new == ()


def test_beside_the_built_in_scenarios_a_file_with_the_name_of_one_is_lent_too(
    git, monkeypatch, scenario_text
):
    git.commit({"model.py": ""})
    git.write({"training.py": scenario_text("probe")})
    monkeypatch.chdir(git.root)
    with against_ref("HEAD", Request(task=TASK, scenarios=("training.py",))) as sides:
        (lent,) = [candidate for candidate in selected(sides).candidates if candidate.id == "probe"]
        assert lent.lent
        assert sides.base.code.lent == (str(git.root / "training.py"),)


@pytest.mark.parametrize("name", ["PYTHONPATH", "nothing"])
def test_what_the_head_has_put_on_the_path_is_not_the_bases(git, against, scenario_text, monkeypatch, name):
    monkeypatch.setenv(name, os.pathsep.join([str(git.root), str(git.root / "src")]))
    git.commit({"README": ""})
    git.write({"src/bench.py": scenario_text("probe")})
    with against() as sides:
        (lent,) = selected(sides).candidates
        assert lent.lent
        assert sides.base.code.lent == (str(git.root / "src" / "bench.py"),)


def test_a_task_is_lent_too(git, against, scenario_text):
    git.commit({"bench.py": scenario_text("probe")})
    git.write({"mine.py": "task = 1\n"})
    with against(task="mine:task") as sides:
        assert sides.base.catalog.task.file == sides.head.catalog.task.file == str(git.root / "mine.py")
        assert sides.base.catalog.task.module != sides.head.catalog.task.module == "mine"
        assert sides.base.code.lent == (str(git.root / "mine.py"),)


def test_a_new_variant_of_a_known_file_is_new_and_a_lost_one_missing(git, against, scenario_text):
    git.commit({"bench.py": scenario_text("probe") + scenario_text("gone")})
    git.write({"bench.py": scenario_text("probe") + scenario_text("added")})
    with against() as sides:
        found = selected(sides)
        assert [candidate.id for candidate in found.candidates] == ["probe"]
        assert [variant.variant.id for variant in found.new] == ["added"]
        assert [variant.variant.id for variant in found.missing] == ["gone"]


def test_a_whole_module_that_the_head_has_lost_is_missing(git, against, scenario_text):
    git.commit({"bench.py": scenario_text("probe"), "gone.py": scenario_text("gone")})
    git.write({"gone.py": None})
    with against("HEAD", "bench", "gone") as sides:
        assert [variant.variant.id for variant in selected(sides).missing] == ["gone"]


def test_a_module_that_has_moved_is_the_same(git, against, scenario_text):
    git.commit({"src/bench.py": scenario_text("probe", 1)})
    git("mv", "src/bench.py", "bench.py")
    git.write({"bench.py": scenario_text("probe", 2)})
    with against() as sides:
        assert widths(sides) == [1, 2]


@pytest.mark.parametrize("spec", ["bnech", "bnech.py", "{root}/bnech.py", "below.bnech"])
def test_a_module_that_neither_side_has_is_an_error(git, against, scenario_text, spec):
    git.commit({"bench.py": scenario_text("probe")})
    spec = spec.format(root=git.root)
    with (
        pytest.raises(UsageError, match=rf"^{spec}: no module or file of that name"),
        against("HEAD", "bench", spec),
    ):
        pass
    assert git.worktrees() == []


def test_a_base_that_does_not_import_is_a_problem_with_file_and_line(git, against, scenario_text):
    git.commit({"bench.py": "import nowhere_at_all\n"})
    git.write({"bench.py": scenario_text("probe")})
    with against("main") as sides:
        problem = sides.base.problem
        assert problem.startswith("main/bench.py:1: ModuleNotFoundError: No module named 'nowhere_at_all'")
        assert sides.base.code.root not in problem
        assert sides.base.catalog.variants == {}
        assert sides.base.code.lent == ()
        assert [candidate.id for candidate in selected(sides).candidates] == ["probe"]


@pytest.mark.parametrize("has_submodules", [False, True])
def test_a_base_that_does_not_import_may_lack_a_submodule(git, against, scenario_text, has_submodules):
    git.commit({"bench.py": "import vendored\n", **({".gitmodules": ""} if has_submodules else {})})
    git.write({"bench.py": scenario_text("probe")})
    with against("main") as sides:
        assert ("--prepare 'git submodule update --init'" in sides.base.problem) == has_submodules


def test_a_typing_error_beside_a_broken_base_is_still_one(git, against, scenario_text):
    git.commit({"bench.py": "raise RuntimeError\n"})
    git.write({"bench.py": scenario_text("probe")})
    with pytest.raises(UsageError, match=r"^bnech: no module"), against("main", "bench", "bnech"):
        pass


def test_a_head_that_does_not_import_is_an_error_before_anything_is_checked_out(
    git, against, scenario_text, monkeypatch
):
    git.commit({"bench.py": scenario_text("probe")})
    git.write({"bench.py": "import os\n\nraise RuntimeError('planted')\n"})
    monkeypatch.setattr("benchsuite.gate.worktree.Repository.worktree", None)
    with pytest.raises(UsageError, match=rf"^{git.root}/bench\.py:3: RuntimeError: planted$"), against():
        pass


def test_a_ref_that_is_not_there_is_told_before_anything_is_read(git, against):
    git.commit({"bench.py": "raise RuntimeError\n"})
    with pytest.raises(UsageError, match="--against nowhere: no commit"), against("nowhere"):
        pass


def test_code_in_src_is_found_on_both_sides(git, against, scenario_text):
    text = "from model import WIDTH\n" + scenario_text("probe", "WIDTH")
    git.commit({"bench.py": text, "src/model/__init__.py": "WIDTH = 1\n"})
    git.write({"src/model/__init__.py": "WIDTH = 2\n"})
    with against() as sides:
        assert widths(sides) == [1, 2]
        root = sides.base.code.root
        assert sides.base.code.places == (root, f"{root}/src")
        assert sides.head.code.places == (str(git.root), f"{git.root}/src")


def test_a_folder_below_is_looked_in_first_and_run_in_on_both_sides(git, against, scenario_text, monkeypatch):
    git.commit(
        {"part/bench.py": scenario_text("probe", 1), "part/src/x.py": "", "bench.py": scenario_text("top")}
    )
    git.write({"part/bench.py": scenario_text("probe", 2)})
    monkeypatch.chdir(git.root / "part")
    with against("HEAD", "bench", "../bench.py") as sides:
        assert widths(sides) == [1, 2]
        for side in (sides.base, sides.head):
            root = Path(side.code.root)
            assert side.code.folder == str(root / "part")
            assert side.code.places == tuple(map(str, (root / "part", root / "part" / "src", root)))
            assert side.catalog.variants["top"].origin.file == str(root / "bench.py")


def test_a_folder_that_the_base_lacks(git, against, scenario_text, monkeypatch):
    git.commit({"README": ""})
    git.write({"part/bench.py": scenario_text("probe")})
    monkeypatch.chdir(git.root / "part")
    with against() as sides:
        assert sides.base.code.folder == sides.base.code.root
        assert sides.base.code.places == (sides.base.code.root,)
        assert [candidate.lent for candidate in selected(sides).candidates] == [True]


def test_a_file_outside_of_the_repository_is_the_same_on_both_sides(git, against, scenario_text, tmp_path):
    git.commit({"README": ""})
    (tmp_path / "outside.py").write_text(scenario_text("probe"))
    for spec in ("../outside.py", str(tmp_path / "outside.py")):
        with against("HEAD", spec) as sides:
            (candidate,) = selected(sides).candidates
            assert candidate.base.origin.file == candidate.head.origin.file == str(tmp_path / "outside.py")


def test_what_prepare_builds_is_the_bases(git, against, scenario_text):
    git.commit(
        {
            "bench.py": "from built import WIDTH\n" + scenario_text("probe", "WIDTH"),
            ".gitignore": "built.py\n",
        }
    )
    git.write({"built.py": "WIDTH = 2\n"})
    with against(prepare="echo WIDTH = 1 > built.py") as sides:
        assert widths(sides) == [1, 2]
    with against() as sides:
        assert "No module named 'built'" in sides.base.problem


def test_a_prepare_that_fails_leaves_nothing_behind(git, against, scenario_text):
    git.commit({"bench.py": scenario_text("probe")})
    with pytest.raises(UsageError, match="prepare: 'exit 5' ended with 5"), against(prepare="exit 5"):
        pass
    assert git.worktrees() == []


@pytest.fixture
def stand_in(tmp_path):
    """Return a function from a shell command to an interpreter that is none, or lacks something."""

    def write(command):
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(0o755)
        return str(script)

    return write


@pytest.fixture
def bench(tmp_path, monkeypatch, scenario_text):
    """Stand in a folder that is no repository and holds a scenario."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "bench.py").write_text(scenario_text("probe"))
    monkeypatch.chdir(folder)
    return Request(task=TASK, only_scenarios=("bench",))


def refused(executable, request_):
    with pytest.raises(UsageError) as caught, against_python(executable, request_):
        pass
    assert "\n" not in str(caught.value)
    assert executable in str(caught.value)
    return str(caught.value)


def test_an_interpreter_without_torch_is_refused_in_one_line(stand_in, bench):
    # -S: without what is installed.
    said = refused(stand_in(f'exec {sys.executable} -S "$@"'), bench)
    assert "ModuleNotFoundError: No module named 'torch'" in said
    assert "install" in said


def test_a_folder_called_torch_is_no_torch(stand_in, bench):
    Path("torch").mkdir()
    Path("torch/__init__.py").write_text("__version__ = '9'\n")
    Path("memray.py").write_text("")
    assert "No module named 'torch'" in refused(stand_in(f'exec {sys.executable} -S "$@"'), bench)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("exit 0", "it is no Python"),
        ("echo planted", "it is no Python"),
        ("echo planted >&2; exit 9", "planted"),
        ("exit 9", "it ended with 9"),
        ("kill -SEGV $$", "it ended with -11"),
    ],
)
def test_what_is_no_interpreter_is_refused(stand_in, bench, command, said):
    assert said in refused(stand_in(command), bench)


def test_an_interpreter_that_is_not_there(bench, tmp_path):
    assert "does not run" in refused(str(tmp_path / "nowhere"), bench)
    assert "does not run" in refused(str(tmp_path), bench)


def test_two_interpreters_have_the_same_code(stand_in, bench):
    executable = stand_in("echo a word of a start-up file; echo 3.13.1 2.99.0")
    with against_python(executable, bench) as sides:
        assert sides.base.python.executable == executable
        assert sides.head.python.executable == sys.executable
        engine = Path(sides.base.python.engine)
        assert (engine / "benchsuite").resolve() == PROJECT_ROOT / "benchsuite"
        assert sorted(path.name for path in engine.iterdir()) == ["benchsuite", "scenarios"]
        assert sides.base.code == sides.head.code
        assert sides.base.code.root == str(Path.cwd())
        assert sides.base.info.name == executable
        assert "Python 3.13.1, torch 2.99.0" in sides.notes[0]
        (candidate,) = selected(sides).candidates
        assert not candidate.lent
    assert not engine.exists()


def test_two_interpreters_below_a_repositorys_top(git, stand_in, monkeypatch, scenario_text):
    git.commit({"part/bench.py": scenario_text("probe")})
    monkeypatch.chdir(git.root / "part")
    request_ = Request(task=TASK, only_scenarios=("bench",))
    with against_python(stand_in("echo 3.13.1 2.99.0"), request_) as sides:
        assert sides.head.code.root == str(git.root)
        assert sides.head.code.folder == str(git.root / "part")


def test_with_two_interpreters_a_module_that_is_not_there_is_an_error(stand_in, bench):
    request_ = Request(task=TASK, only_scenarios=("bnech",))
    with (
        pytest.raises(UsageError, match=r"^bnech: no module or file"),
        against_python(stand_in("echo 3.13.1 2.99.0"), request_),
    ):
        pass
