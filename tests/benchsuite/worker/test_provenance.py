"""Whose code a process runs: each test imports in a process of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker.protocol import CodeSide

RUN = """
import json, sys
from benchsuite.worker import provenance
from benchsuite.worker.protocol import CodeSide

code = CodeSide.from_json(json.loads(sys.argv[1]))
exec(sys.argv[2])
provenance.put_first(code.places)
exec(sys.argv[3])
files, foreign = provenance.account_for(code)
print(json.dumps({"files": files, "foreign": foreign}))
"""


LIBRARY = "sysconfig.get_path = lambda name: {!r} + '/lib'"


@pytest.fixture
def sides(tree):
    """Return base and head, each with a package in src/ and a module at the top."""
    root = tree(
        {
            f"{side}/{path}": f"SIDE = {side!r}\n"
            for side in ("base", "head")
            for path in ("src/model/__init__.py", "src/model/layers.py", "bench.py")
        }
    )

    def code(name, other, lent=()):
        return CodeSide(
            root=str(root / name),
            folder=str(root / name),
            places=(str(root / name), str(root / name / "src")),
            other_root=str(root / other),
            lent=lent,
        )

    return code("base", "head"), code("head", "base")


def imported(code, then, before="", path=(), flags=("-P",)):
    """Return what is known of a worker's code: before the side's places come first, and then.

    Args:
        code: the side.
        then: Python, run once they do.
        before: Python, run earlier, as in the process that workers are forked from.
        path: what PYTHONPATH names besides the engine.
        flags: the interpreter's.
    """
    places = os.pathsep.join([str(PROJECT_ROOT), *map(str, path)])
    done = subprocess.run(
        [sys.executable, *flags, "-c", RUN, json.dumps(dataclasses.asdict(code)), before, then],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": places}, timeout=60,
        cwd=code.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_each_side_imports_its_own_files_which_are_hashed(sides):
    for code, name in zip(sides, ("base", "head"), strict=True):
        found = imported(code, f"import bench, model.layers; assert model.layers.SIDE == {name!r}")
        expected = digest(f"SIDE = {name!r}\n")
        assert found == {
            "files": dict.fromkeys(["bench.py", "src/model/__init__.py", "src/model/layers.py"], expected),
            "foreign": [],
        }


def test_what_was_not_imported_is_not_among_the_files(sides):
    assert list(imported(sides[1], "import model")["files"]) == ["src/model/__init__.py"]


def test_the_path_that_the_user_set_stands_behind(sides):
    base, head = sides
    found = imported(base, "import model; assert model.SIDE == 'base'", path=head.places)
    assert found["foreign"] == []


def test_a_module_of_the_other_side_is_found(sides, tree):
    base, head = sides
    added = tree({"head/src/added.py": ""}) / "head" / "src" / "added.py"
    found = imported(base, "import added, model", path=head.places)
    assert found["foreign"] == [f"added from {added}"]
    assert list(found["files"]) == ["src/model/__init__.py"]


def test_what_was_imported_before_the_places_came_first_is_found(sides):
    base, head = sides
    found = imported(base, "import model.layers", before="import model", path=head.places)
    assert [entry.partition(" ")[0] for entry in found["foreign"]] == ["model", "model.layers"]
    assert found["files"] == {}


FINDER = """
import importlib.util, sys

class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "model":
            return importlib.util.spec_from_file_location(
                name, {folder!r} + "/__init__.py", submodule_search_locations=[{folder!r}])

sys.meta_path.insert(0, Editable)
"""


def test_an_editable_install_that_stands_before_the_path_is_found(sides):
    base, head = sides
    before = FINDER.format(folder=f"{head.places[1]}/model")
    found = imported(base, "import model.layers; assert model.SIDE == 'head'", before=before)
    assert [entry.partition(" ")[0] for entry in found["foreign"]] == ["model", "model.layers"]
    assert imported(head, "import model.layers", before=before)["foreign"] == []


def test_an_editable_install_by_a_path_file_fools_nobody(sides, tree):
    base, head = sides
    site = tree({"site/editable.pth": f"{head.places[1]}\n"}) / "site"
    before = f"import site; site.addsitedir({str(site)!r}); import model as m; assert m.SIDE == 'head'; del sys.modules['model']"
    found = imported(base, "import model; assert model.SIDE == 'base'", before=before)
    assert found["foreign"] == []


def test_a_copy_that_is_installed_elsewhere_is_found_where_it_was_imported_first(sides, tree):
    base, _head = sides
    copy = tree({"site-packages/model/__init__.py": "", "site-packages/other.py": ""}) / "site-packages"
    found = imported(base, "", before="import model, other", path=[copy])
    assert found["foreign"] == [f"model from {copy / 'model' / '__init__.py'}"]


def test_a_copy_of_a_single_module_is_found(sides, tree):
    copy = tree({"elsewhere/bench.py": ""}) / "elsewhere"
    found = imported(sides[0], "", before="import bench", path=[copy])
    assert found["foreign"] == [f"bench from {copy / 'bench.py'}"]


def test_an_installed_copy_of_what_is_a_folder_without_init_is_found(sides, tree):
    copy = tree({"base/src/plain/layers.py": "", "site-packages/plain/__init__.py": ""}) / "site-packages"
    tree({"site-packages/plain/layers.py": ""})
    found = imported(sides[0], "import plain.layers", path=[copy])
    assert found["foreign"] == [f"plain.layers from {copy / 'plain' / 'layers.py'}"]


def test_a_folder_that_merely_has_a_librarys_name_makes_it_nobodys(sides, tree):
    library = tree({"base/json5/notes.txt": "", "site-packages/json5.py": ""}) / "site-packages"
    assert imported(sides[0], "import json5", path=[library])["foreign"] == []


def test_libraries_are_nobodys(sides, tree):
    base, head = sides
    tree({"base/.venv/lib/site-packages/library.py": "", "base/lib/dist-packages/debian.py": ""})
    tree({"head/.venv/lib/site-packages/theirs.py": ""})
    places = [
        f"{base.root}/.venv/lib/site-packages",
        f"{base.root}/lib/dist-packages",
        f"{head.root}/.venv/lib/site-packages",
    ]
    found = imported(base, "import bench, library, debian, theirs", path=places)
    assert list(found["files"]) == ["bench.py"]
    assert found["foreign"] == []


@pytest.mark.parametrize("own", ["sys.prefix = {!r}", "sys.base_prefix = {!r}", LIBRARY])
def test_an_interpreter_inside_the_repository_is_nobodys(sides, tree, own):
    base, head = sides
    tree({"head/env/lib/_sysconfigdata_of_it.py": "", "head/env/lib/site-packages/bench.py": ""})
    folder = f"{head.root}/env"
    own = own.format(folder)
    before = f"import _sysconfigdata_of_it, sysconfig; {own}"
    for code in sides:
        assert imported(code, "", before=before, path=[f"{folder}/lib"]) == {"files": {}, "foreign": []}
    # An installed copy of what the side has itself is a stranger, there as anywhere.
    copy = [f"{folder}/lib/site-packages"]
    assert imported(base, "", before=f"import bench, sysconfig; {own}", path=copy)["foreign"]


def test_an_interpreter_installed_at_the_top_makes_nothing_its_own(sides):
    base, head = sides
    own = f"sys.prefix = sys.base_prefix = {head.root!r}"
    assert list(imported(head, "import bench", before=own)["files"]) == ["bench.py"]
    assert imported(base, "", before=f"import bench; {own}", path=head.places)["foreign"]


def test_the_engine_and_the_standard_library_are_nobodys(sides):
    base, _head = sides
    engine = dataclasses.replace(base, root=str(PROJECT_ROOT))
    assert imported(engine, "import benchsuite.worker.contention")["files"] == {}
    library = dataclasses.replace(base, other_root=str(Path(json.__file__).parent.parent))
    assert imported(library, "import json, wave")["foreign"] == []


def test_lent_files_may_come_from_the_head(sides, tree):
    base, _head = sides
    root = tree({"head/new_bench.py": "", "head/new_task.py": ""}) / "head"
    lent = dataclasses.replace(base, lent=(str(root / "new_bench.py"),))
    load = """
import importlib.util
for name in ("new_bench", "new_task"):
    spec = importlib.util.spec_from_file_location("benchsuite_lent_" + name, code.other_root + f"/{name}.py")
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
"""
    assert imported(lent, load)["foreign"] == [f"benchsuite_lent_new_task from {root / 'new_task.py'}"]


def test_built_in_scenarios_are_nobodys_beside_a_users_package_of_that_name(sides, tree):
    tree({"base/scenarios/__init__.py": ""})
    found = imported(sides[0], "", before="import scenarios")
    assert found["foreign"] == []


def test_a_link_to_a_file_is_the_file(sides, tree, tmp_path):
    base, head = sides
    (tmp_path / "base" / "linked.py").symlink_to(tmp_path / "head" / "bench.py")
    assert imported(base, "import linked")["foreign"] == [f"linked from {head.root}/bench.py"]


def test_both_sides_of_one_folder_are_no_strangers(sides):
    head = dataclasses.replace(sides[1], other_root=sides[1].root)
    found = imported(head, "import bench, model")
    assert found["foreign"] == []
    assert list(found["files"]) == ["bench.py", "src/model/__init__.py"]


def test_modules_without_a_file_and_files_that_have_gone_are_left_out(sides, tmp_path):
    code = """
import types, os, bench
sys.modules["planted_one"] = types.ModuleType("planted_one")
sys.modules["planted_two"] = None
sys.modules["planted_three"] = types.SimpleNamespace(__file__=7)
os.unlink(bench.__file__)
"""
    assert imported(sides[0], code) == {"files": {}, "foreign": []}


def test_places_come_first_once_and_in_their_order(monkeypatch):
    from benchsuite.worker import provenance

    monkeypatch.setattr(sys, "path", ["/x", "/b", "/y", "/a"])
    provenance.put_first(["/a", "/b", "/c"])
    assert sys.path == ["/a", "/b", "/c", "/x", "/y"]


def test_the_other_sides_folders_leave_the_path_but_not_an_interpreter_that_is_installed_there(
    monkeypatch, tmp_path
):
    from benchsuite.worker import provenance

    head, base = tmp_path / "head", tmp_path / "base"
    monkeypatch.setattr(sys, "prefix", str(head / "venv"))
    monkeypatch.setattr(provenance.sysconfig, "get_path", lambda name: f"{head}/python/{name}")
    stay = [
        f"{head}/venv/lib",
        f"{head}/env/site-packages",
        f"{head}/python/stdlib/lib-dynload",
        "/usr/lib/python3",
        f"{tmp_path}/headless",
    ]
    monkeypatch.setattr(sys, "path", [str(head), f"{head}/src", *stay])
    provenance.put_first([str(base)], str(head))
    assert sys.path == [str(base), *stay]


def test_an_interpreter_around_the_other_side_keeps_none_of_its_code_on_the_path(monkeypatch, tmp_path):
    from benchsuite.worker import provenance

    for around in (tmp_path, tmp_path / "head"):
        monkeypatch.setattr(sys, "prefix", str(around))
        monkeypatch.setattr(sys, "path", [f"{tmp_path}/head/src"])
        provenance.put_first([f"{tmp_path}/base"], f"{tmp_path}/head")
        assert sys.path == [f"{tmp_path}/base"]


@pytest.mark.parametrize("other", ["", "/repository", "/"])
def test_where_both_sides_share_a_folder_nothing_leaves_the_path(monkeypatch, other):
    from benchsuite.worker import provenance

    monkeypatch.setattr(sys, "path", ["/repository/lib", "/usr/lib"])
    provenance.put_first(["/repository"], other)
    assert sys.path == ["/repository", "/repository/lib", "/usr/lib"]
