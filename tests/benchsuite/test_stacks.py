from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchsuite.stacks import MOST_FRAMES, holder, spell, trim

TORCH = "linear (torch/nn/functional.py:7)"
STANDARD = "inner (contextlib.py:81)"
ENGINE = "run (benchsuite/worker/memory.py:60)"
MODEL = "forward (my_models/net.py:12)"
STEP = "step (train.py:88)"
frames = st.sampled_from([TORCH, STANDARD, ENGINE, MODEL, STEP, "<lambda> (<string>:1)", "no frame at all"])


def test_a_file_is_told_as_it_would_be_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert spell("step", str(tmp_path / "pkg" / "train.py"), 88) == "step (pkg/train.py:88)"
    assert spell("step", "/nowhere/else/train.py", 88) == "step (train.py:88)"
    assert spell("<module>", "<string>", 1) == "<module> (<string>:1)"


def test_the_innermost_folder_of_imports_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    assert spell("f", str(tmp_path / "src" / "a.py"), 1) == "f (a.py:1)"


def test_frames_of_the_standard_library_and_of_torch_are_known():
    import torch

    library = spell("inner", contextlib.__file__, 81)
    tensor = spell("backward", torch._tensor.__file__, 5)
    generated = spell("call", "/scratch/torchinductor_me/ab/cabc.py", 30)
    assert (library, tensor) == ("inner (contextlib.py:81)", "backward (torch/_tensor.py:5)")
    assert holder([library, tensor, generated, STEP]) == "train.py:88"


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([TORCH, TORCH, MODEL, TORCH, STEP, ENGINE], "my_models/net.py:12"),
        ([STEP], "train.py:88"),
        (["alloc_cpu (impl_alloc_cpu.cpp:116)", TORCH, STEP], "train.py:88"),
        ([TORCH, ENGINE], "torch/nn/functional.py:7"),
        ([], ""),
    ],
)
def test_who_holds_is_the_innermost_line_of_the_authors_own(stack, expected):
    assert holder(stack) == expected


def test_the_engines_outer_frames_are_left_out():
    assert trim([TORCH, STEP, STANDARD, ENGINE, ENGINE]) == (TORCH, STEP)
    assert trim([TORCH, ENGINE]) == (TORCH, ENGINE)


@given(st.lists(frames, max_size=100))
def test_trimming_loses_no_line_of_the_authors_own(stack):
    kept = trim(stack)
    assert kept == tuple(stack[: len(kept)])
    assert len(kept) <= MOST_FRAMES
    if any(frame in {MODEL, STEP} for frame in stack[:MOST_FRAMES]):
        assert holder(kept) == holder(stack)


@given(st.text(min_size=1), st.text(min_size=1), st.integers(1, 10**6))
def test_what_was_spelt_is_read_back(function, name, line):
    file = name.replace("\0", "").replace("/", "") or "a"
    assert holder([spell(function, f"/nowhere/{file}", line)]).endswith(f":{line}")


def test_no_path_of_this_machine_stands_in_a_frame():
    assert str(Path(sys.prefix)) not in spell("f", pytest.__file__, 1)
