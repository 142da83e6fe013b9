from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchsuite.origin import PROJECT_ROOT
from benchsuite.worker import compilation

UTILS = "torch._dynamo.utils"


def compiled(microseconds=(), reasons=(), breaks=(), graphs=1):
    """Stand in for the module that keeps what torch.compile has done."""
    counters = defaultdict(Counter)
    counters["stats"]["unique_graphs"] = graphs
    counters["graph_break"].update(breaks)
    entries = [
        SimpleNamespace(
            recompile_reason=reason,
            dynamo_cumulative_compile_time_us=forward_us,
            backward_cumulative_compile_time_us=backward_us,
        )
        for reason, (forward_us, backward_us) in zip(reasons, microseconds, strict=True)
    ]
    return SimpleNamespace(counters=counters, get_compilation_metrics=lambda: entries)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder that is kept from run to run, in a process that has compiled something."""
    monkeypatch.setenv(compilation.LASTING_VARIABLE, str(tmp_path))
    monkeypatch.setitem(sys.modules, UTILS, compiled())
    return tmp_path


@pytest.mark.parametrize("utils", [None, compiled(graphs=0)])
def test_nothing_compiled_no_metrics(monkeypatch, utils):
    monkeypatch.setitem(sys.modules, UTILS, utils)
    assert compilation.metrics() == {}


def test_metrics(monkeypatch):
    utils = compiled(
        [(900, 600), (None, None), (250, None)], [None, "size changed", ""], ["print", "print", "item"]
    )
    monkeypatch.setitem(sys.modules, UTILS, utils)
    assert compilation.metrics() == {"graph_breaks": 3.0, "recompiles": 1.0, "compile_time": 1.75e6}


def test_metrics_of_a_torch_that_keeps_no_log(monkeypatch):
    utils = compiled([], [], ["print"])
    del utils.get_compilation_metrics
    monkeypatch.setitem(sys.modules, UTILS, utils)
    assert compilation.metrics() == {"graph_breaks": 1.0}


REAL = """
import json, sys
import torch
from benchsuite.worker import compilation

before = compilation.metrics()

@torch.compile(backend="eager", dynamic=False)
def broken(x):
    y = x + 1
    torch._dynamo.graph_break()
    return y * 2

@torch.compile(backend="eager", dynamic=False)
def whole(x):
    return x + 1

whole(torch.ones(2))
once = compilation.metrics()
whole(torch.ones(3))
broken(torch.ones(2))
print(json.dumps([before, once, compilation.metrics()]))
"""


@pytest.mark.slow
def test_what_torch_really_counts(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-c", REAL], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    before, once, after = json.loads(done.stdout)
    assert before == {}
    assert (once["graph_breaks"], once["recompiles"]) == (0, 0)
    assert (after["graph_breaks"], after["recompiles"]) == (1, 1)
    assert after["compile_time"] > once["compile_time"] > 0


def test_imports_are_remembered_once_and_imported_by_the_next(folder, monkeypatch):
    left_out = {"torchlike_module", f"{compilation.GENERATED}c4ab"}
    for name in ("torch.planted", *left_out):
        monkeypatch.setitem(sys.modules, name, None)
    assert not compilation.has_remembered()
    compilation.remember_imports()
    assert compilation.has_remembered()
    (kept,) = folder.iterdir()
    assert kept.name == compilation.IMPORTS_FILE
    names = json.loads(kept.read_text())
    assert {"torch.planted", UTILS} <= set(names)
    assert not left_out & set(names)
    assert all(name.partition(".")[0] == "torch" for name in names)
    kept.write_text('["benchsuite_first"]')
    compilation.remember_imports()
    assert kept.read_text() == '["benchsuite_first"]'
    imported = []
    monkeypatch.setattr("importlib.import_module", imported.append)
    compilation.import_remembered()
    assert imported == ["benchsuite_first"]


def test_nothing_is_remembered_where_nothing_was_compiled_or_no_folder_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, UTILS, None)
    compilation.remember_imports()
    monkeypatch.setitem(sys.modules, UTILS, compiled())
    monkeypatch.delenv(compilation.LASTING_VARIABLE)
    compilation.remember_imports()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_fails_no_trial(folder, monkeypatch):
    (folder / "file").touch()
    monkeypatch.setenv(compilation.LASTING_VARIABLE, str(folder / "file"))
    compilation.remember_imports()


def test_nothing_is_imported_where_nothing_was_remembered(folder):
    compilation.import_remembered()
    assert list(folder.iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=30)
    | st.sampled_from([b"null", b"5", b"{}", b'{"x": 1}', b"[1, null]", b'["", "no.such"]'])
)
def test_a_damaged_memory_costs_time_alone(folder, content):
    (folder / compilation.IMPORTS_FILE).write_bytes(content)
    compilation.import_remembered()


def test_what_cannot_be_imported_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "benchsuite_broken.py").write_text("1 / 0\n")
    (tmp_path / "benchsuite_fine.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    compilation.import_all(["benchsuite_missing", "benchsuite_broken", "benchsuite_fine"])
    assert "benchsuite_fine" in sys.modules
    assert "benchsuite_broken" not in sys.modules
    del sys.modules["benchsuite_fine"]
