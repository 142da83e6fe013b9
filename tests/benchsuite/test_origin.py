from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite.errors import UsageError
from benchsuite.origin import PROJECT_ROOT, Origin, load, load_built_in, locate


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
def python(tmp_path):
    """Return a function that runs code in a fresh interpreter whose working directory is the test's folder.

    The folder comes first on the path, as with `python -m`, and the code's printed JSON is returned.
    """

    def run(code):
        done = subprocess.run(
            [sys.executable, "-c", f"import json, sys\n{code}"], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"PYTHONPATH": str(PROJECT_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


THEIRS = {"scenarios/__init__.py": "BUILT_IN = ['theirs']\n", "scenarios/mnist.py": "task = 'theirs'\n"}


def test_a_users_package_of_the_same_name_is_never_mistaken_for_ours(tree, python):
    tree(THEIRS)
    found = python(
        "assert __import__('os').getcwd() in sys.path or '' in sys.path\n"
        "from benchsuite.origin import load_built_in\n"
        "print(json.dumps([load_built_in('scenarios').__file__, load_built_in('scenarios.loop').__file__]))"
    )
    assert found == [str(PROJECT_ROOT / "scenarios" / name) for name in ("__init__.py", "loop.py")]


def test_the_catalog_beside_a_users_package_of_the_same_name_is_ours(tree, python):
    tree(THEIRS)
    found = python(
        "from benchsuite.catalog import load_catalog\n"
        "print(json.dumps({name: entry.origin.file for name, entry in load_catalog().items()}))"
    )
    assert "training" in found
    assert all(Path(file).parent == PROJECT_ROOT / "scenarios" for file in found.values())


def test_a_users_package_that_was_imported_first_is_refused(tree, python):
    tree(THEIRS)
    found = python(
        "import scenarios\nfrom benchsuite.errors import UsageError\nfrom benchsuite.origin import load_built_in\n"
        "try:\n    load_built_in('scenarios')\nexcept UsageError as error:\n    print(json.dumps(str(error)))"
    )
    assert "scenarios/__init__.py was imported as 'scenarios', which is benchsuite's own package" in found
    assert found.endswith("rename it")


@pytest.mark.parametrize("module", ["scenarios.mine", "scenarios.mnist", "scenarios"])
def test_a_module_of_a_package_of_that_name_is_never_taken_from_the_user(tree, python, module):
    tree(THEIRS | {"scenarios/mine.py": ""})
    found = python(
        "from benchsuite.errors import UsageError\nfrom benchsuite.origin import locate\n"
        f"try:\n    print(json.dumps(locate({module!r}).file))\n"
        "except UsageError as error:\n    print(json.dumps(str(error)))"
    )
    if module == "scenarios.mine":
        assert "'scenarios' is benchsuite's own package: name a file of yours by its path" in found
    else:
        assert Path(found).is_relative_to(PROJECT_ROOT)


def test_a_user_may_name_that_package_by_its_files(tree, here):
    tree(THEIRS)
    assert load(locate("scenarios/mnist.py")).task == "theirs"
    assert load_built_in("scenarios.mnist").__file__ == str(PROJECT_ROOT / "scenarios" / "mnist.py")
    assert here.is_dir()


def test_a_module_by_its_name(tree, here):
    tree({"project/__init__.py": "", "project/bench.py": "value = 1\n"})
    origin = locate("project.bench")
    assert origin == Origin("project.bench", str(here / "project" / "bench.py"))
    assert load(origin).value == 1
    assert load(origin) is load(origin)


@pytest.mark.parametrize("spec", ["my-bench.py", "./my-bench.py", "sub/bench", "sub/bench/__init__.py"])
def test_a_module_by_its_file(tree, here, spec):
    tree({"my-bench.py": "value = 1\n", "sub/bench/__init__.py": "value = 1\n"})
    origin = locate(spec)
    assert Path(origin.file).is_file()
    assert load(origin).value == 1
    assert load(origin) is load(origin)
    assert here.is_dir()


def test_a_file_may_import_what_lies_beside_it(tree, here):
    tree({"sub/bench.py": "import beside_it\nvalue = beside_it.value\n", "sub/beside_it.py": "value = 1\n"})
    assert load(locate("sub/bench.py")).value == 1
    assert here.is_dir()


def test_a_package_may_import_its_own_modules(tree, here):
    tree({"sub/bench/__init__.py": "from .inner import value\n", "sub/bench/inner.py": "value = 1\n"})
    assert load(locate("sub/bench")).value == 1
    assert here.is_dir()


def test_two_files_of_one_name_are_two_modules(tree, here):
    tree({"a/bench.py": "value = 'a'\n", "b/bench.py": "value = 'b'\n"})
    assert [load(locate(f"{folder}/bench.py")).value for folder in "ab"] == ["a", "b"]
    assert here.is_dir()


def test_a_file_is_not_mistaken_for_a_module_of_its_name(tree, here):
    tree({"json.py": "value = 1\n"})
    assert load(locate("json.py")).value == 1
    assert json.loads("1") == 1
    assert here.is_dir()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere", "nowhere: no module of that name was found from"),
        ("nowhere.deeper", "nowhere.deeper: no module of that name"),
        ("json.nothing", "json.nothing: no module of that name"),
        ("json.decoder.nothing", "json.decoder.nothing: no module of that name"),
        ("", "no module of that name"),
        (".relative", ".relative: no module of that name"),
        ("..", "..: no module of that name"),
        ("a-b c", "a-b c: no module of that name"),
        ("namespace", "namespace: no module of that name"),
        ("nowhere.py", "nowhere.py: no such file"),
        ("nowhere/bench", "nowhere/bench: no such file"),
        ("namespace/", "namespace/: no such file"),
    ],
)
def test_what_is_not_there(tree, here, spec, message):
    tree({"namespace/bench.txt": ""})
    with pytest.raises(UsageError) as caught:
        locate(spec)
    assert message in str(caught.value)
    assert here.is_dir()


@pytest.mark.parametrize(
    ("code", "line", "error"),
    [
        ("x = 1\n1 / 0\n", 2, "ZeroDivisionError"),
        ("import nowhere_at_all\n", 1, "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("from json import nothing\n", 1, "ImportError"),
        ("x =\n", 1, "SyntaxError"),
        ("import sys\nsys.exit(1)\n", 2, "SystemExit"),
    ],
)
def test_a_package_that_does_not_import(tree, here, code, line, error):
    tree({"broken/__init__.py": code, "broken/bench.py": ""})
    with pytest.raises(UsageError) as caught:
        locate("broken.bench")
    assert str(caught.value).startswith(f"broken.bench: {here / 'broken' / '__init__.py'}:{line}: {error}")


def test_another_file_that_answers_to_the_name_is_refused(tree, here):
    tree({"answers_first.py": ""})
    load(locate("answers_first"))
    with pytest.raises(UsageError) as caught:
        load(Origin("answers_first", str(here / "elsewhere" / "answers_first.py")))
    assert f"but {here / 'answers_first.py'} answers to that name" in str(caught.value)


def test_a_module_that_fails_is_not_kept(tree, here):
    tree({"sub/bench.py": "import pathlib\nif not pathlib.Path('ok').exists():\n    1 / 0\nwhole = True\n"})
    origin = locate("sub/bench.py")
    with pytest.raises(ZeroDivisionError):
        load(origin)
    (here / "ok").touch()
    assert load(origin).whole
