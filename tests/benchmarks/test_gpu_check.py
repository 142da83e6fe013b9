from __future__ import annotations

from types import SimpleNamespace

import gpu_check
import pytest
import torch


def test_what_is_there_is_not_missing():
    assert (
        gpu_check.missing(["pytest>=7", "torch>=2.11", "nothing-of-this-name; sys_platform == 'win32'"]) == []
    )


def test_what_is_missing_or_too_old_is_told_with_what_is_there():
    found = gpu_check.missing(["nothing-of-this-name>=1", "pytest>=9999"])
    assert found[0] == "nothing-of-this-name>=1: not installed"
    assert found[1] == f"pytest>=9999: {pytest.__version__} is installed"


def test_what_an_installed_package_wants_is_looked_at_too(monkeypatch):
    found = {
        "brought": SimpleNamespace(
            version="2", requires=["there>=1", "forgotten", "of-an-extra; extra == 'more'"]
        ),
        "there": SimpleNamespace(version="1.5", requires=["brought", "old>=3"]),
        "old": SimpleNamespace(version="2", requires=None),
    }

    def distribution(name):
        if name not in found:
            raise gpu_check.importlib.metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(gpu_check.importlib.metadata, "distribution", distribution)
    assert gpu_check.missing(["brought>=1"]) == [
        "forgotten (brought wants it): not installed",
        "old>=3 (there wants it): 2 is installed",
    ]


@pytest.mark.parametrize("reason", [None, "no NVIDIA GPU is visible"])
def test_a_gpu_that_only_torch_sees_is_told(monkeypatch, capsys, reason):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("benchsuite.environment.unmet", lambda _: reason)
    monkeypatch.setattr(gpu_check, "missing", lambda _: [])
    monkeypatch.setattr(gpu_check, "describe_gpus", list)
    assert gpu_check.main() == (1 if reason else 0)
    assert ("MISSING torch sees a GPU, benchsuite does not: no NVIDIA" in capsys.readouterr().out) == bool(
        reason
    )


def test_each_gpu_has_a_line(monkeypatch):
    properties = SimpleNamespace(name="NVIDIA H200", total_memory=140 * 2**30, multi_processor_count=132)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_90"])
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91900)
    first, *gpus = gpu_check.describe_gpus()
    assert first.startswith(f"torch {torch.__version__}")
    assert gpus == [f"GPU {i}: NVIDIA H200, 140 GiB, 132 multiprocessors, ['sm_90']" for i in range(2)]


@pytest.mark.parametrize(("lacking", "code"), [([], 0), (["memray>=1: not installed"], 1)])
def test_only_what_benchsuite_itself_needs_fails(monkeypatch, capsys, lacking, code):
    dependencies = gpu_check.tomllib.loads(gpu_check.PROJECT.read_text())["project"]["dependencies"]
    monkeypatch.setattr(
        gpu_check, "missing", lambda texts: lacking if texts == dependencies else ["an extra"]
    )
    monkeypatch.setattr(gpu_check.shutil, "which", lambda _: None)
    monkeypatch.setattr(gpu_check, "describe_gpus", lambda: ["no CUDA device"])
    assert gpu_check.main() == code
    said = capsys.readouterr().out
    assert ("MISSING memray" in said) == bool(lacking)
    assert "missing, the gate wants it: git" in said
    assert said.endswith("no CUDA device\n")
